//! Compares what was used by the pages with the rows that the store keeps of it, a day at a time.

use std::collections::{BTreeMap, HashMap};

use tollgate_core::ledger::{PageHead, QUARTER_MS, Sum, Use, Verifier};
use tollgate_core::time::Timestamp;

use crate::port::{LedgerStore, StoreError, UsageBy, UsageQuery, UsageRow};

/// How much is compared at once.
const DAY_MS: i64 = 96 * QUARTER_MS;

/// How far it has come.
pub(super) enum Compared {
    /// Everything was compared.
    All,
    /// Another checkpoint was written meanwhile: the rest has to be compared with that one.
    Moved,
}

/// What has been compared.
#[derive(Default)]
pub(super) struct Usage {
    /// Everything before this, in milliseconds.
    until: Option<i64>,
}

type Name = [Box<str>; 5];

impl Usage {
    /// Compares what has not been compared yet. The pages must have been taken up to the
    /// checkpoint that stands behind `head`.
    pub(super) async fn compare<S: LedgerStore + ?Sized>(
        &mut self,
        store: &S,
        verifier: &mut Verifier,
        head: PageHead,
    ) -> Result<Compared, StoreError> {
        if verifier.head() != head {
            // Noted already; rows of other pages cannot be compared.
            return Ok(if verifier.head().number > head.number {
                Compared::Moved
            } else {
                Compared::All
            });
        }
        let mut days: BTreeMap<i64, HashMap<(i64, Name), Sum>> = BTreeMap::new();
        for (of, sum) in verifier.usage() {
            let quarter = of.quarter.as_millis();
            let start = quarter.div_euclid(DAY_MS).saturating_mul(DAY_MS);
            let day = days.entry(start).or_default();
            day.insert((quarter, name(of)), sum);
        }
        let none = HashMap::new();
        let mut windows = Vec::new();
        let mut from = None;
        for (start, mine) in &days {
            let end = start.saturating_add(DAY_MS);
            // Between the days on which something was used there is nothing.
            windows.push((from, Some(*start), &none));
            windows.push((Some(*start), Some(end), mine));
            from = Some(end);
        }
        windows.push((from, None, &none));
        for (from, to, mine) in windows {
            let is_empty = from.is_some() && from == to;
            let is_over = to.is_some() && to <= self.until;
            if is_empty || is_over {
                continue;
            }
            let window = Window { from, to, mine };
            match window.compare(store, verifier, head).await? {
                Compared::All => self.until = to,
                Compared::Moved => return Ok(Compared::Moved),
            }
        }
        Ok(Compared::All)
    }
}

/// A stretch of time, and what was used in it by the pages.
struct Window<'a> {
    from: Option<i64>,
    to: Option<i64>,
    mine: &'a HashMap<(i64, Name), Sum>,
}

impl Window<'_> {
    async fn compare<S: LedgerStore + ?Sized>(
        &self,
        store: &S,
        verifier: &mut Verifier,
        head: PageHead,
    ) -> Result<Compared, StoreError> {
        let query = UsageQuery {
            from: self.from.map(Timestamp::from_millis),
            to: self.to.map(Timestamp::from_millis),
            by: vec![
                UsageBy::Quarter,
                UsageBy::Organization,
                UsageBy::Team,
                UsageBy::User,
                UsageBy::Key,
                UsageBy::Model,
            ],
            ..UsageQuery::default()
        };
        let rows = store.usage(&query).await?;
        if store.checkpoint().await?.head != head {
            return Ok(Compared::Moved);
        }
        let mut noted: HashMap<(i64, Name), Sum> = HashMap::with_capacity(rows.len());
        for row in rows {
            let (key, sum) = named(row);
            noted.insert(key, sum);
        }
        let mut found = Vec::new();
        for (key, sum) in self.mine {
            let there = noted.remove(key).unwrap_or_default();
            if there != *sum {
                found.push(difference(key, sum, &there));
            }
        }
        let beside = noted.iter().filter(|(_, sum)| **sum != Sum::default());
        found.extend(beside.map(|(key, sum)| difference(key, &Sum::default(), sum)));
        found.sort();
        for what in found {
            verifier.note(head.number, what);
        }
        Ok(Compared::All)
    }
}

fn name(of: Use<'_>) -> Name {
    let user = of.payer.user.as_ref().map_or("", |user| user.as_str());
    [
        of.payer.organization.as_str().into(),
        of.payer.team.as_str().into(),
        user.into(),
        of.payer.key.as_str().into(),
        of.model.into(),
    ]
}

fn named(row: UsageRow) -> ((i64, Name), Sum) {
    let sum = Sum {
        calls: row.calls,
        prompt: row.prompt,
        completion: row.completion,
        cost: row.cost,
    };
    let name = [row.organization, row.team, row.user, row.key, row.model];
    ((row.quarter.as_millis(), name), sum)
}

fn difference((quarter, name): &(i64, Name), mine: &Sum, noted: &Sum) -> String {
    let [_, team, _, key, model] = name;
    let at = Timestamp::from_millis(*quarter).to_rfc3339();
    format!(
        "The key {key} of the team {team} at {model} from {at} on: the entries come to {} calls \
         for {} nano-USD, and {} for {} are noted.",
        mine.calls, mine.cost, noted.calls, noted.cost
    )
}
