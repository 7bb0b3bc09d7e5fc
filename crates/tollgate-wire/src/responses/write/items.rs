//! The items of an output, as they are within answers and events.

use serde_json::{Value, json};

use crate::neutral::Citation;

/// A text of a message.
pub(super) fn text(text: &str, annotations: &[Value]) -> Value {
    json!({"type": "output_text", "text": text, "annotations": annotations, "logprobs": []})
}

/// A refusal in a message.
pub(super) fn refusal(words: &str) -> Value {
    json!({"type": "refusal", "refusal": words})
}

/// A message of the model.
pub(super) fn message(id: &str, status: &str, content: &[Value]) -> Value {
    json!({
        "id": id,
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    })
}

/// A thought, with what is to come back with it.
pub(super) fn reasoning(id: &str, summary: &[Value], sealed: Option<&str>) -> Value {
    let mut item = json!({"id": id, "type": "reasoning", "summary": summary});
    if let (Some(sealed), Some(item)) = (sealed, item.as_object_mut()) {
        item.insert("encrypted_content".to_owned(), sealed.into());
    }
    item
}

/// The summary that the words of a thought are; empty without words.
pub(super) fn summary(words: &str) -> Vec<Value> {
    if words.is_empty() {
        Vec::new()
    } else {
        vec![summary_text(words)]
    }
}

/// A part of a summary.
pub(super) fn summary_text(words: &str) -> Value {
    json!({"type": "summary_text", "text": words})
}

/// A call of a function.
pub(super) fn call(id: &str, status: &str, call_id: &str, name: &str, arguments: &str) -> Value {
    json!({
        "id": id,
        "type": "function_call",
        "status": status,
        "arguments": arguments,
        "call_id": call_id,
        "name": name,
    })
}

/// A call of a tool that takes free text.
pub(super) fn custom_call(id: &str, status: &str, call_id: &str, name: &str, input: &str) -> Value {
    json!({
        "id": id,
        "type": "custom_tool_call",
        "status": status,
        "call_id": call_id,
        "name": name,
        "input": input,
    })
}

/// What a text refers to. Only pages can be said: other references are to documents that the
/// caller has sent, for which this format has no words.
pub(super) fn annotations(citations: &[Citation]) -> Vec<Value> {
    citations.iter().filter_map(annotation).collect()
}

/// A reference to a page.
pub(super) fn annotation(citation: &Citation) -> Option<Value> {
    Some(json!({
        "type": "url_citation",
        "url": citation.url.as_deref()?,
        "title": citation.title.as_deref().unwrap_or_default(),
        "start_index": citation.start.unwrap_or_default(),
        "end_index": citation.end.unwrap_or_default(),
    }))
}
