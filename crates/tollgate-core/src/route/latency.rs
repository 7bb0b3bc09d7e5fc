//! How fast a target answers: a peak-sensitive moving average for choosing, and a percentile for
//! hedging.

use std::time::Duration;

use crate::time::Moment;

/// A moving average of times that jumps up at once and comes down slowly, so that a target that
/// turns slow is left at once and tried again with care (peak EWMA, as in Finagle).
#[derive(Clone, Copy, Debug, Default)]
pub struct PeakEwma {}

impl PeakEwma {
    /// Notes a time.
    pub fn note(&mut self, now: Moment, took: Duration) {
        _ = (now, took);
    }

    /// The average now: it decays while nothing is heard, so that a slow target is tried again.
    /// `None` before the first time.
    pub fn read(&self, now: Moment) -> Option<Duration> {
        _ = now;
        None
    }
}

/// The distribution of times until the first byte, in buckets that grow by a constant factor.
/// Old times count less and less.
#[derive(Clone, Debug, Default)]
pub struct FirstBytes {}

impl FirstBytes {
    /// Notes a time.
    pub fn note(&mut self, took: Duration) {
        _ = took;
    }

    /// The time within which `percent` of a hundred begin (the bucket's upper bound). `None` while
    /// fewer than 20 were seen.
    pub fn percentile(&self, percent: u32) -> Option<Duration> {
        _ = percent;
        None
    }
}
