//! A change on its way through the store and into memory.

use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;
use tollgate_core::audit::AuditRow;
use tollgate_core::error::Failure;
use tollgate_core::id::{TeamId, UserId};
use tollgate_core::key::VirtualKey;
use tollgate_core::ledger::{Kind, WalletId};
use tollgate_core::offer::{Offer, OfferKind};
use tollgate_core::tenant::{Organization, Team, User};

use super::{Accounts, not_stored};
use crate::credits::Note;
use crate::keys::{Home, KeyTable};
use crate::offers::{Offers, Taken};
use crate::port::Change as store;
use crate::settle::Along;
use crate::tenants::Tenants;

/// What requests read.
struct Live {
    table: Arc<KeyTable>,
    tenants: Arc<Tenants>,
    offers: Arc<Offers>,
}

/// Parts of a change that happen together, with what the audit log says of each.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) steps: Vec<Step>,
    pub(super) rows: Vec<AuditRow>,
    /// What the store alone is told.
    pub(super) others: Vec<store>,
}

impl Draft {
    pub(super) fn of(steps: Vec<Step>, row: AuditRow) -> Self {
        Self {
            steps,
            rows: vec![row],
            others: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, step: Step, row: AuditRow) {
        self.steps.push(step);
        self.rows.push(row);
    }

    fn for_store(&mut self) -> Vec<store> {
        let mut changes = std::mem::take(&mut self.others);
        changes.extend(self.steps.iter().map(Step::for_store));
        changes
    }
}

/// Entries of a wallet that are made together with a change.
pub(super) struct Money {
    pub(super) wallet: WalletId,
    pub(super) kinds: Vec<Kind>,
    pub(super) note: Note,
}

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

    /// What changes of what is offered.
    fn offered(&self) -> Option<Taken> {
        match self {
            Self::Offer(offer) => Some(Taken::Put(Offer::clone(offer))),
            Self::RemoveOffer(kind, name) => Some(Taken::Removed(*kind, name.clone())),
            Self::InsertKey(_)
            | Self::UpdateKey(_)
            | Self::Organization(_)
            | Self::Team(_)
            | Self::User(_)
            | Self::ForgetUser(_)
            | Self::ForgetTeam(_) => None,
        }
    }

    fn take_effect(self, live: &Live) {
        let tenants = &*live.tenants;
        match self {
            Self::InsertKey(key) | Self::UpdateKey(key) => {
                let home = Home::of(tenants, &key.tenancy);
                live.table.put(key, home);
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
            // It was there before.
            Self::Offer(_) | Self::RemoveOffer(..) => {}
        }
    }
}

/// Has a change take effect. What is offered comes first, all of it together: no key of a new team
/// opens more than the team was given, and requests are routed anew once.
fn take_effect(steps: Vec<Step>, live: &Live) {
    live.offers
        .take(steps.iter().filter_map(Step::offered).collect());
    for step in steps {
        step.take_effect(live);
    }
}

/// A change that the store is told. It takes effect when this is dropped, unless the store refused
/// it: a client that hangs up while the store writes must not leave a key open that the store
/// holds as revoked.
struct Change {
    live: Live,
    steps: Vec<Step>,
    stands: bool,
}

impl Drop for Change {
    fn drop(&mut self) {
        if self.stands {
            take_effect(std::mem::take(&mut self.steps), &self.live);
        }
    }
}

impl Accounts {
    /// Has the store keep a change and what the audit log says of it, then has it take effect. To
    /// be called with `changing` held. Fails if the store does; then nothing has changed.
    pub(super) async fn commit(&self, steps: Vec<Step>, row: AuditRow) -> Result<(), Failure> {
        self.commit_all(Draft::of(steps, row)).await
    }

    /// The same of several changes: all of them happen, or none.
    pub(super) async fn commit_all(&self, mut draft: Draft) -> Result<(), Failure> {
        let for_store = draft.for_store();
        let mut change = Change {
            live: self.live(),
            steps: draft.steps,
            stands: true,
        };
        if let Err(error) = self.store.change(&for_store, &draft.rows).await {
            change.stands = false;
            return Err(not_stored(error));
        }
        Ok(())
    }

    /// The same together with entries of the ledger, which its clerk writes. Nobody else changes
    /// anything before that is done, however long it takes: whoever asked may have gone by then.
    pub(super) async fn commit_with_money(
        &self,
        turn: OwnedMutexGuard<()>,
        mut draft: Draft,
        money: Money,
    ) -> Result<(), Failure> {
        let changes = draft.for_store();
        let (live, steps) = (self.live(), draft.steps);
        let then = move || {
            take_effect(steps, &live);
            drop(turn);
        };
        let along = Along {
            changes,
            audit: draft.rows,
            then: Some(Box::new(then)),
        };
        let posting = self
            .credits
            .post_along(&money.wallet, money.kinds, (&money.note, along));
        posting.await
    }

    fn live(&self) -> Live {
        Live {
            table: Arc::clone(&self.table),
            tenants: Arc::clone(&self.tenants),
            offers: Arc::clone(&self.offers),
        }
    }
}
