//! Lines on their way to a log. Whoever writes one leaves it in a bounded buffer and goes on; a
//! thread of its own writes what has gathered, so that a reader who stops reading stops nobody.

use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tollgate_core::time::Timestamp;

/// The most bytes that wait to be written; further lines are dropped and counted.
const LIMIT: usize = 4 * 1024 * 1024;
/// How long lines may gather before they are written.
const GATHER: Duration = Duration::from_millis(100);

/// The lines that wait to be written.
pub struct LogBuffer {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    dropped: Counter,
}

struct Waiting {
    lines: String,
    /// The second that `clock` shows, so that it is written out once a second only.
    second: i64,
    clock: String,
    closed: bool,
}

impl LogBuffer {
    /// An empty buffer. [`LogBuffer::drain`] must run on a thread of its own.
    pub fn new() -> Self {
        let waiting = Waiting {
            lines: String::new(),
            second: i64::MIN,
            clock: String::new(),
            closed: false,
        };
        Self {
            waiting: Mutex::new(waiting),
            arrived: Condvar::new(),
            dropped: Counter::default(),
        }
    }

    pub(crate) fn dropped(&self) -> Counter {
        self.dropped.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // A panic while a line was written leaves at worst half a line.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds one line: `write` gets the text so far and the time in RFC 3339, and ends its line.
    /// Others wait for it, so it must be quick, and it must not log. Never blocks on the log.
    pub fn push(&self, now: Timestamp, write: impl FnOnce(&mut String, &str)) {
        let mut waiting = self.lock();
        if waiting.lines.len() > LIMIT {
            self.dropped.inc();
            return;
        }
        if waiting.second != now.as_seconds() {
            waiting.second = now.as_seconds();
            waiting.clock = now.to_rfc3339();
        }
        let first = waiting.lines.is_empty();
        let Waiting { lines, clock, .. } = &mut *waiting;
        write(lines, clock);
        drop(waiting);
        if first {
            self.arrived.notify_one();
        }
    }

    /// Writes lines as they gather, until [`LogBuffer::close`]. Blocks: give it a thread.
    pub fn drain(&self, out: &mut dyn Write) {
        let mut lines = String::new();
        loop {
            let closed = self.take(&mut lines);
            // Nobody is left to tell when the log itself cannot be written.
            let written = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
            if written.is_err() {
                let lost = lines.bytes().filter(|byte| *byte == b'\n').count();
                self.dropped.inc_by(lost as u64);
            }
            lines.clear();
            lines.shrink_to(64 * 1024);
            if closed {
                return;
            }
        }
    }

    fn take(&self, lines: &mut String) -> bool {
        let mut waiting = self.lock();
        while waiting.lines.is_empty() && !waiting.closed {
            waiting = self
                .arrived
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if !waiting.closed {
            drop(waiting);
            std::thread::sleep(GATHER);
            waiting = self.lock();
        }
        std::mem::swap(&mut waiting.lines, lines);
        waiting.closed
    }

    /// Lets [`LogBuffer::drain`] end when all lines are written.
    pub fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }
}

impl Default for LogBuffer {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_buffer_drops_and_counts_and_the_rest_is_written() {
        let buffer = LogBuffer::new();
        let line = "x".repeat(LIMIT / 2) + "\n";
        for _ in 0..4 {
            buffer.push(Timestamp::from_millis(0), |lines, _| lines.push_str(&line));
        }
        assert_eq!(buffer.dropped().get(), 2);
        buffer.close();
        let mut written = Vec::new();
        buffer.drain(&mut written);
        assert_eq!(written.len(), 2 * line.len());
    }
}
