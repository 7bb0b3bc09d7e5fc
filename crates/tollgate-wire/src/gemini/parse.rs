//! Reading the format into the neutral form.

mod citations;
mod contents;
mod members;
mod request;
mod response;
mod stream;
#[cfg(test)]
mod tests;
mod tools;

use bytes::Bytes;
use tollgate_core::call::Call;
use tollgate_core::error::Failure;

use super::chunk::Verdict;
use super::relay;
use crate::answer::AnswerProblem;
use crate::json::{self, Kind, NameBuffer, Problem, Scanner};
use crate::neutral::{Answer, Event, Gathering, Request};
use crate::stream::{ReadEvents, StreamRules};
use response::{Teller, Trouble};

/// Parses a caller's request. Fails with `invalid_request` and the field for values of a wrong
/// shape.
pub fn request(call: &Call) -> Result<Request, Failure> {
    request::parse(call)
}

/// Parses an answer. Fails for what is no answer, and for refusals without a word: other formats
/// know them as errors.
pub fn answer(body: &Bytes, provider: &'static str) -> Result<Answer, AnswerProblem> {
    let error = || AnswerProblem::Error { json: body.clone() };
    if relay::facts(body)?.verdict == Verdict::Refused {
        return Err(error());
    }
    let mut events = Vec::new();
    Teller::new(provider)
        .tell(body, &mut events)
        .map_err(|trouble| match trouble {
            Trouble::Error => error(),
            Trouble::Malformed(reason) => AnswerProblem::NotAnAnswer(reason),
        })?;
    let mut gathering = Gathering::default();
    for event in events {
        gathering.take(event);
    }
    Ok(gathering.into_answer())
}

/// Parses a number of tokens.
pub fn count(body: &Bytes) -> Result<u64, AnswerProblem> {
    if body.trim_ascii().is_empty() {
        return Err(AnswerProblem::NotJson("there is nothing"));
    }
    let (error, total) =
        read_count(body).map_err(|problem| AnswerProblem::NotJson(problem.fault.reason()))?;
    if error {
        return Err(AnswerProblem::Error { json: body.clone() });
    }
    total.ok_or(AnswerProblem::NotAnAnswer("there is no `totalTokens`"))
}

/// Whether there is an error, and the number.
fn read_count(body: &[u8]) -> Result<(bool, Option<u64>), Problem> {
    let mut scanner = Scanner::new(json::utf8(body)?);
    let (mut error, mut total) = (false, None);
    if scanner.kind()? == Kind::Object {
        let mut members = scanner.object()?;
        let mut buffer = NameBuffer::new();
        while let Some(name) = scanner.member(&mut members)? {
            match name.name(&mut buffer) {
                b"error" => {
                    error |= scanner.kind()? != Kind::Null;
                    scanner.skip()?;
                }
                b"totalTokens" => total = super::usage::count(&mut scanner, &mut false)?,
                _ => scanner.skip()?,
            }
        }
    } else {
        scanner.skip()?;
    }
    scanner.finish()?;
    Ok((error, total))
}

/// Reads a stream, of events or as one array.
pub fn stream(rules: StreamRules) -> Box<dyn ReadEvents> {
    Box::new(stream::Reader::new(rules.provider))
}

/// What one response adds to an answer.
type Events = Vec<Event>;
