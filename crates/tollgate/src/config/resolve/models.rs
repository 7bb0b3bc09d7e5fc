//! What callers may ask for.

mod collections;
mod facts;
mod names;
mod references;
mod targets;

use std::sync::Arc;

use tollgate_core::limit::RateLimits;
use tollgate_core::model::ModelFacts;
use tollgate_core::route::fallback::{Class, Fallbacks};
use tollgate_core::route::rules::Rules;
use tollgate_engine::routes::{DeclaredModel, DeclaredTarget};

use super::connections::SIMULATED;
use super::{Findings, controls, rules, surfaces};
use crate::config::Connection;
use crate::config::section::{Name, Section};

pub(in crate::config) use facts::of as facts;
pub(super) use facts::price;
pub(super) use names::{is_open, is_served};

/// What is needed to read a model, besides its own section.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    /// Everything that was read.
    pub(super) root: &'a Section,
    /// The connections that can be used.
    pub(super) connections: &'a [Connection],
    /// What models go by that say nothing of their own.
    pub(super) base: &'a Rules,
    /// The limits of models without their own.
    pub(super) limits: RateLimits,
}

/// Reads all models, then the collections of them. Where no connection is declared, the simulated
/// provider is open too.
pub(super) fn read(around: Around<'_>, findings: &mut Findings<'_>) -> Vec<DeclaredModel> {
    let root = around.root;
    let (sections, collections) = (root.sections("models"), root.sections("collections"));
    names::check(sections, collections, findings);
    let mut models = Vec::with_capacity(sections.len() + collections.len() + 1);
    for section in sections {
        models.extend(model(section, around, findings));
    }
    if root.sections("connections").is_empty() {
        let name = format!("{SIMULATED}/*");
        let is_it = |section: &Section| section.text("name") == Some(&name);
        if !sections.iter().any(is_it) {
            models.push(open(SIMULATED, SIMULATED_PROVIDER, around.base));
        }
    } else {
        warn_of_idle(around, &models, findings);
    }
    let members = collections::read(collections, &models, around.base, findings);
    models.extend(members);
    references::check(sections, &models, findings);
    models
}

/// The provider of the built-in connection.
const SIMULATED_PROVIDER: &str = "simulated";

/// The model that opens a whole connection under its name.
pub(in crate::config) fn open(connection: &str, provider: &str, base: &Rules) -> DeclaredModel {
    let target = targets::any(connection, provider);
    DeclaredModel {
        name: format!("{connection}/*").into(),
        aliases: Vec::new(),
        facts: Arc::clone(&target.facts),
        targets: vec![target],
        members: Vec::new(),
        rules: Arc::new(base.clone()),
        fallbacks: Arc::default(),
        known: Vec::new(),
        controls: Arc::default(),
        gate: None,
    }
}

fn model(
    section: &Section,
    around: Around<'_>,
    findings: &mut Findings<'_>,
) -> Option<DeclaredModel> {
    let declared = facts::declared(section, findings);
    let targets = targets::read(section, around, &declared, findings);
    let rules = Rules {
        cache: surfaces::own_cache(section),
        ..own_rules(section, around.base, findings)
    };
    let controls = controls::read(section, around.limits, findings);
    let fallbacks = fallbacks(section);
    let choice = Choice {
        targets: in_use(&targets),
        has_fallbacks: !fallbacks.is_empty(),
    };
    warn_of_lonely(section, choice, findings);
    Some(DeclaredModel {
        name: section.text("name")?.into(),
        aliases: texts(section.names("aliases")),
        facts: listed(&targets, declared),
        targets,
        members: Vec::new(),
        rules: Arc::new(rules),
        fallbacks: Arc::new(fallbacks),
        known: Vec::new(),
        controls: Arc::new(controls),
        gate: None,
    })
}

/// The rules of a model or a collection.
fn own_rules(section: &Section, base: &Rules, findings: &mut Findings<'_>) -> Rules {
    Rules {
        strategy: rules::strategy(section),
        ..rules::overlay(section, base, findings)
    }
}

/// What lists say of a model: what is known of the first of its targets that is in use.
fn listed(targets: &[DeclaredTarget], declared: ModelFacts) -> Arc<ModelFacts> {
    let first = targets.iter().find(|target| target.enabled);
    let first = first.or(targets.first());
    first.map_or_else(|| Arc::new(declared), |first| Arc::clone(&first.facts))
}

fn fallbacks(section: &Section) -> Fallbacks {
    let by_class = section.section("fallbacks_by");
    let of_class = |class: &Class| {
        let own = by_class.filter(|own| own.was_given(class.as_str()))?;
        Some((*class, texts(own.names(class.as_str()))))
    };
    Fallbacks {
        general: texts(section.names("fallbacks")),
        by_class: Class::ALL.iter().filter_map(of_class).collect(),
    }
}

fn texts(names: &[Name]) -> Vec<Arc<str>> {
    names.iter().map(|name| Arc::from(&*name.text)).collect()
}

fn in_use(targets: &[DeclaredTarget]) -> usize {
    targets.iter().filter(|target| target.enabled).count()
}

/// Who may answer in the place of a target.
#[derive(Clone, Copy)]
struct Choice {
    targets: usize,
    has_fallbacks: bool,
}

/// Warns of rules that want another target where there is none.
fn warn_of_lonely(section: &Section, choice: Choice, findings: &mut Findings<'_>) {
    // That there is no target at all has been said.
    if choice.targets != 1 {
        return;
    }
    let hedges = section.was_given("hedge")
        && section
            .section("hedge")
            .and_then(|own| own.count("share_percent"))
            != Some(0);
    if hedges {
        let message = "has no effect: there is no second target";
        findings.warning(section, "hedge", message);
    }
    let continues = section.was_given("recovery") && section.word("recovery") == Some("continue");
    if continues && !choice.has_fallbacks {
        let message = "has no effect: there is no second target and no fallback";
        findings.warning(section, "recovery", message);
    }
}

fn warn_of_idle(around: Around<'_>, models: &[DeclaredModel], findings: &mut Findings<'_>) {
    let root = around.root;
    if root.sections("models").is_empty() {
        let message = "no models are declared: callers find nothing to ask for";
        findings.warnings.push(&root.place, "models", message);
        return;
    }
    for section in root.sections("connections") {
        // Of one that cannot be used, worse has been said.
        let is_usable = |name: &&str| around.connections.iter().any(|known| known.name() == *name);
        let Some(name) = section.text("name").filter(is_usable) else {
            continue;
        };
        let mut targets = models.iter().flat_map(|model| &model.targets);
        if !targets.any(|target| *target.target.connection == *name) {
            findings.warning(section, "name", "no model uses this connection");
        }
    }
}
