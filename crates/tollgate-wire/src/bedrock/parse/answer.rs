//! Whole answers.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::call_id;
use crate::answer::AnswerProblem;
use crate::bedrock::words;
use crate::neutral::{Answer, Content, Ending, Part, Reasoned, ToolCall};
use crate::state::State;

/// Parses an answer. Fails for what is no JSON, for errors, for JSON without a message, and for
/// messages that hold nothing because what the model made could not be read.
pub fn answer(body: &Bytes, provider: &'static str) -> Result<Answer, AnswerProblem> {
    if body.trim_ascii().is_empty() {
        return Err(AnswerProblem::NotJson("there is nothing"));
    }
    let value: Value = serde_json::from_slice(body)
        .map_err(|_| AnswerProblem::NotJson("it breaks off or is malformed"))?;
    let Value::Object(members) = value else {
        return Err(AnswerProblem::NotAnAnswer("JSON that is not an object"));
    };
    let blocks = content(&members);
    let is_error = ["message", "Message", "__type", "error"]
        .iter()
        .any(|name| members.contains_key(*name));
    let blocks = match blocks {
        Some(blocks) => blocks,
        None if is_error => return Err(AnswerProblem::Error { json: body.clone() }),
        None => return Err(AnswerProblem::NotAnAnswer("there is no message")),
    };
    let parts = blocks.iter().enumerate();
    let parts: Vec<Part> = parts
        .filter_map(|(at, block)| part(block, at, provider))
        .collect();
    let reason = members.get("stopReason").and_then(Value::as_str);
    if parts.is_empty() && reason.is_some_and(words::is_malformed) {
        return Err(AnswerProblem::NotAnAnswer(
            "what the model made is malformed",
        ));
    }
    let usage = members.get("usage").and_then(Value::as_object);
    Ok(Answer {
        id: None,
        model: None,
        parts,
        ending: reason.map(|reason| Ending::new(words::finish(reason))),
        usage: usage.and_then(words::usage),
    })
}

fn content(members: &Map<String, Value>) -> Option<&Vec<Value>> {
    let message = members.get("output")?.get("message")?;
    message.get("content")?.as_array()
}

/// The part that a block is: the one member that says its kind.
fn part(block: &Value, at: usize, provider: &'static str) -> Option<Part> {
    let (kind, value) = block.as_object()?.iter().next()?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let content = match &**kind {
        "text" => return plain(value.as_str()?, Vec::new()),
        "toolUse" => Content::ToolCall(ToolCall {
            id: call_id(text("toolUseId"), at),
            name: text("name").to_owned(),
            arguments: value
                .get("input")
                .map(ToString::to_string)
                .unwrap_or_default(),
            state: None,
        }),
        "reasoningContent" => Content::Reasoning(thought(value, provider)?),
        "citationsContent" => {
            let list = |name: &str| {
                value
                    .get(name)
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
            };
            let texts = list("content").filter_map(|text| text.get("text")?.as_str());
            let text: String = texts.collect();
            return plain(&text, list("citations").map(words::citation).collect());
        }
        _ => return None,
    };
    Some(Part::new(content))
}

fn plain(text: &str, citations: Vec<crate::neutral::Citation>) -> Option<Part> {
    if text.is_empty() && citations.is_empty() {
        return None;
    }
    Some(Part::new(Content::Text {
        text: text.to_owned(),
        citations,
    }))
}

fn thought(value: &Value, provider: &'static str) -> Option<Reasoned> {
    if let Some(data) = value.get("redactedContent").and_then(Value::as_str) {
        return Some(Reasoned {
            text: String::new(),
            state: Some(State::of(provider, data)),
            redacted: true,
        });
    }
    let text = value.get("reasoningText")?;
    let member = |name: &str| text.get(name).and_then(Value::as_str).unwrap_or_default();
    let signature = Some(member("signature")).filter(|signature| !signature.is_empty());
    Some(Reasoned {
        text: member("text").to_owned(),
        state: signature.map(|signature| State::of(provider, signature)),
        redacted: false,
    })
}
