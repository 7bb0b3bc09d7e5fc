//! A stream for a caller.

use serde_json::{Value, json};
use tollgate_core::reply::Usage;

use super::chat;
use crate::formats::Asked;
use crate::neutral::{Citation, Ending, Event, Reasoned};
use crate::openai::thought;
use crate::sse;
use crate::state::State;
use crate::stream::WriteEvents;

/// Writes a stream. The finish comes with the end and not before: what breaks off in between must
/// not look whole.
pub fn stream(asked: &Asked<'_>) -> Box<dyn WriteEvents> {
    Box::new(Chunks {
        id: chat::id(None, asked),
        model: asked.model.to_owned(),
        now: asked.now,
        show_usage: asked.usage,
        head: Vec::new(),
        thought: String::new(),
        thoughts: 0,
        before: 0,
        length: 0,
        usage: None,
        ending: None,
    })
}

struct Chunks {
    id: String,
    model: String,
    now: i64,
    show_usage: bool,
    /// How every chunk begins, up to its choices; empty before the first.
    head: Vec<u8>,
    /// The thought so far: its state comes last, and must stand with all of its words.
    thought: String,
    thoughts: usize,
    /// The length of the texts before the one that goes on, in characters.
    before: u64,
    /// The length of that one.
    length: u64,
    usage: Option<Usage>,
    ending: Option<Ending>,
}

impl WriteEvents for Chunks {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Begin { id, model } => {
                if let Some(id) = id {
                    id.clone_into(&mut self.id);
                }
                if let Some(model) = model {
                    model.clone_into(&mut self.model);
                }
                self.begin(out);
            }
            Event::Text(text) => {
                self.thought.clear();
                self.length += chat::length(text);
                self.words("content", text, out);
            }
            Event::Refusal(text) => self.words("refusal", text, out),
            Event::Reasoning(text) => {
                self.thought.push_str(text);
                self.words("reasoning_content", text, out);
            }
            Event::ReasoningState { state, redacted } => self.state(state, *redacted, out),
            Event::Citation(citation) => self.citation(citation, out),
            Event::Break => self.part(),
            Event::ToolCall {
                index,
                id,
                name,
                state,
            } => {
                self.part();
                let mut call = json!({
                    "index": index,
                    "id": id,
                    "type": "function",
                    "function": { "name": name, "arguments": "" },
                });
                if let (Some(state), Some(members)) =
                    (chat::sealed(state.as_ref()), call.as_object_mut())
                {
                    members.insert("extra_content".to_owned(), state);
                }
                self.delta(&json!({ "tool_calls": [call] }), out);
            }
            Event::Arguments { index, json } => self.arguments(*index, json, out),
            Event::CallEnd { .. } => {}
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Finish(ending) => self.ending = Some(ending.clone()),
            Event::Idle => out.extend_from_slice(b": keep-alive\n\n"),
            Event::End => self.end(out),
        }
    }
}

impl Chunks {
    /// The first chunk tells the role.
    fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.head.is_empty() {
            return;
        }
        let head = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.now,
            "model": self.model,
        });
        let head = head.to_string();
        let open = head.strip_suffix('}').unwrap_or(&head);
        self.head = format!("data: {open},\"choices\":[").into();
        self.delta(&json!({ "role": "assistant", "content": "" }), out);
    }

    /// A part ends: texts that follow are counted from here.
    fn part(&mut self) {
        self.thought.clear();
        self.before += std::mem::take(&mut self.length);
    }

    fn words(&mut self, member: &str, text: &str, out: &mut Vec<u8>) {
        self.open(out);
        out.push(b'"');
        out.extend_from_slice(member.as_bytes());
        out.extend_from_slice(b"\":");
        quote(text, out);
        close(out);
    }

    fn arguments(&mut self, index: usize, json: &str, out: &mut Vec<u8>) {
        self.open(out);
        out.extend_from_slice(b"\"tool_calls\":[{\"index\":");
        out.extend_from_slice(index.to_string().as_bytes());
        out.extend_from_slice(b",\"function\":{\"arguments\":");
        quote(json, out);
        out.extend_from_slice(b"}}]");
        close(out);
    }

    fn delta(&mut self, delta: &Value, out: &mut Vec<u8>) {
        let delta = delta.to_string();
        self.open(out);
        let members = delta
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        out.extend_from_slice(members.unwrap_or_default().as_bytes());
        close(out);
    }

    /// Opens a chunk up to the members of its delta.
    fn open(&mut self, out: &mut Vec<u8>) {
        self.begin(out);
        out.extend_from_slice(&self.head);
        out.extend_from_slice(b"{\"index\":0,\"delta\":{");
    }

    fn state(&mut self, state: &State, redacted: bool, out: &mut Vec<u8>) {
        let text = if redacted {
            String::new()
        } else {
            std::mem::take(&mut self.thought)
        };
        let thought = Reasoned {
            text,
            state: Some(state.clone()),
            redacted,
        };
        let detail = thought::shown(&thought, self.thoughts);
        self.thoughts += 1;
        self.delta(&json!({ "reasoning_details": [detail] }), out);
    }

    fn citation(&mut self, citation: &Citation, out: &mut Vec<u8>) {
        if let Some(annotation) = chat::annotation(citation, self.before) {
            self.delta(&json!({ "annotations": [annotation] }), out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.begin(out);
        if let Some(ending) = self.ending.take() {
            out.extend_from_slice(&self.head);
            out.extend_from_slice(b"{\"index\":0,\"delta\":{},");
            let finish = Value::Object(chat::finish(&ending)).to_string();
            let members = finish.strip_prefix('{').unwrap_or(&finish);
            out.extend_from_slice(members.as_bytes());
            out.extend_from_slice(b"]}\n\n");
        }
        if let Some(usage) = self.usage.take().filter(|_| self.show_usage) {
            out.extend_from_slice(&self.head);
            out.extend_from_slice(b"],\"usage\":");
            out.extend_from_slice(chat::usage(&usage).to_string().as_bytes());
            out.extend_from_slice(b"}\n\n");
        }
        out.extend_from_slice(sse::DONE);
    }
}

fn close(out: &mut Vec<u8>) {
    out.extend_from_slice(b"},\"finish_reason\":null}]}\n\n");
}

/// A text as JSON writes it.
fn quote(text: &str, out: &mut Vec<u8>) {
    // Memory takes everything.
    drop(serde_json::to_writer(out, text));
}

#[cfg(test)]
mod tests;
