//! A caller's stream.

#[cfg(test)]
mod tests;

use serde::Serialize;
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

/// Writes one stream. Keeps the output, which the last event repeats.
pub(super) struct Writer {
    /// What ids are made from.
    request_id: String,
    id: String,
    model: String,
    created: i64,
    begun: bool,
    /// The number of the next event.
    sequence: u64,
    /// The items so far; those that are not complete are `null`.
    output: Vec<Value>,
    /// The message or thought that is being told.
    open: Option<Open>,
    /// The calls, by their indices.
    calls: Vec<Call>,
    ending: Option<Ending>,
    usage: Option<Usage>,
}

/// A message or thought that is being told.
struct Open {
    /// Its place in the output.
    index: usize,
    id: String,
    content: OpenContent,
}

enum OpenContent {
    /// A thought.
    Thought(String),
    /// A message, with the parts that are complete and the one that is not.
    Message {
        parts: Vec<Value>,
        part: Option<OpenPart>,
    },
}

/// A part of a message that is being told.
struct OpenPart {
    is_refusal: bool,
    text: String,
    annotations: Vec<Value>,
}

/// A call of a tool.
struct Call {
    index: usize,
    id: String,
    call_id: String,
    name: String,
    arguments: String,
    done: bool,
}

/// A stretch of a text, as an event.
#[derive(Serialize)]
struct Delta<'a> {
    r#type: &'static str,
    sequence_number: u64,
    item_id: &'a str,
    output_index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary_index: Option<usize>,
    delta: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<[(); 0]>,
}

impl Writer {
    pub(super) fn new(asked: &Asked<'_>) -> Self {
        Self {
            request_id: asked.request_id.to_owned(),
            id: format!("resp_{}", asked.request_id),
            model: asked.model.to_owned(),
            created: asked.now,
            begun: false,
            sequence: 0,
            output: Vec::new(),
            open: None,
            calls: Vec::new(),
            ending: None,
            usage: None,
        }
    }

    /// The response, as whole as it has become.
    pub(super) fn into_response(mut self) -> Value {
        let status = self.status();
        self.close_all(status, &mut Vec::new());
        self.response(status)
    }

    fn status(&self) -> Status {
        Status::of(self.ending.as_ref().map(|ending| ending.finish))
    }

    fn response(&self, status: Status) -> Value {
        let response = Response {
            id: &self.id,
            model: &self.model,
            created: self.created,
            status,
            output: &self.output,
            usage: self.usage.filter(|_| status != Status::Running),
        };
        response.write()
    }

    /// Appends an event of this type; the object gets its type and its number.
    fn event(&mut self, kind: &'static str, mut data: Value, out: &mut Vec<u8>) {
        if let Some(data) = data.as_object_mut() {
            data.insert("type".to_owned(), kind.into());
            data.insert("sequence_number".to_owned(), self.sequence.into());
        }
        self.sequence += 1;
        append(kind, data.to_string().as_bytes(), out);
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
            self.event(kind, json!({"response": response}), out);
        }
    }

    /// Makes room for an item; gives its place and its id.
    fn place(&mut self, lead: &str) -> (usize, String) {
        let index = self.output.len();
        self.output.push(Value::Null);
        (index, format!("{lead}_{}_{index}", self.request_id))
    }

    fn keep(&mut self, index: usize, item: Value, out: &mut Vec<u8>) {
        let data = json!({"output_index": index, "item": item});
        if let Some(place) = self.output.get_mut(index) {
            *place = item;
        }
        self.event("response.output_item.done", data, out);
    }

    fn added(&mut self, index: usize, item: &Value, out: &mut Vec<u8>) {
        let data = json!({"output_index": index, "item": item});
        self.event("response.output_item.added", data, out);
    }

    fn text(&mut self, more: &str, is_refusal: bool, out: &mut Vec<u8>) {
        if more.is_empty() {
            return;
        }
        self.open_part(is_refusal, out);
        let Some(Open {
            index,
            id,
            content: OpenContent::Message { parts, part },
        }) = &mut self.open
        else {
            return;
        };
        if let Some(part) = part {
            part.text.push_str(more);
        }
        let kind = if is_refusal {
            "response.refusal.delta"
        } else {
            "response.output_text.delta"
        };
        let delta = Delta {
            r#type: kind,
            sequence_number: self.sequence,
            item_id: id,
            output_index: *index,
            content_index: Some(parts.len()),
            summary_index: None,
            delta: more,
            logprobs: (!is_refusal).then_some([]),
        };
        self.sequence += 1;
        append_delta(&delta, out);
    }

    /// Makes sure that a part of this kind is being told.
    fn open_part(&mut self, is_refusal: bool, out: &mut Vec<u8>) {
        match &self.open {
            Some(Open {
                content: OpenContent::Message {
                    part: Some(part), ..
                },
                ..
            }) if part.is_refusal == is_refusal => return,
            Some(Open {
                content: OpenContent::Message { .. },
                ..
            }) => self.close_part(out),
            Some(Open {
                content: OpenContent::Thought(_),
                ..
            })
            | None => {
                self.close(Status::Completed, None, out);
                let (index, id) = self.place("msg");
                let item = items::message(&id, Status::Running.word(), &[]);
                self.added(index, &item, out);
                self.open = Some(Open {
                    index,
                    id,
                    content: OpenContent::Message {
                        parts: Vec::new(),
                        part: None,
                    },
                });
            }
        }
        let Some(Open {
            index,
            id,
            content: OpenContent::Message { parts, part },
        }) = &mut self.open
        else {
            return;
        };
        *part = Some(OpenPart {
            is_refusal,
            text: String::new(),
            annotations: Vec::new(),
        });
        let empty = if is_refusal {
            items::refusal("")
        } else {
            items::text("", &[])
        };
        let data = json!({
            "item_id": id,
            "output_index": index,
            "content_index": parts.len(),
            "part": empty,
        });
        self.event("response.content_part.added", data, out);
    }

    fn cite(&mut self, citation: &Citation, out: &mut Vec<u8>) {
        let Some(annotation) = items::annotation(citation) else {
            return;
        };
        self.open_part(false, out);
        let Some(Open {
            index,
            id,
            content:
                OpenContent::Message {
                    parts,
                    part: Some(part),
                },
        }) = &mut self.open
        else {
            return;
        };
        let data = json!({
            "item_id": id,
            "output_index": index,
            "content_index": parts.len(),
            "annotation_index": part.annotations.len(),
            "annotation": annotation,
        });
        part.annotations.push(annotation);
        self.event("response.output_text.annotation.added", data, out);
    }

    /// Ends the part of the message that is being told.
    fn close_part(&mut self, out: &mut Vec<u8>) {
        let Some(Open {
            index,
            id,
            content: OpenContent::Message { parts, part },
        }) = &mut self.open
        else {
            return;
        };
        let Some(part) = part.take() else {
            return;
        };
        let place = json!({
            "item_id": id,
            "output_index": index,
            "content_index": parts.len(),
        });
        let (kind, whole, content) = if part.is_refusal {
            let whole = with(&place, "refusal", part.text.clone().into());
            ("response.refusal.done", whole, items::refusal(&part.text))
        } else {
            let mut whole = with(&place, "text", part.text.clone().into());
            whole = with(&whole, "logprobs", json!([]));
            let content = items::text(&part.text, &part.annotations);
            ("response.output_text.done", whole, content)
        };
        parts.push(content.clone());
        self.event(kind, whole, out);
        let done = with(&place, "part", content);
        self.event("response.content_part.done", done, out);
    }

    fn think(&mut self, more: &str, out: &mut Vec<u8>) {
        if !matches!(
            &self.open,
            Some(Open {
                content: OpenContent::Thought(_),
                ..
            })
        ) {
            self.close(Status::Completed, None, out);
            let (index, id) = self.place("rs");
            self.added(index, &items::reasoning(&id, &[], None), out);
            let data = json!({
                "item_id": id,
                "output_index": index,
                "summary_index": 0,
                "part": items::summary_text(""),
            });
            self.event("response.reasoning_summary_part.added", data, out);
            self.open = Some(Open {
                index,
                id,
                content: OpenContent::Thought(String::new()),
            });
        }
        let Some(Open {
            index,
            id,
            content: OpenContent::Thought(words),
        }) = &mut self.open
        else {
            return;
        };
        words.push_str(more);
        let delta = Delta {
            r#type: "response.reasoning_summary_text.delta",
            sequence_number: self.sequence,
            item_id: id,
            output_index: *index,
            content_index: None,
            summary_index: Some(0),
            delta: more,
            logprobs: None,
        };
        self.sequence += 1;
        append_delta(&delta, out);
    }

    /// What is to come back with the thought that is being told, or an item of its own.
    fn keep_state(&mut self, state: &State, redacted: bool, out: &mut Vec<u8>) {
        let sealed = state.seal();
        let is_thought = matches!(
            &self.open,
            Some(Open {
                content: OpenContent::Thought(_),
                ..
            })
        );
        if is_thought && !redacted {
            return self.close(Status::Completed, Some(&sealed), out);
        }
        self.close(Status::Completed, None, out);
        // A thought that is merely silent has a summary without words, so that it can be told
        // from one that is hidden.
        let silent = items::summary_text("");
        let summary = if redacted { &[][..] } else { &[silent] };
        self.reasoning(summary, &sealed, out);
    }

    /// A reasoning item that is complete at once.
    fn reasoning(&mut self, summary: &[Value], sealed: &str, out: &mut Vec<u8>) {
        let (index, id) = self.place("rs");
        self.added(index, &items::reasoning(&id, &[], None), out);
        let item = items::reasoning(&id, summary, Some(sealed));
        self.keep(index, item, out);
    }

    /// What follows is another part: of the same message, or another thought.
    fn pause(&mut self, out: &mut Vec<u8>) {
        match &self.open {
            Some(Open {
                content: OpenContent::Message { .. },
                ..
            }) => self.close_part(out),
            Some(Open {
                content: OpenContent::Thought(_),
                ..
            }) => self.close(Status::Completed, None, out),
            None => {}
        }
    }

    /// Ends the message or thought that is being told.
    fn close(&mut self, status: Status, sealed: Option<&str>, out: &mut Vec<u8>) {
        self.close_part(out);
        let Some(Open { index, id, content }) = self.open.take() else {
            return;
        };
        let item = match content {
            OpenContent::Message { parts, .. } => items::message(&id, status.word(), &parts),
            OpenContent::Thought(words) => {
                let place = json!({"item_id": id, "output_index": index, "summary_index": 0});
                let whole = with(&place, "text", words.clone().into());
                self.event("response.reasoning_summary_text.done", whole, out);
                let part = items::summary_text(&words);
                let done = with(&place, "part", part.clone());
                self.event("response.reasoning_summary_part.done", done, out);
                items::reasoning(&id, &[part], sealed)
            }
        };
        self.keep(index, item, out);
    }

    fn call(&mut self, call_id: &str, name: &str, state: Option<&State>, out: &mut Vec<u8>) {
        self.close(Status::Completed, None, out);
        if let Some(sealed) = state.and_then(|state| signature::seal(state, call_id)) {
            self.reasoning(&[], &sealed, out);
        }
        let (index, id) = self.place("fc");
        let item = items::call(&id, Status::Running.word(), call_id, name, "");
        self.added(index, &item, out);
        self.calls.push(Call {
            index,
            id,
            call_id: call_id.to_owned(),
            name: name.to_owned(),
            arguments: String::new(),
            done: false,
        });
    }

    fn arguments(&mut self, index: usize, more: &str, out: &mut Vec<u8>) {
        let Some(call) = self.calls.get_mut(index).filter(|call| !call.done) else {
            return;
        };
        call.arguments.push_str(more);
        let delta = Delta {
            r#type: "response.function_call_arguments.delta",
            sequence_number: self.sequence,
            item_id: &call.id,
            output_index: call.index,
            content_index: None,
            summary_index: None,
            delta: more,
            logprobs: None,
        };
        self.sequence += 1;
        append_delta(&delta, out);
    }

    fn close_call(&mut self, index: usize, status: Status, out: &mut Vec<u8>) {
        let Some(call) = self.calls.get_mut(index).filter(|call| !call.done) else {
            return;
        };
        call.done = true;
        // Clients parse what they get.
        if call.arguments.is_empty() && status == Status::Completed {
            call.arguments.push_str("{}");
        }
        let data = json!({
            "item_id": call.id,
            "output_index": call.index,
            "arguments": call.arguments,
        });
        let (word, arguments) = (status.word(), &call.arguments);
        let item = items::call(&call.id, word, &call.call_id, &call.name, arguments);
        let place = call.index;
        self.event("response.function_call_arguments.done", data, out);
        self.keep(place, item, out);
    }

    fn close_all(&mut self, status: Status, out: &mut Vec<u8>) {
        self.close(status, None, out);
        for index in 0..self.calls.len() {
            self.close_call(index, status, out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let status = self.status();
        self.close_all(status, out);
        let kind = match status {
            Status::Limited | Status::Filtered => "response.incomplete",
            Status::Completed | Status::Running => "response.completed",
        };
        let response = self.response(status);
        self.event(kind, json!({"response": response}), out);
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
            Event::Arguments { index, json } => self.arguments(*index, json, out),
            Event::CallEnd { index } => self.close_call(*index, Status::Completed, out),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Finish(ending) => self.ending = Some(ending.clone()),
            Event::Idle => out.extend_from_slice(b": keep-alive\n\n"),
            Event::End => self.end(out),
        }
    }

    fn mark(&self) -> Option<StreamMark> {
        Some(StreamMark {
            response_id: if self.begun {
                self.id.clone()
            } else {
                String::new()
            },
            sequence: self.sequence,
        })
    }
}

fn with(place: &Value, name: &str, value: Value) -> Value {
    let mut data = place.clone();
    if let Some(data) = data.as_object_mut() {
        data.insert(name.to_owned(), value);
    }
    data
}

fn append_delta(delta: &Delta<'_>, out: &mut Vec<u8>) {
    // Texts and numbers can always be written.
    let data = serde_json::to_vec(delta).unwrap_or_default();
    append(delta.r#type, &data, out);
}

fn append(kind: &str, data: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\n\n");
}
