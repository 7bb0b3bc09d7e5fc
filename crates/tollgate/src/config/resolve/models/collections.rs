//! Choices among models.

use std::collections::HashMap;
use std::sync::Arc;

use tollgate_core::route::rules::Rules;
use tollgate_engine::routes::DeclaredModel;

use super::names::meant;
use super::references::unknown;
use super::{Choice, in_use, own_rules, texts, warn_of_lonely};
use crate::config::resolve::Findings;
use crate::config::section::{Name, Section};

/// Reads all collections of these models.
pub(super) fn read(
    sections: &[Section],
    models: &[DeclaredModel],
    base: &Rules,
    findings: &mut Findings<'_>,
) -> Vec<DeclaredModel> {
    let collections = sections.iter().filter_map(|section| {
        let rules = own_rules(section, base, findings);
        let names = section.names("models");
        check_members(section, (sections, models), findings);
        let choice = Choice {
            targets: names.iter().map(|name| targets_of(models, name)).sum(),
            has_fallbacks: false,
        };
        warn_of_lonely(section, choice, findings);
        Some(DeclaredModel {
            name: section.text("name")?.into(),
            aliases: texts(section.names("aliases")),
            targets: Vec::new(),
            members: texts(names),
            rules: Arc::new(rules),
            fallbacks: Arc::default(),
            // Which model answers is not known before.
            facts: Arc::default(),
            known: Vec::new(),
            controls: Arc::default(),
            gate: None,
        })
    });
    collections.collect()
}

/// How many targets in use a member has.
fn targets_of(models: &[DeclaredModel], name: &Name) -> usize {
    // The pattern that serves a name is the one with the longest start.
    let start = |model: &DeclaredModel| {
        let start = model.name.strip_suffix('*')?;
        name.text.starts_with(start).then_some(start.len())
    };
    let exact = meant(models, &name.text)
        .and_then(|meant| models.iter().find(|model| *model.name == *meant));
    let model = exact.or_else(|| {
        let open = models.iter().filter(|model| start(model).is_some());
        open.max_by_key(|model| start(model))
    });
    model.map_or(0, |model| in_use(&model.targets))
}

/// The members are single models that exist, each once.
fn check_members(
    section: &Section,
    (collections, models): (&[Section], &[DeclaredModel]),
    findings: &mut Findings<'_>,
) {
    let members = section.names("models");
    if members.is_empty() && section.names_given("models").is_some() {
        let message = "is empty: who asks for this collection gets the error `no_targets`";
        findings.warning(section, "models", message);
    }
    let mut taken: HashMap<&str, String> = HashMap::new();
    for (index, member) in members.iter().enumerate() {
        let key = format!("{}[{index}]", section.path_of("models"));
        let mut refuse = |message: String| {
            findings.problems.push(&member.place, key.as_str(), message);
        };
        if member.text.contains('*') {
            refuse("a member is a single model, without `*`".to_owned());
            continue;
        }
        if collections
            .iter()
            .any(|other| is_called(other, &member.text))
        {
            refuse("is a collection: the members of a collection are models".to_owned());
            continue;
        }
        let Some(meant) = meant(models, &member.text) else {
            refuse(unknown(&member.text, models.iter()));
            continue;
        };
        if let Some(other) = taken.insert(meant, key.clone()) {
            refuse(format!("`{other}` is the same model"));
        }
    }
}

fn is_called(section: &Section, name: &str) -> bool {
    section.text("name") == Some(name)
        || section
            .names("aliases")
            .iter()
            .any(|alias| alias.text == name)
}
