//! What a search has to know of a segment to pass over it, small enough to stay in memory.

use super::Filter;
use super::builder::VERSION;
use super::bytes::Reader;
use super::hash::{self, Found};
use super::segment::{MOST_ROWS, SegmentError};
use crate::time::Timestamp;

/// How many kinds of texts are counted: organization, team, user, key, model, provider, surface,
/// code.
const SETS: usize = 8;
/// What stands before the head: the version and the length of the head.
pub(super) const BEFORE_HEAD: usize = 5;

/// What a search has to know of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// When the first row ended.
    pub from: Timestamp,
    /// When the last row ended.
    pub to: Timestamp,
    /// How many rows there are.
    pub count: u32,
    /// How many of them were answered well.
    pub good: u32,
    /// The shortest and the longest of their durations, in whole milliseconds.
    pub min_ms: u64,
    /// See above.
    pub max_ms: u64,
    sets: Box<[u8]>,
    ends: [u32; SETS],
}

/// What a summary tells of the rows that are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meets {
    /// So many are in the segment.
    Exactly(u32),
    /// Some may be: the index has to be asked.
    Perhaps,
}

impl Summary {
    /// Reads the front of a segment's summary.
    pub fn read(bytes: &[u8]) -> Result<Self, SegmentError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(SegmentError("its version is unknown"));
        }
        let length = reader.u32()? as usize;
        let mut head = Reader::new(reader.take(length)?);
        let (count, good) = (head.u32()?, head.u32()?);
        let (from, to) = (head.i64()?, head.i64()?);
        let (min_ms, max_ms) = (head.u64()?, head.u64()?);
        if count as usize > MOST_ROWS || count == 0 || good > count {
            return Err(SegmentError("it has an impossible number of rows"));
        }
        let sets = head.rest();
        let (mut ends, mut end) = ([0; SETS], 0);
        for place in &mut ends {
            end += hash::read_counts(&mut head)?.len() as u32;
            *place = end;
        }
        Ok(Self {
            from: Timestamp::from_millis(from),
            to: Timestamp::from_millis(to),
            count,
            good,
            min_ms,
            max_ms,
            sets: sets.into(),
            ends,
        })
    }

    /// The bytes that it takes in memory.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.sets.len()
    }

    /// Whether the bounds of time of a filter lie within the segment, so that rows have to be
    /// asked one by one when they ended.
    pub fn is_split(&self, filter: &Filter) -> bool {
        !(filter.takes_time(self.from) && filter.takes_time(self.to))
    }

    /// What is known of the rows that a filter wants.
    pub fn meets(&self, filter: &Filter) -> Meets {
        if filter.from.is_some_and(|from| self.to < from)
            || filter.to.is_some_and(|to| self.from >= to)
        {
            return Meets::Exactly(0);
        }
        let mut known = Known {
            of: self.count,
            least: self.count,
            parts: u32::from(self.is_split(filter)),
            is_certain: !self.is_split(filter),
        };
        match filter.success {
            Some(true) => known.take(Some(self.good)),
            Some(false) => known.take(Some(self.count - self.good)),
            None => {}
        }
        if filter.min_ms.is_some() || filter.max_ms.is_some() {
            let out = filter.min_ms.is_some_and(|min| self.max_ms < min)
                || filter.max_ms.is_some_and(|max| self.min_ms > max);
            let all = filter.takes_ms(self.min_ms) && filter.takes_ms(self.max_ms);
            known.take(match (out, all) {
                (true, _) => Some(0),
                (false, true) => Some(self.count),
                (false, false) => None,
            });
        }
        for (place, wanted) in wanted(filter).into_iter().enumerate() {
            if known.least == 0 {
                break;
            }
            let Some(text) = wanted else { continue };
            known.take(
                match hash::find(self.set(place), hash::hash(text.as_bytes())) {
                    Found::Times(times) => Some(u32::try_from(times).unwrap_or(u32::MAX)),
                    Found::Perhaps => None,
                },
            );
        }
        known.told()
    }

    fn set(&self, place: usize) -> &[u8] {
        let begin = place
            .checked_sub(1)
            .and_then(|before| self.ends.get(before));
        let begin = begin.copied().unwrap_or(0) as usize;
        let end = self.ends.get(place).copied().unwrap_or(0) as usize;
        self.sets.get(begin..end).unwrap_or_default()
    }
}

/// The texts that a filter names, in the order of the sets.
fn wanted(filter: &Filter) -> [Option<&str>; SETS] {
    [
        filter.organization.as_deref(),
        filter.team.as_deref(),
        filter.user.as_deref(),
        filter.key.as_deref(),
        filter.model.as_deref(),
        filter.provider.as_deref(),
        filter.surface.as_deref(),
        filter.code.as_deref(),
    ]
}

/// What the conditions of a filter leave of a segment's rows.
struct Known {
    of: u32,
    /// How many rows the strictest condition leaves.
    least: u32,
    /// How many conditions leave some rows and not others: of one alone the number is known.
    parts: u32,
    is_certain: bool,
}

impl Known {
    /// A condition leaves so many rows, or nobody knows how many.
    fn take(&mut self, left: Option<u32>) {
        let Some(left) = left else {
            self.parts += 1;
            self.is_certain = false;
            return;
        };
        self.least = self.least.min(left);
        if left < self.of {
            self.parts += 1;
        }
    }

    fn told(&self) -> Meets {
        if self.least == 0 || (self.is_certain && self.parts <= 1) {
            Meets::Exactly(self.least)
        } else {
            Meets::Perhaps
        }
    }
}
