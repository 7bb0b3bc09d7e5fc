//! A provider's stream: binary frames, each with one event in JSON.

mod blocks;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::bedrock::words;
use crate::eventstream::{Decoder, Frame};
use crate::neutral::{Ending, Event};
use crate::stream::{ReadEvents, StreamProblem, StreamRules};
use blocks::Blocks;

/// Reads a stream.
pub fn stream(rules: StreamRules) -> Box<dyn ReadEvents> {
    Box::new(ConverseReader {
        decoder: Decoder::new(),
        blocks: Blocks::new(rules.provider),
        stopped: false,
        over: false,
    })
}

struct ConverseReader {
    decoder: Decoder,
    blocks: Blocks,
    /// Whether the message has stopped; only counts may follow.
    stopped: bool,
    /// Whether nothing more is read.
    over: bool,
}

impl ReadEvents for ConverseReader {
    fn feed(&mut self, chunk: Bytes, events: &mut Vec<Event>) -> Result<(), StreamProblem> {
        if self.over {
            return Ok(());
        }
        self.decoder.feed(&chunk);
        let result = self.read(events);
        if self.over || result.is_err() {
            self.over = true;
            self.decoder = Decoder::new();
        }
        result
    }

    fn end(&mut self, events: &mut Vec<Event>) -> Result<(), StreamProblem> {
        if std::mem::replace(&mut self.over, true) {
            return Ok(());
        }
        if !self.stopped || !self.decoder.is_at_a_boundary() {
            return Err(StreamProblem::Truncated);
        }
        events.push(Event::End);
        Ok(())
    }
}

impl ConverseReader {
    fn read(&mut self, events: &mut Vec<Event>) -> Result<(), StreamProblem> {
        while let Some(frame) = self.decoder.frame()? {
            match frame.message_type.as_deref() {
                Some("event") => self.take(&frame, events)?,
                Some("exception") => return Err(exception(&frame)),
                Some("error") => return Err(undefined_error(&frame)),
                _ => return Err(StreamProblem::Malformed("a frame of no known type")),
            }
            if self.over {
                break;
            }
        }
        Ok(())
    }

    fn take(&mut self, frame: &Frame, events: &mut Vec<Event>) -> Result<(), StreamProblem> {
        let Ok(Value::Object(members)) = serde_json::from_slice(&frame.payload) else {
            return Err(StreamProblem::Malformed("an event is not a JSON object"));
        };
        match frame.event_type.as_deref() {
            Some("messageStart") => events.push(Event::Begin {
                id: None,
                model: None,
            }),
            Some("contentBlockStart") => self.blocks.start(&members, events)?,
            Some("contentBlockDelta") => self.blocks.delta(&members, events)?,
            Some("contentBlockStop") => self.blocks.stop(&members, events)?,
            Some("messageStop") => self.stop(&members, events)?,
            Some("metadata") => {
                let usage = members.get("usage").and_then(Value::as_object);
                events.extend(usage.and_then(words::usage).map(Event::Usage));
                if self.stopped {
                    events.push(Event::End);
                    self.over = true;
                }
            }
            // An event that we do not know says nothing to us.
            Some(_) => {}
            None => return Err(StreamProblem::Malformed("an event without a type")),
        }
        Ok(())
    }

    fn stop(
        &mut self,
        members: &Map<String, Value>,
        events: &mut Vec<Event>,
    ) -> Result<(), StreamProblem> {
        self.blocks.stop_all(events);
        let reason = members.get("stopReason").and_then(Value::as_str);
        if reason.is_some_and(words::is_malformed) && !self.blocks.has_content() {
            return Err(StreamProblem::Malformed("what the model made is malformed"));
        }
        let ending = reason.map(|reason| Ending::new(words::finish(reason)));
        events.extend(ending.map(Event::Finish));
        self.stopped = true;
        Ok(())
    }
}

/// An exception as the body that it would have been without a stream: with its type inside.
fn exception(frame: &Frame) -> StreamProblem {
    let kind = frame.exception_type.as_deref().unwrap_or("exception");
    let mut members = Map::new();
    members.insert("__type".to_owned(), kind.into());
    if let Ok(Value::Object(payload)) = serde_json::from_slice(&frame.payload) {
        members.extend(payload);
    } else {
        let text = String::from_utf8_lossy(&frame.payload).into_owned();
        members.insert("message".to_owned(), text.into());
    }
    error(members)
}

/// An error for which the service defines no exception: its code and message are headers.
fn undefined_error(frame: &Frame) -> StreamProblem {
    let mut members = Map::new();
    let code = frame.error_code.clone().unwrap_or_default();
    members.insert("__type".to_owned(), code.into());
    let message = frame.error_message.clone().unwrap_or_default();
    members.insert("message".to_owned(), message.into());
    error(members)
}

fn error(members: Map<String, Value>) -> StreamProblem {
    StreamProblem::Error {
        json: Value::Object(members).to_string().into(),
    }
}
