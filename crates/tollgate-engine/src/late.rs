//! Writes that take longer than anybody waits for them. One that is given up in the middle may
//! happen all the same, and then nobody knows what came of it. Where that must not be, the work
//! goes on as a [`Late`], and whoever waits for it is told that it will take longer.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

/// The longest that a write goes on which nobody waits for any longer.
const LONGEST: Duration = Duration::from_mins(5);

tokio::task_local! {
    static HERE: Late;
}

/// Work that goes on where the store is late.
#[derive(Clone, Debug, Default)]
pub struct Late(Arc<Notify>);

impl Late {
    /// The work that this is a part of, if that goes on.
    pub fn here() -> Option<Self> {
        HERE.try_with(Self::clone).ok()
    }

    /// Does work in which writes go on that are late.
    pub async fn work<T>(self, work: impl Future<Output = T>) -> T {
        HERE.scope(self, work).await
    }

    /// Resolves when something in the work is late.
    pub async fn told(&self) {
        self.0.notified().await;
    }
}

/// Waits for something of the store until its time is over. Within a [`Late`] that is told, and
/// the wait goes on, for minutes. Fails when that is over too, or without a [`Late`] at once; then
/// nobody knows what becomes of it.
pub async fn wait<T>(limit: Duration, write: impl Future<Output = T>) -> Result<T, Elapsed> {
    let mut write = pin!(write);
    let elapsed = match timeout(limit, &mut write).await {
        Ok(done) => return Ok(done),
        Err(elapsed) => elapsed,
    };
    let Some(Late(notify)) = Late::here() else {
        return Err(elapsed);
    };
    // Kept for whoever begins to wait for it later.
    notify.notify_one();
    timeout(LONGEST, write).await
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep_until};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(1);

    async fn takes(seconds: u64) -> &'static str {
        sleep_until(Instant::now() + Duration::from_secs(seconds)).await;
        "done"
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_late_goes_on_only_where_it_should_and_not_for_ever() {
        assert!(wait(LIMIT, takes(2)).await.is_err());
        assert_eq!(wait(LIMIT, takes(0)).await.unwrap(), "done");
        for (seconds, is_told, is_done) in [(0, false, true), (2, true, true), (600, true, false)] {
            let late = Late::default();
            let done = late.clone().work(wait(LIMIT, takes(seconds))).await;
            assert_eq!(done.is_ok(), is_done, "{seconds}");
            let told = timeout(Duration::ZERO, late.told()).await;
            assert_eq!(told.is_ok(), is_told, "{seconds}");
        }
    }
}
