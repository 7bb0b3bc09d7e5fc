//! Reading responses: callers' requests, and providers' answers and streams.

mod answer;
mod field;
mod input;
mod request;
mod stream;
mod tools;

pub use answer::answer;
pub use request::request;

use crate::stream::{ReadEvents, StreamRules};

/// Reads a stream. It ends with `response.completed` or `response.incomplete`.
pub fn stream(rules: StreamRules) -> Box<dyn ReadEvents> {
    Box::new(stream::Reader::new(rules.provider))
}
