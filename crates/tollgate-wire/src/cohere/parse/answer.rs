//! A whole answer in the neutral form.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::facts::{self, End};
use crate::answer::AnswerProblem;
use crate::neutral::{Answer, Content, Ending, Part, Reasoned, ToolCall};

/// Parses the body of a 200. Fails where it is an error, or ends with one, or is no answer.
pub fn answer(body: &Bytes, _provider: &'static str) -> Result<Answer, AnswerProblem> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        AnswerProblem::NotJson(if body.trim_ascii().is_empty() {
            "there is nothing"
        } else if error.is_eof() {
            "it breaks off"
        } else {
            "there is something else"
        })
    })?;
    let Value::Object(whole) = &value else {
        return Err(AnswerProblem::NotAnAnswer("JSON that is not an object"));
    };
    let failed = || AnswerProblem::Error { json: body.clone() };
    let Some(Value::Object(message)) = whole.get("message") else {
        // Errors have a message, too: a text.
        let error = ["message", "error"].iter().any(|name| {
            let value = whole.get(*name).unwrap_or(&Value::Null);
            value.is_string() || value.is_object()
        });
        return Err(if error {
            failed()
        } else {
            AnswerProblem::NotAnAnswer("there is no `message`")
        });
    };
    let ending = match whole.get("finish_reason").and_then(Value::as_str) {
        None => None,
        Some(reason) => match facts::end(reason) {
            End::Good(finish) => Some(Ending::new(finish)),
            End::Failed => return Err(failed()),
        },
    };
    let id = facts::text(whole, "id");
    let parts = parts(message, id.as_deref().unwrap_or_default())
        .ok_or(AnswerProblem::NotAnAnswer("a tool call without a name"))?;
    Ok(Answer {
        id,
        model: None,
        parts,
        ending,
        usage: whole.get("usage").and_then(facts::usage),
    })
}

/// The parts of a message of the answer `id`; `None` if a call has no name.
fn parts(message: &Map<String, Value>, id: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    parts.extend(facts::text(message, "tool_plan").map(thought));
    // Citations name the item of the content that they stand in.
    let mut places = Vec::new();
    match message.get("content") {
        Some(Value::String(text)) if !text.is_empty() => {
            places.push(parts.len());
            parts.push(Part::text(text));
        }
        _ => {
            for item in items(message, "content") {
                places.push(parts.len());
                let thinking = facts::text(item, "thinking").map(thought);
                parts.extend(thinking.or_else(|| facts::text(item, "text").map(Part::text)));
            }
        }
    }
    for value in items(message, "citations") {
        let index = value.get("content_index").and_then(Value::as_u64);
        let place = index
            .and_then(|index| places.get(usize::try_from(index).ok()?))
            .or(places.first());
        let part = place.and_then(|place| parts.get_mut(*place));
        if let Some(Content::Text { citations, .. }) = part.map(|part| &mut part.content) {
            citations.extend(facts::citation(value));
        }
    }
    for (at, call) in items(message, "tool_calls").enumerate() {
        let function = call.get("function")?.as_object()?;
        parts.push(Part::new(Content::ToolCall(ToolCall {
            id: facts::text(call, "id").unwrap_or_else(|| facts::call_id(id, at)),
            name: facts::text(function, "name")?,
            arguments: facts::text(function, "arguments").unwrap_or_default(),
            state: None,
        })));
    }
    Some(parts)
}

fn items<'a>(
    message: &'a Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = &'a Map<String, Value>> + use<'a> {
    let list = message.get(name).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_object)
}

fn thought(text: String) -> Part {
    Part::new(Content::Reasoning(Reasoned {
        text,
        ..Reasoned::default()
    }))
}

#[cfg(test)]
mod tests;
