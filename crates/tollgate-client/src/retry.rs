//! Whether a request is sent again, and after which wait.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::failure::Error;

/// How often and how patiently a request is sent again.
///
/// What the gateway says (`x-should-retry`, `retry-after`) goes before what is set here.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    /// How often a request is sent at most, the first time included.
    pub attempts: u32,
    /// How often at most after status 500, the first time included.
    pub attempts_at_500: u32,
    /// The first wait.
    pub base: Duration,
    /// What each wait is multiplied with for the next.
    pub factor: f64,
    /// The longest wait of this client's own choice.
    pub longest: Duration,
    /// The share of a wait by which chance makes it longer or shorter.
    pub jitter: f64,
    /// The longest wait that a server may ask for; a longer one is left to the caller.
    pub patience: Duration,
    /// What the timeout is multiplied with after a timeout.
    pub more_time: f64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 5,
            attempts_at_500: 4,
            base: Duration::from_secs(1),
            factor: 2.0,
            longest: Duration::from_secs(32),
            jitter: 0.25,
            patience: Duration::from_mins(2),
            more_time: 1.5,
        }
    }
}

impl RetryPolicy {
    /// Sends every request once.
    pub fn never() -> Self {
        Self {
            attempts: 1,
            ..Self::default()
        }
    }

    /// How long to wait before the next attempt; `None` to give up. `attempt` is how often the
    /// request was sent, `chance` is from 0 to 1.
    pub fn wait(&self, error: &Error, attempt: u32, chance: f64) -> Option<Duration> {
        let most = match error.status {
            Some(500) => self.attempts.min(self.attempts_at_500),
            _ => self.attempts,
        };
        if !error.retryable || attempt >= most {
            return None;
        }
        if let Some(asked) = error.retry_after {
            return (asked <= self.patience).then_some(asked);
        }
        // The exponent is bounded because numbers overflow long before the longest wait matters.
        let exponent = i32::try_from(attempt.saturating_sub(1).min(64)).unwrap_or_default();
        let wait = self.base.as_secs_f64() * self.factor.powi(exponent);
        let wait = wait.min(self.longest.as_secs_f64());
        let wait = wait * (1.0 + self.jitter * (2.0 * chance - 1.0));
        Some(Duration::try_from_secs_f64(wait).unwrap_or(self.longest))
    }
}

/// Who is told that a request is sent again.
#[derive(Clone)]
pub(crate) struct Watcher(Arc<Told>);

type Told = dyn Fn(&Error, Duration) + Send + Sync;

impl Watcher {
    pub(crate) fn new(told: impl Fn(&Error, Duration) + Send + Sync + 'static) -> Self {
        Self(Arc::new(told))
    }

    pub(crate) fn tell(&self, error: &Error, wait: Duration) {
        (self.0)(error, wait);
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Watcher")
    }
}
