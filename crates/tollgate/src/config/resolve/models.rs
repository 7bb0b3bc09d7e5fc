//! What callers may ask for.

mod facts;

use std::collections::HashMap;
use std::sync::Arc;

use tollgate_core::model::{Target, Timeouts, Unsupported};
use tollgate_upstream::settings::ConnectionSettings;

use super::connections::SIMULATED;
use super::{Findings, overlay};
use crate::config::Model;
use crate::config::schema::nearest;
use crate::config::section::Section;

/// What a target's model is when the caller's words are passed on.
const ANY: &str = "*";

/// What models go by that say nothing of their own.
#[derive(Clone, Copy)]
pub(super) struct Base {
    pub(super) timeouts: Timeouts,
    pub(super) unsupported: Unsupported,
}

/// What a section says of parts of a request that a target cannot be told.
pub(super) fn unsupported(section: &Section) -> Option<Unsupported> {
    match section.word("unsupported")? {
        "drop" => Some(Unsupported::Drop),
        "refuse" => Some(Unsupported::Refuse),
        _ => Some(Unsupported::Warn),
    }
}

/// Reads all models. Where no connection is declared, the simulated provider is open too.
pub(super) fn read(
    root: &Section,
    connections: &[ConnectionSettings],
    base: Base,
    findings: &mut Findings<'_>,
) -> Vec<Model> {
    let sections = root.sections("models");
    check_names(sections, findings);
    let mut models = Vec::with_capacity(sections.len() + 1);
    for section in sections {
        models.extend(model(section, root, connections, base, findings));
    }
    if root.sections("connections").is_empty() {
        let name = format!("{SIMULATED}/*");
        if !sections
            .iter()
            .any(|section| section.text("name") == Some(&name))
        {
            models.push(built_in(&name, base));
        }
    } else {
        warn_of_idle(root, connections, &models, findings);
    }
    models
}

fn built_in(name: &str, base: Base) -> Model {
    let target = Target {
        connection: SIMULATED.into(),
        model: ANY.into(),
        max_output: None,
    };
    Model {
        name: name.into(),
        aliases: Vec::new(),
        target,
        timeouts: base.timeouts,
        unsupported: base.unsupported,
        facts: Arc::new(facts::of("simulated", ANY)),
    }
}

fn model(
    section: &Section,
    root: &Section,
    connections: &[ConnectionSettings],
    base: Base,
    findings: &mut Findings<'_>,
) -> Option<Model> {
    let target = target(section, root, findings);
    let timeouts = section
        .section("timeouts")
        .map(|own| overlay(own, base.timeouts, findings));
    let known = target.as_ref().and_then(|target| {
        let of_target = |settings: &&ConnectionSettings| settings.name == target.connection;
        let settings = connections.iter().find(of_target)?;
        Some(facts::of(settings.provider.name, &target.model))
    });
    let facts = facts::overlay(section, known.unwrap_or_default(), findings);
    let target = target.map(|target| Target {
        max_output: facts.max_output,
        ..target
    });
    let aliases = section
        .names("aliases")
        .iter()
        .map(|alias| Arc::from(&*alias.text));
    Some(Model {
        name: section.text("name")?.into(),
        aliases: aliases.collect(),
        target: target?,
        timeouts: timeouts.unwrap_or(base.timeouts),
        unsupported: unsupported(section).unwrap_or(base.unsupported),
        facts: Arc::new(facts),
    })
}

fn target(section: &Section, root: &Section, findings: &mut Findings<'_>) -> Option<Target> {
    let [target] = section.sections("targets") else {
        if section.was_given("targets") {
            let message = "exactly one target is needed: several come with a later version";
            findings.problem(section, "targets", message);
        }
        return None;
    };
    let is_wildcard = section.text("name").is_some_and(is_pattern);
    let model = match (target.text("model"), is_wildcard) {
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
            if !target.was_given("model") && section.text("name").is_some() {
                findings.problem(target, "model", "is missing");
            }
            None
        }
        (model, false) => model,
    };
    let connection = connection(target, root, findings)?;
    Some(Target {
        connection,
        model: model?.into(),
        max_output: None,
    })
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

/// Names and aliases together are unique, and `*` stands only behind the last `/` of a name.
fn check_names(sections: &[Section], findings: &mut Findings<'_>) {
    let mut taken: HashMap<&str, String> = HashMap::new();
    for section in sections {
        let Some(name) = section.text("name") else {
            continue;
        };
        if name.contains('*') && !is_pattern(name) {
            let message = "a name with `*` ends in `/*` and has no other `*`";
            findings.problem(section, "name", message);
        }
        if let Some(other) = taken.insert(name, section.path_of("name")) {
            findings.problem(section, "name", format!("`{other}` is the same name"));
        }
    }
    for section in sections {
        for (index, alias) in section.names("aliases").iter().enumerate() {
            let key = format!("{}[{index}]", section.path_of("aliases"));
            if section.text("name").is_some_and(is_pattern) {
                let message = "a name that ends in `/*` has no aliases";
                findings.problems.push(&alias.place, key.as_str(), message);
            }
            if alias.text.contains('*') {
                let message = "an alias is a single name, without `*`";
                findings.problems.push(&alias.place, key.as_str(), message);
            }
            if let Some(other) = taken.insert(&alias.text, key.clone()) {
                let message = format!("`{other}` is the same name");
                findings.problems.push(&alias.place, key, message);
            }
        }
    }
}

/// Whether a name opens a whole connection.
fn is_pattern(name: &str) -> bool {
    name.strip_suffix("/*")
        .is_some_and(|start| !start.is_empty() && !start.contains('*'))
}

/// Whether a name can be asked for.
pub(super) fn is_served(models: &[Model], name: &str) -> bool {
    models.iter().any(|model| {
        let names = std::iter::once(&model.name).chain(&model.aliases);
        let begins = |start: &str| {
            name.strip_prefix(start)
                .is_some_and(|rest| !rest.is_empty())
        };
        names.clone().any(|known| **known == *name)
            || model.name.strip_suffix('*').is_some_and(begins)
    })
}

fn warn_of_idle(
    root: &Section,
    connections: &[ConnectionSettings],
    models: &[Model],
    findings: &mut Findings<'_>,
) {
    if root.sections("models").is_empty() {
        let message = "no models are declared: callers find nothing to ask for";
        findings.warnings.push(&root.place, "models", message);
        return;
    }
    for section in root.sections("connections") {
        // Of one that cannot be used, worse has been said.
        let is_usable = |name: &&str| connections.iter().any(|known| *known.name == **name);
        let Some(name) = section.text("name").filter(is_usable) else {
            continue;
        };
        if !models.iter().any(|model| *model.target.connection == *name) {
            findings.warning(section, "name", "no model uses this connection");
        }
    }
}
