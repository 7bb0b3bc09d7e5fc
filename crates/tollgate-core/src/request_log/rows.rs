//! The rows of a segment, each of which can be read alone.

use std::sync::Arc;

use ::bytes::Bytes;

use super::builder::{BODIES, BOUNDED, COLUMNS, MADE, MADE_ID, PROVIDER_ID, TRAIL, USAGE, VERSION};
use super::bytes::Reader;
use super::packed::Column;
use super::segment::{MOST_ROWS, SegmentError};
use super::{Bodies, Figures, Index, Row, What, Who};
use crate::reply::Usage;
use crate::time::Timestamp;

/// How many texts a caller has, and a target.
const TEXTS_OF_WHO: usize = 5;
const TEXTS_OF_WHAT: usize = 4;

/// The rows of a segment.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    whole: &'a Bytes,
    count: usize,
    from: i64,
    whos: usize,
    whats: usize,
    tuples: Column<'a>,
    texts: usize,
    ends: Column<'a>,
    text: &'a [u8],
    columns: [Column<'a>; COLUMNS],
    heap: &'a [u8],
}

impl<'a> Rows<'a> {
    /// Reads where everything is.
    pub fn read(whole: &'a Bytes) -> Result<Self, SegmentError> {
        let mut reader = Reader::new(whole);
        if reader.u8()? != VERSION {
            return Err(SegmentError("the version of its rows is unknown"));
        }
        let count = reader.u32()? as usize;
        let from = reader.i64()?;
        let (whos, whats) = (reader.u32()? as usize, reader.u32()? as usize);
        if count > MOST_ROWS || whos > count || whats > count {
            return Err(SegmentError("it has an impossible number of rows"));
        }
        let tuples = Column::read(&mut reader, whos * TEXTS_OF_WHO + whats * TEXTS_OF_WHAT)?;
        let texts = reader.u32()? as usize;
        if texts > whos * TEXTS_OF_WHO + whats * TEXTS_OF_WHAT {
            return Err(SegmentError("it has more texts than rows use"));
        }
        let ends = Column::read(&mut reader, texts)?;
        let length = texts.checked_sub(1).map_or(0, |last| ends.get(last));
        let text = reader.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        let mut column = || Column::read(&mut reader, count);
        let columns = [
            column()?,
            column()?,
            column()?,
            column()?,
            column()?,
            column()?,
            column()?,
            column()?,
            column()?,
            column()?,
            column()?,
            column()?,
            column()?,
        ];
        Ok(Self {
            whole,
            count,
            from,
            whos,
            whats,
            tuples,
            texts,
            ends,
            text,
            columns,
            heap: reader.rest(),
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

    /// When the row at a place ended.
    pub fn at(&self, place: usize) -> Timestamp {
        let [since, ..] = &self.columns;
        Timestamp::from_millis(self.from.wrapping_add(since.get(place).cast_signed()))
    }

    /// The figures of the row at a place. Whether its usage is known its texts say: here it is
    /// zeros where it is not.
    pub fn figures(&self, place: usize) -> Figures {
        let numbers = self.columns.map(|column| column.get(place));
        let [
            _,
            duration_us,
            first_byte,
            attempts,
            prompt,
            completion,
            cached,
            cache_written,
            cache_written_1h,
            reasoning,
            cost,
            lost,
            _,
        ] = numbers;
        let usage = Usage {
            prompt,
            completion,
            cached,
            cache_written,
            cache_written_1h,
            reasoning,
            bounded: false,
        };
        Figures {
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
            usage: Some(usage),
            cost,
            lost,
            duration_us,
            first_byte_us: first_byte.checked_sub(1),
        }
    }

    /// Who called, at a place.
    pub fn who(&self, index: &Index<'_>, place: usize) -> Result<Who, SegmentError> {
        let name = index.who(place);
        if name >= self.whos {
            return Err(SegmentError("a row names a caller that is not there"));
        }
        let first = name * TEXTS_OF_WHO;
        Ok(Who {
            organization: self.text_of(first)?,
            team: self.text_of(first + 1)?,
            user: self.text_of(first + 2)?,
            key: self.text_of(first + 3)?,
            key_prefix: self.text_of(first + 4)?,
        })
    }

    /// What was asked for, at a place.
    pub fn what(&self, index: &Index<'_>, place: usize) -> Result<What, SegmentError> {
        let name = index.what(place);
        if name >= self.whats {
            return Err(SegmentError("a row names a target that is not there"));
        }
        let first = self.whos * TEXTS_OF_WHO + name * TEXTS_OF_WHAT;
        Ok(What {
            asked: self.text_of(first)?,
            model: self.text_of(first + 1)?,
            provider: self.text_of(first + 2)?,
            connection: self.text_of(first + 3)?,
        })
    }

    fn text_of(&self, tuple: usize) -> Result<Arc<str>, SegmentError> {
        let name = self.tuples.get(tuple) as usize;
        let begin = name
            .checked_sub(1)
            .map_or(0, |before| self.ends.get(before));
        let range = begin as usize..self.ends.get(name) as usize;
        let bytes = self.text.get(range).filter(|_| name < self.texts);
        let text = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
        text.map(Arc::from)
            .ok_or(SegmentError("a row names a text that is not there"))
    }

    /// The whole row at a place.
    pub fn row(&self, index: &Index<'_>, place: usize) -> Result<Row, SegmentError> {
        if place >= self.count || self.count != index.len() {
            return Err(SegmentError("a row is not there"));
        }
        let [.., offsets] = &self.columns;
        let start = usize::try_from(offsets.get(place)).unwrap_or(usize::MAX);
        let heap = self.heap.get(start..);
        let mut heap = Reader::new(heap.ok_or(SegmentError("the texts of a row are not there"))?);
        let flags = heap.u8()?;
        let request_id = if flags & MADE_ID == 0 {
            heap.text()?.into()
        } else {
            format!("{MADE}{:032x}", u128::from_be_bytes(heap.array()?)).into()
        };
        let mut text = |flag| -> Result<Option<Box<str>>, SegmentError> {
            let is_there = flags & flag != 0;
            is_there.then(|| heap.text().map(Box::from)).transpose()
        };
        let (provider_request_id, trail) = (text(PROVIDER_ID)?, text(TRAIL)?);
        let bodies = if flags & BODIES == 0 {
            None
        } else {
            let request = self.whole.slice_ref(heap.piece()?);
            let answer = self.whole.slice_ref(heap.piece()?);
            Some(Box::new(Bodies { request, answer }))
        };
        let mut figures = self.figures(place);
        if flags & USAGE == 0 {
            figures.usage = None;
        }
        if let Some(usage) = &mut figures.usage {
            usage.bounded = flags & BOUNDED != 0;
        }
        Ok(Row {
            at: self.at(place),
            request_id,
            who: self.who(index, place)?,
            what: self.what(index, place)?,
            outcome: index.outcome(place)?.clone(),
            figures,
            provider_request_id,
            trail,
            bodies,
        })
    }
}
