//! What the simulator remembers: the requests it received and how each of them ended.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::request::Request;

/// The most bytes of a body that are kept.
const KEPT_BODY: usize = 64 * 1024;
/// The most bytes of all kept requests together.
const KEPT_BYTES: usize = 256 * 1024 * 1024;

/// A request that was received, and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Received {
    /// Which request this is, counted from one over all connections.
    pub number: u64,
    /// Which connection it came on, counted from one.
    pub connection: u64,
    /// The method.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The query without the question mark; empty if none.
    pub query: String,
    /// The headers in order, names as sent.
    pub headers: Vec<(String, String)>,
    /// The first 64 KiB of the body.
    pub body: String,
    /// The length of the whole body in bytes.
    pub body_bytes: usize,
    /// The model that the body names; empty if none.
    pub model: String,
    /// The faults that were put on the answer, as they would be written down.
    pub faults: Vec<String>,
    /// The status of the answer; 0 before there is one.
    pub status: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// How many pieces of the body were written: events of a stream, or parts of a plain body.
    pub chunks_written: u64,
    /// How many bytes of the body were written, without the framing.
    pub bytes_written: u64,
    /// When it was received, in milliseconds since the simulator began.
    pub received_ms: u64,
    /// When the head of the answer was written, on the same clock.
    pub head_ms: Option<u64>,
    /// When it ended, on the same clock.
    pub ended_ms: Option<u64>,
}

impl Received {
    /// The first value of a header of the request.
    pub fn header(&self, name: &str) -> Option<&str> {
        crate::request::header(&self.headers, name)
    }

    fn size(&self) -> usize {
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len() + 64);
        self.body.len() + self.path.len() + self.query.len() + headers.sum::<usize>() + 512
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It has not ended.
    Open,
    /// The whole answer was written, be it an error.
    Answered,
    /// A fault ended the answer, or took its place.
    Faulted,
    /// The client went away, or closed its side of the connection, before the end.
    ClientGone,
    /// The simulator was stopped before the end.
    Stopped,
}

/// Counts of what happened so far.
/// `received` is always the sum of `answered`, `faulted`, `client_gone`, `stopped` and `open`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Connections accepted.
    pub connections: u64,
    /// Connections that are open now.
    pub open_connections: u64,
    /// Requests received whole.
    pub received: u64,
    /// Requests that broke off, or that were no HTTP that can be read.
    pub unreadable: u64,
    /// Requests whose answer was written whole.
    pub answered: u64,
    /// Requests whose answer a fault ended.
    pub faulted: u64,
    /// Requests whose client went away before the end of the answer.
    pub client_gone: u64,
    /// Requests that the stop of the simulator ended.
    pub stopped: u64,
    /// Requests that have not ended.
    pub open: u64,
    /// Answers that at least one fault was put on.
    pub with_fault: u64,
    /// Pieces of bodies that were written.
    pub chunks: u64,
}

/// The memory of a simulator.
pub(crate) struct Records {
    began: Instant,
    keep: usize,
    kept: Mutex<Kept>,
    stats: watch::Sender<Stats>,
}

#[derive(Default)]
struct Kept {
    requests: VecDeque<(usize, Arc<Mutex<Received>>)>,
    bytes: usize,
}

impl Records {
    /// Remembers at most so many requests.
    pub(crate) fn new(keep: usize) -> Self {
        Self {
            began: Instant::now(),
            keep,
            kept: Mutex::default(),
            stats: watch::Sender::new(Stats::default()),
        }
    }

    /// The counts, to read and to wait for.
    pub(crate) fn stats(&self) -> watch::Receiver<Stats> {
        self.stats.subscribe()
    }

    /// Changes the counts; all waiters see it.
    pub(crate) fn count(&self, change: impl FnOnce(&mut Stats)) {
        self.stats.send_modify(change);
    }

    /// The requests that are remembered, the oldest first.
    pub(crate) fn requests(&self) -> Vec<Received> {
        let kept: Vec<_> = locked(&self.kept)
            .requests
            .iter()
            .map(|(_, one)| one.clone())
            .collect();
        kept.iter().map(|one| locked(one).clone()).collect()
    }

    /// Forgets all requests; the counts stay.
    pub(crate) fn forget(&self) {
        *locked(&self.kept) = Kept::default();
    }

    /// Writes down a request that was received whole.
    pub(crate) fn begin(self: &Arc<Self>, request: &Request, connection: u64) -> Entry {
        let beginning = request.body.get(..KEPT_BODY).unwrap_or(&request.body);
        let received = Received {
            number: request.number,
            connection,
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            headers: request.headers.clone(),
            body: String::from_utf8_lossy(beginning).into_owned(),
            body_bytes: request.body.len(),
            model: String::new(),
            faults: Vec::new(),
            status: 0,
            outcome: Outcome::Open,
            chunks_written: 0,
            bytes_written: 0,
            received_ms: self.now_ms(),
            head_ms: None,
            ended_ms: None,
        };
        let size = received.size();
        let received = Arc::new(Mutex::new(received));
        self.keep(size, received.clone());
        self.count(|stats| {
            stats.received += 1;
            stats.open += 1;
        });
        Entry {
            records: self.clone(),
            received,
        }
    }

    fn keep(&self, size: usize, received: Arc<Mutex<Received>>) {
        let mut kept = locked(&self.kept);
        kept.requests.push_back((size, received));
        kept.bytes += size;
        while kept.requests.len() > self.keep || kept.bytes > KEPT_BYTES {
            let Some((size, _)) = kept.requests.pop_front() else {
                break;
            };
            kept.bytes -= size;
        }
    }

    fn now_ms(&self) -> u64 {
        milliseconds(self.began.elapsed())
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds one of these locks can leave its value half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The open record of one request. Dropping it without an end means that the simulator stopped.
pub(crate) struct Entry {
    records: Arc<Records>,
    received: Arc<Mutex<Received>>,
}

impl Entry {
    /// Writes down what will be answered.
    pub(crate) fn plan(&self, model: String, faults: Vec<String>) {
        if !faults.is_empty() {
            self.records.count(|stats| stats.with_fault += 1);
        }
        let mut received = locked(&self.received);
        received.model = model;
        received.faults = faults;
    }

    /// Writes down that the head was written.
    pub(crate) fn head(&self, status: u16) {
        let now = self.records.now_ms();
        let mut received = locked(&self.received);
        received.status = status;
        received.head_ms = Some(now);
    }

    /// Writes down that a piece of the body was written.
    pub(crate) fn chunk(&self, bytes: usize) {
        {
            let mut received = locked(&self.received);
            received.chunks_written += 1;
            received.bytes_written += u64::try_from(bytes).unwrap_or(0);
        }
        self.records.count(|stats| stats.chunks += 1);
    }

    /// Writes down how the request ended. Only the first end counts.
    pub(crate) fn end(&self, outcome: Outcome) {
        let now = self.records.now_ms();
        {
            let mut received = locked(&self.received);
            if received.outcome != Outcome::Open {
                return;
            }
            received.outcome = outcome;
            received.ended_ms = Some(now);
        }
        self.records.count(|stats| {
            stats.open -= 1;
            match outcome {
                Outcome::Answered => stats.answered += 1,
                Outcome::Faulted => stats.faulted += 1,
                Outcome::ClientGone => stats.client_gone += 1,
                Outcome::Stopped | Outcome::Open => stats.stopped += 1,
            }
        });
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.end(Outcome::Stopped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(records: &Arc<Records>, number: u64, body: &str) -> Entry {
        let mut request = Request::example("POST", "/");
        request.number = number;
        request.body = body.to_owned().into();
        records.begin(&request, 1)
    }

    #[tokio::test]
    async fn the_oldest_requests_are_forgotten_first() {
        let records = Arc::new(Records::new(2));
        for number in 1..=3 {
            begin(&records, number, "").end(Outcome::Answered);
        }
        let numbers: Vec<u64> = records.requests().iter().map(|one| one.number).collect();
        assert_eq!(numbers, [2, 3]);
    }

    #[tokio::test]
    async fn all_bodies_together_are_bounded() {
        let records = Arc::new(Records::new(100_000));
        let body = "b".repeat(KEPT_BODY * 2);
        for number in 1..=5_000 {
            begin(&records, number, &body);
        }
        assert!(records.requests().len() < KEPT_BYTES / KEPT_BODY);
        assert_eq!(records.requests()[0].body.len(), KEPT_BODY);
        assert_eq!(records.requests()[0].body_bytes, KEPT_BODY * 2);
    }

    #[tokio::test]
    async fn a_request_ends_exactly_once() {
        let records = Arc::new(Records::new(10));
        let entry = begin(&records, 1, "");
        entry.end(Outcome::ClientGone);
        entry.end(Outcome::Answered);
        drop(entry);
        drop(begin(&records, 2, ""));
        let stats = *records.stats().borrow();
        assert_eq!(
            (stats.received, stats.client_gone, stats.stopped, stats.open),
            (2, 1, 1, 0)
        );
        assert_eq!(stats.answered, 0);
    }
}
