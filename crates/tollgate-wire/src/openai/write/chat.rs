//! What answers and streams have in common.

use serde_json::{Map, Value, json};
use tollgate_core::reply::{Finish, Usage};

use crate::formats::Asked;
use crate::neutral::{Citation, Ending, ToolCall};
use crate::openai::parse::OTHER;
use crate::state::State;

/// The id of an answer whose provider gave none.
pub(super) fn id(given: Option<&str>, asked: &Asked<'_>) -> String {
    match given {
        Some(id) => id.to_owned(),
        None => format!("chatcmpl-{}", asked.request_id),
    }
}

/// The reason for an end, and beside it what the format has no member for.
pub(super) fn finish(ending: &Ending) -> Map<String, Value> {
    let reason = match ending.finish {
        // Clients know these words only; the other member says that it is not the whole truth.
        Finish::Stop | Finish::Other => "stop",
        Finish::Length => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::ContentFilter => "content_filter",
    };
    let mut members = Map::new();
    members.insert("finish_reason".to_owned(), reason.into());
    if ending.finish == Finish::Other {
        members.insert("native_finish_reason".to_owned(), OTHER.into());
    }
    if let Some(sequence) = &ending.stop_sequence {
        members.insert("stop_reason".to_owned(), sequence.clone().into());
    }
    members
}

/// Token counts.
pub(crate) fn usage(usage: &Usage) -> Value {
    let mut prompt = json!({ "cached_tokens": usage.cached });
    if usage.cache_written > 0
        && let Some(details) = prompt.as_object_mut()
    {
        details.insert("cache_write_tokens".to_owned(), usage.cache_written.into());
    }
    json!({
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt.saturating_add(usage.completion),
        "prompt_tokens_details": prompt,
        "completion_tokens_details": { "reasoning_tokens": usage.reasoning },
    })
}

/// A call of a tool. Its state stands where Google puts it.
pub(super) fn call(call: &ToolCall) -> Value {
    let mut value = json!({
        "id": call.id,
        "type": "function",
        "function": { "name": call.name, "arguments": call.arguments },
    });
    if let (Some(state), Some(members)) = (&call.state, value.as_object_mut()) {
        members.insert("extra_content".to_owned(), signed(&state.seal()));
    }
    value
}

/// The member that carries the state of a call.
fn signed(signature: &str) -> Value {
    json!({ "google": { "thought_signature": signature } })
}

/// The sealed state of a call.
pub(super) fn sealed(state: Option<&State>) -> Option<Value> {
    state.map(|state| signed(&state.seal()))
}

/// A citation of a page, for a text that has `before` characters of the answer before it. The
/// format has no word for documents of the request.
pub(super) fn annotation(citation: &Citation, before: u64) -> Option<Value> {
    let mut page = Map::new();
    let mut insert = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            page.insert(name.to_owned(), value);
        }
    };
    let place = |place: Option<u64>| place.map(|place| Value::from(before + place));
    insert("start_index", place(citation.start));
    insert("end_index", place(citation.end));
    insert("url", Some(citation.url.clone()?.into()));
    insert("title", citation.title.clone().map(Value::from));
    insert("content", citation.quote.clone().map(Value::from));
    Some(json!({ "type": "url_citation", "url_citation": page }))
}

/// The length of a text in characters.
pub(super) fn length(text: &str) -> u64 {
    text.chars().count() as u64
}
