//! Many numbers from the one that was drawn.

/// The golden ratio as a fraction of 2^64: multiples of it spread as evenly as can be.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Numbers that follow from a drawn one (`SplitMix64`).
pub(super) struct Chance(u64);

impl Chance {
    /// Begins at a drawn number.
    pub(super) const fn new(drawn: u64) -> Self {
        Self(drawn)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number from zero to below `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        // The upper half of the product: as even as the number of targets needs, and no division.
        let product = u128::from(self.next()) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or(0)
    }
}

/// A fraction between zero and one, both excluded, for a pair of hashes.
pub(super) fn fraction(one: u64, other: u64) -> f64 {
    // The upper 53 bits are what fits; the half keeps it away from zero, whose logarithm is not a
    // number.
    let bits = mix(mix(one.wrapping_add(STEP)) ^ other) >> 11;
    (bits as f64 + 0.5) / (1_u64 << 53) as f64
}

/// Spreads a number over all bits (the finalizer of `SplitMix64`).
const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
