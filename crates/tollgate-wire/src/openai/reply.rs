//! Reading whole answers: is it one, and what does it say about tokens and its end.

use bytes::Bytes;
use tollgate_core::format::Operation;
use tollgate_core::reply::Answer;

use super::chunk::{self, Choices, Progress, Unreadable};

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

/// Reads the body of a 200 in one scan. Blank lines before it, which some servers send while they
/// work, are part of JSON's white space.
pub fn read_answer(operation: Operation, body: Bytes) -> Result<Answer, AnswerProblem> {
    let mut progress = Progress::default();
    let chunk = match chunk::read(&body, &mut progress) {
        Ok(chunk) => chunk,
        Err(other @ Unreadable::NotAnObject) => {
            return Err(AnswerProblem::NotAnAnswer(other.reason()));
        }
        Err(Unreadable::NotJson(_)) if body.trim_ascii().is_empty() => {
            return Err(AnswerProblem::NotJson("there is nothing"));
        }
        Err(Unreadable::NotJson(reason)) => return Err(AnswerProblem::NotJson(reason)),
    };
    if chunk.error {
        return Err(AnswerProblem::Error { json: body });
    }
    match operation {
        Operation::Chat if chunk.choices == Choices::Absent => {
            return Err(AnswerProblem::NotAnAnswer("there is no `choices` array"));
        }
        Operation::Embeddings if !chunk.data => {
            return Err(AnswerProblem::NotAnAnswer("there is no `data` array"));
        }
        Operation::Chat | Operation::Embeddings => {}
    }
    Ok(Answer {
        body,
        usage: chunk.usage,
        finish: chunk.finish,
    })
}
