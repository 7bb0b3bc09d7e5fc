//! Who serves a model.

use std::sync::Arc;

use tollgate_core::model::{ModelFacts, Target};
use tollgate_core::route::condition::{Abilities, Ability, Fitness, When};
use tollgate_core::route::limit::Limits;
use tollgate_engine::routes::DeclaredTarget;

use super::names::is_pattern;
use super::{Around, facts, texts};
use crate::config::Connection;
use crate::config::resolve::connections::SIMULATED;
use crate::config::resolve::{Findings, limits, small};
use crate::config::schema::nearest;
use crate::config::section::Section;

/// What a target's model is when the caller's words are passed on.
const ANY: &str = "*";

/// The target that passes on whatever is asked for.
pub(super) fn any(connection: &str, provider: &str) -> DeclaredTarget {
    let facts = facts::of(provider, ANY);
    DeclaredTarget {
        target: Target {
            connection: connection.into(),
            model: ANY.into(),
            max_output: facts.max_output,
        },
        enabled: true,
        priority: 0,
        weight: 1,
        limits: Limits::default(),
        fitness: Arc::default(),
        facts: Arc::new(facts),
    }
}

/// Reads the targets of a model. `declared` is what the model says of itself.
pub(super) fn read(
    model: &Section,
    around: Around<'_>,
    declared: &ModelFacts,
    findings: &mut Findings<'_>,
) -> Vec<DeclaredTarget> {
    let sections = model.sections("targets");
    let of_model = Whole {
        name: model.text("name"),
        abilities: abilities(model, "abilities"),
        facts: declared,
    };
    let mut targets: Vec<(DeclaredTarget, &Section)> = Vec::with_capacity(sections.len());
    for section in sections {
        let Some(target) = target(section, &of_model, around, findings) else {
            continue;
        };
        let is_same = |(other, _): &&(DeclaredTarget, &Section)| {
            other.target.connection == target.target.connection
                && other.target.model == target.target.model
        };
        if let Some((_, other)) = targets.iter().find(is_same) {
            let message = format!(
                "`{}` is the same model of the same connection: one target has the share of both \
                 with a higher `weight`",
                other.path
            );
            findings.problem(section, "connection", message);
        }
        targets.push((target, section));
    }
    warn_of_none(model, sections, findings);
    targets.into_iter().map(|(target, _)| target).collect()
}

fn warn_of_none(model: &Section, targets: &[Section], findings: &mut Findings<'_>) {
    let is_off = |target: &Section| target.flag("enabled") == Some(false);
    if targets.is_empty() {
        // One that was left out, or is no list, is a problem.
        if model.sections_given("targets").is_some() {
            let message = "is empty: who asks for this model gets the error `no_targets`";
            findings.warning(model, "targets", message);
        }
    } else if targets.iter().all(is_off) {
        let message = "none is enabled: who asks for this model gets the error `no_targets`";
        findings.warning(model, "targets", message);
    }
}

/// What a model says of all its targets.
struct Whole<'a> {
    name: Option<&'a str>,
    abilities: Option<Abilities>,
    facts: &'a ModelFacts,
}

fn target(
    section: &Section,
    whole: &Whole<'_>,
    around: Around<'_>,
    findings: &mut Findings<'_>,
) -> Option<DeclaredTarget> {
    let model = model_name(section, whole.name, findings);
    let connection = connection(section, around.root, findings);
    let own = facts::declared(section, findings);
    let when = when(section, findings);
    // Bound before the early return, so that every problem of the section is found.
    let (model, connection) = (model?, connection?);
    let facts = facts::or(own, whole.facts);
    let of_name = |known: &&Connection| *known.name() == *connection;
    let facts = match around.connections.iter().find(of_name) {
        Some(known) => facts::or(facts, &facts::of(known.settings.provider.name, model)),
        None => facts,
    };
    Some(DeclaredTarget {
        target: Target {
            connection,
            model: model.into(),
            max_output: facts.max_output,
        },
        enabled: section.flag("enabled").unwrap_or(true),
        priority: small(section, "priority").unwrap_or_default(),
        weight: small(section, "weight").unwrap_or(1),
        limits: limits(section),
        fitness: Arc::new(Fitness {
            when,
            abilities: abilities(section, "abilities").or(whole.abilities),
            context_window: facts.context_window,
        }),
        facts: Arc::new(facts),
    })
}

/// The model as the provider calls it, for a model of this name.
fn model_name<'a>(
    target: &'a Section,
    name: Option<&str>,
    findings: &mut Findings<'_>,
) -> Option<&'a str> {
    let is_wildcard = name.is_some_and(is_pattern);
    match (target.text("model"), is_wildcard) {
        (None | Some(ANY), true) => Some(ANY),
        (Some(_), true) => {
            let message = "must be left out or `*`: behind a name that ends in `/*`, the caller \
                           says which model";
            findings.problem(target, "model", message);
            None
        }
        (Some(model), false) if model.contains('*') => {
            let message = "has a `*`, but the name of the model does not end in `/*`";
            findings.problem(target, "model", message);
            None
        }
        (None, false) => {
            // One that was given and is wrong has been reported, and so has a missing name.
            if !target.was_given("model") && name.is_some() {
                findings.problem(target, "model", "is missing");
            }
            None
        }
        (model, false) => model,
    }
}

fn connection(target: &Section, root: &Section, findings: &mut Findings<'_>) -> Option<Arc<str>> {
    let connection = target.text("connection")?;
    let mut known: Vec<&str> = root
        .sections("connections")
        .iter()
        .filter_map(|section| section.text("name"))
        .collect();
    if root.sections("connections").is_empty() {
        known.push(SIMULATED);
    }
    if known.contains(&connection) {
        return Some(connection.into());
    }
    let near = nearest(connection, known.iter().copied());
    let message = match near {
        Some(near) => format!("no connection has this name; did you mean `{near}`?"),
        None => "no connection has this name".to_owned(),
    };
    findings.problem(target, "connection", message);
    None
}

fn when(target: &Section, findings: &mut Findings<'_>) -> When {
    let Some(section) = target.section("when") else {
        return When::default();
    };
    for key in ["tags", "users", "keys", "needs"] {
        if section.was_given(key) && section.names(key).is_empty() {
            findings.warning(section, key, "is empty, which restricts nothing");
        }
    }
    let (from, to) = (
        section.count("prompt_tokens_from"),
        section.count("prompt_tokens_to"),
    );
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        let message = "is less than `prompt_tokens_from`: no prompt is both";
        findings.problem(section, "prompt_tokens_to", message);
    }
    When {
        tags: texts(section.names("tags")),
        users: texts(section.names("users")),
        keys: texts(section.names("keys")),
        prompt_tokens_from: from,
        prompt_tokens_to: to,
        needs: abilities(section, "needs").unwrap_or_default(),
    }
}

/// The abilities that a key lists, if it is there.
fn abilities(section: &Section, key: &str) -> Option<Abilities> {
    let names = section.names_given(key)?;
    let is_listed = |ability: &&Ability| names.iter().any(|name| name.text == ability.as_str());
    let listed = Ability::ALL.iter().filter(is_listed);
    Some(listed.fold(Abilities::NONE, |all, ability| all.with(*ability)))
}
