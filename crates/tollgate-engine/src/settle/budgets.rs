//! What was spent before a budget was declared: it counts from the first call on.

use std::collections::HashMap;

use tollgate_core::budget::{Budget, Controls};
use tollgate_core::ledger::{Entry, Kind, Settlement};
use tollgate_core::limit::Level;
use tollgate_core::time::Timestamp;

use super::Ledger;
use crate::keys::KeyTable;
use crate::meter::{Meter, MeterSlot};
use crate::port::{StoreError, UsageBy, UsageQuery, UsageRow};

impl Ledger {
    /// Makes the budgets of everybody count, at the start.
    pub(crate) async fn load_all(&self, keys: &KeyTable) -> Result<(), StoreError> {
        let organizations = self.tenants.organizations();
        let facts: Vec<_> = organizations.iter().map(|it| it.facts()).collect();
        let those = organizations.iter().zip(&facts);
        let those = those.map(|(node, facts)| (node.id.as_str(), &node.meter, &facts.controls));
        self.load_many(Level::Organization, &with_budgets(those))
            .await?;
        let teams = self.tenants.teams();
        let facts: Vec<_> = teams.iter().map(|it| it.facts()).collect();
        let those = teams.iter().zip(&facts);
        let those = those.map(|(node, facts)| (node.id.as_str(), &node.meter, &facts.controls));
        self.load_many(Level::Team, &with_budgets(those)).await?;
        let users = self.tenants.users();
        let facts: Vec<_> = users.iter().map(|it| it.facts()).collect();
        let those = users.iter().zip(&facts);
        let those = those.map(|(node, facts)| (node.id.as_str(), &node.meter, &facts.controls));
        self.load_many(Level::User, &with_budgets(those)).await?;
        let keys = keys.with_budgets();
        let those = keys
            .iter()
            .map(|entry| (entry.id(), entry.meter(), entry.controls()));
        self.load_many(Level::Key, &with_budgets(those)).await
    }

    /// Makes the budgets of somebody count, with what was spent in their periods already. To be
    /// called before the controls take effect.
    pub(crate) async fn load_budgets(
        &self,
        level: Level,
        id: &str,
        slot: &MeterSlot,
        controls: &Controls,
    ) -> Result<(), StoreError> {
        if controls.budgets.is_empty() {
            return Ok(());
        }
        self.load_many(level, &[(id, slot, controls)]).await
    }

    /// The same for many of one level: one question to the store for each period that runs.
    pub(crate) async fn load_many(
        &self,
        level: Level,
        of: &[(&str, &MeterSlot, &Controls)],
    ) -> Result<(), StoreError> {
        let mut wanted: HashMap<Timestamp, Vec<(&str, &Meter, &Budget)>> = HashMap::new();
        let now = self.now();
        for (id, slot, controls) in of {
            for budget in &controls.budgets {
                let meter = slot.get();
                if !meter.spend.counts(budget.period, &budget.zone) {
                    let window = self.clock.window(budget.period, &budget.zone, now);
                    let those = wanted.entry(window.start).or_default();
                    those.push((id, meter, budget));
                }
            }
        }
        for (start, those) in wanted {
            self.load(level, start, &those).await?;
        }
        Ok(())
    }

    /// One period. While the books are held, no page enters them; while the queue is held, no
    /// call is settled: what is in the one, on its way, or in the other is all that was spent.
    async fn load(
        &self,
        level: Level,
        start: Timestamp,
        those: &[(&str, &Meter, &Budget)],
    ) -> Result<(), StoreError> {
        let mut posted = self.posted.lock().await;
        self.checkpoint_with(&mut posted).await?;
        let of = match those {
            [(id, ..)] => Some((level, Box::from(*id))),
            _ => None,
        };
        let query = UsageQuery {
            of,
            from: (start.as_millis() != i64::MIN).then_some(start),
            by: vec![by(level)],
            ..UsageQuery::default()
        };
        let rows = self.store.usage(&query).await?;
        let mut spent: HashMap<&str, u64> = HashMap::new();
        for row in &rows {
            spent.insert(id_in(row, level), row.cost);
        }
        let queue = self.lock();
        let flying = queue.flying.iter().flat_map(|entries| entries.iter());
        for entry in flying.chain(&queue.entries) {
            add(&mut spent, entry, level, start);
        }
        for (id, meter, budget) in those {
            let window =
                self.clock
                    .window(budget.period, &budget.zone, start_or(start, self.now()));
            let spent = spent.get(id).copied().unwrap_or_default();
            meter
                .spend
                .begin(budget.period, &budget.zone, window, spent);
        }
        Ok(())
    }
}

/// Those who have any.
fn with_budgets<'a>(
    those: impl Iterator<Item = (&'a str, &'a MeterSlot, &'a Controls)>,
) -> Vec<(&'a str, &'a MeterSlot, &'a Controls)> {
    those
        .filter(|(_, _, controls)| !controls.budgets.is_empty())
        .collect()
}

/// A time within the period that begins here.
fn start_or(start: Timestamp, now: Timestamp) -> Timestamp {
    if start.as_millis() == i64::MIN {
        now
    } else {
        start
    }
}

fn add<'a>(spent: &mut HashMap<&'a str, u64>, entry: &'a Entry, level: Level, start: Timestamp) {
    let Kind::Settlement(settlement) = &entry.kind else {
        return;
    };
    if entry.at < start {
        return;
    }
    let cost = settlement.charged.saturating_add(settlement.shortfall);
    let sum = spent.entry(id_of(settlement, level)).or_default();
    *sum = sum.saturating_add(cost);
}

fn id_of(settlement: &Settlement, level: Level) -> &str {
    let payer = &settlement.payer;
    match level {
        Level::Key => payer.key.as_str(),
        Level::User => payer.user.as_ref().map_or("", |user| user.as_str()),
        Level::Team => payer.team.as_str(),
        Level::Organization => payer.organization.as_str(),
        Level::Model => &settlement.model,
        Level::Ip => "",
    }
}

fn id_in(row: &UsageRow, level: Level) -> &str {
    match level {
        Level::Key => &row.key,
        Level::User => &row.user,
        Level::Team => &row.team,
        Level::Organization => &row.organization,
        Level::Model => &row.model,
        Level::Ip => "",
    }
}

fn by(level: Level) -> UsageBy {
    match level {
        // Addresses have no budgets.
        Level::Key | Level::Ip => UsageBy::Key,
        Level::User => UsageBy::User,
        Level::Team => UsageBy::Team,
        Level::Organization => UsageBy::Organization,
        Level::Model => UsageBy::Model,
    }
}
