//! The log of requests: one row per call, kept in segments that can be searched without reading
//! them all.
//!
//! A segment is two blobs. The first is its [`Summary`], by which most searches pass it over, and
//! behind that its [`Index`], by which the others find the places of the rows that are wanted.
//! The second is its [`Rows`], of which only those on the page that is asked for are read.

mod builder;
mod bytes;
mod filter;
mod hash;
mod index;
mod packed;
mod rows;
mod segment;
mod summary;

use std::sync::Arc;

use crate::reply::Usage;
use crate::time::Timestamp;

pub use builder::{Builder, Line};
pub use filter::Filter;
pub use index::{Index, Matcher};
pub use rows::Rows;
pub use segment::{MOST_BYTES, MOST_ROWS, Segment, SegmentError};
pub use summary::{Meets, Summary};

/// The outcome of a call that was answered well.
pub const OK: &str = "ok";

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// When it ended. Rows come in this order.
    pub at: Timestamp,
    /// The id of the request.
    pub request_id: Box<str>,
    /// Who called.
    pub who: Who,
    /// What was asked for, and who answered.
    pub what: What,
    /// How it came and ended.
    pub outcome: Outcome,
    /// Its figures.
    pub figures: Figures,
    /// The provider's id of the exchange.
    pub provider_request_id: Option<Box<str>>,
    /// The attempts in one line, where there were several.
    pub trail: Option<Box<str>>,
    /// The texts of request and answer, where the organization keeps them.
    pub bodies: Option<Box<Bodies>>,
}

impl Row {
    /// The name of the row: when it ended, and a hash of the request's id, which callers may use
    /// twice.
    pub fn id(&self) -> String {
        let ms = self.at.as_millis().unsigned_abs();
        let hash = hash::hash(self.request_id.as_bytes());
        format!("{ID}{ms:011x}{hash:016x}")
    }

    /// When the row of such a name ended, and the hash in it. `None` for any other text.
    pub fn read_id(id: &str) -> Option<(Timestamp, u64)> {
        let digits = id.strip_prefix(ID)?;
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let (ms, hash) = digits.split_at_checked(11)?;
        if hash.len() != 16 || !digits.bytes().all(is_digit) {
            return None;
        }
        let ms = i64::from_str_radix(ms, 16).ok()?;
        let hash = u64::from_str_radix(hash, 16).ok()?;
        Some((Timestamp::from_millis(ms), hash))
    }
}

/// What names of rows begin with.
const ID: &str = "log_";

/// Who called. What is not known is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Who {
    /// The organization.
    pub organization: Arc<str>,
    /// The team.
    pub team: Arc<str>,
    /// The user who holds the key.
    pub user: Arc<str>,
    /// The id of the key.
    pub key: Arc<str>,
    /// How the key is shown.
    pub key_prefix: Arc<str>,
}

/// What was asked for, and who answered. What is not known is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct What {
    /// The model that was asked for.
    pub asked: Arc<str>,
    /// The model that answered, or was asked for.
    pub model: Arc<str>,
    /// The provider of the connection.
    pub provider: Arc<str>,
    /// The connection that answered, or was asked last.
    pub connection: Arc<str>,
}

/// How a call came and ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Outcome {
    /// By which surface it came.
    pub surface: Arc<str>,
    /// `ok`, a code of the catalogue, or `client_closed`.
    pub code: Arc<str>,
    /// The status of the answer; 0 where none was decided.
    pub status: u16,
    /// Whether the answer was to be a stream.
    pub stream: bool,
}

impl Outcome {
    /// Whether the call was answered well.
    pub fn is_good(&self) -> bool {
        &*self.code == OK
    }
}

/// The figures of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// How many attempts were made.
    pub attempts: u32,
    /// The tokens, as far as they are known.
    pub usage: Option<Usage>,
    /// What the caller paid, in nano-USD.
    pub cost: u64,
    /// What providers charged for attempts that nobody paid, in nano-USD.
    pub lost: u64,
    /// How long it took in all, in microseconds.
    pub duration_us: u64,
    /// Until the first byte of a stream, in microseconds.
    pub first_byte_us: Option<u64>,
}

impl Figures {
    /// How long it took, in whole milliseconds: what is shown and what filters go by.
    pub const fn latency_ms(&self) -> u64 {
        self.duration_us / 1000
    }
}

/// What was said, where an organization wants to keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bodies {
    /// The body of the request, as far as it is kept.
    pub request: ::bytes::Bytes,
    /// The body of the answer, as far as it is kept.
    pub answer: ::bytes::Bytes,
}

#[cfg(test)]
mod tests;
