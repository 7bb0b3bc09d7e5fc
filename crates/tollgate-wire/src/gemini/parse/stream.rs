//! A provider's stream, event by event.

use std::borrow::Cow;

use bytes::Bytes;

use super::Events;
use super::response::{Teller, Trouble};
use crate::gemini::array::Unwrap;
use crate::json;
use crate::neutral::Event;
use crate::sse::{self, Decoder};
use crate::stream::{ReadEvents, StreamProblem};

/// Reads one stream.
pub(super) struct Reader {
    unwrap: Unwrap,
    decoder: Decoder,
    teller: Teller,
    over: bool,
}

impl Reader {
    /// A reader at the beginning of a stream of this provider.
    pub(super) fn new(provider: &'static str) -> Self {
        Self {
            unwrap: Unwrap::default(),
            decoder: Decoder::new(),
            teller: Teller::new(provider),
            over: false,
        }
    }

    fn read(&mut self, chunk: Bytes, events: &mut Events) -> Result<(), StreamProblem> {
        let (chunk, problem) = self.unwrap.feed(chunk);
        self.decoder.feed(chunk);
        while let Some(event) = self.decoder.event()? {
            take(&mut self.teller, &event, events)?;
        }
        problem.map_or(Ok(()), Err)
    }

    fn finish(&mut self, events: &mut Events) -> Result<(), StreamProblem> {
        if let Some(event) = self.decoder.end() {
            take(&mut self.teller, &event, events).map_err(|problem| match problem {
                // Half an event is no more than a stream that was cut.
                StreamProblem::Malformed(_) => StreamProblem::Truncated,
                other => other,
            })?;
        }
        if !self.unwrap.is_complete() || !self.teller.is_complete() {
            return Err(StreamProblem::Truncated);
        }
        events.push(Event::End);
        Ok(())
    }
}

impl ReadEvents for Reader {
    fn feed(&mut self, chunk: Bytes, events: &mut Events) -> Result<(), StreamProblem> {
        if self.over {
            return Ok(());
        }
        let result = self.read(chunk, events);
        if result.is_err() {
            self.over = true;
            self.decoder.clear();
        }
        result
    }

    fn end(&mut self, events: &mut Events) -> Result<(), StreamProblem> {
        if std::mem::replace(&mut self.over, true) {
            return Ok(());
        }
        self.finish(events)
    }
}

/// Takes one event of the stream.
fn take(
    teller: &mut Teller,
    event: &sse::Event<'_>,
    events: &mut Events,
) -> Result<(), StreamProblem> {
    if let Some(text) = event.error {
        return Err(StreamProblem::Error {
            json: event.share(text),
        });
    }
    if event.mixed && std::str::from_utf8(event.raw()).is_err() {
        return Err(StreamProblem::Malformed(json::Fault::NotUtf8.reason()));
    }
    if let Some(bare) = event.bare {
        // A whole JSON object in the middle of the stream: an error, or a mistake.
        return Err(match teller.tell(bare, &mut Events::new()) {
            Err(Trouble::Error) => StreamProblem::Error {
                json: event.share(bare),
            },
            Err(Trouble::Malformed(reason)) => StreamProblem::Malformed(reason),
            Ok(()) => StreamProblem::Malformed("JSON without a field name"),
        });
    }
    let data = event.data.as_deref().unwrap_or_default().trim_ascii();
    if event.name == Some(b"error") {
        return Err(error_of(event, data));
    }
    if data.is_empty() {
        if !event.rest {
            events.push(Event::Idle);
        }
        return Ok(());
    }
    // Some gateways put it behind streams that do not know it.
    if data == b"[DONE]" {
        return Ok(());
    }
    teller.tell(data, events).map_err(|trouble| match trouble {
        Trouble::Error => error_of(event, data),
        Trouble::Malformed(reason) => StreamProblem::Malformed(reason),
    })
}

/// The error that the data of an event is. Data of one line is a slice of what was received.
fn error_of(event: &sse::Event<'_>, data: &[u8]) -> StreamProblem {
    let json = match &event.data {
        Some(Cow::Borrowed(_)) => event.share(data),
        Some(Cow::Owned(_)) | None => Bytes::copy_from_slice(data),
    };
    StreamProblem::Error { json }
}
