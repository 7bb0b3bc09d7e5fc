//! The names that callers may ask for.

use std::collections::HashMap;

use tollgate_engine::routes::DeclaredModel;

use crate::config::resolve::Findings;
use crate::config::section::Section;

/// Names and aliases of models and collections together are unique, and `*` stands only behind
/// the last `/` of a model's name.
pub(super) fn check(models: &[Section], collections: &[Section], findings: &mut Findings<'_>) {
    let mut taken: HashMap<&str, String> = HashMap::new();
    for section in models {
        if section
            .text("name")
            .is_some_and(|name| name.contains('*') && !is_pattern(name))
        {
            let message = "a name with `*` ends in `/*` and has no other `*`";
            findings.problem(section, "name", message);
        }
    }
    for section in collections {
        if section.text("name").is_some_and(|name| name.contains('*')) {
            let message = "the name of a collection is a single name, without `*`";
            findings.problem(section, "name", message);
        }
    }
    for section in models.iter().chain(collections) {
        let Some(name) = section.text("name") else {
            continue;
        };
        if let Some(other) = taken.insert(name, section.path_of("name")) {
            findings.problem(section, "name", format!("`{other}` is the same name"));
        }
    }
    for section in models.iter().chain(collections) {
        check_aliases(section, &mut taken, findings);
    }
}

fn check_aliases<'a>(
    section: &'a Section,
    taken: &mut HashMap<&'a str, String>,
    findings: &mut Findings<'_>,
) {
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

/// Whether a name opens whole connections.
pub(super) fn is_pattern(name: &str) -> bool {
    name.strip_suffix("/*")
        .is_some_and(|start| !start.is_empty() && !start.contains('*'))
}

/// What a name asks for: the name of the model or collection that has it as a name or an alias,
/// or itself, where a pattern serves it. `None` if nobody does.
pub(super) fn meant<'a>(models: &'a [DeclaredModel], name: &'a str) -> Option<&'a str> {
    let exact = models.iter().find(|model| {
        let mut names = std::iter::once(&model.name).chain(&model.aliases);
        !model.name.ends_with('*') && names.any(|known| **known == *name)
    });
    let is_behind = |model: &DeclaredModel| {
        let rest = model
            .name
            .strip_suffix('*')
            .and_then(|start| name.strip_prefix(start));
        rest.is_some_and(|rest| !rest.is_empty() && !rest.contains('*'))
    };
    match exact {
        Some(model) => Some(&model.name),
        None => models.iter().any(is_behind).then_some(name),
    }
}

/// Whether a name, or a pattern as it is declared, can be asked for.
pub(in crate::config::resolve) fn is_served(models: &[DeclaredModel], name: &str) -> bool {
    meant(models, name).is_some() || models.iter().any(|model| *model.name == *name)
}

/// Whether some name that can be asked for begins like this.
pub(in crate::config::resolve) fn is_open(models: &[DeclaredModel], start: &str) -> bool {
    models.iter().any(|model| {
        let mut names = std::iter::once(&model.name).chain(&model.aliases);
        names.any(|name| name.starts_with(start))
            || model
                .name
                .strip_suffix('*')
                .is_some_and(|open| start.starts_with(open))
    })
}
