//! Counters of money: exact in whole nano-USD, told in USD.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::metrics::counter::{Atomic, Counter};

/// Nano-USD in one USD.
const NANO: f64 = 1e9;

/// A sum of money that only grows.
pub(crate) type Usd = Counter<f64, Nano>;

/// A sum in nano-USD.
#[derive(Debug, Default)]
pub(crate) struct Nano(AtomicU64);

impl Nano {
    /// Adds so many nano-USD.
    pub(crate) fn add(&self, nano: u64) {
        self.0.fetch_add(nano, Ordering::Relaxed);
    }
}

fn usd(nano: u64) -> f64 {
    nano as f64 / NANO
}

impl Atomic<f64> for Nano {
    fn inc(&self) -> f64 {
        self.inc_by(1.0)
    }

    #[expect(clippy::cast_sign_loss, reason = "what is negative is made zero")]
    fn inc_by(&self, amount: f64) -> f64 {
        let nano = (amount.max(0.0) * NANO) as u64;
        usd(self.0.fetch_add(nano, Ordering::Relaxed))
    }

    fn get(&self) -> f64 {
        usd(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_small_amounts_are_summed_exactly() {
        let counter = Usd::default();
        for _ in 0..1_000_000 {
            counter.inner().add(1);
        }
        counter.inner().add(12_500_000);
        assert!((counter.get() - 0.0135).abs() < f64::EPSILON);
    }
}
