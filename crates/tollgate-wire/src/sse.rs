//! Server-sent events (WHATWG HTML, section 9.2): an incremental decoder made for relaying, and a
//! small writer.
//!
//! The decoder finds whole events in chunks that are cut anywhere. An event within one chunk is
//! a range of that chunk's memory; only an incomplete event at a chunk's end is copied.

mod block;
mod event;
#[cfg(test)]
mod tests;

use bytes::{Bytes, BytesMut};

use block::BlockFinder;
pub use event::Event;

/// The most bytes that one event may have, comments and field names included.
pub const EVENT_CAP: usize = 1024 * 1024;

/// The end of a stream in `OpenAI`'s format.
pub const DONE: &[u8] = b"data: [DONE]\n\n";

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// An event is larger than the cap. Nothing can be decoded behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is larger than 1 MiB")]
pub struct TooLarge;

/// Decodes a stream of events: [`Decoder::feed`] a chunk, then take each [`Decoder::event`] until
/// there is none, then feed the next one.
#[derive(Debug, Default)]
pub struct Decoder {
    chunk: Bytes,
    /// Where the next block begins in `chunk`.
    at: usize,
    /// The beginning of a block that `chunk` continues. Empty, and without memory, most of the
    /// time.
    tail: Vec<u8>,
    /// A block that was put together from `tail` and a chunk.
    whole: Bytes,
    finder: BlockFinder,
    mark: Mark,
    /// The last block ended with a carriage return at the end of its chunk; if a line feed comes
    /// next, it belongs there.
    after_return: bool,
}

/// How much of a byte order mark has been met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Met(usize),
    Over,
}

impl Default for Mark {
    fn default() -> Self {
        Self::Met(0)
    }
}

impl Decoder {
    /// A decoder at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the next chunk. The events of the chunk before must have been taken.
    pub fn feed(&mut self, chunk: Bytes) {
        self.chunk = chunk;
        self.at = 0;
        if self.mark != Mark::Over {
            self.skip_mark();
        }
    }

    /// The next event of the chunk. Fails when an event exceeds [`EVENT_CAP`]; the decoder is
    /// then empty and of no more use.
    pub fn event(&mut self) -> Result<Option<Event<'_>>, TooLarge> {
        let begin = self.at;
        if std::mem::take(&mut self.after_return) {
            match self.chunk.get(begin) {
                Some(b'\n') => {
                    self.at += 1;
                    return Ok(Some(Event::rest(&self.chunk, begin)));
                }
                Some(_) => {}
                None => self.after_return = true,
            }
        }
        let Some(found) = self.finder.find(&self.chunk, begin) else {
            let rest = self.chunk.split_off(begin);
            self.chunk = Bytes::new();
            self.whole = Bytes::new();
            self.at = 0;
            self.keep(&rest)?;
            return Ok(None);
        };
        self.at = found.end;
        self.after_return = found.open_return;
        if self.tail.len() + found.end - begin - usize::from(found.paired) > EVENT_CAP {
            self.clear();
            return Err(TooLarge);
        }
        if self.tail.is_empty() {
            return Ok(Some(Event::parse(&self.chunk, begin..found.end)));
        }
        let mut tail = std::mem::take(&mut self.tail);
        tail.extend_from_slice(self.chunk.get(begin..found.end).unwrap_or_default());
        self.whole = Bytes::from(tail);
        Ok(Some(Event::parse(&self.whole, 0..self.whole.len())))
    }

    /// What has come of an event whose end is missing, when no chunk will follow.
    pub fn end(&mut self) -> Option<Event<'_>> {
        if let Mark::Met(length @ 1..) = std::mem::replace(&mut self.mark, Mark::Over) {
            self.tail = BYTE_ORDER_MARK.iter().take(length).copied().collect();
        }
        self.whole = Bytes::from(std::mem::take(&mut self.tail));
        (!self.whole.is_empty()).then(|| Event::parse(&self.whole, 0..self.whole.len()))
    }

    /// Lets go of everything.
    pub fn clear(&mut self) {
        *self = Self {
            mark: Mark::Over,
            ..Self::default()
        };
    }

    /// The bytes of an incomplete event that are held, by the memory they take.
    pub fn held(&self) -> usize {
        self.tail.capacity()
    }

    /// Keeps the beginning of a block for the next chunk. The memory never exceeds the cap, nor
    /// twice the cap while it grows.
    fn keep(&mut self, bytes: &[u8]) -> Result<(), TooLarge> {
        let needed = self.tail.len() + bytes.len();
        if needed > EVENT_CAP {
            self.clear();
            return Err(TooLarge);
        }
        if needed > self.tail.capacity() {
            let target = needed.max((2 * self.tail.capacity()).min(EVENT_CAP));
            self.tail.reserve_exact(target - self.tail.len());
        }
        self.tail.extend_from_slice(bytes);
        Ok(())
    }

    /// Skips a byte order mark, which may stand at the beginning of the stream only and may be cut
    /// anywhere.
    fn skip_mark(&mut self) {
        while let Mark::Met(length) = self.mark {
            match (BYTE_ORDER_MARK.get(length), self.chunk.get(self.at)) {
                (None, _) => self.mark = Mark::Over,
                (Some(_), None) => return,
                (Some(want), Some(byte)) if want == byte => {
                    self.at += 1;
                    self.mark = Mark::Met(length + 1);
                }
                (Some(_), Some(_)) => {
                    // It was none. What came in this chunk is still there; the rest is put back.
                    let before = length - self.at;
                    self.tail = BYTE_ORDER_MARK.iter().take(before).copied().collect();
                    self.finder.resume_within_line(before > 0);
                    self.at = 0;
                    self.mark = Mark::Over;
                }
            }
        }
    }
}

/// An event with this data. A line feed within it begins another `data` line.
pub fn write_data(data: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(data.len() + 16);
    for line in data.split(|byte| *byte == b'\n') {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.extend_from_slice(b"\n");
    }
    out.extend_from_slice(b"\n");
    out.freeze()
}

/// A comment, which readers skip: it keeps a silent stream open. The text must be one line.
pub fn write_comment(text: &str) -> Bytes {
    Bytes::from(format!(": {text}\n\n"))
}
