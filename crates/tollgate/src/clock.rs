//! The system's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tollgate_core::time::Timestamp;
use tollgate_engine::port::{BoxFuture, Clock};

/// Time as the system tells it.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep_until(
            tokio::time::Instant::now() + duration,
        ))
    }
}
