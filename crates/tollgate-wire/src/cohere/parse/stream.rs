//! A stream as neutral events. It is over with `message-end`, whether `[DONE]` follows or not.

#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::facts::{self, End};
use crate::json;
use crate::neutral::{Ending, Event};
use crate::sse::{self, Decoder};
use crate::stream::{ReadEvents, StreamProblem, StreamRules};

/// Reads a stream.
pub fn stream(_rules: StreamRules) -> Box<dyn ReadEvents> {
    Box::new(ChatEvents {
        decoder: Decoder::new(),
        reader: Reader::default(),
    })
}

struct ChatEvents {
    decoder: Decoder,
    reader: Reader,
}

#[derive(Default)]
struct Reader {
    /// The id of the answer, once it has begun.
    id: Option<String>,
    /// The calls by the provider's numbers; their places here are ours. `true` while one is open.
    calls: Vec<(u64, bool)>,
    /// Whether the end has been reached, or a problem.
    over: bool,
}

/// The most calls that one answer is believed to have.
const MOST: usize = 1024;

/// Why an event cannot be taken.
enum Fault {
    /// It reports an error.
    Error,
    /// It is not what it must be.
    Malformed(&'static str),
}

impl ReadEvents for ChatEvents {
    fn feed(&mut self, chunk: Bytes, events: &mut Vec<Event>) -> Result<(), StreamProblem> {
        if self.reader.over {
            return Ok(());
        }
        self.decoder.feed(chunk);
        let result = loop {
            match self.decoder.event() {
                Ok(Some(event)) => match self.reader.take(&event, events) {
                    Ok(()) if self.reader.over => break Ok(()),
                    Ok(()) => {}
                    Err(problem) => break Err(problem),
                },
                Ok(None) => return Ok(()),
                Err(too_large) => break Err(too_large.into()),
            }
        };
        self.reader.over = true;
        self.decoder.clear();
        result
    }

    fn end(&mut self, events: &mut Vec<Event>) -> Result<(), StreamProblem> {
        if self.reader.over {
            return Ok(());
        }
        let result = match self.decoder.end() {
            Some(event) => self.reader.take(&event, events),
            None => Ok(()),
        };
        match result {
            Ok(()) if self.reader.over => Ok(()),
            // Half an event is no more than a stream that was cut.
            Ok(()) | Err(StreamProblem::Malformed(_)) => {
                self.reader.over = true;
                Err(StreamProblem::Truncated)
            }
            Err(problem) => Err(problem),
        }
    }
}

impl Reader {
    fn take(
        &mut self,
        event: &sse::Event<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), StreamProblem> {
        if event.rest {
            return Ok(());
        }
        let error = |part: &[u8]| StreamProblem::Error {
            json: event.share(part),
        };
        if let Some(text) = event.error.or(event.bare) {
            return Err(error(text));
        }
        let data = event.data.as_deref().unwrap_or_default().trim_ascii();
        if data.is_empty() {
            if event.name == Some(b"error") {
                return Err(error(b""));
            }
            events.push(Event::Idle);
            return Ok(());
        }
        if event.name == Some(b"error") {
            return Err(error(data));
        }
        if data == b"[DONE]" {
            return Err(StreamProblem::Malformed("`[DONE]` before the end"));
        }
        if std::str::from_utf8(data).is_err() {
            return Err(StreamProblem::Malformed(json::Fault::NotUtf8.reason()));
        }
        let Ok(Value::Object(whole)) = serde_json::from_slice(data) else {
            return Err(StreamProblem::Malformed("no JSON object"));
        };
        self.read(&whole, events).map_err(|fault| match fault {
            Fault::Error => error(data),
            Fault::Malformed(reason) => StreamProblem::Malformed(reason),
        })
    }

    fn read(&mut self, whole: &Map<String, Value>, events: &mut Vec<Event>) -> Result<(), Fault> {
        // What has no type is an error: they have an id and a message.
        let Some(kind) = whole.get("type").and_then(Value::as_str) else {
            return Err(Fault::Error);
        };
        if kind == "error" {
            return Err(Fault::Error);
        }
        if self.id.is_none() {
            let id = facts::text(whole, "id");
            self.id = Some(id.clone().unwrap_or_default());
            events.push(Event::Begin { id, model: None });
        }
        let empty = Map::new();
        let delta = whole.get("delta").and_then(Value::as_object);
        let delta = delta.unwrap_or(&empty);
        let message = delta.get("message").and_then(Value::as_object);
        let message = message.unwrap_or(&empty);
        let index = whole.get("index").and_then(Value::as_u64);
        let index = index.unwrap_or_default();
        match kind {
            "content-start" | "content-delta" => {
                if kind == "content-start" {
                    events.push(Event::Break);
                }
                let content = message.get("content").and_then(Value::as_object);
                let content = content.unwrap_or(&empty);
                events.extend(facts::text(content, "thinking").map(Event::Reasoning));
                events.extend(facts::text(content, "text").map(Event::Text));
                Ok(())
            }
            "tool-plan-delta" => {
                events.extend(facts::text(message, "tool_plan").map(Event::Reasoning));
                Ok(())
            }
            "tool-call-start" => self.begin_call(index, message, events),
            "tool-call-delta" => self.arguments(index, message, events),
            "tool-call-end" => {
                self.end_call(index, events);
                Ok(())
            }
            "citation-start" => {
                let citation = message.get("citations").and_then(Value::as_object);
                let citation = citation.and_then(facts::citation);
                events.extend(citation.map(Event::Citation));
                Ok(())
            }
            "message-end" => self.end(delta, events),
            _ => Ok(()),
        }
    }

    fn begin_call(
        &mut self,
        number: u64,
        message: &Map<String, Value>,
        events: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        let (call, function) = call(message).ok_or(Fault::Malformed("a tool call that is none"))?;
        let name = facts::text(function, "name");
        let name = name.ok_or(Fault::Malformed("a tool call without a name"))?;
        if self.calls.len() == MOST {
            return Err(Fault::Malformed("more tool calls than can be"));
        }
        let index = self.calls.len();
        self.calls.push((number, true));
        let answer = self.id.as_deref().unwrap_or_default();
        events.push(Event::ToolCall {
            index,
            id: facts::text(call, "id").unwrap_or_else(|| facts::call_id(answer, index)),
            name,
            state: None,
        });
        push(index, function, events);
        Ok(())
    }

    fn arguments(
        &mut self,
        number: u64,
        message: &Map<String, Value>,
        events: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        let index = self
            .place(number)
            .ok_or(Fault::Malformed("arguments of no tool call"))?;
        if let Some((_, function)) = call(message) {
            push(index, function, events);
        }
        Ok(())
    }

    /// Where the open call of this number is.
    fn place(&self, number: u64) -> Option<usize> {
        self.calls.iter().rposition(|call| *call == (number, true))
    }

    fn end_call(&mut self, number: u64, events: &mut Vec<Event>) {
        if let Some(index) = self.place(number) {
            if let Some(call) = self.calls.get_mut(index) {
                call.1 = false;
            }
            events.push(Event::CallEnd { index });
        }
    }

    fn end(&mut self, delta: &Map<String, Value>, events: &mut Vec<Event>) -> Result<(), Fault> {
        let reason = facts::text(delta, "finish_reason");
        let end = reason.as_deref().map(facts::end);
        if delta.get("error").is_some_and(|error| !error.is_null())
            || matches!(end, Some(End::Failed))
        {
            return Err(Fault::Error);
        }
        let open: Vec<u64> = self
            .calls
            .iter()
            .filter(|call| call.1)
            .map(|call| call.0)
            .collect();
        for number in open {
            self.end_call(number, events);
        }
        if let Some(End::Good(finish)) = end {
            events.push(Event::Finish(Ending::new(finish)));
        }
        let usage = delta.get("usage").and_then(facts::usage);
        events.extend(usage.map(Event::Usage));
        events.push(Event::End);
        self.over = true;
        Ok(())
    }
}

fn push(index: usize, function: &Map<String, Value>, events: &mut Vec<Event>) {
    let json = facts::text(function, "arguments");
    events.extend(json.map(|json| Event::Arguments { index, json }));
}

type Object = Map<String, Value>;

/// The call of an event, which is an object or a list of one, and its function.
fn call(message: &Object) -> Option<(&Object, &Object)> {
    let call = match message.get("tool_calls")? {
        Value::Array(list) => list.first()?,
        call => call,
    };
    let call = call.as_object()?;
    Some((call, call.get("function")?.as_object()?))
}
