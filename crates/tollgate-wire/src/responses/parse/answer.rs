//! Whole answers, and the items of their output.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::answer::AnswerProblem;
use crate::json::Text;
use crate::neutral::{Answer, Citation, Content, Ending, Part, Reasoned, ToolCall, freeform};
use crate::responses::{facts::Status, relay};
use crate::state::{NO_STATE, State};

/// Parses an answer. Fails if the body is no JSON, reports an error, or is no response that has
/// come to its end.
pub fn answer(body: &Bytes, provider: &'static str) -> Result<Answer, AnswerProblem> {
    let facts = relay::read(body)?;
    if facts.status == Status::Running {
        return Err(AnswerProblem::NotAnAnswer("the response is still made"));
    }
    let value: Value = serde_json::from_slice(body)
        .map_err(|_| AnswerProblem::NotJson("a text in it is broken"))?;
    let mut parts = Vec::new();
    for item in value
        .get("output")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        if let Some(item) = item.as_object() {
            add_item(item, provider, &mut parts);
        }
    }
    Ok(Answer {
        id: facts.id.and_then(owned),
        model: facts.model.and_then(owned),
        parts,
        ending: facts.finish().map(Ending::new),
        usage: facts.usage,
    })
}

/// A name as its own text; none if it is empty.
pub(super) fn owned(text: Text<'_>) -> Option<String> {
    text.decode()
        .filter(|text| !text.is_empty())
        .map(std::borrow::Cow::into_owned)
}

/// Adds what an item of the output says. Items of tools that the provider runs itself are its own
/// business: what came of them is in the messages.
pub(super) fn add_item(item: &Map<String, Value>, provider: &str, parts: &mut Vec<Part>) {
    match text(item, "type") {
        "message" => {
            let content = item.get("content").and_then(Value::as_array);
            let content = content.into_iter().flatten().filter_map(Value::as_object);
            parts.extend(content.filter_map(content_part).map(Part::new));
        }
        "reasoning" => parts.extend(thought(item, provider)),
        "function_call" | "custom_tool_call" => {
            parts.push(Part::new(Content::ToolCall(tool_call(item))));
        }
        _ => {}
    }
}

/// A text or refusal; none if it is empty or something else.
fn content_part(part: &Map<String, Value>) -> Option<Content> {
    let content = match text(part, "type") {
        "refusal" => Content::Refusal(text(part, "refusal").to_owned()),
        "output_text" | "text" => Content::Text {
            text: text(part, "text").to_owned(),
            citations: citations(part),
        },
        _ => return None,
    };
    match &content {
        Content::Refusal(text) | Content::Text { text, .. } if text.is_empty() => None,
        _ => Some(content),
    }
}

/// What a text refers to on the web.
pub(in crate::responses) fn citations(part: &Map<String, Value>) -> Vec<Citation> {
    let annotations = part.get("annotations").and_then(Value::as_array);
    let annotations = annotations.into_iter().flatten();
    annotations.filter_map(citation).collect()
}

/// A reference to a page; none if it is one to the provider's own files.
pub(in crate::responses) fn citation(annotation: &Value) -> Option<Citation> {
    let annotation = annotation.as_object()?;
    if text(annotation, "type") != "url_citation" {
        return None;
    }
    let place = |name: &str| annotation.get(name).and_then(Value::as_u64);
    let word = |name: &str| {
        let word = text(annotation, name);
        (!word.is_empty()).then(|| word.to_owned())
    };
    Some(Citation {
        url: Some(word("url")?),
        title: word("title"),
        start: place("start_index"),
        end: place("end_index"),
        ..Citation::default()
    })
}

fn thought(item: &Map<String, Value>, provider: &str) -> Option<Part> {
    let text = thought_text(item);
    let state = state(item, provider);
    (!text.is_empty() || state.is_some()).then(|| {
        Part::new(Content::Reasoning(Reasoned {
            text,
            state,
            redacted: false,
        }))
    })
}

/// The text of a thought: its summary, or the thought itself where the provider shows it.
pub(in crate::responses) fn thought_text(item: &Map<String, Value>) -> String {
    let texts = |name: &str| {
        let parts = item.get(name).and_then(Value::as_array);
        let parts = parts.into_iter().flatten().filter_map(Value::as_object);
        let texts: Vec<&str> = parts.map(|part| text(part, "text")).collect();
        texts.join("\n\n")
    };
    let summary = texts("summary");
    if summary.is_empty() {
        texts("content")
    } else {
        summary
    }
}

/// What the provider wants to have back with a thought.
pub(super) fn state(item: &Map<String, Value>, provider: &str) -> Option<State> {
    let token = text(item, "encrypted_content");
    let stands = !token.is_empty() && token != NO_STATE;
    stands.then(|| State::of(provider, token))
}

/// A call of a function; of a tool that takes free text, it is one with that text as `input`.
pub(in crate::responses) fn tool_call(item: &Map<String, Value>) -> ToolCall {
    let id = match text(item, "call_id") {
        "" => text(item, "id"),
        id => id,
    };
    let arguments = if text(item, "type") == "custom_tool_call" {
        freeform::arguments(text(item, "input"))
    } else {
        text(item, "arguments").to_owned()
    };
    ToolCall {
        id: id.to_owned(),
        name: text(item, "name").to_owned(),
        arguments,
        state: None,
    }
}

/// The text of this name, or an empty one.
pub(in crate::responses) fn text<'a>(object: &'a Map<String, Value>, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}
