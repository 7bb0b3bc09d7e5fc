//! Streams as neutral events.

mod story;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::json::{self, Problem, Scanner};
use crate::neutral::Event;
use crate::responses::event::{self, About};
use crate::responses::facts;
use crate::sse::{self, Decoder};
use crate::stream::{ReadEvents, StreamProblem};
use story::Story;

/// Reads one stream.
pub(super) struct Reader {
    decoder: Decoder,
    story: Story,
    /// Nothing is read behind the end, or behind a problem.
    over: bool,
}

impl Reader {
    pub(super) fn new(provider: &'static str) -> Self {
        Self {
            decoder: Decoder::new(),
            story: Story::new(provider),
            over: false,
        }
    }

    fn close(&mut self, result: Result<(), StreamProblem>) -> Result<(), StreamProblem> {
        if self.story.ended || result.is_err() {
            self.over = true;
            self.decoder.clear();
        }
        result
    }
}

impl ReadEvents for Reader {
    fn feed(&mut self, chunk: Bytes, events: &mut Vec<Event>) -> Result<(), StreamProblem> {
        if self.over {
            return Ok(());
        }
        self.decoder.feed(chunk);
        let result = loop {
            match self.decoder.event() {
                Ok(Some(event)) => match take(&mut self.story, &event, events) {
                    Ok(()) if self.story.ended => break Ok(()),
                    Ok(()) => {}
                    Err(problem) => break Err(problem),
                },
                Ok(None) => break Ok(()),
                Err(too_large) => break Err(too_large.into()),
            }
        };
        self.close(result)
    }

    fn end(&mut self, events: &mut Vec<Event>) -> Result<(), StreamProblem> {
        if self.over {
            return Ok(());
        }
        let result = match self.decoder.end() {
            Some(event) => take(&mut self.story, &event, events),
            None => Ok(()),
        };
        let result = match result {
            Ok(()) if self.story.ended => Ok(()),
            // Half an event is no more than a stream that was cut.
            Ok(()) | Err(StreamProblem::Malformed(_)) => Err(StreamProblem::Truncated),
            Err(problem) => Err(problem),
        };
        self.close(result)
    }
}

/// Takes one server-sent event.
fn take(
    story: &mut Story,
    event: &sse::Event<'_>,
    events: &mut Vec<Event>,
) -> Result<(), StreamProblem> {
    if event.rest {
        return Ok(());
    }
    if let Some(text) = event.error {
        return Err(StreamProblem::Error {
            json: event.share(text),
        });
    }
    if event.mixed && std::str::from_utf8(event.raw()).is_err() {
        return Err(StreamProblem::Malformed(json::Fault::NotUtf8.reason()));
    }
    let data = event.data.as_deref().unwrap_or_default().trim_ascii();
    let data = event.bare.unwrap_or(data);
    if event.name == Some(b"error") {
        return Err(StreamProblem::Error {
            json: event.share(data),
        });
    }
    if data.is_empty() {
        if event.comments {
            events.push(Event::Idle);
        }
        return Ok(());
    }
    // Some gateways put it behind streams that do not know it.
    if data == b"[DONE]" {
        return Ok(());
    }
    let fields = event::read(data)
        .map_err(malformed)?
        .ok_or(StreamProblem::Malformed("JSON that is not an object"))?;
    let facts = match fields.response {
        Some(response) => facts::scan(&mut Scanner::new(response)).map_err(malformed)?,
        None => None,
    };
    let about = fields.about(event.name);
    if about == About::Error || facts.is_some_and(|facts| facts.error) {
        return Err(StreamProblem::Error {
            json: event.share(data),
        });
    }
    if event.bare.is_some() {
        return Err(StreamProblem::Malformed("JSON without a field name"));
    }
    story.begin(facts.as_ref(), events);
    story.tell(about, &fields, facts, events)
}

fn malformed(problem: Problem) -> StreamProblem {
    StreamProblem::Malformed(problem.fault.reason())
}
