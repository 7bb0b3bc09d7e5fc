//! Says no before everything becomes slow: a bound on requests under way that follows how late
//! the process itself is.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tollgate_core::error::{Code, Failure};
use tollgate_core::key::Priority;
use tollgate_core::overload::{AdaptiveLimit, INTERVAL, Rules, share};

use crate::dice;
use crate::sync::Mutex;

/// Stands for a limit that nobody reaches.
const UNLIMITED: u32 = u32::MAX;

/// From this lag on, timeouts may be the process's own.
const LATE: Duration = Duration::from_millis(250);

/// The guard in front of all calls. Without rules it lets everybody in.
#[derive(Debug)]
pub struct Overload {
    under_way: AtomicU32,
    /// What `control` gave last, for whoever must not wait for its lock.
    limit: AtomicU32,
    low: AtomicU64,
    normal: AtomicU64,
    high: AtomicU64,
    control: Mutex<Control>,
}

#[derive(Debug)]
struct Control {
    rules: Rules,
    adaptive: AdaptiveLimit,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            rules: Rules::NONE,
            adaptive: AdaptiveLimit::default(),
        }
    }
}

/// A place among the requests under way. Dropping it gives it back.
#[derive(Debug)]
pub struct Place(Arc<Overload>);

/// What can be read of the guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverloadReading {
    /// The requests under way.
    pub under_way: u32,
    /// How many may be; `None`: as many as come.
    pub limit: Option<u32>,
    /// How late the process was in the last second.
    pub lag: Duration,
    /// How many requests of each priority were shed since the start.
    pub shed: [(Priority, u64); 3],
}

impl Default for Overload {
    fn default() -> Self {
        Self {
            under_way: AtomicU32::new(0),
            limit: AtomicU32::new(UNLIMITED),
            low: AtomicU64::new(0),
            normal: AtomicU64::new(0),
            high: AtomicU64::new(0),
            control: Mutex::default(),
        }
    }
}

impl Overload {
    /// Takes a place for a request of this priority. Fails with `overloaded` if there is none.
    pub fn enter(self: &Arc<Self>, priority: Priority) -> Result<Place, Failure> {
        // These counters stand for nothing but themselves, so that no order is needed.
        let limit = self.limit.load(Ordering::Relaxed);
        let entered = if limit == UNLIMITED {
            self.under_way.fetch_add(1, Ordering::Relaxed);
            true
        } else {
            let share = share(priority, limit);
            let enter = |under_way| (under_way < share).then(|| under_way + 1);
            self.under_way
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter)
                .is_ok()
        };
        if entered {
            Ok(Place(Arc::clone(self)))
        } else {
            let number = self.shed(priority).fetch_add(1, Ordering::Relaxed);
            Err(refusal(priority, number))
        }
    }

    /// Takes other rules into use, at once.
    pub fn set_rules(&self, rules: Rules) {
        let mut control = self.control.lock();
        control.rules = rules;
        self.publish(&control);
    }

    /// What can be read of it.
    pub fn reading(&self) -> OverloadReading {
        let shed = |priority| (priority, self.shed(priority).load(Ordering::Relaxed));
        let control = self.control.lock();
        OverloadReading {
            under_way: self.under_way.load(Ordering::Relaxed),
            limit: control.adaptive.limit(&control.rules),
            lag: control.adaptive.lag(),
            shed: [Priority::Low, Priority::Normal, Priority::High].map(shed),
        }
    }

    /// Whether a timeout may be our own: a process that is late comes too late to what has arrived.
    pub(crate) fn may_be_to_blame_for(&self, failure: &Failure) -> bool {
        failure.code == Code::ProviderTimeout && self.control.lock().adaptive.lag() >= LATE
    }

    /// Measures how late the process is, and lets the limit follow, until `ended`. Whoever owns
    /// the process runs one of these.
    pub async fn watch(self: Arc<Self>, ended: impl Future<Output = ()>) {
        let mut ended = pin!(ended);
        loop {
            let due = Instant::now() + INTERVAL;
            tokio::select! {
                biased;
                () = &mut ended => return,
                () = sleep_until(due) => {}
            }
            self.note(Instant::now().saturating_duration_since(due));
        }
    }

    pub(crate) fn note(&self, lag: Duration) {
        let mut control = self.control.lock();
        let Control { rules, adaptive } = &mut *control;
        // The fixed bound is no news.
        let follows = Rules {
            parallel: None,
            ..*rules
        };
        let before = adaptive.limit(&follows);
        adaptive.note(rules, lag, self.under_way.load(Ordering::Relaxed));
        let limit = adaptive.limit(&follows);
        let lag_ms = u64::try_from(adaptive.lag().as_millis()).unwrap_or(u64::MAX);
        match (before, limit) {
            (None, Some(limit)) => tracing::warn!(
                lag_ms,
                limit,
                "the process is late: requests under way are limited"
            ),
            (Some(_), None) => {
                tracing::info!(lag_ms, "the process is in time again: the limit is gone");
            }
            (None, None) | (Some(_), Some(_)) => {}
        }
        self.publish(&control);
    }

    /// Under the lock of `control`, so that an old limit never comes after a new one.
    fn publish(&self, control: &Control) {
        let limit = control.adaptive.limit(&control.rules);
        self.limit
            .store(limit.unwrap_or(UNLIMITED), Ordering::Relaxed);
    }

    fn shed(&self, priority: Priority) -> &AtomicU64 {
        match priority {
            Priority::Low => &self.low,
            Priority::Normal => &self.normal,
            Priority::High => &self.high,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Tells a caller to come back in one to two seconds, each at another time, so that those who are
/// shed together do not return together.
fn refusal(priority: Priority, number: u64) -> Failure {
    let wait = Duration::from_millis(1000 + dice::mix(number) % 1000);
    let advice = match priority {
        Priority::Low => "Keys of low priority are refused first. Wait 2 seconds and ask again.",
        Priority::Normal | Priority::High => "Wait 2 seconds and ask again.",
    };
    Failure::gateway(Code::Overloaded)
        .message(format!(
            "The gateway has more to do than it can, so it has not begun with this request. \
             {advice}"
        ))
        .retry_after(wait)
}

#[cfg(test)]
mod tests;
