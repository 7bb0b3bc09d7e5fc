//! A message, before it is written, and its plain form.

use serde_json::{Value, json};

use super::cache::Cached;
use crate::reply::{Call, Finish, Reply, Said};
use crate::signature::{self, Kind};

/// A message, before it is written.
pub(super) struct Message {
    pub(super) id: String,
    pub(super) model: String,
    pub(super) prompt: u64,
    pub(super) cached: Cached,
    pub(super) is_redacted: bool,
    pub(super) seed: u64,
    pub(super) reply: Reply,
}

impl Message {
    /// The message as one document.
    pub(super) fn json(&self) -> Value {
        let mut message = self.begun();
        if let Some(members) = message.as_object_mut() {
            members.insert("content".to_owned(), Value::Array(self.content()));
            members.insert("stop_reason".to_owned(), json!(self.stop_reason()));
            members.insert("stop_sequence".to_owned(), json!(self.stop_sequence()));
            members.insert("usage".to_owned(), self.usage(self.reply.tokens()));
        }
        message
    }

    /// The message before anything is said.
    pub(super) fn begun(&self) -> Value {
        json!({
            "model": self.model,
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
            "usage": self.usage(1),
        })
    }

    fn content(&self) -> Vec<Value> {
        let mut blocks: Vec<Value> = self.thought().into_iter().collect();
        match &self.reply.said {
            Said::Text(text) if text.is_empty() => {}
            Said::Text(text) => blocks.push(json!({"type": "text", "text": text})),
            Said::Calls(calls) => blocks.extend(calls.iter().map(|call| {
                let input: Value = serde_json::from_str(&call.arguments).unwrap_or(json!({}));
                let mut block = begun_call(call);
                if let Some(members) = block.as_object_mut() {
                    members.insert("input".to_owned(), input);
                }
                block
            })),
        }
        blocks
    }

    /// The block of the thought, if there is one.
    pub(super) fn thought(&self) -> Option<Value> {
        let thought = self.reply.thought.as_deref()?;
        Some(if self.is_redacted {
            let data = signature::sign_text(self.seed, Kind::Redacted, thought);
            json!({"type": "redacted_thinking", "data": data})
        } else {
            let signature = signature::sign_text(self.seed, Kind::Thinking, thought);
            json!({"type": "thinking", "thinking": thought, "signature": signature})
        })
    }

    pub(super) fn stop_reason(&self) -> &'static str {
        match self.reply.finish {
            Finish::Stop => "end_turn",
            Finish::Sequence(_) => "stop_sequence",
            Finish::Length => "max_tokens",
            Finish::Tools => "tool_use",
        }
    }

    pub(super) fn stop_sequence(&self) -> Option<&str> {
        match &self.reply.finish {
            Finish::Sequence(text) => Some(text),
            Finish::Stop | Finish::Length | Finish::Tools => None,
        }
    }

    /// The counts, with so many tokens of the answer. Those of the prompt leave out what went
    /// through the cache.
    pub(super) fn usage(&self, output: u64) -> Value {
        let Cached {
            read,
            written,
            written_long,
        } = self.cached;
        json!({
            "input_tokens": self.prompt.saturating_sub(read + written + written_long),
            "cache_creation_input_tokens": written + written_long,
            "cache_read_input_tokens": read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": written,
                "ephemeral_1h_input_tokens": written_long,
            },
            "output_tokens": output,
            "service_tier": "standard",
        })
    }
}

/// The block of a call before its arguments.
pub(super) fn begun_call(call: &Call) -> Value {
    json!({
        "type": "tool_use",
        "id": format!("toolu_sim_{:016x}", call.number),
        "name": call.name,
        "input": {},
    })
}
