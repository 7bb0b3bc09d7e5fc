//! Virtual keys that the file declares.

use std::collections::HashMap;

use tollgate_core::budget::Controls;
use tollgate_core::id::{TeamId, UserId};
use tollgate_core::key::{ModelScope, Permissions, Priority, Reach, TEST_PREFIX, Tenancy};
use tollgate_core::limit::RateLimits;
use tollgate_core::secret::Secret;
use tollgate_core::tenant::DEFAULT;
use tollgate_engine::accounts::NewKey;
use tollgate_engine::routes::DeclaredModel;

use super::models::{is_open, is_served};
use super::tenants::Directory;
use super::{Findings, controls, dialect, ranges};
use crate::config::section::{Name, Section};
use crate::config::{DeclaredKey, Deployment, Tenant};

/// What is needed to read keys, besides their own sections.
pub(super) struct Around<'a, 'b> {
    /// Which keys made by Tollgate are accepted.
    pub(super) deployment: Deployment,
    /// What callers may ask for.
    pub(super) models: &'a [DeclaredModel],
    /// The limits of keys without their own.
    pub(super) limits: RateLimits,
    /// To whom they may belong.
    pub(super) directory: &'a mut Directory<'b>,
}

/// Reads all keys.
pub(super) fn read(
    root: &Section,
    around: &mut Around<'_, '_>,
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
        check_deployment(section, around.deployment, findings);
        check_scope(section, around.models, findings);
        check_home(section, around.directory, findings);
        let permissions = permissions(section, findings);
        let reach = reach(section, findings);
        let controls = controls::read(section, around.limits, findings);
        keys.extend(key(section, permissions, reach, controls));
    }
    keys
}

fn key(
    section: &Section,
    permissions: Permissions,
    reach: Reach,
    controls: Controls,
) -> Option<DeclaredKey> {
    let models = section
        .names("models")
        .iter()
        .map(|name| name.text.as_str());
    Some(DeclaredKey {
        key: section.secret("key")?.clone(),
        facts: NewKey {
            name: section.text("name")?.into(),
            permissions,
            models: ModelScope::new(models),
            error_dialect: dialect(section, "error_dialect"),
            priority: section
                .word("priority")
                .and_then(Priority::from_name)
                .unwrap_or_default(),
            expires_at: section.time("expires_at"),
            tenancy: Tenancy {
                team: TeamId::from_stored(section.text("team").unwrap_or(DEFAULT)),
                user: section.text("user").map(UserId::from_stored),
            },
            reach,
            controls,
        },
    })
}

/// Whether the user belongs where the team does, as far as both are declared.
fn check_home(section: &Section, directory: &mut Directory<'_>, findings: &mut Findings<'_>) {
    directory.refer(section, "team", Tenant::Team);
    directory.refer(section, "user", Tenant::User);
    let team = section.text("team").unwrap_or(DEFAULT);
    let of_team = directory.organization_of(Tenant::Team, team);
    let user = section.text("user");
    let of_user = user.and_then(|user| directory.organization_of(Tenant::User, user));
    if let (Some(of_team), Some(of_user)) = (of_team, of_user)
        && of_team != of_user
    {
        let message = format!(
            "is a user of the organization `{of_user}`, and the team of this key belongs to \
             `{of_team}`"
        );
        findings.problem(section, "user", message);
    }
}

fn permissions(section: &Section, findings: &mut Findings<'_>) -> Permissions {
    const KEY: &str = "permissions";
    let Some(names) = section.names_given(KEY) else {
        return Permissions::ALL;
    };
    let names = names.iter().map(|name| name.text.as_str());
    let given = Permissions::from_names(names).unwrap_or(Permissions::ALL);
    if given.names().next().is_none() {
        findings.warning(section, KEY, "allows nothing: the key is of no use");
    }
    if given.manage && !section.was_given("user") {
        let message = "`admin` needs a `user`, whose role says what may be managed";
        findings.problem(section, KEY, message);
    }
    given
}

/// By which surfaces and from where a key may come. A list that is there and empty would say the
/// opposite of what it does.
fn reach(section: &Section, findings: &mut Findings<'_>) -> Reach {
    for key in ["surfaces", "addresses"] {
        // Of names that are wrong, enough has been said.
        let is_empty = section.names_given(key).is_some_and(<[Name]>::is_empty);
        if is_empty && findings.says_nothing_of(&section.path_of(key)) {
            let message = "is an empty list: leave it out to allow all";
            findings.problem(section, key, message);
        }
    }
    let surfaces = section.names("surfaces").iter();
    Reach {
        surfaces: surfaces.map(|name| name.text.as_str().into()).collect(),
        addresses: ranges(section, "addresses"),
    }
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
