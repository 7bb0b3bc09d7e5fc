//! The retry budget of one target: repeated attempts may add a fifth to its requests, and a few
//! each second beyond that, so that retries never become the storm that keeps a target down.

use super::ring::Ring;
use crate::time::Moment;

/// Attempts that were not the first of their request may make up this share of the first ones…
pub const SHARE_PERCENT: u64 = 20;
/// …and this many a second beside it…
pub const FLOOR_PER_SECOND: u64 = 10;
/// …counted over this many seconds.
pub const WINDOW_SECONDS: u64 = 10;

const NANOS_PER_SECOND: u64 = 1_000_000_000;
/// One bucket more than the window has seconds: see [`RetryBudget::allows`].
const BUCKETS: usize = WINDOW_SECONDS as usize + 1;

/// A budget.
#[derive(Clone, Debug, Default)]
pub struct RetryBudget {
    /// First attempts and further ones by the second.
    ring: Ring<BUCKETS>,
    refused: u64,
}

impl RetryBudget {
    /// Notes the first attempt of a request.
    pub fn note_first(&mut self, now: Moment) {
        self.ring.add(second(now), (1, 0));
    }

    /// Takes a further attempt out of the budget. `false`, and counted as refused, if it is spent.
    pub fn take(&mut self, now: Moment) -> bool {
        let allowed = self.allows(now);
        if allowed {
            self.ring.add(second(now), (0, 1));
        } else {
            self.refused = self.refused.saturating_add(1);
        }
        allowed
    }

    /// Whether a further attempt would be allowed. Changes nothing.
    pub fn allows(&self, now: Moment) -> bool {
        let second = second(now);
        // The window begins within a bucket. All of that one's further attempts count and none of
        // its first ones, so that the bound holds for the true window, not only about.
        let (_, further) = self.ring.since(second.saturating_sub(WINDOW_SECONDS));
        let (first, _) = self.ring.since(second.saturating_sub(WINDOW_SECONDS - 1));
        let floor = FLOOR_PER_SECOND * WINDOW_SECONDS;
        // Against the count after this attempt, in hundredths.
        (u64::from(further) + 1) * 100 <= u64::from(first) * SHARE_PERCENT + floor * 100
    }

    /// How many attempts were refused since it was made.
    pub fn refused(&self) -> u64 {
        self.refused
    }
}

fn second(now: Moment) -> u64 {
    now.as_nanos() / NANOS_PER_SECOND
}

#[cfg(test)]
mod tests;
