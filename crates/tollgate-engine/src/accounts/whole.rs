//! What is made or changed together: an organization with its team, and a team with what it may
//! use, its credits and its key. It is one transaction of the store, so that no end of the process
//! leaves a part of it.

use std::sync::Arc;

use tollgate_core::error::Failure;
use tollgate_core::id::{OrgId, TeamId};
use tollgate_core::ledger::{Holder, Kind, Movement, WalletId};
use tollgate_core::money::Unit;
use tollgate_core::offer::{Offer, TeamOffer};
use tollgate_core::right::Right;
use tollgate_core::secret::Secret;

use super::change::{Draft, Money, Step};
use super::{Accounts, NewKey, NewOrganization, NewTeam, TeamEdit};
use crate::authority::Manager;
use crate::credits::{By, Correction, Note};
use crate::offers::Shelf;
use crate::tenants::{OrganizationNode, TeamNode};

/// A team with everything that belongs to it.
#[derive(Clone, Debug)]
pub struct WholeTeam {
    /// The team. Its id is chosen.
    pub team: NewTeam,
    /// What it may use.
    pub offer: TeamOffer,
    /// What the audit log says of that.
    pub told: String,
    /// Its first job credits. From then on it pays by itself, also if it gets none.
    pub credits: u64,
    /// Its key.
    pub key: NewKey,
}

/// A team that was made, and the clear text of its key.
pub type MadeTeam = (Arc<TeamNode>, Secret);

/// What is changed of a team and of what it was given.
#[derive(Debug, Default)]
pub struct TeamChange {
    /// What is declared of it.
    pub edit: TeamEdit,
    /// What it may use, where that changes, with what the audit log says of it.
    pub offer: Option<(TeamOffer, String)>,
    /// What its own wallet of job credits is to say.
    pub credits: Correction,
}

/// How the first credits of a team are called.
const FIRST_CREDITS: &str = "Initial credit allocation";

impl Accounts {
    /// Makes a team with everything that belongs to it. `check` says what stands against it. Fails
    /// with `conflict` if there is one of this id.
    pub async fn create_whole_team(
        &self,
        by: &Manager,
        whole: WholeTeam,
        check: impl FnOnce(&Shelf) -> Result<(), Failure>,
    ) -> Result<MadeTeam, Failure> {
        by.extent(Right::Admin)?;
        let turn = self.turn().await?;
        let organization = self.organization(by, &whole.team.organization)?.id.clone();
        check(&self.offers.shelf())?;
        let mut draft = Draft::default();
        let (made, money) = self
            .draft_whole_team(by, whole, (&organization, &mut draft))
            .await?;
        self.commit_with_money(turn, draft, money).await?;
        Ok(made)
    }

    /// Makes an organization with its first team. Where something stands against the team alone,
    /// the organization is made without it.
    pub async fn create_whole_organization(
        &self,
        by: &Manager,
        new: NewOrganization,
        team: Option<WholeTeam>,
        check: impl FnOnce(&Shelf) -> Result<(), Failure>,
    ) -> Result<(Arc<OrganizationNode>, Option<Result<MadeTeam, Failure>>), Failure> {
        by.extent(Right::Admin)?;
        let turn = self.turn().await?;
        let (node, step, row) = self.draft_organization(by, new).await?;
        let draft = || Draft::of(vec![step.clone()], row.clone());
        let Some(whole) = team else {
            self.commit_all(draft()).await?;
            return Ok((node, None));
        };
        let mut together = draft();
        let drafted = match check(&self.offers.shelf()) {
            Ok(()) => {
                self.draft_whole_team(by, whole, (&node.id, &mut together))
                    .await
            }
            Err(failure) => Err(failure),
        };
        match drafted {
            Ok((made, money)) => {
                self.commit_with_money(turn, together, money).await?;
                Ok((node, Some(Ok(made))))
            }
            Err(failure) => {
                self.commit_all(draft()).await?;
                Ok((node, Some(Err(failure))))
            }
        }
    }

    /// Changes a team and what it was given. `decide` says by what there is what is to change.
    pub async fn change_whole_team(
        &self,
        by: &Manager,
        id: &str,
        decide: impl FnOnce(&Shelf) -> Result<TeamChange, Failure>,
    ) -> Result<Arc<TeamNode>, Failure> {
        let turn = self.turn().await?;
        let TeamChange {
            edit,
            offer,
            credits,
        } = decide(&self.offers.shelf())?;
        let (node, step) = self.draft_team_change(by, id, &edit).await?;
        let mut draft = Draft::default();
        if let Some((step, row)) = step {
            draft.add(step, row);
        }
        if let Some((offer, told)) = offer {
            by.extent(Right::Admin)?;
            let organization = Some(&node.organization().id);
            let row = by.row(self.now(), ("team.offer", id), organization, told);
            draft.add(Step::Offer(Arc::new(Offer::Team(offer))), row);
        }
        let wallet = wallet_of(&node.id);
        let kinds = if credits == Correction::default() {
            Vec::new()
        } else {
            by.extent(Right::Admin)?;
            self.credits.corrections(&wallet, credits).await?
        };
        if !kinds.is_empty() {
            let money = Money {
                wallet,
                kinds,
                note: Note {
                    by: Some(By::manager(by)),
                    ..Note::default()
                },
            };
            self.commit_with_money(turn, draft, money).await?;
        } else if !draft.steps.is_empty() {
            self.commit_all(draft).await?;
        }
        Ok(node)
    }

    /// Everything that makes a team. What it may use comes before its key: no call of it ever
    /// meets a team without.
    async fn draft_whole_team(
        &self,
        by: &Manager,
        whole: WholeTeam,
        (organization, draft): (&OrgId, &mut Draft),
    ) -> Result<(MadeTeam, Money), Failure> {
        let (node, step, row) = self.draft_team(by, whole.team, organization).await?;
        draft.add(step, row);
        let action = ("team.offer", node.id.as_str());
        let row = by.row(self.now(), action, Some(organization), whole.told);
        draft.add(Step::Offer(Arc::new(Offer::Team(whole.offer))), row);
        let (key, secret, row) = self.draft_key(by, whole.key, Some(organization))?;
        draft.add(Step::InsertKey(key), row);
        let gift = Kind::TopUp(Movement {
            amount: whole.credits,
            reference: None,
            reason: FIRST_CREDITS.into(),
        });
        let money = Money {
            wallet: wallet_of(&node.id),
            kinds: vec![gift],
            note: Note {
                by: Some(By::manager(by)),
                ..Note::default()
            },
        };
        Ok(((node, secret), money))
    }
}

/// The wallet of a team's own job credits.
fn wallet_of(id: &TeamId) -> WalletId {
    WalletId {
        holder: Holder::Team(id.clone()),
        unit: Unit::Credits,
    }
}
