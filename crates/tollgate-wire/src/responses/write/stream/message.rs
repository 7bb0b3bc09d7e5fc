//! A message that is being told.

use serde_json::{Value, json};

use super::log::{Log, Place, Within};
use crate::responses::write::answer::Status;
use crate::responses::write::items;

pub(super) struct Message {
    place: Place,
    /// The parts that are complete.
    parts: Vec<Value>,
    /// The one that is not.
    part: Option<OpenPart>,
}

struct OpenPart {
    is_refusal: bool,
    text: String,
    annotations: Vec<Value>,
}

impl Message {
    pub(super) fn begin(log: &mut Log, out: &mut Vec<u8>) -> Self {
        let place = log.place("msg");
        let item = items::message(&place.id, Status::Running.word(), &[]);
        log.added(&place, &item, out);
        Self {
            place,
            parts: Vec::new(),
            part: None,
        }
    }

    /// More of a text, or of a refusal.
    pub(super) fn tell(&mut self, more: &str, is_refusal: bool, log: &mut Log, out: &mut Vec<u8>) {
        self.open(is_refusal, log, out).text.push_str(more);
        let part = self.parts.len();
        let within = if is_refusal {
            Within::Refusal(part)
        } else {
            Within::Text(part)
        };
        log.stretch(&self.place, within, more, out);
    }

    /// What the text refers to.
    pub(super) fn cite(&mut self, annotation: Value, log: &mut Log, out: &mut Vec<u8>) {
        let annotations = &mut self.open(false, log, out).annotations;
        let index = annotations.len();
        annotations.push(annotation.clone());
        let members = [
            ("annotation_index", index.into()),
            ("annotation", annotation),
        ];
        let data = self.of_part(members);
        log.event("response.output_text.annotation.added", data, out);
    }

    /// The part that is being told; another one begins if it is of the other kind.
    fn open(&mut self, is_refusal: bool, log: &mut Log, out: &mut Vec<u8>) -> &mut OpenPart {
        let current = self.part.as_ref().map(|part| part.is_refusal);
        if current.is_some_and(|current| current != is_refusal) {
            self.pause(log, out);
        }
        if self.part.is_none() {
            let empty = if is_refusal {
                items::refusal("")
            } else {
                items::text("", &[])
            };
            let data = self.of_part([("part", empty)]);
            log.event("response.content_part.added", data, out);
        }
        self.part.get_or_insert_with(|| OpenPart {
            is_refusal,
            text: String::new(),
            annotations: Vec::new(),
        })
    }

    /// Ends the part that is being told.
    pub(super) fn pause(&mut self, log: &mut Log, out: &mut Vec<u8>) {
        let Some(part) = self.part.take() else {
            return;
        };
        let text = Value::from(part.text.as_str());
        let content = if part.is_refusal {
            let whole = self.of_part([("refusal", text)]);
            log.event("response.refusal.done", whole, out);
            items::refusal(&part.text)
        } else {
            let whole = self.of_part([("text", text), ("logprobs", json!([]))]);
            log.event("response.output_text.done", whole, out);
            items::text(&part.text, &part.annotations)
        };
        let done = self.of_part([("part", content.clone())]);
        self.parts.push(content);
        log.event("response.content_part.done", done, out);
    }

    /// Ends the message.
    pub(super) fn close(mut self, status: Status, log: &mut Log, out: &mut Vec<u8>) {
        self.pause(log, out);
        let item = items::message(&self.place.id, status.word(), &self.parts);
        log.done(&self.place, item, out);
    }

    /// The data of an event about the part that is being told, or the next one.
    fn of_part<const N: usize>(&self, more: [(&str, Value); N]) -> Value {
        self.place
            .of_part(("content_index", self.parts.len()), more)
    }
}
