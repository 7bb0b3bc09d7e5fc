//! What is done with what operators offer to teams.

use std::sync::Arc;

use tollgate_core::error::{Code, Failure};
use tollgate_core::id::{OrgId, TeamId};
use tollgate_core::ledger::{Holder, WalletId};
use tollgate_core::money::Unit;
use tollgate_core::offer::{Offer, OfferKind, TeamOffer};
use tollgate_core::right::Right;

use super::change::{Draft, Step};
use super::{Accounts, declared_elsewhere, not_stored};
use crate::audit;
use crate::authority::Manager;
use crate::offers::{Offers, Shelf};
use crate::port::Beside;
use crate::tenants::TeamNode;

/// A change of what is offered.
#[derive(Clone, Debug)]
pub enum OfferChange {
    /// It is there from now on, in place of one of its name.
    Put(Offer),
    /// It is there no longer.
    Remove(OfferKind, Box<str>),
}

/// What is to be changed, and what the audit log says of it.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The changes, all or none.
    pub changes: Vec<OfferChange>,
    /// The members that differ, as JSON.
    pub told: String,
}

impl Accounts {
    /// What is offered to teams.
    pub fn offers(&self) -> &Offers {
        &self.offers
    }

    /// Changes what is offered, as is decided by what is there. `action` is `object.verb`. Nobody
    /// else changes anything meanwhile.
    pub async fn change_offers(
        &self,
        by: &Manager,
        (action, name): (&str, &str),
        organization: Option<&OrgId>,
        decide: impl FnOnce(&Shelf) -> Result<Decision, Failure>,
    ) -> Result<(), Failure> {
        self.change_offers_with(
            by,
            (action, name),
            organization,
            (decide, Beside::default()),
        )
        .await
    }

    /// The same together with what the store is told by somebody else.
    pub async fn change_offers_with(
        &self,
        by: &Manager,
        (action, name): (&str, &str),
        organization: Option<&OrgId>,
        (decide, beside): (impl FnOnce(&Shelf) -> Result<Decision, Failure>, Beside<'_>),
    ) -> Result<(), Failure> {
        by.extent(Right::Admin)?;
        let _turn = self.turn().await?;
        let Decision { changes, told } = decide(&self.offers.shelf())?;
        if changes.is_empty() && beside.is_empty() {
            return Ok(());
        }
        let steps = changes.into_iter().map(|change| match change {
            OfferChange::Put(offer) => Step::Offer(Arc::new(offer)),
            OfferChange::Remove(kind, name) => Step::RemoveOffer(kind, name),
        });
        let row = by.row(self.now(), (action, name), organization, told);
        let mut draft = Draft::of(steps.collect(), row);
        draft.others.extend_from_slice(beside.changes);
        draft.rows.extend_from_slice(beside.audit);
        self.commit_all(draft).await
    }

    /// Deletes a team: its keys are revoked, and its id is never given to another one, for its
    /// books are kept. Fails where a key is of somebody about whom the manager does not decide. A
    /// team that has credits left or set aside is deleted by the platform alone.
    pub async fn delete_team(&self, by: &Manager, id: &str) -> Result<(), Failure> {
        by.extent(Right::ManageTeams)?;
        let _turn = self.turn().await?;
        let node = self.team(by, id)?;
        if let Some(place) = self.tenants.team_declared_at(&node.id) {
            return Err(declared_elsewhere("team", &place));
        }
        if id == tollgate_core::tenant::DEFAULT {
            return Err(Failure::client(Code::Conflict).message(
                "The built-in team cannot be deleted: keys without a team belong to it.",
            ));
        }
        if !by.is_platform() {
            self.has_no_credits(&node).await?;
        }
        let now = self.now();
        let mut steps = self.revocations_of_team(by, &node.id, now)?;
        let offered = self.offers.shelf();
        let old = offered.team(&node.id).map(|offer| TeamOffer::clone(offer));
        steps.push(Step::Offer(Arc::new(Offer::Team(TeamOffer {
            refill: None,
            deleted: true,
            ..old.unwrap_or_else(|| TeamOffer::nothing(&node.id))
        }))));
        steps.push(Step::ForgetTeam(node.id.clone()));
        let organization = &node.organization().id;
        let row = by.row(
            now,
            ("team.delete", id),
            Some(organization),
            audit::nothing(),
        );
        self.commit(steps, row).await
    }

    /// Fails with `conflict` if a team has credits of its own, or some are set aside that may come
    /// back: with the team they would be out of everybody's reach.
    async fn has_no_credits(&self, team: &TeamNode) -> Result<(), Failure> {
        let of_team = |wallet: &WalletId| wallet.holder == Holder::Team(team.id.clone());
        let left = |unit: &Unit| team.wallet(*unit).read().balance > 0;
        let is_held = async || {
            let holds = self.store.open_holds().await.map_err(not_stored)?;
            Ok::<_, Failure>(holds.iter().any(|hold| of_team(&hold.wallet)))
        };
        if Unit::ALL.iter().any(left) || is_held().await? {
            return Err(Failure::client(Code::Conflict).message(
                "The team has credits left, or set aside for its jobs. The platform's \
                 administrator takes them out first, or deletes the team.",
            ));
        }
        Ok(())
    }

    /// Whether a team was ever deleted.
    pub(crate) fn has_deleted_teams(&self) -> bool {
        self.offers.shelf().teams().any(|offer| offer.deleted)
    }

    /// Whether this team was deleted, and is not there again because the configuration names it.
    pub(crate) fn is_deleted(&self, id: &TeamId) -> bool {
        self.was_deleted(id) && self.tenants.team(id).is_none()
    }

    /// Whether there was a team of this id.
    pub(super) fn was_deleted(&self, id: &TeamId) -> bool {
        let offered = self.offers.shelf();
        offered.team(id).is_some_and(|offer| offer.deleted)
    }
}
