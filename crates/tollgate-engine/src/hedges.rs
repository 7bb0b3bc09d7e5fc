//! The share of hedged requests, kept under a hard cap.

use std::sync::atomic::{AtomicU64, Ordering};

/// A hedge costs this much; a request earns its share of it.
const PRICE: u64 = 100;
/// The most hedges in a row that quiet times save up for.
const SAVED: u64 = 10;

/// What one model has earned.
#[derive(Debug, Default)]
pub(crate) struct Hedges(AtomicU64);

impl Hedges {
    /// A request earns its share.
    pub(crate) fn note_request(&self, share_percent: u32) {
        self.add(share_percent.into());
    }

    /// Takes a hedge, if enough was earned.
    pub(crate) fn take(&self) -> bool {
        let take = |earned: u64| earned.checked_sub(PRICE);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    }

    /// A hedge came to nothing.
    pub(crate) fn give_back(&self) {
        self.add(PRICE);
    }

    fn add(&self, more: u64) {
        let add = |earned: u64| Some(earned.saturating_add(more).min(SAVED * PRICE));
        // It never refuses.
        _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hedges_never_exceed_their_share() {
        let hedges = Hedges::default();
        let mut made = 0;
        for request in 1..=1000 {
            hedges.note_request(5);
            made += u64::from(hedges.take());
            assert!(made * 100 <= request * 5, "{made} of {request}");
        }
        assert_eq!(made, 50);
    }

    #[test]
    fn what_came_to_nothing_is_not_paid_for() {
        let hedges = Hedges::default();
        hedges.note_request(100);
        assert!(hedges.take());
        assert!(!hedges.take());
        hedges.give_back();
        assert!(hedges.take());
    }
}
