//! A call as it was received: its bytes and the few facts that were read from them.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;

use crate::format::{Format, Operation};

/// More answers than this are never counted on, whatever a request asks for: providers refuse such
/// requests.
pub const MOST_CHOICES: u32 = 4096;

/// One request to a model. The body stays as it came; only facts that decide are read from it.
#[derive(Clone, Debug)]
pub struct Call {
    /// The format of `body`.
    pub format: Format,
    /// What is asked for.
    pub operation: Operation,
    /// The body as it was received (after content decoding).
    pub body: Bytes,
    /// The model as the caller names it.
    pub model: Box<str>,
    /// Whether the answer is to be a stream.
    pub stream: bool,
    /// Whether the caller asked for the usage of a stream (`stream_options.include_usage`).
    pub wants_usage: bool,
    /// The most tokens that the caller lets the answer have, if it said so.
    pub max_tokens: Option<u64>,
    /// How many answers are asked for at once (`n`, `candidateCount`); 1 where nothing is said.
    pub choices: u32,
    /// Places in `body` that may have to be patched for the provider.
    pub marks: Marks,
    /// Headers of the caller that go on to the provider, names in lower case.
    pub carried: Vec<(Bytes, Bytes)>,
    /// The part of the query that goes on to a provider of the same format, without `?`.
    pub query: Option<Box<str>>,
    /// Whether a stream is to be one JSON array instead of events, as Gemini's callers may ask.
    pub array: bool,
    /// Whether the body holds opaque state (a thinking signature, say) that Tollgate has sealed
    /// for one provider.
    pub sealed: bool,
}

/// What a request asks of the gateway itself, by headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// How long the caller waits for the first byte of a stream, or for the whole plain answer.
    pub first_byte: Option<Duration>,
    /// How long the caller waits for the end.
    pub total: Option<Duration>,
    /// Whether only the model that was asked for may answer.
    pub no_fallbacks: bool,
    /// Whether the answer is to tell every attempt.
    pub trail: bool,
    /// Tags, for conditions of targets.
    pub tags: Vec<Box<str>>,
    /// What the request belongs to, where requests stick to targets.
    pub session: Option<Box<str>>,
}

/// Places in a body, as byte ranges, that a patch for the provider touches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Just behind the opening brace of the body, where a member may be put in.
    pub start: usize,
    /// The value of `model`, quotes included; `None` where the model is not in the body.
    pub model: Option<Range<usize>>,
    /// The value of `stream_options`, if the member is there.
    pub stream_options: Option<Range<usize>>,
    /// The value of `stream_options.include_usage`, if that member is there.
    pub include_usage: Option<Range<usize>>,
}
