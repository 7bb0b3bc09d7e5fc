//! Numbers that look random and depend on nothing but the seed.

/// Mixes a seed with a value; equal inputs give equal outputs, near inputs give distant ones.
pub(crate) fn mix(seed: u64, value: u64) -> u64 {
    // The finaliser of SplitMix64: cheap, and every input bit reaches every output bit.
    let mut mixed = seed ^ value.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
    mixed = mixed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Mixes a seed with some bytes.
pub(crate) fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let folded = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |so_far, byte| {
            (so_far ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    mix(seed, folded)
}

/// An endless row of numbers under one seed.
pub(crate) struct Numbers {
    seed: u64,
    drawn: u64,
}

impl Numbers {
    /// Starts the row that belongs to this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    /// Draws the next number.
    pub(crate) fn draw(&mut self) -> u64 {
        self.drawn = self.drawn.wrapping_add(1);
        mix(self.seed, self.drawn)
    }

    /// Draws one of the choices; the empty string when there are none.
    pub(crate) fn pick(&mut self, choices: &[&'static str]) -> &'static str {
        let count = u64::try_from(choices.len()).unwrap_or(1).max(1);
        let index = usize::try_from(self.draw() % count).unwrap_or(0);
        choices.get(index).copied().unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_numbers() {
        let draw = |seed| {
            let mut numbers = Numbers::new(seed);
            [numbers.draw(), numbers.draw(), numbers.draw()]
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn neighbouring_values_mix_apart() {
        let mixed: std::collections::HashSet<u64> = (0..10_000).map(|n| mix(1, n)).collect();
        assert_eq!(mixed.len(), 10_000);
    }
}
