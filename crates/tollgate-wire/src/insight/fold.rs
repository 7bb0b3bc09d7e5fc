//! A hash that takes eight bytes at a time: prompts are long, and nobody chooses them to collide
//! with anything worth having.

/// A hash under way. The same bytes in the same order give the same number in every process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fold(u64);

/// Odd, with about as many ones as zeros.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
/// Of longer texts only both ends are read, and their length: of pictures, mostly.
const END: usize = 32 * 1024;

impl Fold {
    /// Nothing yet. Hashes of different kinds begin with different numbers.
    pub(super) const fn new(kind: u64) -> Self {
        Self(kind.wrapping_mul(FACTOR))
    }

    /// Takes a text. Two texts are not the same as both in one.
    pub(super) fn text(&mut self, text: &str) {
        let bytes = text.as_bytes();
        self.number(bytes.len() as u64);
        let is_long = bytes.len() > 2 * END;
        let first = if is_long { END } else { bytes.len() };
        self.bytes(bytes.get(..first).unwrap_or_default());
        if is_long {
            self.bytes(bytes.get(bytes.len() - END..).unwrap_or_default());
        }
    }

    /// Takes a number.
    pub(super) fn number(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(26) ^ number).wrapping_mul(FACTOR);
    }

    /// The hash, with every bit depending on every other.
    pub(super) const fn finish(self) -> u64 {
        let number = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.number(u64::from_le_bytes(*word));
        }
        let last = rest
            .iter()
            .fold(0, |last, byte| last << 8 | u64::from(*byte));
        self.number(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(texts: &[&str]) -> u64 {
        let mut fold = Fold::new(1);
        for text in texts {
            fold.text(text);
        }
        fold.finish()
    }

    #[test]
    fn every_byte_of_a_text_counts_and_so_does_where_texts_part() {
        let text = "The quick brown fox jumps.".to_owned();
        for at in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] ^= 1;
            let other = String::from_utf8(other).unwrap();
            assert_ne!(hash(&[&text]), hash(&[&other]), "{other}");
        }
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_ne!(hash(&["a"]), hash(&["a", ""]));
        assert_ne!(Fold::new(1).finish(), Fold::new(2).finish());
    }

    #[test]
    fn of_a_long_text_both_ends_and_the_length_count() {
        let long = vec![b'x'; 3 * END];
        let text = |bytes: &[u8]| hash(&[std::str::from_utf8(bytes).unwrap()]);
        let changed = |at: usize| {
            let mut other = long.clone();
            other[at] = b'y';
            text(&other)
        };
        assert_ne!(text(&long), changed(0));
        assert_ne!(text(&long), changed(3 * END - 1));
        assert_ne!(text(&long), text(&long[1..]));
        assert_eq!(text(&long), changed(3 * END / 2));
    }
}
