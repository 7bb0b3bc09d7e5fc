//! A stream of one format on its way to a caller of another.

use bytes::Bytes;
use tollgate_core::error::StreamMark;
use tollgate_core::reply::Piece;

use super::{Fed, Flow, ReadEvents, StreamProblem, WriteEvents};
use crate::neutral::Event;
use crate::sse;

/// The most bytes of a stream. Some callers want calls whole, or the whole answer once more at the
/// end, so writers hold what has come.
const MOST: usize = 256 * 1024 * 1024;

/// Reads with the one format and writes with the other.
pub struct Translated {
    reader: Box<dyn ReadEvents>,
    writer: Box<dyn WriteEvents>,
    /// Kept for its memory.
    events: Vec<Event>,
    /// How much has come.
    size: usize,
    /// Whether content has been written.
    content: bool,
    over: bool,
}

impl Translated {
    /// A translation at the beginning of a stream.
    pub fn new(reader: Box<dyn ReadEvents>, writer: Box<dyn WriteEvents>) -> Self {
        Self {
            reader,
            writer,
            events: Vec::new(),
            size: 0,
            content: false,
            over: false,
        }
    }

    fn write(&mut self, result: Result<(), StreamProblem>) -> Fed {
        let mut piece = Piece::default();
        let mut out = Vec::new();
        for event in self.events.drain(..) {
            match &event {
                // A sign of life before the first content would be a byte that has left.
                Event::Idle if !self.content => continue,
                Event::Usage(usage) => piece.usage = Some(*usage),
                Event::Finish(ending) => piece.finish = Some(ending.finish),
                Event::End => piece.last = true,
                _ => {}
            }
            piece.content |= event.is_content();
            piece.delivered = piece.delivered.saturating_add(event.delivered());
            self.content |= piece.content;
            self.writer.write(&event, &mut out);
            if piece.last {
                break;
            }
        }
        piece.bytes = out.into();
        let problem = if piece.last { None } else { result.err() };
        self.over = piece.last || problem.is_some();
        Fed { piece, problem }
    }
}

impl Flow for Translated {
    fn feed(&mut self, chunk: Bytes) -> Fed {
        if self.over {
            return Fed::default();
        }
        self.size = self.size.saturating_add(chunk.len());
        let result = if self.size > MOST {
            Err(sse::TooLarge.into())
        } else {
            self.reader.feed(chunk, &mut self.events)
        };
        self.write(result)
    }

    fn end(&mut self) -> Fed {
        if self.over {
            return Fed::default();
        }
        let result = self.reader.end(&mut self.events);
        let ended = matches!(self.events.last(), Some(Event::End));
        let result = result.and(if ended {
            Ok(())
        } else {
            Err(StreamProblem::Truncated)
        });
        self.write(result)
    }

    fn mark(&self) -> Option<StreamMark> {
        self.writer.mark()
    }
}

#[cfg(test)]
mod tests {
    use tollgate_core::format::Format;

    use super::*;
    use crate::formats::{self, Asked};
    use crate::stream::{StreamRules, Terminator};

    #[test]
    fn a_stream_without_an_end_is_given_up() {
        let rules = StreamRules {
            show_usage: false,
            done: Terminator::Done,
            provider: "openai",
            array: false,
        };
        let asked = Asked {
            model: "m",
            request_id: "r",
            now: 0,
            usage: false,
            array: false,
            freeform: &[],
        };
        let reader = formats::stream_reader(Format::OpenAi, rules);
        let writer = formats::stream_writer(Format::Gemini, &asked).unwrap();
        let mut stream = Translated::new(reader, writer);
        stream.size = MOST - 4;
        let comment = Bytes::from_static(b":\n\n");
        assert_eq!(stream.feed(comment.clone()).problem, None);
        let given_up = stream.feed(comment).problem;
        assert!(matches!(given_up, Some(StreamProblem::TooLarge(_))));
    }
}
