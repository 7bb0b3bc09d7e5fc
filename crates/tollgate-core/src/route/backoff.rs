//! How long a target is left alone before it is asked again for the same request.

use std::time::Duration;

/// Waits that grow from try to try, spread by chance so that requests that failed together do not
/// come back together. By default 1 s, doubled each time, at most 32 s, ±25 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first wait.
    pub first: Duration,
    /// What each further wait is multiplied by.
    pub factor: u32,
    /// The longest wait, before it is spread.
    pub longest: Duration,
    /// How far a wait is spread to both sides, in percent.
    pub jitter_percent: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            factor: 2,
            longest: Duration::from_secs(32),
            jitter_percent: 25,
        }
    }
}

impl Backoff {
    /// The wait after the `failures`-th failure (1 is the first). `chance` is any number, evenly
    /// drawn.
    pub fn wait(&self, failures: u32, chance: u64) -> Duration {
        let times = u128::from(self.factor.max(1)).saturating_pow(failures.saturating_sub(1));
        let wait = self.first.as_nanos().saturating_mul(times);
        // Five hundred years are enough for anybody, and leave room for the product below.
        let longest = self.longest.as_nanos().min(u128::from(u64::MAX));
        let wait = wait.min(longest);
        let spread = wait * u128::from(self.jitter_percent.min(100)) / 100;
        // Chance as a fraction of 2^64, times twice the spread.
        let offset = (spread * u128::from(chance)) >> 63;
        let nanos = wait - spread + offset;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests;
