//! Writing completions.

use bytes::Bytes;

use crate::formats::{Aim, Asked, Lost};
use crate::neutral::{Answer, Event, Request};
use crate::stream::WriteEvents;

/// Writes a request.
pub fn request(_request: &Request, _aim: &Aim<'_>, _lost: &mut Lost) -> Bytes {
    Bytes::new()
}

/// Writes the request for a number of tokens.
pub fn count_request(_request: &Request, _aim: &Aim<'_>) -> Bytes {
    Bytes::new()
}

/// Writes an answer.
pub fn answer(_answer: &Answer, _asked: &Asked<'_>) -> Bytes {
    Bytes::new()
}

/// Writes a number of tokens.
pub fn count(_tokens: u64) -> Bytes {
    Bytes::new()
}

/// Writes a stream.
pub fn stream(_asked: &Asked<'_>) -> Box<dyn WriteEvents> {
    Box::new(Unwritten)
}

struct Unwritten;

impl WriteEvents for Unwritten {
    fn write(&mut self, _event: &Event, _out: &mut Vec<u8>) {}
}
