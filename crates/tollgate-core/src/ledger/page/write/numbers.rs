//! Numbers for what many entries have in common, in the order of first use. Entries share it in
//! memory, so a thing is looked for by its place first, and only then by what it is.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

/// Where a thing lies, or where its parts lie.
type Places = [usize; 4];

pub(super) struct Numbers<K> {
    by_place: HashMap<Places, u64, Quick>,
    by_content: HashMap<K, u64, Quick>,
}

impl<K> Default for Numbers<K> {
    fn default() -> Self {
        let quick = Quick(RandomState::new().hash_one(0_u8));
        Self {
            by_place: HashMap::with_hasher(quick),
            by_content: HashMap::with_hasher(quick),
        }
    }
}

impl<K: Copy + Eq + Hash> Numbers<K> {
    /// The number of what lies here, if it was met here before.
    pub(super) fn at(&self, places: &Places) -> Option<u64> {
        self.by_place.get(places).copied()
    }

    /// The number of a thing, and the thing itself if it is new.
    pub(super) fn content(&mut self, thing: K) -> (u64, Option<K>) {
        let next = u64::try_from(self.by_content.len()).unwrap_or(u64::MAX);
        let number = *self.by_content.entry(thing).or_insert(next);
        (number, (number == next).then_some(thing))
    }

    /// Notes where a thing lies.
    pub(super) fn note(&mut self, places: Places, number: u64) {
        self.by_place.insert(places, number);
    }
}

/// Makes hashers that are quick and differ from map to map, so that nobody can choose texts that
/// fall upon each other.
#[derive(Clone, Copy)]
struct Quick(u64);

impl BuildHasher for Quick {
    type Hasher = Folding;

    fn build_hasher(&self) -> Folding {
        Folding(self.0)
    }
}

/// Multiplies eight bytes at a time into the state, and folds the product.
struct Folding(u64);

impl Hasher for Folding {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        for (place, byte) in last.iter_mut().zip(rest) {
            *place = *byte;
        }
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.write_u64(u64::from_le_bytes(last) ^ length.rotate_right(8));
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(u64::try_from(number).unwrap_or(u64::MAX));
    }

    fn write_u64(&mut self, word: u64) {
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        let product = u128::from(self.0 ^ word).wrapping_mul(u128::from(FACTOR));
        let (low, high) = (product & u128::from(u64::MAX), product >> 64);
        self.0 = u64::try_from(low ^ high).unwrap_or_default();
    }
}
