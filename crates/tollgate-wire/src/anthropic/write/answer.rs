//! The caller's answer.

use bytes::Bytes;
use serde_json::{Value, json};

use super::state;
use crate::anthropic::words::{self, Holds};
use crate::anthropic::{citation, usage};
use crate::claude::id::tool_id;
use crate::formats::Asked;
use crate::neutral::{Answer, Citation, Content, Part, Reasoned, ToolCall, arguments_object};
use crate::state::State;

/// The longest id of a call that is left as it is.
pub(super) const LONGEST_ID: usize = 256;

/// Writes an answer.
pub fn answer(answer: &Answer, asked: &Asked<'_>) -> Bytes {
    let mut holds = Holds::default();
    let mut content = Vec::new();
    for part in spoken(&answer.parts) {
        write_part(part, &mut content, &mut holds);
    }
    let ending = answer.ending.as_ref();
    let usage = answer.usage.unwrap_or_default();
    json!({
        "id": words::message_id(answer.id.as_deref(), asked.request_id),
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": content,
        "stop_reason": ending.map(|ending| words::stop_reason(ending, holds)),
        "stop_sequence": ending.and_then(|ending| ending.stop_sequence.as_deref()),
        "usage": usage::written(&usage),
    })
    .to_string()
    .into()
}

/// The parts up to the last one that is more than the state of a thought without words: clients
/// that take the last block for the answer must find the text there.
fn spoken(parts: &[Part]) -> &[Part] {
    let is_silent = |part: &Part| match &part.content {
        Content::Reasoning(thought) => thought.text.is_empty() && !thought.redacted,
        _ => false,
    };
    match parts.split_last() {
        Some((last, before)) if is_silent(last) => before,
        _ => parts,
    }
}

/// Writes a number of tokens.
pub fn count(tokens: u64) -> Bytes {
    json!({"input_tokens": tokens}).to_string().into()
}

fn write_part(part: &Part, content: &mut Vec<Value>, holds: &mut Holds) {
    match &part.content {
        Content::Text { text, citations } => {
            content.extend(text_block(text, citations));
        }
        Content::Refusal(text) => {
            holds.refusal = true;
            content.extend(text_block(text, &[]));
        }
        Content::Reasoning(thought) => content.extend(thought_block(thought)),
        Content::ToolCall(call) => {
            holds.calls = true;
            content.extend(call.state.as_ref().map(state::block));
            content.push(call_block(call));
        }
        // Messages have no place for them, and models that speak to text clients make none.
        Content::Image(_) | Content::Audio(_) | Content::Document(_) | Content::ToolResult(_) => {}
    }
}

fn text_block(text: &str, citations: &[Citation]) -> Option<Value> {
    let citations: Vec<_> = citations.iter().filter_map(citation::written).collect();
    if text.is_empty() && citations.is_empty() {
        return None;
    }
    let mut block = json!({"type": "text", "text": text});
    if let Some(members) = block.as_object_mut()
        && !citations.is_empty()
    {
        members.insert("citations".to_owned(), citations.into());
    }
    Some(block)
}

fn thought_block(thought: &Reasoned) -> Option<Value> {
    let state = thought.state.as_ref().map(State::seal);
    if thought.redacted {
        return state.map(|data| json!({"type": "redacted_thinking", "data": data}));
    }
    Some(json!({
        "type": "thinking",
        "thinking": thought.text,
        // Clients give it back, and no maker takes a thought that it did not sign.
        "signature": state.unwrap_or_else(State::nobodys),
    }))
}

fn call_block(call: &ToolCall) -> Value {
    json!({
        "type": "tool_use",
        "id": tool_id(&call.id, LONGEST_ID),
        "name": call.name,
        "input": arguments_object(&call.arguments),
    })
}
