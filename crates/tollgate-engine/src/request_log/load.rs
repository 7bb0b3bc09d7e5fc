//! Reads what is known of the segments of the store, once, in the background of a start.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::{RequestLog, SEARCHES};
use crate::port::StoreError;

/// How many summaries are read at once.
const AT_ONCE: u32 = 64;
/// How long to wait after the store has failed.
const WAIT: Duration = Duration::from_secs(1);

impl RequestLog {
    /// Reads the summaries of all segments, however often the store fails.
    pub(super) async fn load(&self) {
        let mut after = 0;
        loop {
            match self.load_some(after).await {
                Ok(None) => break,
                Ok(Some(last)) => after = last,
                Err(error) => {
                    tracing::warn!(%error, "the request log cannot be read yet");
                    tokio::time::sleep_until(Instant::now() + WAIT).await;
                }
            }
        }
        if !self.is_loaded.swap(true, Ordering::AcqRel) {
            self.searches.add_permits(SEARCHES);
        }
    }

    /// Reads summaries behind a number. Gives the last one's; `None` when there are no more.
    async fn load_some(&self, after: u64) -> Result<Option<u64>, StoreError> {
        let stored = self.store.segment_summaries(after, AT_ONCE).await?;
        let mut directory = self.directory();
        for stored in &stored {
            // What was written since the start is known already.
            if directory.has(stored.number) {
                continue;
            }
            if let Err(error) = directory.add(stored.number, &stored.segment) {
                let number = stored.number;
                tracing::warn!(%error, number, "a segment of the request log cannot be searched");
            }
        }
        Ok(stored.last().map(|last| last.number))
    }
}
