//! Counters of what a client did.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many of the latest latencies the percentile is taken over.
const KEPT: usize = 10_000;

/// Counts requests, errors and latencies by endpoint: a method and a path without ids, so that
/// their number is bounded.
#[derive(Debug, Default)]
pub struct Metrics(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    requests: BTreeMap<&'static str, u64>,
    errors: BTreeMap<&'static str, u64>,
    retries: u64,
    latencies_ms: VecDeque<f64>,
    total_ms: f64,
}

/// The sums over all endpoints.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// Requests, each with all its attempts.
    pub total_requests: u64,
    /// Those that came to nothing.
    pub total_errors: u64,
    /// How often a request was sent again.
    pub total_retries: u64,
    /// Which share came to nothing.
    pub error_rate: f64,
    /// How long a request took on average, waits included.
    pub avg_latency_ms: f64,
    /// How long the slowest twentieth of the latest requests took at least.
    pub p95_latency_ms: f64,
}

impl Metrics {
    pub(crate) fn request(&self, endpoint: &'static str, latency: Duration, success: bool) {
        let mut counted = self.lock();
        *counted.requests.entry(endpoint).or_default() += 1;
        if !success {
            *counted.errors.entry(endpoint).or_default() += 1;
        }
        let latency_ms = latency.as_secs_f64() * 1000.0;
        counted.total_ms += latency_ms;
        if counted.latencies_ms.len() == KEPT {
            counted.latencies_ms.pop_front();
        }
        counted.latencies_ms.push_back(latency_ms);
    }

    pub(crate) fn retry(&self) {
        self.lock().retries += 1;
    }

    /// The requests of each endpoint.
    pub fn requests(&self) -> BTreeMap<&'static str, u64> {
        self.lock().requests.clone()
    }

    /// The requests of each endpoint that came to nothing.
    pub fn errors(&self) -> BTreeMap<&'static str, u64> {
        self.lock().errors.clone()
    }

    /// The sums over all endpoints.
    pub fn stats(&self) -> Stats {
        let counted = self.lock();
        let total_requests: u64 = counted.requests.values().sum();
        let total_errors = counted.errors.values().sum();
        let share = |sum: f64| {
            if total_requests == 0 {
                0.0
            } else {
                sum / total_requests as f64
            }
        };
        let mut latencies: Vec<f64> = counted.latencies_ms.iter().copied().collect();
        latencies.sort_by(f64::total_cmp);
        let p95_latency_ms = latencies.get(latencies.len() * 95 / 100).copied();
        Stats {
            total_requests,
            total_errors,
            total_retries: counted.retries,
            error_rate: share(total_errors as f64),
            avg_latency_ms: share(counted.total_ms),
            p95_latency_ms: p95_latency_ms.unwrap_or_default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
