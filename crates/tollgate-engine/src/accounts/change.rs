//! A change on its way through the store and into memory.

use std::sync::Arc;

use tollgate_core::audit::AuditRow;
use tollgate_core::error::Failure;
use tollgate_core::id::{TeamId, UserId};
use tollgate_core::key::VirtualKey;
use tollgate_core::offer::{Offer, OfferKind};
use tollgate_core::tenant::{Organization, Team, User};

use super::{Accounts, not_stored};
use crate::keys::Home;
use crate::offers::Taken;
use crate::port::Change as store;

/// One part of a change, for the store and for memory alike.
#[derive(Clone)]
pub(super) enum Step {
    /// A new key.
    InsertKey(Arc<VirtualKey>),
    /// What a key is from now on.
    UpdateKey(Arc<VirtualKey>),
    /// What an organization is from now on.
    Organization(Arc<Organization>),
    /// What a team is from now on.
    Team(Arc<Team>),
    /// What a user is from now on.
    User(Arc<User>),
    /// A user is no more.
    ForgetUser(UserId),
    /// A team is no more.
    ForgetTeam(TeamId),
    /// What is offered from now on.
    Offer(Arc<Offer>),
    /// What is not offered any longer.
    RemoveOffer(OfferKind, Box<str>),
}

impl Step {
    fn for_store(&self) -> store {
        match self {
            Self::InsertKey(key) => store::InsertKey(Arc::clone(key)),
            Self::UpdateKey(key) => store::UpdateKey(Arc::clone(key)),
            Self::Organization(facts) => store::PutOrganization(Arc::clone(facts)),
            Self::Team(facts) => store::PutTeam(Arc::clone(facts)),
            Self::User(facts) => store::PutUser(Arc::clone(facts)),
            Self::ForgetUser(id) => store::DeleteUser(id.as_str().into()),
            Self::ForgetTeam(id) => store::DeleteTeam(id.as_str().into()),
            Self::Offer(offer) => store::PutOffer(Arc::clone(offer)),
            Self::RemoveOffer(kind, name) => store::DeleteOffer {
                kind: *kind,
                name: name.clone(),
            },
        }
    }

    fn take_effect(self, accounts: &Accounts) {
        let tenants = &*accounts.tenants;
        match self {
            Self::InsertKey(key) | Self::UpdateKey(key) => {
                let home = Home::of(tenants, &key.tenancy);
                accounts.table.put(key, home);
            }
            Self::Organization(facts) => {
                tenants.put_organization(Arc::unwrap_or_clone(facts));
            }
            Self::Team(facts) => {
                tenants.put_team(Arc::unwrap_or_clone(facts));
            }
            Self::User(facts) => {
                tenants.put_user(Arc::unwrap_or_clone(facts));
            }
            Self::ForgetUser(id) => tenants.forget_user(&id),
            Self::ForgetTeam(id) => tenants.close_team(&id),
            Self::Offer(offer) => {
                let offer = Taken::Put(Arc::unwrap_or_clone(offer));
                accounts.offers.take(offer);
            }
            Self::RemoveOffer(kind, name) => {
                accounts.offers.take(Taken::Removed(kind, name));
            }
        }
    }
}

/// A change that the store is told. It takes effect when this is dropped, unless the store refused
/// it: a client that hangs up while the store writes must not leave a key open that the store
/// holds as revoked.
struct Change<'a> {
    accounts: &'a Accounts,
    steps: Vec<Step>,
    stands: bool,
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        if self.stands {
            for step in self.steps.drain(..) {
                step.take_effect(self.accounts);
            }
        }
    }
}

impl Accounts {
    /// Has the store keep a change and what the audit log says of it, then has it take effect. To
    /// be called with `changing` held. Fails if the store does; then nothing has changed.
    pub(super) async fn commit(&self, steps: Vec<Step>, row: AuditRow) -> Result<(), Failure> {
        let for_store: Vec<_> = steps.iter().map(Step::for_store).collect();
        let mut change = Change {
            accounts: self,
            steps,
            stands: true,
        };
        if let Err(error) = self.store.change(&for_store, &[row]).await {
            change.stands = false;
            return Err(not_stored(error));
        }
        Ok(())
    }
}
