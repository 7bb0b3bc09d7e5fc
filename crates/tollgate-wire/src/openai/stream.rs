//! Reading a chat stream while it is relayed: its bytes go on as they came, and usage, finishes,
//! errors and a proper end are seen in passing.

mod relay;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bytes::Bytes;
use tollgate_core::reply::Piece;

use super::chunk::{self, Choices, Chunk, Progress, Unreadable};
use crate::json;
use crate::sse::{self, Decoder, Event};
use relay::Relay;

/// What is particular to a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamRules {
    /// Whether the caller asked for the separate usage chunk. If not, it is cut out.
    pub show_usage: bool,
    /// How the provider ends a stream.
    pub done: Terminator,
}

/// What makes the end of a stream a good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminator {
    /// Nothing but `[DONE]`.
    Done,
    /// `[DONE]`, or the end of the body once every choice that was seen has its finish reason.
    FinishThenEnd,
}

/// Why a stream cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamProblem {
    /// The provider reports an error.
    #[error("the provider sent an error in the stream")]
    Error {
        /// What it sent: nearly always a JSON object with an `error` member.
        json: Bytes,
    },
    /// An event is not the JSON object that it must be.
    #[error("an event of the stream is malformed: {0}")]
    Malformed(&'static str),
    /// An event exceeds [`sse::EVENT_CAP`].
    #[error(transparent)]
    TooLarge(#[from] sse::TooLarge),
    /// The stream ended without its terminator.
    #[error("the stream ended too early")]
    Truncated,
}

/// What a chunk gave: the part that can leave, and, behind it, what went wrong.
#[derive(Clone, Debug, Default)]
pub struct Fed {
    /// The good events.
    pub piece: Piece,
    /// Why nothing will follow, unless the piece is the last.
    pub problem: Option<StreamProblem>,
}

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
        let progress = Progress::default();
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

    /// Takes what the provider sent next.
    pub fn feed(&mut self, chunk: Bytes) -> Fed {
        if self.over {
            return Fed::default();
        }
        let mut piece = Piece::default();
        let mut relay = Relay::default();
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

    /// Takes the end of the provider's body.
    pub fn end(&mut self) -> Fed {
        if self.over {
            return Fed::default();
        }
        let mut piece = Piece::default();
        let mut relay = Relay::default();
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

    fn close(&mut self, result: Result<(), StreamProblem>, mut piece: Piece, relay: Relay) -> Fed {
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

impl Reader {
    /// Takes one event: relays it or not, and notes what it says in `piece`.
    fn take(
        &mut self,
        event: &Event<'_>,
        piece: &mut Piece,
        relay: &mut Relay,
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
        relay: &mut Relay,
    ) {
        self.complete |= chunk.complete;
        if chunk.content {
            self.content = true;
            piece.content = true;
        }
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
        relay: &mut Relay,
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

    fn relay(&mut self, event: &Event<'_>, relay: &mut Relay) {
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
            Terminator::Done => false,
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
