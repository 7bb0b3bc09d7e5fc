//! Chance, for spreading: never for secrets.

use std::sync::atomic::{AtomicU64, Ordering};

/// Gives evenly drawn numbers. The same seed gives the same numbers in the same order.
#[derive(Debug)]
pub(crate) struct Dice(AtomicU64);

impl Dice {
    /// Begins at this seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next number (`SplitMix64`: a counter, mixed).
    pub(crate) fn roll(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        mix(self.0.fetch_add(STEP, Ordering::Relaxed))
    }

    /// The number that [`Self::roll`] would give now. Takes nothing.
    pub(crate) fn ahead(&self) -> u64 {
        mix(self.0.load(Ordering::Relaxed))
    }
}

/// Spreads a number over all bits (the finalizer of `SplitMix64`).
pub(crate) const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// The hash of a text, the same in every process (FNV-1a, mixed).
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let folded = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_ahead_takes_nothing() {
        let dice = Dice::new(7);
        let ahead = dice.ahead();
        assert_eq!((dice.ahead(), dice.roll()), (ahead, ahead));
        assert_ne!(dice.ahead(), ahead);
    }

    #[test]
    fn numbers_differ_and_repeat_under_a_seed() {
        let (one, other) = (Dice::new(7), Dice::new(7));
        let first: Vec<_> = (0..100).map(|_| one.roll()).collect();
        let second: Vec<_> = (0..100).map(|_| other.roll()).collect();
        assert_eq!(first, second);
        let distinct: std::collections::HashSet<_> = first.iter().collect();
        assert_eq!(distinct.len(), 100);
    }
}
