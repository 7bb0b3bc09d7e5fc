//! Who is calling: a verified key, what it may use, and to whom it belongs.

use std::sync::Arc;

use tollgate_core::error::dialect::Dialect;
use tollgate_core::key::VirtualKey;
use tollgate_core::ledger::Payer;

use crate::keys::{Entry, Home};
use crate::tenants::{OrganizationNode, TeamNode, Tenants, UserNode};

/// A caller whose key has been verified.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The key that was presented.
    pub key: Arc<VirtualKey>,
    /// The key where it lives: with its meter and its team.
    pub(crate) entry: Arc<Entry>,
}

impl Caller {
    /// A caller of a key that is in no table, of the built-in team or a team of its own.
    pub fn alone(key: Arc<VirtualKey>) -> Self {
        let home = Home::find(&Tenants::default(), &key.tenancy);
        let home = home.unwrap_or_else(|| Home::nowhere(&key.tenancy));
        Self::new(Arc::new(Entry::alone(key, home)))
    }

    pub(crate) fn new(entry: Arc<Entry>) -> Self {
        Self {
            key: entry.key(),
            entry,
        }
    }

    /// Whether this caller may use the model of this public name.
    pub fn may_use(&self, model: &str) -> bool {
        self.key.models.allows(model)
    }

    /// The dialect that the key asks for, if it does.
    pub fn dialect(&self) -> Option<Dialect> {
        self.key.error_dialect
    }

    /// The team of the key.
    pub fn team(&self) -> &Arc<TeamNode> {
        self.entry.team()
    }

    /// The organization of the team.
    pub fn organization(&self) -> &Arc<OrganizationNode> {
        self.entry.team().organization()
    }

    /// The user who holds the key.
    pub fn user(&self) -> Option<&Arc<UserNode>> {
        self.entry.user()
    }

    /// Who pays, at every level that has budgets.
    pub fn payer(&self) -> Payer {
        Payer {
            key: self.key.id.clone(),
            user: self.user().map(|user| user.id.clone()),
            team: self.team().id.clone(),
            organization: self.organization().id.clone(),
        }
    }
}
