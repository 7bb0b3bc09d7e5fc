//! A caller's stream.

mod call;
mod log;
mod message;
#[cfg(test)]
mod tests;
mod thought;

use serde_json::{Value, json};
use tollgate_core::error::StreamMark;
use tollgate_core::reply::Usage;

use super::answer::{Response, Status};
use super::items;
use crate::formats::Asked;
use crate::neutral::{Citation, Ending, Event};
use crate::responses::signature;
use crate::state::State;
use crate::stream::WriteEvents;
use call::{Call, Called};
use log::Log;
use message::Message;
use thought::{Thought, state_alone};

/// Writes one stream. Keeps the output, which the last event repeats.
pub(super) struct Writer {
    id: String,
    model: String,
    created: i64,
    begun: bool,
    log: Log,
    open: Option<Open>,
    /// The calls, by their indices. They may be told at the same time.
    calls: Vec<Call>,
    /// The names of the tools that take free text.
    freeform: Vec<String>,
    ending: Option<Ending>,
    usage: Option<Usage>,
}

/// What is being told.
enum Open {
    Message(Message),
    Thought(Thought),
}

impl Writer {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        Self {
            id: format!("resp_{}", asked.request_id),
            model: asked.model.to_owned(),
            created: asked.now,
            begun: false,
            log: Log::new(asked.request_id),
            open: None,
            calls: Vec::new(),
            freeform: asked.freeform.to_vec(),
            ending: None,
            usage: None,
        }
    }

    /// The response, as whole as it has become.
    pub(super) fn into_response(mut self) -> Value {
        let status = self.close_all(&mut Vec::new());
        self.response(status)
    }

    fn response(&self, status: Status) -> Value {
        let response = Response {
            id: &self.id,
            model: &self.model,
            created: self.created,
            status,
            output: &self.log.output,
            usage: self.usage,
        };
        response.write()
    }

    fn begin(&mut self, id: Option<&str>, model: Option<&str>, out: &mut Vec<u8>) {
        if self.begun {
            return;
        }
        self.begun = true;
        // Ids of other formats would not be taken for those of a response.
        if let Some(id) = id.filter(|id| id.starts_with("resp_")) {
            id.clone_into(&mut self.id);
        }
        if let Some(model) = model {
            model.clone_into(&mut self.model);
        }
        for kind in ["response.created", "response.in_progress"] {
            let response = self.response(Status::Running);
            self.log.event(kind, json!({"response": response}), out);
        }
    }

    /// Makes sure that a message is being told.
    fn open_message(&mut self, out: &mut Vec<u8>) {
        if !matches!(self.open, Some(Open::Message(_))) {
            self.close(Status::Completed, None, out);
            self.open = Some(Open::Message(Message::begin(&mut self.log, out)));
        }
    }

    fn text(&mut self, more: &str, is_refusal: bool, out: &mut Vec<u8>) {
        if more.is_empty() {
            return;
        }
        self.open_message(out);
        if let Some(Open::Message(message)) = &mut self.open {
            message.tell(more, is_refusal, &mut self.log, out);
        }
    }

    /// What has no words here is left out.
    fn cite(&mut self, citation: &Citation, out: &mut Vec<u8>) {
        let Some(annotation) = items::annotation(citation) else {
            return;
        };
        self.open_message(out);
        if let Some(Open::Message(message)) = &mut self.open {
            message.cite(annotation, &mut self.log, out);
        }
    }

    fn think(&mut self, more: &str, out: &mut Vec<u8>) {
        if !matches!(self.open, Some(Open::Thought(_))) {
            self.close(Status::Completed, None, out);
            self.open = Some(Open::Thought(Thought::begin(&mut self.log, out)));
        }
        if let Some(Open::Thought(thought)) = &mut self.open {
            thought.tell(more, &mut self.log, out);
        }
    }

    /// What is to come back with the thought that is being told, or alone.
    fn keep_state(&mut self, state: &State, redacted: bool, out: &mut Vec<u8>) {
        let sealed = state.seal();
        if !redacted && matches!(self.open, Some(Open::Thought(_))) {
            self.close(Status::Completed, Some(&sealed), out);
        } else {
            self.close(Status::Completed, None, out);
            state_alone(&sealed, !redacted, &mut self.log, out);
        }
    }

    /// What follows is another part: of the same message, or another thought.
    fn pause(&mut self, out: &mut Vec<u8>) {
        match &mut self.open {
            Some(Open::Message(message)) => message.pause(&mut self.log, out),
            Some(Open::Thought(_)) => self.close(Status::Completed, None, out),
            None => {}
        }
    }

    fn call(&mut self, id: &str, name: &str, state: Option<&State>, out: &mut Vec<u8>) {
        self.close(Status::Completed, None, out);
        if let Some(sealed) = state.and_then(|state| signature::seal(state, id)) {
            state_alone(&sealed, false, &mut self.log, out);
        }
        let freeform = self.freeform.iter().any(|it| it == name);
        let called = Called { id, name, freeform };
        self.calls.push(Call::begin(&called, &mut self.log, out));
    }

    /// Ends the message or thought that is being told.
    fn close(&mut self, status: Status, sealed: Option<&str>, out: &mut Vec<u8>) {
        match self.open.take() {
            Some(Open::Message(message)) => message.close(status, &mut self.log, out),
            Some(Open::Thought(thought)) => thought.close(sealed, &mut self.log, out),
            None => {}
        }
    }

    /// Ends everything; gives how.
    fn close_all(&mut self, out: &mut Vec<u8>) -> Status {
        let status = Status::of(self.ending.as_ref().map(|ending| ending.finish));
        self.close(status, None, out);
        for call in &mut self.calls {
            call.close(status, &mut self.log, out);
        }
        status
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let status = self.close_all(out);
        let kind = match status {
            Status::Limited | Status::Filtered => "response.incomplete",
            Status::Completed | Status::Running => "response.completed",
        };
        let response = self.response(status);
        self.log.event(kind, json!({"response": response}), out);
    }
}

impl WriteEvents for Writer {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        if let Event::Begin { id, model } = event {
            return self.begin(id.as_deref(), model.as_deref(), out);
        }
        self.begin(None, None, out);
        match event {
            Event::Begin { .. } => {}
            Event::Text(more) => self.text(more, false, out),
            Event::Citation(citation) => self.cite(citation, out),
            Event::Refusal(more) => self.text(more, true, out),
            Event::Reasoning(more) => self.think(more, out),
            Event::ReasoningState { state, redacted } => self.keep_state(state, *redacted, out),
            Event::Break => self.pause(out),
            Event::ToolCall {
                id, name, state, ..
            } => self.call(id, name, state.as_ref(), out),
            Event::Arguments { index, json } => {
                if let Some(call) = self.calls.get_mut(*index) {
                    call.tell(json, &mut self.log, out);
                }
            }
            Event::CallEnd { index } => {
                if let Some(call) = self.calls.get_mut(*index) {
                    call.close(Status::Completed, &mut self.log, out);
                }
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Finish(ending) => self.ending = Some(ending.clone()),
            Event::Idle => out.extend_from_slice(b": keep-alive\n\n"),
            Event::End => self.end(out),
        }
    }

    fn mark(&self) -> Option<StreamMark> {
        // The id that was not told yet is nobody's.
        let id = if self.begun { &*self.id } else { "" };
        Some(StreamMark {
            response_id: id.to_owned(),
            sequence: self.log.sequence,
        })
    }
}
