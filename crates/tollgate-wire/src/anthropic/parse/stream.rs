//! A provider's stream: server-sent events, one block after the other.

mod blocks;

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::answer::ending;
use crate::anthropic::facts::Event as Kind;
use crate::anthropic::usage::Counts;
use crate::neutral::Event;
use crate::sse;
use crate::stream::{ReadEvents, StreamProblem, StreamRules};
use blocks::Blocks;

/// Reads a stream.
pub fn stream(rules: StreamRules) -> Box<dyn ReadEvents> {
    Box::new(MessageReader {
        decoder: sse::Decoder::new(),
        message: Message {
            blocks: Blocks::new(rules.provider),
            counts: Counts::default(),
            begun: false,
            over: false,
        },
    })
}

struct MessageReader {
    decoder: sse::Decoder,
    message: Message,
}

/// What has been read of the message.
struct Message {
    blocks: Blocks,
    counts: Counts,
    /// Whether the message has begun.
    begun: bool,
    /// Whether nothing more is read: the message has stopped, or there was a problem.
    over: bool,
}

impl ReadEvents for MessageReader {
    fn feed(&mut self, chunk: Bytes, events: &mut Vec<Event>) -> Result<(), StreamProblem> {
        if self.message.over {
            return Ok(());
        }
        self.decoder.feed(chunk);
        let result = loop {
            match self.decoder.event() {
                Ok(Some(event)) => {
                    let result = self.message.take(&event, events);
                    if result.is_err() || self.message.over {
                        break result;
                    }
                }
                Ok(None) => return Ok(()),
                Err(too_large) => break Err(too_large.into()),
            }
        };
        self.message.over = true;
        self.decoder.clear();
        result
    }

    fn end(&mut self, events: &mut Vec<Event>) -> Result<(), StreamProblem> {
        if self.message.over {
            return Ok(());
        }
        let result = match self.decoder.end() {
            Some(event) => self.message.take(&event, events),
            None => Ok(()),
        };
        let stopped = self.message.over;
        self.message.over = true;
        match result {
            // Half an event is no more than a stream that was cut.
            Ok(()) | Err(StreamProblem::Malformed(_)) if !stopped => Err(StreamProblem::Truncated),
            result => result,
        }
    }
}

impl Message {
    fn take(
        &mut self,
        event: &sse::Event<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), StreamProblem> {
        if let Some(text) = event.error {
            return Err(StreamProblem::Error {
                json: event.share(text),
            });
        }
        let data = match event.bare {
            Some(bare) => bare,
            None => event.data.as_deref().unwrap_or_default().trim_ascii(),
        };
        let named_error = event.name == Some(b"error");
        if data.is_empty() && !named_error {
            events.extend(event.comments.then_some(Event::Idle));
            return Ok(());
        }
        // Some gateways put it behind streams that do not know it.
        if data == b"[DONE]" {
            return Ok(());
        }
        let problem = || error_of(event, data);
        if named_error {
            return Err(problem());
        }
        let Ok(value) = serde_json::from_slice::<Value>(data) else {
            return Err(StreamProblem::Malformed("an event is not JSON"));
        };
        let Value::Object(members) = value else {
            return Err(StreamProblem::Malformed("JSON that is not an object"));
        };
        let kind = members.get("type").and_then(Value::as_str);
        let kind = kind.map_or(Kind::Unknown, |kind| Kind::of(kind.as_bytes()));
        let kind = match (kind, event.name) {
            (Kind::Unknown, Some(name)) => Kind::of(name),
            (kind, _) => kind,
        };
        if kind == Kind::Error || members.get("error").is_some_and(|error| !error.is_null()) {
            return Err(problem());
        }
        if event.bare.is_some() {
            return Err(StreamProblem::Malformed("JSON without a field name"));
        }
        self.read(kind, &members, events)
    }

    fn read(
        &mut self,
        kind: Kind,
        members: &Map<String, Value>,
        events: &mut Vec<Event>,
    ) -> Result<(), StreamProblem> {
        let speaks = !matches!(kind, Kind::Ping | Kind::Error | Kind::Unknown);
        if speaks && !std::mem::replace(&mut self.begun, true) && kind != Kind::MessageStart {
            // It goes on without having begun; what it says counts all the same.
            events.push(Event::Begin {
                id: None,
                model: None,
            });
        }
        match kind {
            Kind::MessageStart => {
                let message = members.get("message").and_then(Value::as_object);
                let text = |name: &str| message?.get(name)?.as_str().map(str::to_owned);
                events.push(Event::Begin {
                    id: text("id"),
                    model: text("model"),
                });
                self.take_usage(message.and_then(|message| message.get("usage")), events);
            }
            Kind::BlockStart => self.blocks.start(members, events)?,
            Kind::BlockDelta => self.blocks.delta(members, events)?,
            Kind::BlockStop => self.blocks.stop(members, events)?,
            Kind::MessageDelta => {
                let delta = members.get("delta").and_then(Value::as_object);
                events.extend(delta.and_then(ending).map(Event::Finish));
                self.take_usage(members.get("usage"), events);
            }
            Kind::MessageStop => {
                self.blocks.stop_all(events);
                events.push(Event::End);
                self.over = true;
            }
            Kind::Ping => events.push(Event::Idle),
            Kind::Error | Kind::Unknown => {}
        }
        Ok(())
    }

    fn take_usage(&mut self, usage: Option<&Value>, events: &mut Vec<Event>) {
        if let Some(Value::Object(usage)) = usage {
            self.counts.take(usage);
            events.extend(self.counts.usage().map(Event::Usage));
        }
    }
}

/// The error that the data of an event is. Data of one line is a slice of what was received.
fn error_of(event: &sse::Event<'_>, data: &[u8]) -> StreamProblem {
    let json = match &event.data {
        Some(Cow::Borrowed(_)) | None => event.share(data),
        Some(Cow::Owned(_)) => Bytes::copy_from_slice(data),
    };
    StreamProblem::Error { json }
}
