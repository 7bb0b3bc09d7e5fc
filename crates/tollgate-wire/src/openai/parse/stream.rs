//! A provider's chat stream as neutral events.

#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde_json::{Map, Value};
use tollgate_core::reply::Usage;

use super::choice::{Choice, Unfinished, first};
use super::citation;
use crate::json;
use crate::neutral::Event;
use crate::openai::chunk::{self, Progress, Unreadable};
use crate::sse::{self, Decoder};
use crate::stream::{ReadEvents, StreamProblem, StreamRules, Terminator};

/// Reads a chat stream.
pub fn stream(rules: StreamRules) -> Box<dyn ReadEvents> {
    Box::new(ChatEvents {
        decoder: Decoder::new(),
        reader: Reader {
            rules,
            progress: Progress::default(),
            choice: Choice::streamed(rules.provider),
            id: None,
            usage: None,
            complete: false,
            over: false,
        },
    })
}

struct ChatEvents {
    decoder: Decoder,
    reader: Reader,
}

struct Reader {
    rules: StreamRules,
    /// Which choices have finished.
    progress: Progress,
    choice: Choice,
    /// The id of the answer, once it has begun.
    id: Option<String>,
    usage: Option<Usage>,
    /// Whether the provider has said in its own way that the answer is complete.
    complete: bool,
    /// Whether the end has been reached, or a problem.
    over: bool,
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
        if let Some(event) = self.decoder.end() {
            self.reader
                .take(&event, events)
                .map_err(|problem| match problem {
                    // Half an event is no more than a stream that was cut.
                    StreamProblem::Malformed(_) => StreamProblem::Truncated,
                    other => other,
                })?;
        }
        if self.reader.over {
            return Ok(());
        }
        self.reader.over = true;
        if self.reader.is_complete() {
            self.reader.end(events)
        } else {
            Err(StreamProblem::Truncated)
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
        if let Some(text) = event.error {
            return Err(error(text));
        }
        if event.mixed && std::str::from_utf8(event.raw()).is_err() {
            return Err(StreamProblem::Malformed(json::Fault::NotUtf8.reason()));
        }
        let data = event.data.as_deref().unwrap_or_default().trim_ascii();
        if let Some(bare) = event.bare {
            // A whole other answer in the middle of the stream: an error, or a mistake.
            let chunk = chunk::read(bare, &mut Progress::default()).map_err(malformed)?;
            return Err(if chunk.error {
                error(bare)
            } else {
                StreamProblem::Malformed("JSON without a field name")
            });
        }
        if data.is_empty() {
            if event.name == Some(b"error") {
                return Err(error(b""));
            }
            events.push(Event::Idle);
            return Ok(());
        }
        if data == b"[DONE]" {
            self.over = true;
            return self.end(events);
        }
        if event.name == Some(b"error") {
            return Err(error(data));
        }
        let facts = chunk::read(data, &mut self.progress).map_err(malformed)?;
        if facts.error {
            return Err(error(data));
        }
        self.complete |= facts.complete;
        let Ok(Value::Object(chunk)) = serde_json::from_slice(data) else {
            // The scanner lets half a surrogate pair pass, which no text can hold.
            return Err(StreamProblem::Malformed("a text that is cut"));
        };
        let choices = chunk.get("choices").unwrap_or(&Value::Null);
        let first = first(choices);
        if first.is_some() || facts.usage.is_some() || has_id(&chunk) {
            self.begin(&chunk, events);
        }
        self.chunk(&chunk, first, events)
            .map_err(|unfinished| match unfinished {
                Unfinished::Failed => error(data),
                Unfinished::Problem(problem) => problem,
            })?;
        if facts.usage.is_some() && facts.usage != self.usage {
            self.usage = facts.usage;
            events.extend(facts.usage.map(Event::Usage));
        }
        Ok(())
    }

    fn chunk(
        &mut self,
        chunk: &Map<String, Value>,
        first: Option<&Map<String, Value>>,
        events: &mut Vec<Event>,
    ) -> Result<(), Unfinished> {
        let pages = citation::of_pages(chunk);
        if !pages.is_empty() {
            self.choice.pages = pages;
        }
        let Some(first) = first else {
            return Ok(());
        };
        if let Some(Value::Object(delta)) = first.get("delta") {
            let id = self.id.as_deref().unwrap_or_default();
            self.choice
                .take(delta, id, events)
                .map_err(Unfinished::Problem)?;
        }
        self.choice.finish(first, events)
    }

    /// Begins the answer with the first chunk that tells something of it. One of Azure's comes
    /// before that, empty but for what its filter says.
    fn begin(&mut self, chunk: &Map<String, Value>, events: &mut Vec<Event>) {
        if self.id.is_some() {
            return;
        }
        let text = |name: &str| {
            let text = chunk.get(name).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let id = text("id");
        self.id = Some(id.clone().unwrap_or_default());
        events.push(Event::Begin {
            id,
            model: text("model"),
        });
    }

    fn end(&mut self, events: &mut Vec<Event>) -> Result<(), StreamProblem> {
        self.begin(&Map::new(), events);
        self.choice.end(events)?;
        events.push(Event::End);
        Ok(())
    }

    /// Whether the end of the body would be a good end of the stream.
    fn is_complete(&self) -> bool {
        let finished = match self.rules.done {
            Terminator::Done | Terminator::Native => false,
            Terminator::FinishThenEnd => self.progress.is_finished(),
        };
        finished || self.complete
    }
}

fn has_id(chunk: &Map<String, Value>) -> bool {
    let id = chunk.get("id").and_then(Value::as_str);
    id.is_some_and(|id| !id.is_empty())
}

fn malformed(unreadable: Unreadable) -> StreamProblem {
    StreamProblem::Malformed(unreadable.reason())
}
