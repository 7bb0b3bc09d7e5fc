//! Virtual keys that the file declares.

use std::collections::HashMap;

use tollgate_core::key::{ModelScope, Priority, TEST_PREFIX};
use tollgate_core::secret::Secret;
use tollgate_engine::routes::DeclaredModel;

use super::models::{is_open, is_served};
use super::{Findings, dialect};
use crate::config::section::Section;
use crate::config::{DeclaredKey, Deployment};

/// Reads all keys.
pub(super) fn read(
    root: &Section,
    deployment: Deployment,
    models: &[DeclaredModel],
    findings: &mut Findings<'_>,
) -> Vec<DeclaredKey> {
    let sections = root.sections("keys");
    let mut keys = Vec::with_capacity(sections.len());
    let (mut names, mut clear_texts) = (HashMap::new(), HashMap::new());
    for section in sections {
        if let Some(other) = section
            .text("name")
            .and_then(|name| names.insert(name, section))
        {
            let message = format!("`{}` is the same name", other.path_of("name"));
            findings.problem(section, "name", message);
        }
        let key_text = section.secret("key").map(Secret::expose);
        if let Some(other) = key_text.and_then(|text| clear_texts.insert(text, section)) {
            let message = format!("`{}` is the same key", other.path_of("key"));
            findings.problem(section, "key", message);
        }
        check_deployment(section, deployment, findings);
        check_scope(section, models, findings);
        keys.extend(key(section));
    }
    keys
}

fn key(section: &Section) -> Option<DeclaredKey> {
    let models = section
        .names("models")
        .iter()
        .map(|name| name.text.as_str());
    Some(DeclaredKey {
        name: section.text("name")?.to_owned(),
        key: section.secret("key")?.clone(),
        models: ModelScope::new(models),
        error_dialect: dialect(section, "error_dialect"),
        priority: section
            .word("priority")
            .and_then(Priority::from_name)
            .unwrap_or_default(),
        expires_at: section.time("expires_at"),
    })
}

fn check_deployment(section: &Section, deployment: Deployment, findings: &mut Findings<'_>) {
    let is_test_key = section
        .secret("key")
        .is_some_and(|key| key.expose().starts_with(TEST_PREFIX));
    match deployment {
        Deployment::Live if is_test_key => {
            let message = format!(
                "begins with `{TEST_PREFIX}`, and a live deployment refuses such keys \
                 (`server.environment`)"
            );
            findings.problem(section, "key", message);
        }
        Deployment::Live | Deployment::Test => {}
    }
}

/// Whether the names and patterns can match. One that matches nothing now is allowed, since the
/// model may come later, but it is mostly a slip.
fn check_scope(section: &Section, models: &[DeclaredModel], findings: &mut Findings<'_>) {
    for (index, name) in section.names("models").iter().enumerate() {
        let key = format!("{}[{index}]", section.path_of("models"));
        let (start, is_pattern) = match name.text.strip_suffix('*') {
            Some(start) => (start, true),
            None => (name.text.as_str(), false),
        };
        if start.contains('*') {
            let message = "`*` stands for any end of a name, so nothing comes behind it";
            findings.problems.push(&name.place, key, message);
        } else if !(is_pattern && is_open(models, start) || is_served(models, &name.text)) {
            findings
                .warnings
                .push(&name.place, key, "matches no model that is declared");
        }
    }
}
