//! A provider's whole answer in the neutral form.

use bytes::Bytes;
use serde_json::Value;
use tollgate_core::format::Operation;

use super::choice::{Choice, Unfinished, first};
use super::citation;
use crate::answer::AnswerProblem;
use crate::neutral::{Answer, Event, Gathering};
use crate::openai::reply;
use crate::stream::StreamProblem;

/// Parses the body of a 200. Fails where it is an error, by whatever sign, or no answer.
pub fn answer(body: &Bytes, provider: &'static str) -> Result<Answer, AnswerProblem> {
    let read = reply::read_answer(Operation::Chat, body.clone())?;
    let value: Value =
        serde_json::from_slice(body).map_err(|_| AnswerProblem::NotJson("text that is cut"))?;
    let Value::Object(whole) = &value else {
        return Err(AnswerProblem::NotAnAnswer("JSON that is not an object"));
    };
    let Some(first) = whole.get("choices").and_then(first) else {
        return Err(AnswerProblem::NotAnAnswer("`choices` is empty"));
    };
    let text = |name: &str| {
        let text = whole.get(name).and_then(Value::as_str);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let (id, model) = (text("id"), text("model"));
    let mut choice = Choice::whole(provider);
    let mut events = Vec::new();
    let answer = id.clone().unwrap_or_default();
    // A filtered answer may have no message at all.
    if let Some(Value::Object(message)) = first.get("message") {
        choice
            .take(message, &answer, &mut events)
            .map_err(|problem| broken(&problem))?;
    }
    choice.pages = citation::of_pages(whole);
    choice
        .finish(first, &mut events)
        .map_err(|unfinished| match unfinished {
            Unfinished::Failed => AnswerProblem::Error { json: body.clone() },
            Unfinished::Problem(problem) => broken(&problem),
        })?;
    choice
        .end(&mut events)
        .map_err(|problem| broken(&problem))?;
    let mut gathering = Gathering::default();
    gathering.take(Event::Begin { id, model });
    for event in events {
        gathering.take(event);
    }
    let mut answer = gathering.into_answer();
    answer.usage = read.usage;
    Ok(answer)
}

fn broken(problem: &StreamProblem) -> AnswerProblem {
    AnswerProblem::NotAnAnswer(match problem {
        StreamProblem::Malformed(reason) => reason,
        _ => "its tool calls cannot be read",
    })
}

#[cfg(test)]
mod tests;
