//! Whole answers.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::answer::AnswerProblem;
use crate::anthropic::usage::Counts;
use crate::anthropic::{citation, words};
use crate::neutral::{Answer, Content, Ending, Part, Reasoned, ToolCall};
use crate::state::State;

/// Parses an answer. Fails for what is no JSON, for errors, and for JSON without content.
pub fn answer(body: &Bytes, provider: &'static str) -> Result<Answer, AnswerProblem> {
    let members = object(body)?;
    let Some(Value::Array(blocks)) = members.get("content") else {
        return Err(AnswerProblem::NotAnAnswer("there is no `content` array"));
    };
    let parts = blocks.iter().enumerate();
    let parts = parts.filter_map(|(at, block)| part(block, at, provider));
    let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
    Ok(Answer {
        id: text("id"),
        model: text("model"),
        parts: parts.collect(),
        ending: ending(&members),
        usage: members
            .get("usage")
            .and_then(Value::as_object)
            .and_then(|usage| {
                let mut counts = Counts::default();
                counts.take(usage);
                counts.usage()
            }),
    })
}

/// Parses a number of tokens. Fails as [`answer`] does.
pub fn count(body: &Bytes) -> Result<u64, AnswerProblem> {
    let members = object(body)?;
    let tokens = members.get("input_tokens").and_then(Value::as_u64);
    tokens.ok_or(AnswerProblem::NotAnAnswer("there is no `input_tokens`"))
}

/// The object that a body is, unless it reports an error.
fn object(body: &Bytes) -> Result<Map<String, Value>, AnswerProblem> {
    if body.trim_ascii().is_empty() {
        return Err(AnswerProblem::NotJson("there is nothing"));
    }
    let value = serde_json::from_slice(body)
        .map_err(|_| AnswerProblem::NotJson("it breaks off or is malformed"))?;
    let Value::Object(members) = value else {
        return Err(AnswerProblem::NotAnAnswer("JSON that is not an object"));
    };
    let is_error = members.get("type").is_some_and(|kind| kind == "error")
        || members.get("error").is_some_and(|error| !error.is_null());
    if is_error {
        return Err(AnswerProblem::Error { json: body.clone() });
    }
    Ok(members)
}

/// Why the model stopped, in `members` of a message or of its last delta.
pub(super) fn ending(members: &Map<String, Value>) -> Option<Ending> {
    let reason = members.get("stop_reason")?.as_str()?;
    let stop_sequence = members.get("stop_sequence").and_then(Value::as_str);
    Some(Ending {
        finish: words::finish(reason),
        stop_sequence: stop_sequence.map(str::to_owned),
    })
}

/// The part that a block is. Blocks of tools that the provider calls itself are none: nobody
/// here can ask for them.
fn part(block: &Value, at: usize, provider: &'static str) -> Option<Part> {
    let text = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
    let state = |token: &str| {
        let stands = !token.is_empty() && State::opened(token).is_some();
        stands.then(|| State::of(provider, token))
    };
    let content = match block.get("type")?.as_str()? {
        "text" => {
            let citations = block.get("citations").and_then(Value::as_array);
            let citations: Vec<_> = citations.into_iter().flatten().collect();
            let citations: Vec<_> = citations.into_iter().filter_map(citation::read).collect();
            let text = text("text").to_owned();
            if text.is_empty() && citations.is_empty() {
                return None;
            }
            Content::Text { text, citations }
        }
        "thinking" => Content::Reasoning(Reasoned {
            text: text("thinking").to_owned(),
            state: state(text("signature")),
            redacted: false,
        }),
        "redacted_thinking" => Content::Reasoning(Reasoned {
            text: String::new(),
            state: state(text("data")),
            redacted: true,
        }),
        "tool_use" => Content::ToolCall(ToolCall {
            id: call_id(text("id"), at),
            name: text("name").to_owned(),
            arguments: block
                .get("input")
                .map(ToString::to_string)
                .unwrap_or_default(),
            state: None,
        }),
        _ => return None,
    };
    Some(Part::new(content))
}

/// The id of a call; one of our own if the provider gives none.
pub(super) fn call_id(id: &str, block: usize) -> String {
    if id.is_empty() {
        format!("toolu_{block}")
    } else {
        id.to_owned()
    }
}
