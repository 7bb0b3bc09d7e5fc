//! The caller's stream: a message that begins, its blocks one after the other, and its end.

mod frame;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tollgate_core::reply::{Finish, Usage};

use super::answer::LONGEST_ID;
use super::calls::{Calls, Waiting};
use super::state;
use crate::anthropic::words::{self, Holds};
use crate::anthropic::{citation, usage};
use crate::claude::id::tool_id;
use crate::formats::Asked;
use crate::neutral::{Ending, Event};
use crate::state::{NO_STATE, State};
use crate::stream::WriteEvents;
use frame::{Delta, write_block_start, write_block_stop, write_delta, write_event};

/// Writes a stream.
pub fn stream(asked: &Asked<'_>) -> Box<dyn WriteEvents> {
    Box::new(MessageWriter {
        id: words::message_id(None, asked.request_id),
        request_id: asked.request_id.to_owned(),
        model: asked.model.to_owned(),
        begun: false,
        blocks: 0,
        open: None,
        calls: Calls::default(),
        silent: None,
        written: BTreeMap::new(),
        holds: Holds::default(),
        usage: None,
        ending: None,
        over: false,
    })
}

struct MessageWriter {
    id: String,
    request_id: String,
    model: String,
    begun: bool,
    /// How many blocks have begun; each goes by its number.
    blocks: usize,
    open: Option<Open>,
    calls: Calls,
    /// The sealed state of a thought without words, until another block follows. Some providers
    /// sign the end of an answer; clients that take the last block for the answer must find the
    /// text there.
    silent: Option<String>,
    /// The numbers of the blocks of calls that have begun, by the calls' indices.
    written: BTreeMap<usize, usize>,
    holds: Holds,
    usage: Option<Usage>,
    ending: Option<Ending>,
    over: bool,
}

/// The block that can grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Text,
    Thinking,
    Call(usize),
}

impl WriteEvents for MessageWriter {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            Event::Begin { id, model } => {
                self.id = words::message_id(id.as_deref(), &self.request_id);
                if let Some(model) = model {
                    model.clone_into(&mut self.model);
                }
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Finish(ending) => self.ending = Some(ending.clone()),
            Event::Text(text) => {
                self.open_as(Open::Text, out);
                self.delta(&Delta::Text(text), out);
            }
            Event::Refusal(text) => {
                self.holds.refusal = true;
                self.open_as(Open::Text, out);
                self.delta(&Delta::Text(text), out);
            }
            Event::Citation(citation) => {
                if let Some(citation) = citation::written(citation) {
                    self.open_as(Open::Text, out);
                    self.delta(&Delta::Citation(&citation), out);
                }
            }
            Event::Reasoning(text) => {
                self.open_as(Open::Thinking, out);
                self.delta(&Delta::Thinking(text), out);
            }
            Event::ReasoningState { state, redacted } => self.keep_state(state, *redacted, out),
            Event::Break => self.settle(out),
            Event::ToolCall {
                index,
                id,
                name,
                state,
            } => {
                let block = json!({
                    "type": "tool_use",
                    "id": tool_id(id, LONGEST_ID),
                    "name": name,
                    "input": {},
                });
                let call = Waiting {
                    index: *index,
                    block,
                    before: state.as_ref().map(state::block),
                    arguments: String::new(),
                    ended: false,
                };
                self.call(call, out);
            }
            Event::Arguments { index, json } => self.arguments(*index, json, out),
            Event::CallEnd { index } => self.end_call(*index, out),
            Event::Idle => {
                if self.begun {
                    write_event("ping", r#"{"type":"ping"}"#, out);
                }
            }
            Event::End => self.end(out),
        }
    }
}

impl MessageWriter {
    /// Begins the message. As late as can be: by then the tokens of the prompt may be known.
    fn begin(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let mut usage = self.usage.unwrap_or_default();
        usage.completion = 0;
        usage.reasoning = 0;
        let message = json!({
            "type": "message_start",
            "message": {
                "id": self.id,
                "type": "message",
                "role": "assistant",
                "model": self.model,
                "content": [],
                "stop_reason": null,
                "stop_sequence": null,
                "usage": usage::written(&usage),
            },
        });
        write_event("message_start", &message.to_string(), out);
    }

    /// Makes sure that a block of this kind is open.
    fn open_as(&mut self, open: Open, out: &mut Vec<u8>) {
        if self.open == Some(open) {
            return;
        }
        self.settle(out);
        let block = match open {
            Open::Text => json!({"type": "text", "text": ""}),
            Open::Thinking => thinking(),
            Open::Call(_) => return,
        };
        self.start(&block, out);
        self.open = Some(open);
    }

    fn start(&mut self, block: &Value, out: &mut Vec<u8>) {
        self.begin(out);
        if let Some(sealed) = self.silent.take() {
            self.start(&thinking(), out);
            self.delta(&Delta::Signature(&sealed), out);
            write_block_stop(self.blocks - 1, out);
        }
        write_block_start(self.blocks, block, out);
        self.blocks += 1;
    }

    /// A block that is complete with its beginning.
    fn whole(&mut self, block: &Value, out: &mut Vec<u8>) {
        self.start(block, out);
        write_block_stop(self.blocks - 1, out);
    }

    /// More of the open block.
    fn delta(&mut self, delta: &Delta<'_>, out: &mut Vec<u8>) {
        write_delta(self.blocks.saturating_sub(1), delta, out);
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if self.open == Some(Open::Thinking) {
            // Its state would have closed it.
            self.delta(&Delta::Signature(NO_STATE), out);
        }
        self.stop(out);
    }

    fn stop(&mut self, out: &mut Vec<u8>) {
        if self.open.take().is_some() {
            write_block_stop(self.blocks - 1, out);
        }
    }

    /// Closes the open block, and writes the calls that wait as far as they have come: what
    /// follows is another part.
    fn settle(&mut self, out: &mut Vec<u8>) {
        self.close(out);
        while let Some(call) = self.calls.next() {
            self.write_call(&call, out);
            self.close(out);
        }
    }

    fn keep_state(&mut self, state: &State, redacted: bool, out: &mut Vec<u8>) {
        let sealed = state.seal();
        if redacted {
            self.settle(out);
            let block = json!({"type": "redacted_thinking", "data": sealed});
            self.whole(&block, out);
        } else if self.open == Some(Open::Thinking) {
            self.delta(&Delta::Signature(&sealed), out);
            self.stop(out);
        } else {
            self.settle(out);
            self.silent = Some(sealed);
        }
    }

    /// Takes the beginning of a call.
    fn call(&mut self, call: Waiting, out: &mut Vec<u8>) {
        self.holds.calls = true;
        if let Some(Open::Call(_)) = self.open {
            self.calls.wait(call);
        } else {
            self.settle(out);
            self.write_call(&call, out);
        }
    }

    /// Opens the block of a call, with what has come of its arguments.
    fn write_call(&mut self, call: &Waiting, out: &mut Vec<u8>) {
        if let Some(before) = &call.before {
            self.whole(before, out);
        }
        self.start(&call.block, out);
        self.open = Some(Open::Call(call.index));
        self.written.insert(call.index, self.blocks - 1);
        if !call.arguments.is_empty() {
            self.delta(&Delta::Json(&call.arguments), out);
        }
    }

    fn arguments(&mut self, index: usize, json: &str, out: &mut Vec<u8>) {
        if let Some(call) = self.calls.of(index) {
            call.arguments.push_str(json);
        } else if let Some(block) = self.written.get(&index) {
            // Of a block that was closed too early: clients still put it where it belongs.
            write_delta(*block, &Delta::Json(json), out);
        }
    }

    fn end_call(&mut self, index: usize, out: &mut Vec<u8>) {
        if let Some(call) = self.calls.of(index) {
            call.ended = true;
        }
        if self.open != Some(Open::Call(index)) {
            return;
        }
        self.close(out);
        while let Some(call) = self.calls.next() {
            self.write_call(&call, out);
            if !call.ended {
                break;
            }
            self.close(out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.settle(out);
        self.begin(out);
        self.over = true;
        let ending = self.ending.take().unwrap_or(Ending::new(Finish::Stop));
        let usage = self.usage.unwrap_or_default();
        let delta = json!({
            "type": "message_delta",
            "delta": {
                "stop_reason": words::stop_reason(&ending, self.holds),
                "stop_sequence": ending.stop_sequence,
            },
            "usage": usage::written(&usage),
        });
        write_event("message_delta", &delta.to_string(), out);
        write_event("message_stop", r#"{"type":"message_stop"}"#, out);
    }
}

/// A block of thought at its beginning.
fn thinking() -> Value {
    json!({"type": "thinking", "thinking": "", "signature": ""})
}
