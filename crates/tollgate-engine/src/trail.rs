//! The attempts of one request, in order, whoever holds them when it ends.

use std::sync::Arc;
use std::time::Duration;

use tollgate_core::error::{AttemptRecord, Failure};

use crate::health::Permit;

/// The attempts that were made for a request. The first one, which most requests are done with,
/// costs no allocation.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    first: Option<AttemptRecord>,
    rest: Vec<AttemptRecord>,
    /// Whether an attempt is under way that is not among the records yet.
    under_way: u32,
    /// How long providers took in all.
    pub waited: Duration,
}

impl Trail {
    /// Every attempt that has ended, in the order of their ends.
    pub fn records(&self) -> impl Iterator<Item = &AttemptRecord> {
        self.first.iter().chain(&self.rest)
    }

    /// The last attempt that has ended.
    pub fn last(&self) -> Option<&AttemptRecord> {
        self.rest.last().or(self.first.as_ref())
    }

    /// How many attempts were made, those under way included.
    pub fn len(&self) -> u32 {
        let ended = usize::from(self.first.is_some()) + self.rest.len();
        u32::try_from(ended)
            .unwrap_or(u32::MAX)
            .saturating_add(self.under_way)
    }

    /// Whether no attempt was made.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An attempt begins. Noted before the wait: a caller may hang up, and the provider was asked
    /// all the same.
    pub(crate) fn begin(&mut self) {
        self.under_way += 1;
    }

    /// An attempt went well.
    pub(crate) fn succeed(&mut self, permit: &Permit) {
        self.end(permit, None, false);
    }

    /// An attempt failed.
    pub(crate) fn fail(&mut self, permit: &Permit, failure: &Failure) {
        self.end(permit, Some(failure), false);
    }

    /// An attempt was given up because another one was faster.
    pub(crate) fn cancel(&mut self, permit: &Permit) {
        self.end(permit, None, true);
    }

    /// Adds attempts that were made after the answer had begun.
    pub fn extend(&mut self, later: Vec<AttemptRecord>) {
        self.rest.extend(later);
    }

    fn end(&mut self, permit: &Permit, failure: Option<&Failure>, cancelled: bool) {
        self.under_way = self.under_way.saturating_sub(1);
        let target = permit.target();
        let good = (failure.is_none() && !cancelled).then_some(200);
        let record = AttemptRecord {
            connection: Arc::clone(&target.connection),
            model: Arc::clone(&target.model),
            code: failure.map(|failure| failure.code),
            cancelled,
            status: failure.map_or(good, |failure| failure.provider_status),
            duration: permit.age(),
        };
        if self.first.is_none() {
            self.first = Some(record);
        } else {
            self.rest.push(record);
        }
    }
}
