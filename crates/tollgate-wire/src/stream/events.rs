//! Relaying a stream of server-sent events whose format is the caller's: what is kept goes on as
//! it came, and a watcher reads it in passing.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use tollgate_core::error::StreamMark;
use tollgate_core::reply::Piece;

use super::{Fed, Flow, StreamProblem};
use crate::json;
use crate::relayed::Relayed;
use crate::sse::{Decoder, Event};

/// Reads the events of one format in passing.
pub(crate) trait Watch: Send {
    /// Looks at an event that has data, and notes in the piece what it says: usage, finish,
    /// content, and whether it is the last. Fails for errors that the provider sends, with their
    /// JSON, and for events that cannot be read.
    fn look(
        &mut self,
        name: Option<&[u8]>,
        data: &[u8],
        piece: &mut Piece,
    ) -> Result<Look, WatchProblem>;
    /// Whether the end of the body would be a good end of the stream.
    fn is_complete(&self) -> bool;
    /// Where the stream stands, for formats whose last event has to say so.
    fn mark(&self) -> Option<StreamMark> {
        None
    }
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// It goes on to the caller.
    Keep,
    /// It does not.
    Drop,
}

/// What is wrong with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WatchProblem {
    /// It reports an error; its data is what the provider sent.
    Error,
    /// It cannot be read.
    Malformed(&'static str),
}

/// How events are put for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// As they came, comments included once the content has begun.
    AsItCame,
    /// One `data: ` line each and nothing else: readers of Gemini's streams die of more.
    DataOnly,
    /// As the items of one JSON array.
    Array,
}

/// Relays one stream.
pub(crate) struct EventRelay<W> {
    decoder: Decoder,
    watch: W,
    framing: Framing,
    /// Whether content has been seen.
    content: bool,
    /// Whether the event before was relayed.
    kept: bool,
    /// Whether the array has been opened.
    opened: bool,
    over: bool,
}

/// What goes on of one chunk.
#[derive(Default)]
struct Out {
    came: Relayed,
    made: BytesMut,
}

impl<W: Watch> EventRelay<W> {
    /// A relay at the beginning of a stream.
    pub(crate) fn new(watch: W, framing: Framing) -> Self {
        Self {
            decoder: Decoder::new(),
            watch,
            framing,
            content: false,
            kept: false,
            opened: false,
            over: false,
        }
    }

    fn close(&mut self, result: Result<(), StreamProblem>, mut piece: Piece, mut out: Out) -> Fed {
        if piece.last || result.is_err() {
            self.over = true;
            self.decoder.clear();
        }
        if piece.last && self.framing == Framing::Array {
            out.made
                .extend_from_slice(if self.opened { b"]" } else { b"[]" });
        }
        piece.bytes = match self.framing {
            Framing::AsItCame => out.came.into_bytes(),
            Framing::DataOnly | Framing::Array => out.made.freeze(),
        };
        Fed {
            piece,
            problem: result.err(),
        }
    }
}

/// The state of a relay without its decoder, which is borrowed while an event is looked at.
struct Reader<'a, W> {
    watch: &'a mut W,
    framing: Framing,
    content: &'a mut bool,
    kept: &'a mut bool,
    opened: &'a mut bool,
}

impl<W: Watch> Reader<'_, W> {
    fn take(
        &mut self,
        event: &Event<'_>,
        piece: &mut Piece,
        out: &mut Out,
    ) -> Result<(), StreamProblem> {
        if event.rest {
            if *self.kept {
                self.keep_raw(event, out);
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
        if let Some(bare) = event.bare {
            return Err(self.bare(event, bare));
        }
        if data.is_empty() {
            if event.name == Some(b"error") {
                return Err(StreamProblem::Error { json: Bytes::new() });
            }
            *self.kept = *self.content && !event.fields;
            if *self.kept {
                self.keep_raw(event, out);
            }
            return Ok(());
        }
        // Some gateways put it behind streams that do not know it.
        if data == b"[DONE]" {
            *self.kept = false;
            return Ok(());
        }
        let look = self
            .watch
            .look(event.name, data, piece)
            .map_err(|problem| match problem {
                WatchProblem::Error => error_of(event, data),
                WatchProblem::Malformed(reason) => StreamProblem::Malformed(reason),
            })?;
        *self.content |= piece.content;
        *self.kept = look == Look::Keep;
        if *self.kept {
            self.relay(event, data, out);
        }
        Ok(())
    }

    /// A whole JSON object in the middle of the stream: an error, or a mistake.
    fn bare(&mut self, event: &Event<'_>, bare: &[u8]) -> StreamProblem {
        match self.watch.look(None, bare, &mut Piece::default()) {
            Err(WatchProblem::Error) => StreamProblem::Error {
                json: event.share(bare),
            },
            Err(WatchProblem::Malformed(reason)) => StreamProblem::Malformed(reason),
            Ok(_) => StreamProblem::Malformed("JSON without a field name"),
        }
    }

    fn relay(&mut self, event: &Event<'_>, data: &[u8], out: &mut Out) {
        match self.framing {
            Framing::AsItCame if event.comments && !*self.content => {
                for line in event.without_comments() {
                    out.came.keep(event.buffer(), line);
                }
            }
            Framing::AsItCame => out.came.keep(event.buffer(), event.range()),
            Framing::DataOnly => {
                out.made.extend_from_slice(b"data: ");
                append_line(data, &mut out.made);
                out.made.extend_from_slice(b"\n\n");
            }
            Framing::Array => {
                let before: &[u8] = if *self.opened { b",\n" } else { b"[" };
                *self.opened = true;
                out.made.extend_from_slice(before);
                append_line(data, &mut out.made);
            }
        }
    }

    fn keep_raw(&self, event: &Event<'_>, out: &mut Out) {
        if self.framing == Framing::AsItCame {
            out.came.keep(event.buffer(), event.range());
        }
    }
}

/// JSON on one line: line ends between its tokens become spaces; inside texts there are none.
fn append_line(data: &[u8], out: &mut BytesMut) {
    out.extend(data.iter().map(|byte| match byte {
        b'\n' | b'\r' => b' ',
        other => *other,
    }));
}

/// The error that the data of an event is. Data of one line is a slice of what was received.
fn error_of(event: &Event<'_>, data: &[u8]) -> StreamProblem {
    let json = match &event.data {
        Some(Cow::Borrowed(_)) => event.share(data),
        Some(Cow::Owned(_)) | None => Bytes::copy_from_slice(data),
    };
    StreamProblem::Error { json }
}

impl<W: Watch> Flow for EventRelay<W> {
    fn feed(&mut self, chunk: Bytes) -> Fed {
        if self.over {
            return Fed::default();
        }
        let mut piece = Piece::default();
        let mut out = Out::default();
        self.decoder.feed(chunk);
        let mut reader = Reader {
            watch: &mut self.watch,
            framing: self.framing,
            content: &mut self.content,
            kept: &mut self.kept,
            opened: &mut self.opened,
        };
        let result = loop {
            match self.decoder.event() {
                Ok(Some(event)) => match reader.take(&event, &mut piece, &mut out) {
                    Ok(()) if piece.last => break Ok(()),
                    Ok(()) => {}
                    Err(problem) => break Err(problem),
                },
                Ok(None) => break Ok(()),
                Err(too_large) => break Err(too_large.into()),
            }
        };
        self.close(result, piece, out)
    }

    fn end(&mut self) -> Fed {
        if self.over {
            return Fed::default();
        }
        let mut piece = Piece::default();
        let mut out = Out::default();
        let mut reader = Reader {
            watch: &mut self.watch,
            framing: self.framing,
            content: &mut self.content,
            kept: &mut self.kept,
            opened: &mut self.opened,
        };
        let mut result = Ok(());
        if let Some(event) = self.decoder.end() {
            result = reader.take(&event, &mut piece, &mut out);
            if result.is_ok() && *reader.kept && reader.framing == Framing::AsItCame {
                out.came.append(event.missing_end());
            }
        }
        if let Ok(()) | Err(StreamProblem::Malformed(_)) = &result
            && !piece.last
        {
            // Half an event is no more than a stream that was cut.
            if result.is_ok() && self.watch.is_complete() {
                piece.last = true;
            } else {
                result = Err(StreamProblem::Truncated);
            }
        }
        self.close(result, piece, out)
    }

    fn mark(&self) -> Option<StreamMark> {
        self.watch.mark()
    }
}
