//! Keeps order among the segments that are written: forgets those whose time is over, and puts
//! small neighbours together.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::timeout;
use tollgate_core::request_log::Segment;
use tollgate_core::time::Timestamp;

use super::RequestLog;
use super::plan::{Size, plan};
use crate::port::StoreError;

/// How many of the newest segments are looked at for small ones.
const NEWEST: usize = 512;
/// The longest that a step may take; what does not go now goes later.
const LONGEST_STEP: Duration = Duration::from_secs(10);
/// How often segments are forgotten, in milliseconds.
const FORGET_EVERY: i64 = 10 * 60 * 1000;

impl RequestLog {
    /// Does what there is to do. A failure is no harm: it is tried again.
    pub(super) async fn keep_order(&self) {
        if !self.is_loaded.load(Ordering::Acquire) {
            return;
        }
        if let Err(error) = self.forget_old().await {
            tracing::warn!(%error, "old segments of the request log could not be forgotten");
        }
        match timeout(LONGEST_STEP, self.put_together()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "segments of the request log could not be merged");
            }
            Err(_) => tracing::warn!("segments of the request log could not be merged in time"),
        }
    }

    /// Forgets what is older than is to be kept, now and then.
    async fn forget_old(&self) -> Result<(), StoreError> {
        let now = self.clock.now().as_millis();
        let due = self.forget_at_ms.load(Ordering::Relaxed);
        if now < due {
            return Ok(());
        }
        let before = self.oldest();
        // Those in the store first: what is forgotten here only is there again at the next start.
        let forgotten = timeout(LONGEST_STEP, self.store.forget_segments(before)).await;
        forgotten.unwrap_or_else(|_| Err(StoreError("the store did not answer in time".into())))?;
        self.directory().forget(before);
        self.forget_at_ms
            .store(now.saturating_add(FORGET_EVERY), Ordering::Relaxed);
        Ok(())
    }

    /// From when on rows are kept.
    pub(super) fn oldest(&self) -> Timestamp {
        let retention = self.settings.load().retention;
        let retention = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
        let now = self.clock.now().as_millis();
        Timestamp::from_millis(now.saturating_sub(retention))
    }

    /// Puts small neighbours together, as long as there are enough of them.
    async fn put_together(&self) -> Result<(), StoreError> {
        loop {
            let newest = self.directory().newest(NEWEST);
            let sizes: Vec<_> = newest
                .iter()
                .map(|item| Size {
                    rows: item.summary.count as usize,
                    bytes: item.size,
                    from: item.summary.from.as_millis(),
                    to: item.summary.to.as_millis(),
                })
                .collect();
            let Some(small) = plan(&sizes).and_then(|range| newest.get(range)) else {
                return Ok(());
            };
            let numbers: Vec<u64> = small.iter().map(|item| item.number()).collect();
            let stored = self.store.segments(&numbers).await?;
            if stored.len() != numbers.len() {
                return Ok(());
            }
            let segments: Vec<Segment> = stored.into_iter().map(|stored| stored.segment).collect();
            let merged = Segment::merge(&segments).map_err(|error| StoreError(Box::new(error)))?;
            if !self.store.replace_segments(&numbers, &merged).await? {
                return Ok(());
            }
            self.directory().replace(&numbers, &merged);
        }
    }
}
