//! Stands for the outside in tests: a store in memory and a clock that is set by hand.

mod script;
mod store;
mod vault;
mod world;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tollgate_core::budget::{Period, Window};
use tollgate_core::error::{Code, Failure};
use tollgate_core::time::Timestamp;

use crate::engine::Ticker;
use crate::health::{Permit, Wanted};
use crate::port::{BoxFuture, Clock};
use crate::routes::Route;
use crate::trail::Trail;

pub use script::{Act, Scene, Script, Seen};
pub use store::{MemoryStore, NewJobs};
pub use vault::ToyVault;
pub use world::{World, call, caller, member, model};

/// A place at the first target of a route.
///
/// # Panics
/// If something stands in the way.
#[expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "for tests only"
)]
pub fn permit(route: &Arc<Route>) -> Permit {
    let wanted = Wanted {
        tokens: 0,
        first: true,
        stream: false,
    };
    Permit::take(route, &route.targets[0], wanted, Ticker::start())
        .expect("nothing stands in the way")
}

/// How an attempt ends in a [`trail`].
pub enum Ending {
    /// Well.
    Good,
    /// Well at first: its stream broke.
    Broken(Code),
    /// With a failure.
    Failed(Failure),
    /// Another one was faster.
    Cancelled,
    /// Not at all: the caller hung up.
    Never,
}

/// The trail of attempts that ended like this, one after the other.
pub fn trail(attempts: &[(&Permit, Ending)]) -> Trail {
    let mut trail = Trail::default();
    for (permit, ending) in attempts {
        trail.begin(permit);
        match ending {
            Ending::Good => trail.succeed(permit),
            Ending::Broken(code) => {
                trail.succeed(permit);
                trail.break_off(*code);
            }
            Ending::Failed(failure) => trail.fail(permit, failure),
            Ending::Cancelled => trail.cancel(permit),
            Ending::Never => {}
        }
    }
    trail
}

/// A clock that stands still until it is moved.
pub struct ManualClock(watch::Sender<Timestamp>);

impl ManualClock {
    /// A clock that shows this time.
    pub fn new(now: Timestamp) -> Self {
        Self(watch::Sender::new(now))
    }

    /// Moves the clock; whoever sleeps until then wakes up.
    pub fn advance(&self, duration: Duration) {
        self.0.send_modify(|now| *now = now.after(duration));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    /// By the calendar of UTC, whatever the zone; months have thirty days, counted from the epoch.
    fn window(&self, period: Period, _zone: &str, at: Timestamp) -> Window {
        const DAY: i64 = 24 * 60 * 60 * 1000;
        let length = match period {
            Period::Daily => DAY,
            // The epoch was a Thursday.
            Period::Weekly => 7 * DAY,
            Period::Monthly => 30 * DAY,
            Period::Total => return Window::ALWAYS,
        };
        let start = at.as_millis().div_euclid(length) * length;
        Window {
            start: Timestamp::from_millis(start),
            end: Timestamp::from_millis(start + length),
        }
    }

    fn is_zone(&self, name: &str) -> bool {
        !name.is_empty()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let end = self.now().after(duration);
        let mut time = self.0.subscribe();
        Box::pin(async move {
            if time.wait_for(|now| *now >= end).await.is_err() {
                // The clock is gone and will never move again.
                std::future::pending::<()>().await;
            }
        })
    }
}

/// Bytes that differ from call to call and are the same in every run of a process that makes the
/// same calls in the same order. Not random: for tests only.
pub fn counting_entropy(bytes: &mut [u8]) -> io::Result<()> {
    static STEP: AtomicU64 = AtomicU64::new(1);
    for byte in bytes {
        let step = STEP
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let [.., last] = (step ^ (step >> 29))
            .wrapping_mul(0xbf58_476d_1ce4_e5b9)
            .to_le_bytes();
        *byte = last;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn sleepers_wake_when_the_clock_reaches_their_time() {
        let clock = ManualClock::new(Timestamp::from_millis(0));
        let mut sleep = clock.sleep(Duration::from_secs(1));
        let mut context = Context::from_waker(Waker::noop());
        clock.advance(Duration::from_millis(999));
        assert!(sleep.as_mut().poll(&mut context).is_pending());
        clock.advance(Duration::from_millis(1));
        assert!(sleep.as_mut().poll(&mut context).is_ready());
    }
}
