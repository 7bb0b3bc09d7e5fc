//! The one who writes: puts together what has gathered, every second or when a segment is full,
//! and makes it durable. A store that fails costs rows, never calls.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tollgate_core::request_log::Segment;

use super::{RequestLog, Taking};
use crate::port::StoreError;

/// How long rows gather.
const GATHER: Duration = Duration::from_secs(1);
/// The longest that one try to write may take.
const LONGEST_TRY: Duration = Duration::from_secs(10);
/// How long to wait after a failure, at first and at most.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How long a segment is tried before it is lost; at the end of the process not so long.
const GIVE_UP: Duration = Duration::from_mins(1);
const GIVE_UP_AT_END: Duration = Duration::from_secs(3);

impl RequestLog {
    /// Writes what comes until the end is asked for and everything is written, or is lost.
    pub async fn run(self: Arc<Self>, end: impl Future<Output = ()>) {
        let writing = self.write(end);
        let loading = self.load();
        tokio::pin!(writing, loading);
        tokio::select! {
            () = &mut writing => return,
            () = &mut loading => {}
        }
        writing.await;
    }

    async fn write(&self, end: impl Future<Output = ()>) {
        tokio::pin!(end);
        let mut is_over = false;
        let mut gather_at = Instant::now() + GATHER;
        while !is_over {
            let mut what = Taking::All;
            tokio::select! {
                biased;
                () = &mut end => is_over = true,
                () = tokio::time::sleep_until(gather_at) => {}
                () = self.full.notified() => what = Taking::Whole,
            }
            if what == Taking::All {
                gather_at = Instant::now() + GATHER;
            }
            // Set before the last rows are taken, so that nobody waits long for them.
            self.is_ending.store(is_over, Ordering::Relaxed);
            let writing = self.write_all(what);
            tokio::pin!(writing);
            tokio::select! {
                () = &mut writing => {}
                () = &mut end, if !is_over => {
                    is_over = true;
                    self.is_ending.store(true, Ordering::Relaxed);
                    // What has come in the meantime is among it: it goes on until all is written.
                    writing.await;
                }
            }
            if !is_over {
                self.keep_order().await;
            }
        }
    }

    /// Writes what there is to take, and what fills whole segments meanwhile.
    pub(super) async fn write_all(&self, mut what: Taking) {
        loop {
            self.seal(what);
            let next = self.directory().next_unwritten();
            if next.is_empty() {
                return;
            }
            self.write_next(&next).await;
            what = if self.is_ending.load(Ordering::Relaxed) {
                Taking::All
            } else {
                Taking::Whole
            };
        }
    }

    /// Writes the first segments that are not written yet as one.
    async fn write_next(&self, next: &[Segment]) {
        let merged = match next {
            [single] => Ok(single.clone()),
            several => Segment::merge(several),
        };
        // What cannot go together goes alone.
        let (segment, count) = match (&merged, next.first()) {
            (Ok(segment), _) => (segment, next.len()),
            (Err(_), Some(first)) => (first, 1),
            (Err(_), None) => return,
        };
        let written = self.write_segment(segment).await;
        let rows = u64::from(segment.count);
        let figure = match written {
            Some(_) => &self.figures.written,
            None => &self.figures.dropped,
        };
        figure.fetch_add(rows, Ordering::Relaxed);
        if written.is_none() {
            tracing::error!(
                rows,
                "rows of the request log are lost: the store took none in time"
            );
        }
        let written = written.map(|number| (number, segment));
        self.directory().unwritten_are(count, written);
    }

    /// Makes a segment durable. Gives its number; `None` if the store did not take it in time.
    async fn write_segment(&self, segment: &Segment) -> Option<u64> {
        let began = Instant::now();
        let mut wait = FIRST_WAIT;
        loop {
            let append = timeout(LONGEST_TRY, self.store.append_segment(segment)).await;
            let late = || Err(StoreError("the store did not answer in time".into()));
            match append.unwrap_or_else(|_| late()) {
                Ok(number) => return Some(number),
                Err(error) => {
                    let failures = self.figures.failures.fetch_add(1, Ordering::Relaxed);
                    if failures.is_multiple_of(64) {
                        tracing::warn!(%error, "the request log cannot be written");
                    }
                }
            }
            let is_ending = self.is_ending.load(Ordering::Relaxed);
            let patience = if is_ending { GIVE_UP_AT_END } else { GIVE_UP };
            if began.elapsed() + wait >= patience {
                return None;
            }
            tokio::time::sleep_until(Instant::now() + wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
            // An answer may have been lost that said that it was written.
            if let Some(number) = self.find_written(segment).await {
                return Some(number);
            }
        }
    }

    /// The number under which a segment is in the store already.
    async fn find_written(&self, segment: &Segment) -> Option<u64> {
        let last = self.directory().last_number();
        let behind = timeout(LONGEST_TRY, self.store.segment_summaries(last, 4)).await;
        let behind = behind.ok()?.ok()?;
        let mut behind = behind.into_iter();
        let found = behind.find(|stored| stored.segment.summary == segment.summary);
        found.map(|stored| stored.number)
    }
}
