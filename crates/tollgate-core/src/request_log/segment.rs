//! Rows that are stored together.

use std::collections::HashMap;

use bytes::Bytes;

use super::{Builder, Index, Line, Outcome, Row, Rows, Summary, What, Who};
use crate::time::Timestamp;

/// The most rows of a segment. With more, a page of rows that are far from each other would mean
/// reading too much.
pub const MOST_ROWS: usize = 4096;
/// From how many bytes of texts on a segment takes no more rows.
pub const MOST_BYTES: usize = 1024 * 1024;

/// Rows as they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// When the first of its rows ended, and the last.
    pub from: Timestamp,
    /// See above.
    pub to: Timestamp,
    /// How many rows it holds.
    pub count: u32,
    /// What a search has to know to pass over it or to find places in it, in its binary form.
    pub summary: Bytes,
    /// The rows in their binary form.
    pub rows: Bytes,
}

/// Why a segment cannot be read.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("a segment of the request log cannot be read: {0}")]
pub struct SegmentError(pub &'static str);

impl Segment {
    /// Puts rows together, as many as one segment takes. `None` if there are none.
    pub fn write(rows: &[Row]) -> Option<Self> {
        let mut joint = Joint::default();
        for row in rows {
            if joint.builder.is_full() {
                break;
            }
            joint.push(row);
        }
        joint.builder.finish()
    }

    /// Puts the rows of several segments, in this order, into one. Fails if one of them cannot be
    /// read, or if they are too many for one.
    pub fn merge(segments: &[Self]) -> Result<Self, SegmentError> {
        let mut joint = Joint::default();
        for segment in segments {
            let summary = Summary::read(&segment.summary)?;
            let index = Index::read(&segment.summary, &summary)?;
            let rows = Rows::read(&segment.rows)?;
            for place in 0..rows.len() {
                if joint.builder.is_full() {
                    return Err(SegmentError("they are too many for one"));
                }
                joint.push(&rows.row(&index, place)?);
            }
        }
        joint
            .builder
            .finish()
            .ok_or(SegmentError("there are no rows"))
    }

    /// Every row, the first one first.
    pub fn read(&self) -> Result<Vec<Row>, SegmentError> {
        let summary = Summary::read(&self.summary)?;
        let index = Index::read(&self.summary, &summary)?;
        let rows = Rows::read(&self.rows)?;
        (0..rows.len())
            .map(|place| rows.row(&index, place))
            .collect()
    }
}

/// A builder that finds what rows have in common by comparing it.
#[derive(Default)]
struct Joint {
    builder: Builder,
    who: HashMap<Who, usize>,
    what: HashMap<What, usize>,
    outcomes: HashMap<Outcome, usize>,
}

impl Joint {
    fn push(&mut self, row: &Row) {
        let builder = &mut self.builder;
        let who = *self
            .who
            .entry(row.who.clone())
            .or_insert_with(|| builder.who(row.who.clone()));
        let what = *self
            .what
            .entry(row.what.clone())
            .or_insert_with(|| builder.what(row.what.clone()));
        let outcome = *self
            .outcomes
            .entry(row.outcome.clone())
            .or_insert_with(|| builder.outcome(row.outcome.clone()));
        builder.push(&Line {
            at: row.at,
            who,
            what,
            outcome,
            figures: row.figures,
            request_id: &row.request_id,
            provider_request_id: row.provider_request_id.as_deref(),
            trail: row.trail.as_deref(),
            bodies: row.bodies.as_deref(),
        });
    }
}
