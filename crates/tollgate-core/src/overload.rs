//! How many requests may be under way at once before everything becomes slow: a fixed bound, and
//! one that follows how late the process itself is. Nothing here reads a clock.

use std::collections::VecDeque;
use std::time::Duration;

use crate::key::Priority;

/// How far apart samples are taken.
pub const INTERVAL: Duration = Duration::from_millis(25);
/// Over how long the lag is judged.
const WINDOW: Duration = Duration::from_secs(1);
/// The fewest samples that are judged: one long pause of the machine is not a lasting overload.
const FEWEST: usize = 5;

/// When requests are shed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The most requests under way, however well the process does. `None`: as many as come.
    pub parallel: Option<u32>,
    /// How late the process may be. Zero: no bound follows it.
    pub lag: Duration,
    /// The bound that follows the lag is never below this.
    pub least_parallel: u32,
}

impl Rules {
    /// Nothing is shed.
    pub const NONE: Self = Self {
        parallel: None,
        lag: Duration::ZERO,
        least_parallel: 256,
    };
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            lag: Duration::from_millis(100),
            ..Self::NONE
        }
    }
}

/// How many requests may be under way for one of this priority to come in, where `limit` may be in
/// all: the lower priorities leave room for the higher ones. Rounded up, so that a small limit
/// still lets everybody in.
pub const fn share(priority: Priority, limit: u32) -> u32 {
    let percent = match priority {
        Priority::Low => 80,
        Priority::Normal => 95,
        Priority::High => return limit,
    };
    // Without the product of both, which may not fit.
    let (hundreds, rest) = (limit / 100, limit % 100);
    hundreds * percent + (rest * percent).div_ceil(100)
}

/// The bound that follows the lag: how late a timer wakes, which is how long whatever is ready to
/// go on waits for its turn.
#[derive(Clone, Debug, Default)]
pub struct AdaptiveLimit {
    /// The samples of the window, the latest last.
    lags: VecDeque<Duration>,
    /// How many samples were taken since the last cut: the ones before it say nothing of what it
    /// did.
    since_cut: usize,
    limit: Option<u32>,
    /// How many were under way when there came to be a limit.
    broke_at: u32,
}

impl AdaptiveLimit {
    /// Takes a sample: how late the process was, and how many requests were under way.
    pub fn note(&mut self, rules: &Rules, lag: Duration, under_way: u32) {
        self.lags.push_back(lag);
        self.since_cut = self.since_cut.saturating_add(1);
        self.forget();
        if rules.lag.is_zero() {
            self.limit = None;
        } else if self.since_cut >= FEWEST {
            let lag = median(self.lags.iter().rev().take(self.since_cut));
            if lag > rules.lag {
                self.cut(rules, lag, under_way);
            } else {
                self.grow(under_way);
            }
        }
    }

    /// How many requests may be under way by these rules; `None`: as many as come.
    pub fn limit(&self, rules: &Rules) -> Option<u32> {
        match (self.limit, rules.parallel) {
            (Some(follows), Some(fixed)) => Some(follows.min(fixed)),
            (limit, None) | (None, limit) => limit,
        }
    }

    /// How late the process is: the median of the window.
    pub fn lag(&self) -> Duration {
        median(self.lags.iter())
    }

    /// Drops the samples that are older than the window. The time between two is the interval and
    /// by how much the later one was late.
    fn forget(&mut self) {
        let mut covered: Duration = self.lags.iter().map(|lag| INTERVAL + *lag).sum();
        while let Some(oldest) = self.lags.front()
            && self.lags.len() > FEWEST
        {
            covered = covered.saturating_sub(INTERVAL + *oldest);
            if covered < WINDOW {
                break;
            }
            self.lags.pop_front();
        }
    }

    /// The process is too late by the factor of both lags, and so were too many under way. Goes
    /// half of the way there, which never cuts by more than half.
    fn cut(&mut self, rules: &Rules, lag: Duration, under_way: u32) {
        let now = if let Some(limit) = self.limit {
            limit.min(under_way)
        } else {
            self.broke_at = under_way;
            under_way
        };
        let fitting = u128::from(under_way) * rules.lag.as_nanos() / lag.as_nanos().max(1);
        let fitting = u32::try_from(fitting).unwrap_or(u32::MAX).min(now);
        self.limit = Some(now.midpoint(fitting).max(rules.least_parallel));
        self.since_cut = 0;
    }

    /// The process does well. The limit goes as soon as it binds nobody and lets in as many again
    /// as there were when it came.
    fn grow(&mut self, under_way: u32) {
        let bound = self.broke_at.max(under_way.saturating_mul(2));
        self.limit = self
            .limit
            .map(|limit| limit.saturating_add(limit.isqrt().max(1)))
            .filter(|limit| *limit < bound);
    }
}

/// The middle one; the higher one of two. Zero of none.
fn median<'a>(lags: impl Iterator<Item = &'a Duration>) -> Duration {
    let mut lags: Vec<_> = lags.copied().collect();
    lags.sort_unstable();
    lags.get(lags.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
