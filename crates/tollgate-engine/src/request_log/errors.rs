//! What went wrong, counted by what it was and by day.

use std::collections::BTreeMap;
use std::sync::Arc;

use tollgate_core::request_log::{Filter, Index, Meets, Rows};
use tollgate_core::time::Timestamp;

use super::search::{Search, Spot, damaged};
use super::{RequestLog, SearchError};

const DAY: i64 = 24 * 60 * 60 * 1000;

/// What went wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errors {
    /// Each kind, the most frequent first.
    pub rows: Vec<ErrorRow>,
    /// Calls in all and those that went wrong, by the day (UTC) on which they ended, counted from
    /// the epoch.
    pub days: BTreeMap<i64, (u64, u64)>,
    /// Whether these are all rows; otherwise the newest.
    pub is_complete: bool,
}

/// One kind of failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorRow {
    /// The code of the catalogue, or `client_closed`.
    pub code: Arc<str>,
    /// The status of the answer.
    pub status: u16,
    /// How often.
    pub count: u64,
    /// When it was seen last.
    pub last: Timestamp,
}

/// Kinds, each with how often it was seen and where last.
type Kinds = BTreeMap<(u16, Arc<str>), (u64, Spot)>;

impl RequestLog {
    /// Counts what went wrong among the rows that a filter wants.
    pub async fn errors(&self, filter: &Filter) -> Result<Errors, SearchError> {
        let mut search = self.search(filter).await?;
        let (mut errors, mut kinds) = (Errors::default(), Kinds::new());
        errors.is_complete = true;
        for position in 0..search.items.len() {
            if !search.count(position, &mut errors, &mut kinds).await? {
                errors.is_complete = false;
                break;
            }
        }
        for ((status, code), (count, (item, place))) in kinds {
            let segment = search.segment(&item).await?;
            let rows = segment.as_ref().map(|segment| Rows::read(&segment.rows));
            let rows = rows.transpose().map_err(damaged)?;
            errors.rows.push(ErrorRow {
                code,
                status,
                count,
                last: rows.map_or(item.summary.to, |rows| rows.at(place)),
            });
        }
        errors.rows.sort_by_key(|row| std::cmp::Reverse(row.count));
        Ok(errors)
    }
}

impl Search<'_> {
    /// Counts in one segment. `false` when the time is over.
    async fn count(
        &mut self,
        position: usize,
        errors: &mut Errors,
        kinds: &mut Kinds,
    ) -> Result<bool, SearchError> {
        let Some(item) = self.items.get(position).map(Arc::clone) else {
            return Ok(false);
        };
        let day = |at: Timestamp| at.as_millis().div_euclid(DAY);
        let is_of_one_day = day(item.summary.from) == day(item.summary.to);
        if let Meets::Exactly(count) = item.summary.meets(&self.filter) {
            let is_all = count == item.summary.count;
            if count == 0 {
                return Ok(true);
            }
            if is_all && is_of_one_day && item.summary.good == count {
                let of_day = errors.days.entry(day(item.summary.to));
                of_day.or_default().0 += u64::from(count);
                return Ok(true);
            }
        }
        let Some(places) = self.places(position).await? else {
            return Ok(false);
        };
        let Some(bytes) = self.index(position).await? else {
            return Ok(false);
        };
        let segment = if is_of_one_day {
            None
        } else {
            self.segment(&item).await?
        };
        let rows = segment.as_ref().map(|segment| Rows::read(&segment.rows));
        let rows = rows.transpose().map_err(damaged)?;
        let index = Index::read(&bytes, &item.summary).map_err(damaged)?;
        for place in places.into_iter().rev() {
            let at = rows.as_ref().map_or(item.summary.to, |rows| rows.at(place));
            let of_day = errors.days.entry(day(at)).or_default();
            of_day.0 += 1;
            let outcome = index.outcome(place).map_err(damaged)?;
            if outcome.is_good() {
                continue;
            }
            of_day.1 += 1;
            let kind = (outcome.status, Arc::clone(&outcome.code));
            let spot = || (0, (Arc::clone(&item), place));
            kinds.entry(kind).or_insert_with(spot).0 += 1;
        }
        Ok(true)
    }
}
