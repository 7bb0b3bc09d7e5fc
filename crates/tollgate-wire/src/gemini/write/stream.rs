//! A stream for a caller: a response for each stretch of the answer, and one at its end that says
//! why it ended and what it took.

use serde_json::Value;
use tollgate_core::reply::Usage;

use super::answer::{calling, candidate, cited, finish, response, thinking};
use crate::formats::Asked;
use crate::neutral::{Ending, Event, Reasoned, ToolCall};
use crate::stream::WriteEvents;

/// Writes one stream.
pub(super) struct Writer {
    model: String,
    id: String,
    array: bool,
    /// Whether the array has been opened.
    opened: bool,
    /// Calls that are not complete: callers want them whole.
    calls: Vec<(usize, ToolCall)>,
    cited: Vec<Value>,
    ending: Option<Ending>,
    usage: Option<Usage>,
}

impl Writer {
    /// A writer at the beginning of a stream.
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        Self {
            model: asked.model.to_owned(),
            id: asked.request_id.to_owned(),
            array: asked.array,
            opened: false,
            calls: Vec::new(),
            cited: Vec::new(),
            ending: None,
            usage: None,
        }
    }

    fn put(&mut self, response: &Value, out: &mut Vec<u8>) {
        let (before, after): (&[u8], &[u8]) = match (self.array, self.opened) {
            (false, _) => (b"data: ", b"\n\n"),
            (true, false) => (b"[", b""),
            (true, true) => (b",\n", b""),
        };
        self.opened = true;
        out.extend_from_slice(before);
        out.extend_from_slice(response.to_string().as_bytes());
        out.extend_from_slice(after);
    }

    fn part(&mut self, part: Value, out: &mut Vec<u8>) {
        let response = response(&candidate(vec![part]), None, (&self.model, &self.id));
        self.put(&response, out);
    }

    fn calls(&mut self, out: &mut Vec<u8>) {
        for (_, call) in std::mem::take(&mut self.calls) {
            self.part(calling(&call), out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.calls(out);
        let mut last = candidate(Vec::new());
        finish(&mut last, self.ending.as_ref(), &self.cited);
        let response = response(&last, self.usage.as_ref(), (&self.model, &self.id));
        self.put(&response, out);
        if self.array {
            out.push(b']');
        }
    }
}

impl WriteEvents for Writer {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Begin { id, model } => {
                if let Some(id) = id {
                    id.clone_into(&mut self.id);
                }
                if let Some(model) = model {
                    model.clone_into(&mut self.model);
                }
            }
            Event::Text(text) | Event::Refusal(text) => {
                self.part(serde_json::json!({"text": text}), out);
            }
            Event::Citation(citation) => self.cited.extend(cited(citation)),
            Event::Reasoning(text) => {
                let thought = Reasoned {
                    text: text.clone(),
                    ..Reasoned::default()
                };
                self.part(thinking(&thought), out);
            }
            Event::ReasoningState { state, redacted } => {
                let thought = Reasoned {
                    text: String::new(),
                    state: Some(state.clone()),
                    redacted: *redacted,
                };
                self.part(thinking(&thought), out);
            }
            Event::ToolCall {
                index,
                id,
                name,
                state,
            } => {
                let call = ToolCall {
                    id: id.clone(),
                    name: name.clone(),
                    arguments: String::new(),
                    state: state.clone(),
                };
                self.calls.push((*index, call));
            }
            Event::Arguments { index, json } => {
                let mut calls = self.calls.iter_mut();
                if let Some((_, call)) = calls.find(|(at, _)| at == index) {
                    call.arguments.push_str(json);
                }
            }
            Event::CallEnd { index } => {
                if let Some(place) = self.calls.iter().position(|(at, _)| at == index) {
                    let (_, call) = self.calls.remove(place);
                    self.part(calling(&call), out);
                }
            }
            Event::Finish(ending) => {
                self.calls(out);
                self.ending = Some(ending.clone());
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::End => self.end(out),
            // A sign of life would be a comment, of which readers die.
            Event::Break | Event::Idle => {}
        }
    }
}
