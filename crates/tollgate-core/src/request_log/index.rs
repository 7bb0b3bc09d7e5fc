//! Finds the places of the rows that are wanted: the columns that filters ask, and nothing else.

use super::bytes::Reader;
use super::hash;
use super::packed::Column;
use super::segment::SegmentError;
use super::summary::{BEFORE_HEAD, Summary};
use super::{Filter, Outcome};

/// The columns of a segment that filters ask.
#[derive(Clone, Debug)]
pub struct Index<'a> {
    count: usize,
    hashes: &'a [[u8; 8]],
    whos: usize,
    whats: usize,
    /// The texts of each caller (organization, team, user, key), then of each target (asked,
    /// model, provider), as places among the hashes.
    tuples: [Column<'a>; 7],
    outcomes: Vec<Outcome>,
    who: Column<'a>,
    what: Column<'a>,
    outcome: Column<'a>,
    latency: Column<'a>,
    ids: &'a [u8],
}

impl<'a> Index<'a> {
    /// Reads the columns of a segment out of its summary's bytes.
    pub fn read(bytes: &'a [u8], summary: &Summary) -> Result<Self, SegmentError> {
        let mut reader = Reader::new(bytes);
        let before: [u8; BEFORE_HEAD] = reader.array()?;
        let [_, length @ ..] = before;
        reader.take(u32::from_le_bytes(length) as usize)?;
        let count = summary.count as usize;
        let hashes = number(&mut reader)?;
        let hashes = reader.take(hashes.saturating_mul(8))?.as_chunks().0;
        let (whos, whats) = (number(&mut reader)?, number(&mut reader)?);
        if whos > count || whats > count {
            return Err(SegmentError(
                "it names more callers or targets than it has rows",
            ));
        }
        let mut column = |count| Column::read(&mut reader, count);
        let tuples = [
            column(whos)?,
            column(whos)?,
            column(whos)?,
            column(whos)?,
            column(whats)?,
            column(whats)?,
            column(whats)?,
        ];
        let outcomes = read_outcomes(&mut reader, count)?;
        let mut column = || Column::read(&mut reader, count);
        let (who, what, outcome, latency) = (column()?, column()?, column()?, column()?);
        let ids = hash::read_bits(&mut reader)?;
        Ok(Self {
            count,
            hashes,
            whos,
            whats,
            tuples,
            outcomes,
            who,
            what,
            outcome,
            latency,
            ids,
        })
    }

    /// How many rows there are.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether a request of this id may be here.
    pub fn may_have(&self, request_id: &str) -> bool {
        hash::has(self.ids, hash::hash(request_id.as_bytes()))
    }

    /// How the row at a place ended. Fails if the segment is damaged.
    pub fn outcome(&self, place: usize) -> Result<&Outcome, SegmentError> {
        self.outcomes
            .get(self.outcome.get(place) as usize)
            .ok_or(SegmentError("a row has no outcome"))
    }

    /// The duration of the row at a place, in whole milliseconds.
    pub fn latency_ms(&self, place: usize) -> u64 {
        self.latency.get(place)
    }

    /// What tells the target of the row at a place from others, within the segment.
    pub fn target(&self, place: usize) -> usize {
        self.what(place)
    }

    /// The name of who called, within the segment.
    pub(super) fn who(&self, place: usize) -> usize {
        self.who.get(place) as usize
    }

    /// The name of what was asked for, within the segment.
    pub(super) fn what(&self, place: usize) -> usize {
        self.what.get(place) as usize
    }

    /// What tells whether a row is wanted, but for the time when it ended.
    pub fn matcher<'i>(&'i self, filter: &'i Filter) -> Matcher<'i> {
        let whos = [
            (0, &filter.organization),
            (1, &filter.team),
            (2, &filter.user),
            (3, &filter.key),
        ];
        let whos = whos.map(|(column, text)| (column, self.sought(text.as_deref())));
        let who = Self::allowed(whos.iter().map(|it| &it.1), self.whos, |tuple| {
            let mut columns = whos.iter();
            columns.all(|(column, sought)| self.is(*column, tuple, sought.as_deref()))
        });
        let model = self.sought(filter.model.as_deref());
        let provider = self.sought(filter.provider.as_deref());
        let what = Self::allowed([&model, &provider].into_iter(), self.whats, |tuple| {
            (self.is(4, tuple, model.as_deref()) || self.is(5, tuple, model.as_deref()))
                && self.is(6, tuple, provider.as_deref())
        });
        let outcome = allowed(self.outcomes.len(), |at| {
            let outcome = self.outcomes.get(at);
            outcome.is_some_and(|outcome| filter.takes_outcome(outcome))
        });
        let has_ms = filter.min_ms.is_some() || filter.max_ms.is_some();
        Matcher {
            index: self,
            who,
            what,
            outcome,
            ms: has_ms.then_some(filter),
        }
    }

    /// The places of a text among the hashes, if one is wanted: more than one only if two texts
    /// have the same hash.
    fn sought(&self, wanted: Option<&str>) -> Option<Vec<u64>> {
        let hash = hash::hash(wanted?.as_bytes()).to_le_bytes();
        let found = self.hashes.iter().enumerate();
        let found = found.filter(|(_, found)| **found == hash);
        Some(found.map(|(place, _)| place as u64).collect())
    }

    /// Whether the text of a tuple is the one that is wanted.
    fn is(&self, column: usize, tuple: usize, sought: Option<&[u64]>) -> bool {
        let Some(sought) = sought else { return true };
        let name = self.tuples.get(column).map(|column| column.get(tuple));
        name.is_some_and(|name| sought.contains(&name))
    }

    /// Which of so many tuples are wanted. Nothing is looked through where nothing is sought, or
    /// where it is not there.
    fn allowed<'s>(
        sought: impl Iterator<Item = &'s Option<Vec<u64>>>,
        count: usize,
        is: impl Fn(usize) -> bool,
    ) -> Allowed {
        let mut sought = sought.flatten().peekable();
        if sought.peek().is_none() {
            return Allowed::All;
        }
        if sought.any(Vec::is_empty) {
            return Allowed::None;
        }
        allowed(count, is)
    }
}

/// Which of so many are wanted.
fn allowed(count: usize, is: impl Fn(usize) -> bool) -> Allowed {
    let list: Vec<bool> = (0..count).map(is).collect();
    if list.iter().all(|is| *is) {
        Allowed::All
    } else if list.iter().any(|is| *is) {
        Allowed::Some(list)
    } else {
        Allowed::None
    }
}

fn number(reader: &mut Reader<'_>) -> Result<usize, SegmentError> {
    Ok(reader.u32()? as usize)
}

fn read_outcomes(reader: &mut Reader<'_>, most: usize) -> Result<Vec<Outcome>, SegmentError> {
    let count = number(reader)?;
    if count > most {
        return Err(SegmentError("it names more outcomes than it has rows"));
    }
    let mut outcomes = Vec::with_capacity(count);
    for _ in 0..count {
        outcomes.push(Outcome {
            surface: reader.text()?.into(),
            code: reader.text()?.into(),
            status: reader.u16()?,
            stream: reader.u8()? != 0,
        });
    }
    Ok(outcomes)
}

#[derive(Debug)]
enum Allowed {
    All,
    Some(Vec<bool>),
    None,
}

impl Allowed {
    fn takes(&self, name: impl FnOnce() -> u64) -> bool {
        match self {
            Self::All => true,
            Self::Some(list) => list.get(name() as usize).copied().unwrap_or(false),
            Self::None => false,
        }
    }
}

/// Tells whether rows are wanted, but for the time when they ended.
#[derive(Debug)]
pub struct Matcher<'i> {
    index: &'i Index<'i>,
    who: Allowed,
    what: Allowed,
    outcome: Allowed,
    ms: Option<&'i Filter>,
}

impl Matcher<'_> {
    /// Whether no row can be wanted.
    pub fn is_hopeless(&self) -> bool {
        let all = [&self.who, &self.what, &self.outcome];
        all.iter().any(|allowed| matches!(allowed, Allowed::None))
    }

    /// Whether the row at a place is wanted.
    pub fn takes(&self, place: usize) -> bool {
        let index = self.index;
        self.who.takes(|| index.who.get(place))
            && self.what.takes(|| index.what.get(place))
            && self.outcome.takes(|| index.outcome.get(place))
            && self
                .ms
                .is_none_or(|filter| filter.takes_ms(index.latency.get(place)))
    }
}
