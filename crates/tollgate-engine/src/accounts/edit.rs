//! What is asked for: new things, and changes to those that are there. A change holds what it
//! names and nothing else, so it cannot overwrite what it does not name.

use tollgate_core::address::AddressRange;
use tollgate_core::budget::{Budget, Controls};
use tollgate_core::error::dialect::Dialect;
use tollgate_core::job::{BudgetMode, Terms};
use tollgate_core::key::{ModelScope, Permissions, Priority, Reach, Tenancy, VirtualKey};
use tollgate_core::limit::RateLimits;
use tollgate_core::tenant::{Organization, Role, Status, Team, User};
use tollgate_core::time::Timestamp;

/// What an operator says about a key to be made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What its owner calls it.
    pub name: Box<str>,
    /// What it may do.
    pub permissions: Permissions,
    /// Which models it may use.
    pub models: ModelScope,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// The dialect in which its errors are answered.
    pub error_dialect: Option<Dialect>,
    /// Whose requests go on when not all can.
    pub priority: Priority,
    /// To whom it belongs.
    pub tenancy: Tenancy,
    /// By which surfaces and from where it may come.
    pub reach: Reach,
    /// What it is allowed.
    pub controls: Controls,
}

/// What is said about an organization to be made.
#[derive(Clone, Debug)]
pub struct NewOrganization {
    /// Its id, if one was chosen.
    pub id: Option<Box<str>>,
    /// What people call it.
    pub name: Box<str>,
    /// Whether it may work.
    pub status: Status,
    /// Whether the texts of its requests may be kept.
    pub keeps_bodies: bool,
    /// What people note of it: a JSON object.
    pub metadata: Option<Box<str>>,
    /// What it is allowed.
    pub controls: Controls,
}

/// What is said about a team to be made.
#[derive(Clone, Debug)]
pub struct NewTeam {
    /// Its id, if one was chosen.
    pub id: Option<Box<str>>,
    /// Whose team it is.
    pub organization: Box<str>,
    /// What people call it.
    pub name: Box<str>,
    /// Whether it may work.
    pub status: Status,
    /// What it is allowed.
    pub controls: Controls,
    /// What its jobs cost; `None`: as for everybody.
    pub job_terms: Option<Box<Terms>>,
    /// What people note of it: a JSON object.
    pub metadata: Option<Box<str>>,
}

/// What is said about a user to be added.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Their address, or another name by which people know them.
    pub email: Box<str>,
    /// What they may do.
    pub role: Role,
    /// Whether they may work.
    pub status: Status,
    /// What they are allowed.
    pub controls: Controls,
}

/// A change to rate limits: `None` leaves a limit as it is, `Some(None)` takes it away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitsEdit {
    /// Requests a minute.
    pub rpm: Option<Option<u32>>,
    /// Tokens a minute.
    pub tpm: Option<Option<u64>>,
    /// Requests at once.
    pub parallel: Option<Option<u32>>,
    /// Requests that may come at one moment.
    pub burst: Option<Option<u32>>,
}

impl LimitsEdit {
    /// The limits with this change.
    #[must_use]
    pub fn onto(self, limits: RateLimits) -> RateLimits {
        RateLimits {
            rpm: self.rpm.unwrap_or(limits.rpm),
            tpm: self.tpm.unwrap_or(limits.tpm),
            parallel: self.parallel.unwrap_or(limits.parallel),
            burst: self.burst.unwrap_or(limits.burst),
        }
    }
}

/// A change to what somebody is allowed.
#[derive(Clone, Debug, Default)]
pub struct ControlsEdit {
    /// To their limits.
    pub limits: LimitsEdit,
    /// All of their budgets, in place of those that there are.
    pub budgets: Option<Box<[Budget]>>,
}

impl ControlsEdit {
    /// Whether it names anything.
    pub fn names_any(&self) -> bool {
        self.budgets.is_some() || self.limits != LimitsEdit::default()
    }

    fn onto(&self, controls: &Controls) -> Controls {
        Controls {
            limits: self.limits.onto(controls.limits),
            budgets: self
                .budgets
                .clone()
                .unwrap_or_else(|| controls.budgets.clone()),
        }
    }
}

/// A change to an organization.
#[derive(Clone, Debug, Default)]
pub struct OrganizationEdit {
    /// What people call it.
    pub name: Option<Box<str>>,
    /// Whether it may work.
    pub status: Option<Status>,
    /// Whether the texts of its requests may be kept.
    pub keeps_bodies: Option<bool>,
    /// What people note of it: a JSON object; `Some(None)` takes it away.
    pub metadata: Option<Option<Box<str>>>,
    /// What it is allowed.
    pub controls: ControlsEdit,
    /// Why, for the audit log.
    pub reason: Option<Box<str>>,
}

impl OrganizationEdit {
    pub(super) fn onto(&self, facts: &Organization) -> Organization {
        Organization {
            name: self.name.clone().unwrap_or_else(|| facts.name.clone()),
            status: self.status.unwrap_or(facts.status),
            keeps_bodies: self.keeps_bodies.unwrap_or(facts.keeps_bodies),
            metadata: self
                .metadata
                .clone()
                .unwrap_or_else(|| facts.metadata.clone()),
            controls: self.controls.onto(&facts.controls),
            ..facts.clone()
        }
    }
}

/// A change to a team.
#[derive(Clone, Debug, Default)]
pub struct TeamEdit {
    /// What people call it.
    pub name: Option<Box<str>>,
    /// Whether it may work.
    pub status: Option<Status>,
    /// What it is allowed.
    pub controls: ControlsEdit,
    /// What its jobs cost.
    pub job_terms: TermsEdit,
    /// What people note of it: a JSON object; `Some(None)` takes it away.
    pub metadata: Option<Option<Box<str>>>,
}

/// A change to what the jobs of a team cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TermsEdit {
    /// By what they are charged.
    pub mode: Option<BudgetMode>,
    /// How many credits a dollar is, in millionths of a credit.
    pub credits_per_dollar: Option<u64>,
    /// How many tokens a credit is.
    pub tokens_per_credit: Option<u64>,
    /// The model of calls that name none; `Some(None)` takes it away.
    pub default_model: Option<Option<Box<str>>>,
}

impl TermsEdit {
    /// The terms with this change.
    #[must_use]
    pub fn onto(&self, terms: Terms) -> Terms {
        Terms {
            mode: self.mode.unwrap_or(terms.mode),
            credits_per_dollar: self.credits_per_dollar.unwrap_or(terms.credits_per_dollar),
            tokens_per_credit: self.tokens_per_credit.unwrap_or(terms.tokens_per_credit),
            default_model: self.default_model.clone().unwrap_or(terms.default_model),
        }
    }
}

impl TeamEdit {
    pub(super) fn onto(&self, facts: &Team) -> Team {
        Team {
            name: self.name.clone().unwrap_or_else(|| facts.name.clone()),
            status: self.status.unwrap_or(facts.status),
            controls: self.controls.onto(&facts.controls),
            metadata: self
                .metadata
                .clone()
                .unwrap_or_else(|| facts.metadata.clone()),
            job_terms: if self.job_terms == TermsEdit::default() {
                facts.job_terms.clone()
            } else {
                Some(Box::new(self.job_terms.onto(facts.job_terms())))
            },
            ..facts.clone()
        }
    }
}

/// A change to a user.
#[derive(Clone, Debug, Default)]
pub struct UserEdit {
    /// Their address, or another name by which people know them.
    pub email: Option<Box<str>>,
    /// What they may do.
    pub role: Option<Role>,
    /// Whether they may work.
    pub status: Option<Status>,
    /// What they are allowed.
    pub controls: ControlsEdit,
}

impl UserEdit {
    /// Whether it names what others decide about a user.
    pub(super) fn names_what_others_decide(&self) -> bool {
        self.role.is_some() || self.status.is_some() || self.controls.names_any()
    }

    pub(super) fn onto(&self, facts: &User) -> User {
        User {
            email: self.email.clone().unwrap_or_else(|| facts.email.clone()),
            role: self.role.unwrap_or(facts.role),
            status: self.status.unwrap_or(facts.status),
            controls: self.controls.onto(&facts.controls),
            ..facts.clone()
        }
    }
}

/// A change to a key. To whom it belongs stays.
#[derive(Clone, Debug, Default)]
pub struct KeyEdit {
    /// What its owner calls it.
    pub name: Option<Box<str>>,
    /// What it may do.
    pub permissions: Option<Permissions>,
    /// Which models it may use.
    pub models: Option<ModelScope>,
    /// From when on it is refused.
    pub expires_at: Option<Option<Timestamp>>,
    /// The dialect in which its errors are answered.
    pub error_dialect: Option<Option<Dialect>>,
    /// Whose requests go on when not all can.
    pub priority: Option<Priority>,
    /// By which surfaces it may come.
    pub surfaces: Option<Box<[Box<str>]>>,
    /// From where it may come.
    pub addresses: Option<Box<[AddressRange]>>,
    /// What it is allowed.
    pub controls: ControlsEdit,
}

impl KeyEdit {
    pub(super) fn onto(&self, key: &VirtualKey) -> VirtualKey {
        let (surfaces, addresses) = (self.surfaces.clone(), self.addresses.clone());
        VirtualKey {
            name: self.name.clone().unwrap_or_else(|| key.name.clone()),
            permissions: self.permissions.unwrap_or(key.permissions),
            models: self.models.clone().unwrap_or_else(|| key.models.clone()),
            expires_at: self.expires_at.unwrap_or(key.expires_at),
            error_dialect: self.error_dialect.unwrap_or(key.error_dialect),
            priority: self.priority.unwrap_or(key.priority),
            reach: Reach {
                surfaces: surfaces.unwrap_or_else(|| key.reach.surfaces.clone()),
                addresses: addresses.unwrap_or_else(|| key.reach.addresses.clone()),
            }
            .into(),
            controls: self.controls.onto(&key.controls).into(),
            ..key.clone()
        }
    }
}
