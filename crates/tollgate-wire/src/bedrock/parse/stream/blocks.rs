//! The blocks of a streamed message. Only those of tools have a beginning; texts and thoughts
//! begin with their first delta.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::call_id;
use crate::bedrock::words;
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
    /// The block that spoke last; another one is another part.
    last: Option<u64>,
}

/// A block that has begun.
#[derive(Default)]
struct Block {
    /// The index of the call that it is, if it is one.
    call: Option<usize>,
    /// What is to be given back with the thought; complete with the block.
    signature: String,
    /// A thought that is not shown; complete with the block.
    redacted: String,
}

type Members = Map<String, Value>;

impl Blocks {
    pub(super) fn new(provider: &'static str) -> Self {
        Self {
            provider,
            open: BTreeMap::new(),
            calls: 0,
            last: None,
        }
    }

    /// Whether the message holds anything.
    pub(super) fn has_content(&self) -> bool {
        self.last.is_some()
    }

    /// Takes `contentBlockStart`.
    pub(super) fn start(
        &mut self,
        members: &Members,
        events: &mut Vec<Event>,
    ) -> Result<(), StreamProblem> {
        let number = number(members)?;
        let start = members.get("start").and_then(|start| start.get("toolUse"));
        let mut block = Block::default();
        if let Some(call) = start {
            let text = |name: &str| call.get(name).and_then(Value::as_str).unwrap_or_default();
            let index = self.calls;
            self.calls += 1;
            block.call = Some(index);
            self.last = Some(number);
            events.push(Event::ToolCall {
                index,
                id: call_id(text("toolUseId"), index),
                name: text("name").to_owned(),
                state: None,
            });
        }
        if self.open.len() >= MOST_OPEN || self.open.insert(number, block).is_some() {
            return Err(StreamProblem::Malformed("a block begins within another"));
        }
        Ok(())
    }

    /// Takes `contentBlockDelta`.
    pub(super) fn delta(
        &mut self,
        members: &Members,
        events: &mut Vec<Event>,
    ) -> Result<(), StreamProblem> {
        let number = number(members)?;
        if self.open.len() >= MOST_OPEN && !self.open.contains_key(&number) {
            return Err(StreamProblem::Malformed("a block begins within another"));
        }
        let Some(Value::Object(delta)) = members.get("delta") else {
            return Err(StreamProblem::Malformed("a block goes on without a delta"));
        };
        let block = self.open.entry(number).or_default();
        let said = block.take(delta)?;
        if !said.is_empty() {
            if self.last.is_some_and(|last| last != number) {
                events.push(Event::Break);
            }
            self.last = Some(number);
        }
        events.extend(said);
        Ok(())
    }

    /// Takes `contentBlockStop`. A block that never said anything may stop, too.
    pub(super) fn stop(
        &mut self,
        members: &Members,
        events: &mut Vec<Event>,
    ) -> Result<(), StreamProblem> {
        let number = number(members)?;
        if let Some(block) = self.open.remove(&number) {
            self.close(number, block, events);
        }
        Ok(())
    }

    /// Takes the end of the message, which ends all its blocks.
    pub(super) fn stop_all(&mut self, events: &mut Vec<Event>) {
        for (number, block) in std::mem::take(&mut self.open) {
            self.close(number, block, events);
        }
    }

    fn close(&mut self, number: u64, block: Block, events: &mut Vec<Event>) {
        events.extend(block.call.map(|index| Event::CallEnd { index }));
        for (token, redacted) in [(block.signature, false), (block.redacted, true)] {
            if token.is_empty() {
                continue;
            }
            if self.last.is_some_and(|last| last != number) {
                events.push(Event::Break);
            }
            self.last = Some(number);
            events.push(Event::ReasoningState {
                state: State::of(self.provider, token),
                redacted,
            });
        }
    }
}

impl Block {
    /// Takes a delta: gives what it says, and keeps what is said with the end of the block.
    fn take(&mut self, delta: &Members) -> Result<Vec<Event>, StreamProblem> {
        let mut said = Vec::new();
        for (kind, value) in delta {
            let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
            match &**kind {
                "text" => push(value.as_str().unwrap_or_default(), Event::Text, &mut said),
                "toolUse" => {
                    let Some(index) = self.call else {
                        let reason = "arguments of a call that has not begun";
                        return Err(StreamProblem::Malformed(reason));
                    };
                    let arguments = |json| Event::Arguments { index, json };
                    push(text("input"), arguments, &mut said);
                }
                "reasoningContent" => {
                    push(text("text"), Event::Reasoning, &mut said);
                    self.signature.push_str(text("signature"));
                    self.redacted.push_str(text("redactedContent"));
                    if self.signature.len().max(self.redacted.len()) > EVENT_CAP {
                        return Err(TooLarge.into());
                    }
                }
                "citation" => said.push(Event::Citation(words::citation(value))),
                // What tools of the provider's own give, and what we do not know.
                _ => {}
            }
        }
        Ok(said)
    }
}

/// The number of the block that an event is about.
fn number(members: &Members) -> Result<u64, StreamProblem> {
    let number = members.get("contentBlockIndex").and_then(Value::as_u64);
    number.ok_or(StreamProblem::Malformed(
        "an event of a block without an index",
    ))
}

fn push(text: &str, event: impl FnOnce(String) -> Event, said: &mut Vec<Event>) {
    if !text.is_empty() {
        said.push(event(text.to_owned()));
    }
}
