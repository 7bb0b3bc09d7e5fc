//! Sums over rows: by model, and in all.

use std::collections::BTreeMap;
use std::sync::Arc;

use tollgate_core::request_log::{Figures, Filter, Index, Meets, OK, Rows, Segment, SegmentError};

use super::search::{Search, damaged};
use super::{RequestLog, SearchError};

/// How many segments are read for sums: those of the newest million of rows.
const MOST_SEGMENTS: usize = 256;

/// Sums over rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Rows.
    pub calls: u64,
    /// Those among them that were answered well.
    pub good: u64,
    /// Tokens of prompts.
    pub prompt: u64,
    /// Tokens of answers.
    pub completion: u64,
    /// What callers paid, in nano-USD.
    pub cost: u64,
    /// How long they took together, in microseconds.
    pub duration_us: u64,
    /// How many were streams that began.
    pub begun: u64,
    /// How long those took to begin together, in microseconds.
    pub first_byte_us: u64,
}

/// Sums over the rows that a filter wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// All of them.
    pub all: Sums,
    /// By model and provider.
    pub models: BTreeMap<(Arc<str>, Arc<str>), Sums>,
    /// Whether these are all rows; otherwise the newest.
    pub is_complete: bool,
}

impl Sums {
    fn add(&mut self, figures: &Figures, is_good: bool) {
        let usage = figures.usage.unwrap_or_default();
        self.calls += 1;
        self.good += u64::from(is_good);
        self.prompt = self.prompt.saturating_add(usage.prompt);
        self.completion = self.completion.saturating_add(usage.completion);
        self.cost = self.cost.saturating_add(figures.cost);
        self.duration_us = self.duration_us.saturating_add(figures.duration_us);
        if let Some(us) = figures.first_byte_us {
            self.begun += 1;
            self.first_byte_us = self.first_byte_us.saturating_add(us);
        }
    }

    fn join(&mut self, other: &Self) {
        self.calls += other.calls;
        self.good += other.good;
        self.prompt = self.prompt.saturating_add(other.prompt);
        self.completion = self.completion.saturating_add(other.completion);
        self.cost = self.cost.saturating_add(other.cost);
        self.duration_us = self.duration_us.saturating_add(other.duration_us);
        self.begun += other.begun;
        self.first_byte_us = self.first_byte_us.saturating_add(other.first_byte_us);
    }

    /// The mean duration in milliseconds; `None` without rows.
    pub fn mean_ms(&self) -> Option<u64> {
        self.duration_us.checked_div(self.calls).map(|us| us / 1000)
    }

    /// The mean time to the first byte of streams in milliseconds; `None` without streams.
    pub fn mean_first_byte_ms(&self) -> Option<u64> {
        self.first_byte_us
            .checked_div(self.begun)
            .map(|us| us / 1000)
    }
}

impl RequestLog {
    /// Adds up the rows that a filter wants, as many as are looked through: the newest.
    pub async fn stats(&self, filter: &Filter) -> Result<Stats, SearchError> {
        let mut search = self.search(filter).await?;
        let mut stats = Stats::default();
        let mut read = 0;
        for position in 0..search.items.len() {
            let Some(item) = search.items.get(position).map(Arc::clone) else {
                break;
            };
            if item.summary.meets(&search.filter) == Meets::Exactly(0) {
                continue;
            }
            if read >= MOST_SEGMENTS {
                return Ok(stats);
            }
            let Some(places) = search.places(position).await? else {
                return Ok(stats);
            };
            if places.is_empty() {
                continue;
            }
            read += 1;
            // One that has gone since is too old, or counted elsewhere by the next search.
            let Some(segment) = search.segment(&item).await? else {
                continue;
            };
            stats
                .add(&segment, &search, (position, &places))
                .map_err(damaged)?;
        }
        stats.is_complete = true;
        Ok(stats)
    }
}

impl Stats {
    fn add(
        &mut self,
        segment: &Segment,
        search: &Search<'_>,
        (position, places): (usize, &[usize]),
    ) -> Result<(), SegmentError> {
        let Some(item) = search.items.get(position) else {
            return Ok(());
        };
        let index = Index::read(&segment.summary, &item.summary)?;
        let rows = Rows::read(&segment.rows)?;
        // Texts are read once for each target, not for each row.
        let mut sums: BTreeMap<usize, (usize, Sums)> = BTreeMap::new();
        for place in places {
            let is_good = &*index.outcome(*place)?.code == OK;
            let (_, sum) = sums
                .entry(index.target(*place))
                .or_insert((*place, Sums::default()));
            sum.add(&rows.figures(*place), is_good);
        }
        for (place, sum) in sums.values() {
            let what = rows.what(&index, *place)?;
            self.all.join(sum);
            let model = self.models.entry((what.model, what.provider));
            model.or_default().join(sum);
        }
        Ok(())
    }
}
