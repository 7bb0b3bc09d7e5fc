//! Time and chance, which tests replace.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime};

/// The moment that all clocks count from, so that clients with one breaker mean the same times.
static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A wait.
pub type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;

type Source<T> = Arc<dyn Fn() -> T + Send + Sync>;

/// Where a client has its time from, how it waits, and what it rolls dice with.
#[derive(Clone)]
pub struct Clock {
    /// The time since some moment; never goes back.
    pub monotonic: Source<Duration>,
    /// The time of the world.
    pub wall: Source<SystemTime>,
    /// Waits.
    pub sleep: Arc<dyn Fn(Duration) -> Wait + Send + Sync>,
    /// Anything from 0 up to, but not including, 1.
    pub random: Source<f64>,
}

impl Default for Clock {
    /// The system's.
    fn default() -> Self {
        Self {
            monotonic: Arc::new(|| BEGIN.elapsed()),
            wall: Arc::new(SystemTime::now),
            sleep: Arc::new(|duration| {
                let until = tokio::time::Instant::now() + duration;
                Box::pin(tokio::time::sleep_until(until))
            }),
            random: Arc::new(random),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Clock")
    }
}

fn random() -> f64 {
    // Where the system has no chance to give, waits are as they would be without it.
    let number = getrandom::u32().unwrap_or(u32::MAX / 2);
    f64::from(number) / (f64::from(u32::MAX) + 1.0)
}
