//! Relaying completions.

use bytes::Bytes;
use tollgate_core::reply;

use crate::answer::AnswerProblem;
use crate::stream::{Fed, Flow, StreamRules};

/// Reads an answer that stays in the format.
pub fn answer(body: Bytes) -> Result<reply::Answer, AnswerProblem> {
    Err(AnswerProblem::Error { json: body })
}

/// Relays a stream that stays in the format.
pub fn stream(_rules: StreamRules) -> Box<dyn Flow> {
    Box::new(Unread)
}

struct Unread;

impl Flow for Unread {
    fn feed(&mut self, _chunk: Bytes) -> Fed {
        Fed::default()
    }

    fn end(&mut self) -> Fed {
        Fed::default()
    }
}
