//! Reading completions.

use bytes::Bytes;
use tollgate_core::call::Call;
use tollgate_core::error::{Code, Failure};

use crate::answer::AnswerProblem;
use crate::neutral::{Answer, Event, Request};
use crate::stream::{ReadEvents, StreamProblem, StreamRules};

/// Parses a caller's request.
pub fn request(_call: &Call) -> Result<Request, Failure> {
    Err(Failure::gateway(Code::InternalError))
}

/// Parses an answer.
pub fn answer(_body: &Bytes, _provider: &'static str) -> Result<Answer, AnswerProblem> {
    Err(AnswerProblem::NotAnAnswer("not read yet"))
}

/// Parses a number of tokens.
pub fn count(_body: &Bytes) -> Result<u64, AnswerProblem> {
    Err(AnswerProblem::NotAnAnswer("not read yet"))
}

/// Reads a stream.
pub fn stream(_rules: StreamRules) -> Box<dyn ReadEvents> {
    Box::new(Unread)
}

struct Unread;

impl ReadEvents for Unread {
    fn feed(&mut self, _chunk: Bytes, _events: &mut Vec<Event>) -> Result<(), StreamProblem> {
        Err(StreamProblem::Truncated)
    }

    fn end(&mut self, _events: &mut Vec<Event>) -> Result<(), StreamProblem> {
        Err(StreamProblem::Truncated)
    }
}
