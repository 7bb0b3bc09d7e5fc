//! Rows that are stored together, with a summary by which a search passes over them.

use bytes::Bytes;

use super::Row;
use crate::time::Timestamp;

/// Rows as they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// When the first of its rows came, and the last.
    pub from: Timestamp,
    /// See above.
    pub to: Timestamp,
    /// How many rows it holds.
    pub count: u32,
    /// What a search has to know to pass over it, in its binary form.
    pub summary: Bytes,
    /// The rows in their binary form.
    pub rows: Bytes,
}

/// What a search has to know of a segment.
#[derive(Clone, Debug, Default)]
pub struct Summary {}

/// What rows are wanted. What is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those of this organization.
    pub organization: Option<Box<str>>,
    /// Only those of this team.
    pub team: Option<Box<str>>,
    /// Only those of this user.
    pub user: Option<Box<str>>,
    /// Only those of this key.
    pub key: Option<Box<str>>,
    /// Only those of this model, asked for or answering.
    pub model: Option<Box<str>>,
    /// Only those of this provider.
    pub provider: Option<Box<str>>,
    /// Only those of this surface.
    pub surface: Option<Box<str>>,
    /// Only good ones, or only others.
    pub success: Option<bool>,
    /// Only those of this code.
    pub code: Option<Box<str>>,
    /// Only those that came at this time or later.
    pub from: Option<Timestamp>,
    /// Only those that came before this time.
    pub to: Option<Timestamp>,
    /// Only those that took at least so long, in microseconds.
    pub min_duration_us: Option<u64>,
    /// Only those that took at most so long, in microseconds.
    pub max_duration_us: Option<u64>,
}

/// Why a segment cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a segment of the request log cannot be read: {0}")]
pub struct SegmentError(pub &'static str);

impl Segment {
    /// Puts rows together. There must be at least one.
    pub fn write(rows: &[Row]) -> Self {
        _ = rows;
        unimplemented!("the part `request-log` writes this")
    }
}
