//! The blocks of a streamed message: each begins, grows and stops under its own number.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::answer::call_id;
use crate::anthropic::citation;
use crate::neutral::Event;
use crate::sse::{EVENT_CAP, TooLarge};
use crate::state::State;
use crate::stream::StreamProblem;

/// No message has more blocks open at once; they come one after the other.
const MOST_OPEN: usize = 64;

/// The blocks of one message.
pub(super) struct Blocks {
    provider: &'static str,
    open: BTreeMap<u64, Block>,
    /// How many calls have begun.
    calls: usize,
    /// Whether a block has begun before.
    begun: bool,
}

/// A block that has begun.
enum Block {
    Text,
    Thinking {
        /// What is to be given back with the thought. It is complete with the block.
        signature: String,
    },
    Call {
        index: usize,
        /// What the beginning said of the arguments; counts if nothing follows.
        input: Option<String>,
    },
    /// One that nobody here asks for.
    Other,
}

type Members = Map<String, Value>;

impl Blocks {
    pub(super) fn new(provider: &'static str) -> Self {
        Self {
            provider,
            open: BTreeMap::new(),
            calls: 0,
            begun: false,
        }
    }

    /// Takes `content_block_start`.
    pub(super) fn start(
        &mut self,
        members: &Members,
        events: &mut Vec<Event>,
    ) -> Result<(), StreamProblem> {
        let number = number(members)?;
        let Some(Value::Object(block)) = members.get("content_block") else {
            return Err(StreamProblem::Malformed("a block begins without a block"));
        };
        if self.open.len() >= MOST_OPEN || self.open.contains_key(&number) {
            return Err(StreamProblem::Malformed("a block begins within another"));
        }
        let text = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
        if std::mem::replace(&mut self.begun, true) {
            events.push(Event::Break);
        }
        let begun = match text("type") {
            "text" => {
                push_text(text("text"), Event::Text, events);
                let citations = block.get("citations").and_then(Value::as_array);
                let citations = citations.into_iter().flatten().filter_map(citation::read);
                events.extend(citations.map(Event::Citation));
                Block::Text
            }
            "thinking" => {
                push_text(text("thinking"), Event::Reasoning, events);
                Block::Thinking {
                    signature: text("signature").to_owned(),
                }
            }
            "redacted_thinking" => {
                events.push(Event::ReasoningState {
                    state: State::of(self.provider, text("data")),
                    redacted: true,
                });
                Block::Other
            }
            "tool_use" => {
                let index = self.calls;
                self.calls += 1;
                events.push(Event::ToolCall {
                    index,
                    id: call_id(text("id"), index),
                    name: text("name").to_owned(),
                    state: None,
                });
                let input = block.get("input").and_then(Value::as_object);
                let input = input.filter(|input| !input.is_empty());
                Block::Call {
                    index,
                    input: input.map(|input| Value::Object(input.clone()).to_string()),
                }
            }
            _ => Block::Other,
        };
        self.open.insert(number, begun);
        Ok(())
    }

    /// Takes `content_block_delta`.
    pub(super) fn delta(
        &mut self,
        members: &Members,
        events: &mut Vec<Event>,
    ) -> Result<(), StreamProblem> {
        let Some(block) = self.open.get_mut(&number(members)?) else {
            return Err(StreamProblem::Malformed("a block goes on that is not open"));
        };
        let Some(Value::Object(delta)) = members.get("delta") else {
            return Err(StreamProblem::Malformed("a block goes on without a delta"));
        };
        let text = |name: &str| delta.get(name).and_then(Value::as_str).unwrap_or_default();
        match (block, text("type")) {
            (Block::Text, "text_delta") => push_text(text("text"), Event::Text, events),
            (Block::Text, "citations_delta") => {
                let citation = delta.get("citation").and_then(citation::read);
                events.extend(citation.map(Event::Citation));
            }
            (Block::Thinking { .. }, "thinking_delta") => {
                push_text(text("thinking"), Event::Reasoning, events);
            }
            (Block::Thinking { signature }, "signature_delta") => {
                // A later one replaces it, as the official clients have it.
                text("signature").clone_into(signature);
                if signature.len() > EVENT_CAP {
                    return Err(TooLarge.into());
                }
            }
            (Block::Call { index, input }, "input_json_delta") => {
                let json = text("partial_json");
                if !json.is_empty() {
                    *input = None;
                    events.push(Event::Arguments {
                        index: *index,
                        json: json.to_owned(),
                    });
                }
            }
            // The format asks readers to put up with deltas that they do not know.
            _ => {}
        }
        Ok(())
    }

    /// Takes `content_block_stop`.
    pub(super) fn stop(
        &mut self,
        members: &Members,
        events: &mut Vec<Event>,
    ) -> Result<(), StreamProblem> {
        let Some(block) = self.open.remove(&number(members)?) else {
            return Err(StreamProblem::Malformed("a block stops that is not open"));
        };
        self.close(block, events);
        Ok(())
    }

    /// Takes the end of the message, which ends all its blocks.
    pub(super) fn stop_all(&mut self, events: &mut Vec<Event>) {
        for block in std::mem::take(&mut self.open).into_values() {
            self.close(block, events);
        }
    }

    fn close(&self, block: Block, events: &mut Vec<Event>) {
        match block {
            Block::Thinking { signature }
                if !signature.is_empty() && State::opened(&signature).is_some() =>
            {
                events.push(Event::ReasoningState {
                    state: State::of(self.provider, signature),
                    redacted: false,
                });
            }
            Block::Call { index, input } => {
                events.extend(input.map(|json| Event::Arguments { index, json }));
                events.push(Event::CallEnd { index });
            }
            Block::Text | Block::Thinking { .. } | Block::Other => {}
        }
    }
}

/// The number of the block that an event is about.
fn number(members: &Members) -> Result<u64, StreamProblem> {
    let number = members.get("index").and_then(Value::as_u64);
    number.ok_or(StreamProblem::Malformed(
        "an event of a block without an index",
    ))
}

fn push_text(text: &str, event: impl FnOnce(String) -> Event, events: &mut Vec<Event>) {
    if !text.is_empty() {
        events.push(event(text.to_owned()));
    }
}
