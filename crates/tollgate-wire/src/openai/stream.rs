//! Reading a chat stream while it is relayed: its bytes go on as they came, and usage, finishes,
//! errors and a proper end are seen in passing.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bytes::Bytes;
use tollgate_core::reply::Piece;

use super::chunk::{self, Choices, Chunk, Progress, Unreadable};
use crate::json;
use crate::relayed::Relayed;
use crate::sse::{self, Decoder, Event};
use crate::stream::{Fed, Flow, StreamProblem, StreamRules, Terminator};

/// Reads one chat stream for relaying. What comes after its end, or after a problem, is ignored.
///
/// Comments, and events that carry nothing, are dropped before the first content: nothing of the
/// answer has left then, and it may still become an error status. An event without data is always
/// dropped unless it is a pure comment, as official SDKs try to parse its empty data.
#[derive(Debug)]
pub struct ChatStream {
    decoder: Decoder,
    reader: Reader,
    over: bool,
}

#[derive(Debug)]
struct Reader {
    rules: StreamRules,
    progress: Progress,
    /// Whether content has been seen.
    content: bool,
    /// Whether the event before was relayed.
    kept: bool,
    /// Whether the provider has said in its own way that the answer is complete.
    complete: bool,
}

impl ChatStream {
    /// A reader at the beginning of a stream.
    pub fn new(rules: StreamRules) -> Self {
        let progress = Progress::counting();
        let reader = Reader {
            rules,
            progress,
            content: false,
            kept: false,
            complete: false,
        };
        Self {
            decoder: Decoder::new(),
            reader,
            over: false,
        }
    }

    fn close(
        &mut self,
        result: Result<(), StreamProblem>,
        mut piece: Piece,
        relay: Relayed,
    ) -> Fed {
        if piece.last || result.is_err() {
            self.over = true;
            self.decoder.clear();
        }
        piece.bytes = relay.into_bytes();
        Fed {
            piece,
            problem: result.err(),
        }
    }
}

impl Flow for ChatStream {
    fn feed(&mut self, chunk: Bytes) -> Fed {
        if self.over {
            return Fed::default();
        }
        let mut piece = Piece::default();
        let mut relay = Relayed::default();
        self.decoder.feed(chunk);
        let result = loop {
            match self.decoder.event() {
                Ok(Some(event)) => match self.reader.take(&event, &mut piece, &mut relay) {
                    Ok(()) if piece.last => break Ok(()),
                    Ok(()) => {}
                    Err(problem) => break Err(problem),
                },
                Ok(None) => break Ok(()),
                Err(too_large) => break Err(too_large.into()),
            }
        };
        self.close(result, piece, relay)
    }

    fn end(&mut self) -> Fed {
        if self.over {
            return Fed::default();
        }
        let mut piece = Piece::default();
        let mut relay = Relayed::default();
        let mut result = Ok(());
        if let Some(event) = self.decoder.end() {
            result = self.reader.take(&event, &mut piece, &mut relay);
            if result.is_ok() && self.reader.kept {
                relay.append(event.missing_end());
            }
        }
        if let Ok(()) | Err(StreamProblem::Malformed(_)) = &result
            && !piece.last
        {
            // Half an event is no more than a stream that was cut.
            if result.is_ok() && self.reader.is_complete() {
                relay.append(sse::DONE);
                piece.last = true;
            } else {
                result = Err(StreamProblem::Truncated);
            }
        }
        self.close(result, piece, relay)
    }
}

impl Reader {
    /// Takes one event: relays it or not, and notes what it says in `piece`.
    fn take(
        &mut self,
        event: &Event<'_>,
        piece: &mut Piece,
        relay: &mut Relayed,
    ) -> Result<(), StreamProblem> {
        if event.rest {
            if self.kept {
                relay.keep(event.buffer(), event.range());
            }
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
        if data.is_empty() || event.bare.is_some() {
            return self.take_without_data(event, relay);
        }
        if data == b"[DONE]" {
            piece.last = true;
            self.relay(event, relay);
            return Ok(());
        }
        if event.name == Some(b"error") {
            return Err(error_of(event, data));
        }
        let chunk = chunk::read(data, &mut self.progress).map_err(malformed)?;
        if chunk.error {
            return Err(error_of(event, data));
        }
        self.take_chunk(&chunk, event, piece, relay);
        Ok(())
    }

    fn take_chunk(
        &mut self,
        chunk: &Chunk,
        event: &Event<'_>,
        piece: &mut Piece,
        relay: &mut Relayed,
    ) {
        self.complete |= chunk.complete;
        if chunk.content {
            self.content = true;
            piece.content = true;
        }
        piece.delivered = piece.delivered.saturating_add(chunk.delivered);
        piece.finish = chunk.finish.or(piece.finish);
        piece.usage = chunk.usage.or(piece.usage);
        let separate = match chunk.choices {
            Choices::Absent | Choices::Empty => chunk.usage.is_some(),
            Choices::Some => false,
        };
        if separate && !self.rules.show_usage {
            self.kept = false;
        } else {
            self.relay(event, relay);
        }
    }

    /// Takes an event that is a comment, carries nothing, or is JSON without a field name.
    fn take_without_data(
        &mut self,
        event: &Event<'_>,
        relay: &mut Relayed,
    ) -> Result<(), StreamProblem> {
        if let Some(bare) = event.bare {
            // A whole other answer in the middle of the stream: an error, or a mistake.
            let mut progress = Progress::default();
            let chunk = chunk::read(bare, &mut progress).map_err(malformed)?;
            if chunk.error {
                return Err(StreamProblem::Error {
                    json: event.share(bare),
                });
            }
            return Err(StreamProblem::Malformed("JSON without a field name"));
        }
        if event.name == Some(b"error") {
            return Err(StreamProblem::Error { json: Bytes::new() });
        }
        self.kept = self.content && !event.fields;
        if self.kept {
            relay.keep(event.buffer(), event.range());
        }
        Ok(())
    }

    fn relay(&mut self, event: &Event<'_>, relay: &mut Relayed) {
        self.kept = true;
        if event.comments && !self.content {
            for line in event.without_comments() {
                relay.keep(event.buffer(), line);
            }
        } else {
            relay.keep(event.buffer(), event.range());
        }
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

fn malformed(unreadable: Unreadable) -> StreamProblem {
    StreamProblem::Malformed(unreadable.reason())
}

/// The error that the data of an event is. Data of one line is a slice of what was received.
fn error_of(event: &Event<'_>, data: &[u8]) -> StreamProblem {
    let json = match &event.data {
        Some(Cow::Borrowed(_)) => event.share(data),
        Some(Cow::Owned(_)) | None => Bytes::copy_from_slice(data),
    };
    StreamProblem::Error { json }
}
