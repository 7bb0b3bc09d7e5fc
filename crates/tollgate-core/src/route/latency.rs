//! How fast a target answers: a peak-sensitive moving average for choosing, and a percentile for
//! hedging.

use std::time::Duration;

use crate::time::Moment;

/// Within this time the weight of the past falls to 1/e.
const TAU: Duration = Duration::from_secs(10);

/// Within this time of silence a reading halves.
const HALF_LIFE: Duration = Duration::from_secs(10);

/// Longer times count as this one, so that no sum overflows.
const LONGEST: Duration = Duration::from_hours(24);

/// A moving average of times that jumps up at once and comes down slowly, so that a target that
/// turns slow is left at once and tried again with care (peak EWMA, as in Finagle).
#[derive(Clone, Copy, Debug, Default)]
pub struct PeakEwma {
    /// The average, and when something was heard last.
    heard: Option<(Duration, Moment)>,
}

impl PeakEwma {
    /// Notes a time.
    pub fn note(&mut self, now: Moment, took: Duration) {
        let took = took.min(LONGEST);
        let average = match self.heard {
            Some((average, at)) if took < average => {
                // By time and not by number: a burst of quick answers is one piece of news.
                let past = (-now.since(at).div_duration_f64(TAU)).exp();
                average.mul_f64(past) + took.mul_f64(1.0 - past)
            }
            _ => took,
        };
        let at = self.heard.map_or(now, |(_, at)| at.max(now));
        self.heard = Some((average, at));
    }

    /// Notes that it would have taken longer than this: whoever waited has gone elsewhere. That
    /// makes nobody faster.
    pub fn note_longer(&mut self, now: Moment, than: Duration) {
        let is_news = self.read(now).is_none_or(|average| average < than);
        if is_news {
            self.note(now, than);
        }
    }

    /// The average now: it decays while nothing is heard, so that a slow target is tried again.
    /// `None` before the first time.
    pub fn read(&self, now: Moment) -> Option<Duration> {
        let (average, at) = self.heard?;
        let halvings = now.since(at).div_duration_f64(HALF_LIFE);
        Some(average.mul_f64((-halvings).exp2()))
    }

    /// The average when something was heard last, for people: silence makes nobody faster. `None`
    /// before the first time.
    pub fn last(&self) -> Option<Duration> {
        self.heard.map(|(average, _)| average)
    }
}

/// How many buckets lie between a millisecond and ten minutes.
const BUCKETS: usize = 61;

/// The upper bounds of the buckets in microseconds. Each is a quarter longer than the one before,
/// so that a percentile is at most a quarter too long.
const BOUNDS: [u64; BUCKETS] = bounds();

/// The last bound. Longer times count as this one.
const TEN_MINUTES_US: u64 = 600_000_000;

/// So many times halve the counts, themselves included.
const FULL: u16 = 1000;

/// With fewer times nothing is said.
const FEWEST: u16 = 20;

#[expect(
    clippy::indexing_slicing,
    reason = "computed by the compiler, which stops at an index that is too large"
)]
const fn bounds() -> [u64; BUCKETS] {
    let mut bounds = [0; BUCKETS];
    let mut bound = 1000;
    let mut at = 0;
    while at < BUCKETS {
        bounds[at] = bound;
        bound += bound / 4;
        if bound > TEN_MINUTES_US {
            bound = TEN_MINUTES_US;
        }
        at += 1;
    }
    bounds
}

/// The distribution of times until the first byte, in buckets that grow by a constant factor.
/// Old times count less and less.
#[derive(Clone, Debug)]
pub struct FirstBytes {
    counts: [u16; BUCKETS],
    total: u16,
}

impl Default for FirstBytes {
    fn default() -> Self {
        Self {
            counts: [0; BUCKETS],
            total: 0,
        }
    }
}

impl FirstBytes {
    /// Notes a time.
    pub fn note(&mut self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let place = BOUNDS.partition_point(|bound| *bound < took);
        if let Some(count) = self.counts.get_mut(place.min(BUCKETS - 1)) {
            *count += 1;
            self.total += 1;
        }
        if self.total >= FULL {
            for count in &mut self.counts {
                *count /= 2;
            }
            self.total = self.counts.iter().sum();
        }
    }

    /// The time within which `percent` of a hundred begin (the bucket's upper bound). `None` while
    /// fewer than 20 were seen.
    pub fn percentile(&self, percent: u32) -> Option<Duration> {
        if self.total < FEWEST {
            return None;
        }
        let rank = (u32::from(self.total) * percent.min(100))
            .div_ceil(100)
            .max(1);
        let mut below = 0;
        let place = self.counts.iter().position(|count| {
            below += u32::from(*count);
            below >= rank
        })?;
        BOUNDS.get(place).copied().map(Duration::from_micros)
    }
}

#[cfg(test)]
mod tests;
