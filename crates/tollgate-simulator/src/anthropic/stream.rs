//! A message as a stream of events.

use serde_json::{Value, json};

use super::ping;
use super::write::{Message, begun_call};
use crate::draft::Piece;
use crate::reply::{Call, Said};
use crate::text::pieces;

/// The events of a message, from `message_start` to `message_stop`.
pub(super) fn events(message: &Message) -> Vec<Piece> {
    let mut writer = Writer {
        events: Vec::new(),
        blocks: 0,
    };
    writer.push("message_start", json!({"message": message.begun()}));
    if let Some(block) = message.thought() {
        writer.thought(&block);
    }
    match &message.reply.said {
        Said::Text(text) if text.is_empty() => {}
        Said::Text(text) => writer.text(text),
        Said::Calls(calls) => {
            for call in calls {
                writer.call(call);
            }
        }
    }
    if writer.blocks == 0 {
        writer.events.push(ping());
    }
    let mut usage = message.usage(message.reply.tokens());
    if let Some(members) = usage.as_object_mut() {
        members.shift_remove("cache_creation");
        members.shift_remove("service_tier");
    }
    writer.push(
        "message_delta",
        json!({
            "delta": {
                "stop_reason": message.stop_reason(),
                "stop_sequence": message.stop_sequence(),
            },
            "usage": usage,
        }),
    );
    writer.push("message_stop", json!({}));
    writer.events
}

struct Writer {
    events: Vec<Piece>,
    blocks: usize,
}

impl Writer {
    fn push(&mut self, kind: &str, members: Value) {
        let mut event = json!({"type": kind});
        if let (Some(event), Value::Object(members)) = (event.as_object_mut(), members) {
            event.extend(members);
        }
        self.events.push(Piece::named(kind, &event.to_string()));
    }

    fn begin(&mut self, block: &Value) {
        let event = json!({"index": self.blocks, "content_block": block});
        self.push("content_block_start", event);
        if self.blocks == 0 {
            self.events.push(ping());
        }
    }

    fn delta(&mut self, delta: &Value) {
        let event = json!({"index": self.blocks, "delta": delta});
        self.push("content_block_delta", event);
    }

    fn end(&mut self) {
        self.push("content_block_stop", json!({"index": self.blocks}));
        self.blocks += 1;
    }

    fn thought(&mut self, block: &Value) {
        let text = |name: &str| block.get(name).and_then(Value::as_str);
        let Some(thought) = text("thinking") else {
            // A thought that is not shown comes whole.
            self.begin(block);
            self.end();
            return;
        };
        self.begin(&json!({"type": "thinking", "thinking": "", "signature": ""}));
        for piece in pieces(thought) {
            self.delta(&json!({"type": "thinking_delta", "thinking": piece}));
        }
        self.delta(&json!({"type": "signature_delta", "signature": text("signature")}));
        self.end();
    }

    fn text(&mut self, text: &str) {
        self.begin(&json!({"type": "text", "text": ""}));
        for piece in pieces(text) {
            self.delta(&json!({"type": "text_delta", "text": piece}));
        }
        self.end();
    }

    fn call(&mut self, call: &Call) {
        self.begin(&begun_call(call));
        self.delta(&json!({"type": "input_json_delta", "partial_json": ""}));
        for piece in pieces(&call.arguments) {
            self.delta(&json!({"type": "input_json_delta", "partial_json": piece}));
        }
        self.end();
    }
}
