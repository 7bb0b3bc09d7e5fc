//! Which ids were seen: a bit for each, because a process numbers its entries nearly without a
//! gap, and what the latest settlements took.

use std::collections::{HashMap, VecDeque};

use crate::ledger::EntryId;

/// How many ids lie side by side in one part.
const PART: usize = 4096;
/// How many parts keep what their settlements took: those of the last million entries or so.
const KEPT: usize = 256;
/// The most parts. Those of four billion entries without a gap, or of a ledger whose ids are not
/// what a process makes.
const MOST: usize = 1 << 20;

/// What a settlement took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    /// From its wallet, in nano-USD.
    pub(super) charged: u64,
    /// The number of the wallet; 0 if nobody paid.
    pub(super) wallet: u32,
}

/// What is known of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It was not seen.
    Nowhere,
    /// It is a settlement.
    Settled(Settled),
    /// It is something else.
    Other,
    /// It was seen so long ago that no more is known.
    Forgotten,
}

/// There are too many parts.
#[derive(Debug, thiserror::Error)]
#[error("The ids of the entries lie too far apart to be told from each other.")]
pub(super) struct TooMany;

#[derive(Debug, Default)]
pub(super) struct Seen {
    parts: HashMap<(u64, u64), Part>,
    /// The parts that keep what their settlements took, the oldest first.
    kept: VecDeque<(u64, u64)>,
}

#[derive(Debug)]
struct Part {
    bits: Box<[u64]>,
    settled: Option<Box<[Option<Settled>]>>,
}

impl Seen {
    /// Notes an id. `false`: it was there.
    pub(super) fn add(&mut self, id: EntryId, settled: Option<Settled>) -> Result<bool, TooMany> {
        let (name, at) = split(id);
        if !self.parts.contains_key(&name) {
            if self.parts.len() >= MOST {
                return Err(TooMany);
            }
            self.begin(name);
        }
        let Some(part) = self.parts.get_mut(&name) else {
            return Err(TooMany);
        };
        let bit = 1 << (at % 64);
        let Some(bits) = part.bits.get_mut(at / 64) else {
            return Err(TooMany);
        };
        let is_new = *bits & bit == 0;
        *bits |= bit;
        if is_new
            && let Some(places) = &mut part.settled
            && let Some(place) = places.get_mut(at)
        {
            *place = settled;
        }
        Ok(is_new)
    }

    /// What is known of an id.
    pub(super) fn place(&self, id: EntryId) -> Place {
        let (name, at) = split(id);
        let Some(part) = self.parts.get(&name) else {
            return Place::Nowhere;
        };
        let bits = part.bits.get(at / 64).copied().unwrap_or_default();
        if bits & (1 << (at % 64)) == 0 {
            return Place::Nowhere;
        }
        let Some(places) = &part.settled else {
            return Place::Forgotten;
        };
        match places.get(at) {
            Some(Some(settled)) => Place::Settled(*settled),
            Some(None) | None => Place::Other,
        }
    }

    fn begin(&mut self, name: (u64, u64)) {
        let part = Part {
            bits: vec![0; PART / 64].into(),
            settled: Some(vec![None; PART].into()),
        };
        self.parts.insert(name, part);
        self.kept.push_back(name);
        if self.kept.len() > KEPT
            && let Some(oldest) = self.kept.pop_front()
            && let Some(part) = self.parts.get_mut(&oldest)
        {
            part.settled = None;
        }
    }
}

/// The part of an id, and its place there.
fn split(id: EntryId) -> ((u64, u64), usize) {
    let bits = id.bits();
    let boot = u64::try_from(bits >> 64).unwrap_or(u64::MAX);
    let count = u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(u64::MAX);
    let part = u64::try_from(PART).unwrap_or(u64::MAX);
    let at = usize::try_from(count % part).unwrap_or(0);
    ((boot, count / part), at)
}
