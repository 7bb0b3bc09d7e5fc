//! The system's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tollgate_core::budget::{Period, Window};
use tollgate_core::time::Timestamp;
use tollgate_engine::port::{BoxFuture, Clock};

use crate::calendar;

/// Time as the system tells it.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn window(&self, period: Period, zone: &str, at: Timestamp) -> Window {
        calendar::window(period, zone, at)
    }

    fn is_zone(&self, name: &str) -> bool {
        calendar::is_zone(name)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep_until(
            tokio::time::Instant::now() + duration,
        ))
    }
}
