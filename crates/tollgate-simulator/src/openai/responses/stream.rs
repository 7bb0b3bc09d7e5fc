//! Responses as a stream of typed events.

use serde_json::{Map, Value, json};

use super::{Item, Response, text_part};
use crate::draft::Piece;
use crate::text::pieces;

/// The events of a response, from `response.created` to its end.
pub(super) fn events(response: &Response<'_>) -> Vec<Piece> {
    let mut writer = Writer { events: Vec::new() };
    writer.push("response.created", json!({"response": response.begun()}));
    writer.push(
        "response.in_progress",
        json!({"response": response.begun()}),
    );
    let last = response.items.len().saturating_sub(1);
    for (at, item) in response.items.iter().enumerate() {
        let is_cut = response.is_cut && at == last;
        let mut added = item.json(false);
        if let Some(members) = added.as_object_mut() {
            begin(members);
        }
        writer.push(
            "response.output_item.added",
            json!({"output_index": at, "item": added}),
        );
        writer.content(at, item);
        writer.push(
            "response.output_item.done",
            json!({"output_index": at, "item": item.json(is_cut)}),
        );
    }
    let end = if response.is_cut {
        "response.incomplete"
    } else {
        "response.completed"
    };
    writer.push(end, json!({"response": response.ended()}));
    writer.events
}

/// Turns an item at its end into one at its beginning.
fn begin(item: &mut Map<String, Value>) {
    if let Some(status) = item.get_mut("status") {
        *status = json!("in_progress");
    }
    if let Some(arguments) = item.get_mut("arguments") {
        *arguments = json!("");
    }
    for list in ["content", "summary"] {
        if let Some(list) = item.get_mut(list) {
            *list = json!([]);
        }
    }
}

struct Writer {
    events: Vec<Piece>,
}

impl Writer {
    fn push(&mut self, kind: &str, members: Value) {
        let mut event = Map::new();
        event.insert("type".to_owned(), json!(kind));
        event.insert("sequence_number".to_owned(), json!(self.events.len()));
        if let Value::Object(members) = members {
            event.extend(members);
        }
        let event = Value::Object(event).to_string();
        self.events.push(Piece::named(kind, &event));
    }

    fn content(&mut self, at: usize, item: &Item) {
        match item {
            Item::Reasoning { id, summary, .. } => {
                if let Some(summary) = summary {
                    self.summary(at, id, summary);
                }
            }
            Item::Message { id, text } => self.message(at, id, text),
            Item::Call { id, arguments, .. } => {
                for piece in pieces(arguments) {
                    self.push(
                        "response.function_call_arguments.delta",
                        json!({"item_id": id, "output_index": at, "delta": piece}),
                    );
                }
                self.push(
                    "response.function_call_arguments.done",
                    json!({"item_id": id, "output_index": at, "arguments": arguments}),
                );
            }
        }
    }

    fn message(&mut self, at: usize, id: &str, text: &str) {
        self.push(
            "response.content_part.added",
            json!({
                "item_id": id, "output_index": at, "content_index": 0, "part": text_part(""),
            }),
        );
        for piece in pieces(text) {
            self.push(
                "response.output_text.delta",
                json!({
                    "item_id": id, "output_index": at, "content_index": 0, "delta": piece,
                    "logprobs": [],
                }),
            );
        }
        self.push(
            "response.output_text.done",
            json!({
                "item_id": id, "output_index": at, "content_index": 0, "text": text,
                "logprobs": [],
            }),
        );
        self.push(
            "response.content_part.done",
            json!({
                "item_id": id, "output_index": at, "content_index": 0, "part": text_part(text),
            }),
        );
    }

    fn summary(&mut self, at: usize, id: &str, text: &str) {
        let part = |text: &str| json!({"type": "summary_text", "text": text});
        self.push(
            "response.reasoning_summary_part.added",
            json!({"item_id": id, "output_index": at, "summary_index": 0, "part": part("")}),
        );
        for piece in pieces(text) {
            self.push(
                "response.reasoning_summary_text.delta",
                json!({"item_id": id, "output_index": at, "summary_index": 0, "delta": piece}),
            );
        }
        self.push(
            "response.reasoning_summary_text.done",
            json!({"item_id": id, "output_index": at, "summary_index": 0, "text": text}),
        );
        self.push(
            "response.reasoning_summary_part.done",
            json!({"item_id": id, "output_index": at, "summary_index": 0, "part": part(text)}),
        );
    }
}
