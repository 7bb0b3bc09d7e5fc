//! References to tenants that the file does not declare: they may be in the store, so that only
//! whoever has opened it can tell.

use super::Config;
use super::problem::{Place, Problems};

/// What can be referred to by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tenant {
    /// An organization.
    Organization,
    /// A team.
    Team,
    /// A user.
    User,
}

impl Tenant {
    /// The word for messages.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Team => "team",
            Self::User => "user",
        }
    }
}

/// A reference to something that is not declared.
#[derive(Clone, Debug)]
pub struct Reference {
    /// What it refers to.
    pub tenant: Tenant,
    /// By which name.
    pub name: String,
    /// A declared name that was probably meant.
    pub near: Option<String>,
    /// Where it stands.
    pub place: Place,
    /// The dotted key.
    pub key: String,
}

impl Config {
    /// What to say of references while it is not known what the store holds.
    pub fn unsure(&self) -> Problems {
        self.say(|_| true, "it must be in the store when the gateway starts")
    }

    /// References that lead nowhere; `is_there` tells what the store holds.
    pub fn missing(&self, is_there: impl Fn(Tenant, &str) -> bool) -> Problems {
        let is_missing = |reference: &Reference| !is_there(reference.tenant, &reference.name);
        self.say(is_missing, "and there is none in the store")
    }

    fn say(&self, which: impl Fn(&Reference) -> bool, what_follows: &str) -> Problems {
        let mut problems = Problems::new(self.file.as_deref());
        for reference in self.outside.iter().filter(|reference| which(reference)) {
            let tenant = reference.tenant.as_str();
            let near = reference.near.as_deref();
            let near = near
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default();
            // Names are no secrets, but messages never quote what was given.
            let message = format!("no {tenant} of this name is declared, {what_follows}{near}");
            problems.push(&reference.place, reference.key.as_str(), message);
        }
        problems.sort();
        problems
    }
}
