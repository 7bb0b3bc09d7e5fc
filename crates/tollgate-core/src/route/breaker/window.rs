//! Good and failed calls within a sliding window.

use std::time::Duration;

use crate::route::ring::{Counts, Ring};
use crate::time::Moment;

/// Into how many buckets a window is cut: it slides by a tenth of its length.
const BUCKETS: usize = 10;

/// Counts good and failed calls. The length of the window comes with each call, because routes
/// with rules of their own share a target and rules change while it serves: the buckets follow the
/// longest one in use, and a shorter one reads the youngest of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    ring: Ring<BUCKETS>,
    /// How long a bucket is, in nanoseconds. 0: nothing was counted yet.
    width: u64,
    /// When a bucket of that length was last needed.
    needed: Moment,
}

impl Window {
    /// Counts calls: good ones, failed ones.
    pub(super) fn note(&mut self, now: Moment, length: Duration, counts: Counts) {
        self.fit(now, width_for(length));
        if let Some(number) = now.as_nanos().checked_div(self.width) {
            self.ring.add(number, counts);
        }
    }

    /// The calls within the window that ends now, and never an older one: good ones, failed ones.
    pub(super) fn read(&self, now: Moment, length: Duration) -> Counts {
        let Some(number) = now.as_nanos().checked_div(self.width) else {
            return (0, 0);
        };
        let buckets = nanos(length) / self.width;
        let buckets = buckets.clamp(1, BUCKETS as u64);
        self.ring.since(number.saturating_sub(buckets - 1))
    }

    /// Lays the buckets anew where they are too short, or have been too long for a whole window.
    fn fit(&mut self, now: Moment, width: u64) {
        let whole = Duration::from_nanos(self.width.saturating_mul(BUCKETS as u64));
        if width < self.width && now.since(self.needed) <= whole {
            return;
        }
        if width != self.width {
            let counts = self.read(
                now,
                Duration::from_nanos(width).saturating_mul(BUCKETS as u32),
            );
            self.ring = Ring::default();
            self.width = width;
            self.ring.add(now.as_nanos() / width, counts);
        }
        self.needed = now;
    }
}

/// How long the buckets of a window of this length are; never zero.
fn width_for(length: Duration) -> u64 {
    (nanos(length) / BUCKETS as u64).max(1)
}

fn nanos(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::after_start(Duration::from_millis(ms))
    }

    const TEN: Duration = Duration::from_secs(10);

    #[test]
    fn calls_leave_with_their_bucket() {
        let mut window = Window::default();
        window.note(at(500), TEN, (1, 0));
        window.note(at(1500), TEN, (0, 1));
        assert_eq!(window.read(at(9_999), TEN), (1, 1));
        assert_eq!(window.read(at(10_000), TEN), (0, 1));
        assert_eq!(window.read(at(11_000), TEN), (0, 0));
    }

    #[test]
    fn a_shorter_window_reads_the_youngest_buckets() {
        let mut window = Window::default();
        window.note(at(500), TEN, (0, 1));
        window.note(at(3500), Duration::from_secs(2), (0, 1));
        assert_eq!(window.read(at(3500), TEN), (0, 2));
        assert_eq!(window.read(at(3500), Duration::from_secs(2)), (0, 1));
        assert_eq!(window.read(at(3500), Duration::from_millis(1)), (0, 1));
    }

    #[test]
    fn a_longer_window_takes_over_what_was_counted() {
        let mut window = Window::default();
        window.note(at(500), TEN, (2, 3));
        window.note(at(1000), TEN * 10, (0, 1));
        assert_eq!(window.read(at(1000), TEN * 10), (2, 4));
        assert_eq!(window.read(at(99_000), TEN * 10), (2, 4));
        assert_eq!(window.read(at(100_000), TEN * 10), (0, 0));
    }

    #[test]
    fn a_long_window_that_nobody_uses_any_more_is_forgotten() {
        let mut window = Window::default();
        window.note(at(0), TEN * 10, (1, 0));
        window.note(at(100_000), TEN, (1, 0));
        assert_eq!(window.width, 10_000_000_000);
        window.note(at(100_001), TEN, (1, 0));
        assert_eq!(window.width, 1_000_000_000);
        assert_eq!(window.read(at(100_001), TEN), (2, 0));
        assert_eq!(window.read(at(110_000), TEN), (0, 0));
    }

    #[test]
    fn no_length_breaks_it() {
        for length in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
            let mut window = Window::default();
            assert_eq!(window.read(at(1), length), (0, 0));
            window.note(at(1), length, (1, 1));
            assert_eq!(window.read(at(1), length), (1, 1), "{length:?}");
            window.note(Moment::after_start(Duration::MAX), length, (1, 1));
            window.note(at(0), length, (1, 1));
        }
    }
}
