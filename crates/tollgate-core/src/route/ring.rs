//! Two counts over a sliding window, kept in a ring of buckets: bounded memory, nothing allocated.

/// `N` buckets, each of which holds the counts of one numbered stretch of time. A bucket is taken
/// over by a later stretch as soon as that one counts something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ring<const N: usize> {
    buckets: [Bucket; N],
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    number: u64,
    counts: Counts,
}

/// What is counted; each use has its own words for the two.
pub(super) type Counts = (u32, u32);

impl<const N: usize> Default for Ring<N> {
    fn default() -> Self {
        Self {
            buckets: [Bucket::default(); N],
        }
    }
}

impl<const N: usize> Ring<N> {
    /// Counts in the stretch of this number. What is older than the ring is long is left out:
    /// clocks of several threads can be that far apart only if one of them slept.
    pub(super) fn add(&mut self, number: u64, counts: Counts) {
        let index = usize::try_from(number % N as u64).unwrap_or(0);
        let Some(bucket) = self.buckets.get_mut(index) else {
            return;
        };
        if bucket.number < number {
            *bucket = Bucket {
                number,
                counts: (0, 0),
            };
        }
        if bucket.number == number {
            bucket.counts = sum(bucket.counts, counts);
        }
    }

    /// The counts of all stretches from this number on.
    pub(super) fn since(&self, number: u64) -> Counts {
        self.buckets
            .iter()
            .filter(|bucket| bucket.number >= number)
            .fold((0, 0), |all, bucket| sum(all, bucket.counts))
    }
}

fn sum(one: Counts, other: Counts) -> Counts {
    (one.0.saturating_add(other.0), one.1.saturating_add(other.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_taken_over_by_a_later_stretch_only() {
        let mut ring = Ring::<3>::default();
        ring.add(0, (1, 0));
        ring.add(1, (10, 1));
        ring.add(2, (100, 0));
        assert_eq!(ring.since(0), (111, 1));
        assert_eq!(ring.since(2), (100, 0));
        ring.add(4, (1000, 0));
        assert_eq!(
            ring.since(0),
            (1101, 0),
            "the fifth took the second one's place"
        );
        ring.add(1, (7, 7));
        assert_eq!(ring.since(0), (1101, 0), "what is too old is left out");
        ring.add(2, (5, 5));
        assert_eq!(ring.since(2), (1105, 5), "what is a little late is not");
    }

    #[test]
    fn counts_stop_at_their_bound() {
        let mut ring = Ring::<2>::default();
        ring.add(0, (u32::MAX, 1));
        ring.add(0, (1, 1));
        ring.add(1, (1, 1));
        assert_eq!(ring.since(0), (u32::MAX, 3));
    }
}
