//! The log of requests: one row per call, kept in segments that can be searched without reading
//! them all.

mod segment;

use std::sync::Arc;

use crate::reply::Usage;
use crate::time::Timestamp;

pub use segment::{Filter, Segment, SegmentError, Summary};

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// When it came.
    pub at: Timestamp,
    /// The id of the request.
    pub request_id: Box<str>,
    /// By which surface it came.
    pub surface: &'static str,
    /// The organization, team, user and key; empty where the key was not known.
    pub organization: Arc<str>,
    /// See above.
    pub team: Arc<str>,
    /// See above.
    pub user: Arc<str>,
    /// See above.
    pub key: Arc<str>,
    /// How the key is shown.
    pub key_prefix: Arc<str>,
    /// The model that was asked for.
    pub asked_model: Arc<str>,
    /// The model that answered.
    pub model: Arc<str>,
    /// The provider of the connection that answered.
    pub provider: Arc<str>,
    /// The connection that answered.
    pub connection: Arc<str>,
    /// The status of the answer.
    pub status: u16,
    /// `ok`, a code of the catalogue, or `client_closed`.
    pub code: &'static str,
    /// Whether the answer was a stream.
    pub stream: bool,
    /// How many attempts were made.
    pub attempts: u32,
    /// The tokens.
    pub usage: Usage,
    /// What the caller paid, in nano-USD.
    pub cost: u64,
    /// What providers charged for attempts that nobody paid, in nano-USD.
    pub lost: u64,
    /// How long it took in all, in microseconds.
    pub duration_us: u64,
    /// Until the first byte of a stream, in microseconds.
    pub first_byte_us: Option<u64>,
    /// The provider's id of the exchange.
    pub provider_request_id: Option<Box<str>>,
    /// The attempts in one line, where there were several.
    pub trail: Option<Box<str>>,
    /// The texts of request and answer, where the organization keeps them.
    pub bodies: Option<Box<Bodies>>,
}

/// What was said, where an organization wants to keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bodies {
    /// The body of the request, as far as it is kept.
    pub request: bytes::Bytes,
    /// The body of the answer, as far as it is kept.
    pub answer: bytes::Bytes,
}
