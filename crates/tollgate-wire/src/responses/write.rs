//! Writing responses: providers' requests, and callers' answers and streams.

mod answer;
mod input;
mod items;
mod request;
mod stream;

pub use answer::answer;
pub use request::request;

use crate::formats::Asked;
use crate::stream::WriteEvents;

/// Writes a stream, every event with its number, as the official SDKs and Codex read it.
pub fn stream(asked: &Asked<'_>) -> Box<dyn WriteEvents> {
    Box::new(stream::Writer::new(asked))
}
