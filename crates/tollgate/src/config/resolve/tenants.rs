//! Organizations, teams and users, and who refers to them.

use std::collections::HashMap;

use tollgate_core::id::{OrgId, TeamId, UserId};
use tollgate_core::job::{BudgetMode, CREDITS_SCALE, Terms};
use tollgate_core::tenant::{DEFAULT, Role, Status};
use tollgate_engine::throttle::DefaultLimits;

use super::{Findings, controls};
use crate::config::schema::nearest;
use crate::config::section::Section;
use crate::config::{DeclaredOrganization, DeclaredTeam, DeclaredUser, Reference, Tenant};

/// What is declared of tenants: each name with the organization that it belongs to.
pub(super) struct Directory<'a> {
    organizations: HashMap<&'a str, &'a str>,
    teams: HashMap<&'a str, &'a str>,
    users: HashMap<&'a str, &'a str>,
    /// References to what is not declared: it may be in the store.
    pub(super) outside: Vec<Reference>,
}

impl<'a> Directory<'a> {
    /// Collects the names, and reports those that stand twice.
    pub(super) fn new(root: &'a Section, findings: &mut Findings<'_>) -> Self {
        let mut names = |list: &str, own_organization: bool| {
            let mut names = HashMap::new();
            let mut sections = HashMap::new();
            for section in root.sections(list) {
                let Some(name) = section.text("name") else {
                    continue;
                };
                if let Some(other) = sections.insert(name, section) {
                    let message = format!("`{}` is the same name", other.path_of("name"));
                    findings.problem(section, "name", message);
                }
                let organization = if own_organization {
                    name
                } else {
                    organization(section)
                };
                names.insert(name, organization);
            }
            names
        };
        let mut organizations = names("organizations", true);
        let mut teams = names("teams", false);
        let users = names("users", false);
        // Both are built in.
        organizations.entry(DEFAULT).or_insert(DEFAULT);
        teams.entry(DEFAULT).or_insert(DEFAULT);
        Self {
            organizations,
            teams,
            users,
            outside: Vec::new(),
        }
    }

    fn names(&self, tenant: Tenant) -> &HashMap<&'a str, &'a str> {
        match tenant {
            Tenant::Organization => &self.organizations,
            Tenant::Team => &self.teams,
            Tenant::User => &self.users,
        }
    }

    /// Notes a reference, if the key has one, for the case that it is not declared.
    pub(super) fn refer(&mut self, section: &Section, key: &str, tenant: Tenant) {
        let Some(name) = section.text(key) else {
            return;
        };
        let names = self.names(tenant);
        if names.contains_key(name) {
            return;
        }
        let near = nearest(name, names.keys().copied()).map(str::to_owned);
        self.outside.push(Reference {
            tenant,
            name: name.to_owned(),
            near,
            place: section.place_of(key).clone(),
            key: section.path_of(key),
        });
    }

    /// The organization of a team or a user, if they are declared.
    pub(super) fn organization_of(&self, tenant: Tenant, name: &str) -> Option<&'a str> {
        self.names(tenant).get(name).copied()
    }
}

/// Reads all organizations.
pub(super) fn organizations(
    root: &Section,
    defaults: &DefaultLimits,
    findings: &mut Findings<'_>,
) -> Vec<DeclaredOrganization> {
    let read = |section: &Section| {
        let controls = controls::read(section, defaults.organization, findings);
        Some(DeclaredOrganization {
            id: OrgId::from_stored(section.text("name")?),
            status: status(section),
            controls,
            keep_bodies: section.flag("keep_bodies").unwrap_or(false),
            credits: section.money("credits_usd"),
        })
    };
    let sections = root.sections("organizations").iter();
    sections.filter_map(read).collect()
}

/// Reads all teams.
pub(super) fn teams(
    root: &Section,
    defaults: &DefaultLimits,
    directory: &mut Directory<'_>,
    findings: &mut Findings<'_>,
) -> Vec<DeclaredTeam> {
    let team = |section: &Section| {
        directory.refer(section, "organization", Tenant::Organization);
        let controls = controls::read(section, defaults.team, findings);
        Some(DeclaredTeam {
            id: TeamId::from_stored(section.text("name")?),
            organization: OrgId::from_stored(organization(section)),
            status: status(section),
            controls,
            credits: section.money("credits_usd"),
            job_terms: section.section("jobs").map(job_terms).map(Box::new),
            job_credits: section
                .section("jobs")
                .and_then(|jobs| jobs.count("credits")),
        })
    };
    root.sections("teams").iter().filter_map(team).collect()
}

/// Reads what the jobs of a team cost.
fn job_terms(section: &Section) -> Terms {
    let usual = Terms::default();
    let mode = section.word("budget_mode").and_then(BudgetMode::from_name);
    let rate = section.count("credits_per_dollar");
    let tokens = section.count("tokens_per_credit");
    Terms {
        mode: mode.unwrap_or(usual.mode),
        credits_per_dollar: rate.map_or(usual.credits_per_dollar, |rate| rate * CREDITS_SCALE),
        tokens_per_credit: tokens.unwrap_or(usual.tokens_per_credit),
        default_model: section.text("default_model").map(Into::into),
    }
}

/// Reads all users.
pub(super) fn users(
    root: &Section,
    defaults: &DefaultLimits,
    directory: &mut Directory<'_>,
    findings: &mut Findings<'_>,
) -> Vec<DeclaredUser> {
    let user = |section: &Section| {
        directory.refer(section, "organization", Tenant::Organization);
        let controls = controls::read(section, defaults.user, findings);
        let name = section.text("name")?;
        let role = section.word("role").and_then(Role::from_name);
        Some(DeclaredUser {
            id: UserId::from_stored(name),
            organization: OrgId::from_stored(organization(section)),
            email: section.text("email").unwrap_or(name).to_owned(),
            role: role.unwrap_or_default(),
            status: status(section),
            controls,
        })
    };
    root.sections("users").iter().filter_map(user).collect()
}

/// The organization of a team or a user.
fn organization(section: &Section) -> &str {
    section.text("organization").unwrap_or(DEFAULT)
}

fn status(section: &Section) -> Status {
    let word = section.word("status");
    word.and_then(Status::from_name).unwrap_or_default()
}
