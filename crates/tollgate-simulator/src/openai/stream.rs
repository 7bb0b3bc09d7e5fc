//! Chat completions as a stream of chunks.

use serde_json::{Value, json};

use super::chat::{Completion, call_id};
use super::{FINGERPRINT, quoted};
use crate::draft::Piece;
use crate::reply::{Call, Said};
use crate::text::pieces;

/// The events of a completion: role, content, finish, usage if asked for, end mark.
pub(super) fn events(completion: &Completion, include_usage: bool) -> Vec<Piece> {
    let frame = Frame::new(completion, include_usage);
    let mut events = Vec::new();
    let thought = completion.reply.thought.as_deref().unwrap_or_default();
    let thought = pieces(thought)
        .into_iter()
        .map(|piece| format!("{{\"reasoning_content\":{}}}", quoted(piece)));
    let content = match &completion.reply.said {
        Said::Text(text) => {
            frame.each(
                &mut events,
                r#"{"role":"assistant","content":"","refusal":null}"#,
            );
            pieces(text)
                .into_iter()
                .map(|piece| format!("{{\"content\":{}}}", quoted(piece)))
                .collect()
        }
        Said::Calls(calls) => {
            frame.each(
                &mut events,
                r#"{"role":"assistant","content":null,"refusal":null}"#,
            );
            call_deltas(calls)
        }
    };
    for delta in thought.chain::<Vec<String>>(content) {
        frame.each(&mut events, &delta);
    }
    for index in 0..completion.choices {
        events.push(frame.chunk(index, "{}", &quoted(completion.finish())));
    }
    if include_usage {
        events.push(frame.usage(&completion.usage.completions()));
    }
    events.push(Piece::data("[DONE]"));
    events
}

fn call_deltas(calls: &[Call]) -> Vec<String> {
    let mut deltas = Vec::new();
    for (index, call) in calls.iter().enumerate() {
        deltas.push(format!(
            r#"{{"tool_calls":[{{"index":{index},"id":{},"type":"function","function":{{"name":{},"arguments":""}}}}]}}"#,
            quoted(&call_id(call)),
            quoted(&call.name),
        ));
        for piece in pieces(&call.arguments) {
            deltas.push(format!(
                r#"{{"tool_calls":[{{"index":{index},"function":{{"arguments":{}}}}}]}}"#,
                quoted(piece),
            ));
        }
    }
    deltas
}

/// What all chunks of a stream have in common, written once.
struct Frame {
    before: String,
    usage: &'static str,
    choices: u64,
}

impl Frame {
    fn new(completion: &Completion, include_usage: bool) -> Self {
        let before = format!(
            r#"{{"id":{},"object":"chat.completion.chunk","created":{},"model":{},"service_tier":"default","system_fingerprint":"{FINGERPRINT}","#,
            quoted(&completion.id),
            completion.created,
            quoted(&completion.model),
        );
        let usage = if include_usage {
            r#","usage":null"#
        } else {
            ""
        };
        Self {
            before,
            usage,
            choices: completion.choices,
        }
    }

    /// Adds this delta for every choice.
    fn each(&self, events: &mut Vec<Piece>, delta: &str) {
        events.extend((0..self.choices).map(|index| self.chunk(index, delta, "null")));
    }

    fn chunk(&self, index: u64, delta: &str, finish: &str) -> Piece {
        let Self { before, usage, .. } = self;
        Piece::data(&format!(
            r#"{before}"choices":[{{"index":{index},"delta":{delta},"logprobs":null,"finish_reason":{finish}}}]{usage}}}"#
        ))
    }

    fn usage(&self, usage: &Value) -> Piece {
        Piece::data(&format!(r#"{}"choices":[],"usage":{usage}}}"#, self.before))
    }
}

/// An event with this text.
pub(super) fn text_event(model: &str, id: &str, text: &str) -> Piece {
    let chunk = json!({
        "id": id,
        "object": "chat.completion.chunk",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}],
    });
    Piece::data(&chunk.to_string())
}
