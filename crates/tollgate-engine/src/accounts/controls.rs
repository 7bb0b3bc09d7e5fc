//! Budgets of tenants and keys: what counts of them before they are declared, and where they
//! stand.

use std::sync::Arc;

use tollgate_core::budget::Controls;
use tollgate_core::error::Failure;
use tollgate_core::id::{OrgId, TeamId};
use tollgate_core::ledger::{Holder, WalletId};
use tollgate_core::limit::Level;
use tollgate_core::money::Unit;

use super::{Accounts, not_stored};
use crate::keys::Entry;
use crate::meter::MeterSlot;
use crate::port::StoreError;
use crate::spend::BudgetReading;
use crate::tenants::{OrganizationNode, TeamNode, UserNode};

/// Whose budgets are to count.
pub(super) type Counted<'a> = (&'a str, &'a MeterSlot, &'a Controls);

impl Accounts {
    /// Where the budgets of an organization stand.
    pub fn budgets_of_organization(&self, node: &OrganizationNode) -> Vec<BudgetReading> {
        self.read_budgets(&node.meter, &node.facts().controls)
    }

    /// Where the budgets of a team stand.
    pub fn budgets_of_team(&self, node: &TeamNode) -> Vec<BudgetReading> {
        self.read_budgets(&node.meter, &node.facts().controls)
    }

    /// Where the budgets of a user stand.
    pub fn budgets_of_user(&self, node: &UserNode) -> Vec<BudgetReading> {
        self.read_budgets(&node.meter, &node.facts().controls)
    }

    /// Where the budgets of a key stand.
    pub fn budgets_of_key(&self, entry: &Entry) -> Vec<BudgetReading> {
        self.read_budgets(entry.meter(), &entry.key().controls)
    }

    fn read_budgets(&self, slot: &MeterSlot, controls: &Controls) -> Vec<BudgetReading> {
        if controls.budgets.is_empty() {
            return Vec::new();
        }
        let when = (&*self.clock, self.clock.now());
        slot.get().spend.read(&controls.budgets, when)
    }

    /// Has what was spent in the running periods count, before a change takes effect.
    pub(super) async fn count_before(
        &self,
        level: Level,
        (id, slot, controls): Counted<'_>,
    ) -> Result<(), Failure> {
        let counting = self.ledger.load_budgets(level, id, slot, controls);
        counting.await.map_err(not_stored)
    }

    /// The same for many of one level.
    pub(super) async fn count_many(
        &self,
        level: Level,
        of: &[Counted<'_>],
    ) -> Result<(), StoreError> {
        if of.is_empty() {
            return Ok(());
        }
        self.ledger.load_many(level, of).await
    }

    /// Has the budgets count that the store holds.
    pub(super) async fn load_stored_budgets(&self) -> Result<(), StoreError> {
        let organizations = self.tenants.organizations();
        let facts: Vec<_> = organizations
            .iter()
            .map(|node| Arc::clone(&node.facts()))
            .collect();
        let all = organizations.iter().zip(&facts);
        let of = all.map(|(node, facts)| (node.id.as_str(), &node.meter, &facts.controls));
        self.count_many(Level::Organization, &with_budgets(of))
            .await?;
        let teams = self.tenants.teams();
        let facts: Vec<_> = teams.iter().map(|node| Arc::clone(&node.facts())).collect();
        let all = teams.iter().zip(&facts);
        let of = all.map(|(node, facts)| (node.id.as_str(), &node.meter, &facts.controls));
        self.count_many(Level::Team, &with_budgets(of)).await?;
        let users = self.tenants.users();
        let facts: Vec<_> = users.iter().map(|node| Arc::clone(&node.facts())).collect();
        let all = users.iter().zip(&facts);
        let of = all.map(|(node, facts)| (node.id.as_str(), &node.meter, &facts.controls));
        self.count_many(Level::User, &with_budgets(of)).await?;
        let entries = self.table.select(Entry::has_budgets);
        let keys: Vec<_> = entries.iter().map(|entry| entry.key()).collect();
        let all = entries.iter().zip(&keys);
        let of = all.map(|(entry, key)| (key.id.as_str(), entry.meter(), &*key.controls));
        self.count_many(Level::Key, &with_budgets(of)).await
    }

    /// Has the wallets of a team and its organization take orders, also where they are gone: after
    /// a start nobody knows of a team that was deleted, and its jobs are settled all the same.
    pub(crate) async fn expect_books(&self, (team, organization): (&TeamId, &OrgId)) {
        let tenants = &self.tenants;
        if tenants.team_node(team).is_some() && tenants.organization_node(organization).is_some() {
            return;
        }
        let _changing = self.changing.lock().await;
        let balances = self.balances_of(Holder::Organization(organization.clone()));
        tenants.expect_organization(organization, balances.await);
        let balances = self.balances_of(Holder::Team(team.clone())).await;
        tenants.expect_team(team, organization, balances);
    }

    /// What the books hold for a holder whose wallets are not there yet, in the order of
    /// [`Unit::ALL`].
    pub(super) async fn balances_of(&self, holder: Holder) -> [Option<u64>; 2] {
        let wallet = |unit| WalletId {
            holder: holder.clone(),
            unit,
        };
        [
            self.ledger.booked(&wallet(Unit::Usd)).await,
            self.ledger.booked(&wallet(Unit::Credits)).await,
        ]
    }
}

pub(super) fn with_budgets<'a>(all: impl Iterator<Item = Counted<'a>>) -> Vec<Counted<'a>> {
    all.filter(|(_, _, controls)| !controls.budgets.is_empty())
        .collect()
}
