//! What the body of a good status can be instead of an answer.

use bytes::Bytes;

/// Why the body of a 200 is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerProblem {
    /// It is no JSON: a page of HTML, cut off, or empty.
    #[error("the answer is not JSON: {0}")]
    NotJson(&'static str),
    /// It reports an error.
    #[error("the provider sent an error as an answer")]
    Error {
        /// The body.
        json: Bytes,
    },
    /// It is JSON, but no answer to what was asked.
    #[error("the answer is not what was asked for: {0}")]
    NotAnAnswer(&'static str),
}
