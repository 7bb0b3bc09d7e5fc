//! The retry budget of one target: repeated attempts may add a fifth to its requests, and a few
//! each second beyond that, so that retries never become the storm that keeps a target down.

use crate::time::Moment;

/// Attempts that were not the first of their request may make up this share of the first ones…
pub const SHARE_PERCENT: u64 = 20;
/// …and this many a second beside it…
pub const FLOOR_PER_SECOND: u64 = 10;
/// …counted over this many seconds.
pub const WINDOW_SECONDS: u64 = 10;

/// A budget.
#[derive(Clone, Debug, Default)]
pub struct RetryBudget {}

impl RetryBudget {
    /// Notes the first attempt of a request.
    pub fn note_first(&mut self, now: Moment) {
        _ = now;
    }

    /// Takes a further attempt out of the budget. `false`, and counted as refused, if it is spent.
    pub fn take(&mut self, now: Moment) -> bool {
        _ = now;
        true
    }

    /// Whether a further attempt would be allowed. Changes nothing.
    pub fn allows(&self, now: Moment) -> bool {
        _ = now;
        true
    }

    /// How many attempts were refused since it was made.
    pub fn refused(&self) -> u64 {
        0
    }
}
