//! Finding the blank lines that end events, across chunks.

use memchr::memchr2;

/// Where the search stands when a chunk is over: what kind of place the next byte is.
#[derive(Clone, Copy, Debug, Default)]
enum Place {
    /// At the beginning of a line.
    #[default]
    LineStart,
    /// Behind the carriage return of a line; a line feed still belongs to that line's end.
    AfterReturn,
    /// Within a line.
    InLine,
}

/// Searches for the end of the current block: lines up to and including a blank one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BlockFinder {
    place: Place,
}

/// The end of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The first byte behind the block.
    pub(super) end: usize,
    /// The block ends with a carriage return and a line feed.
    pub(super) paired: bool,
    /// The block ends with a carriage return whose line feed may come in the next chunk.
    pub(super) open_return: bool,
}

impl BlockFinder {
    /// Says that the next byte continues a line whose beginning is known.
    pub(super) fn resume_within_line(&mut self, within: bool) {
        self.place = if within {
            Place::InLine
        } else {
            Place::LineStart
        };
    }

    /// The end of the block that begins at `at`, or goes on there. `None` if the chunk ends first;
    /// the next search goes on in the next chunk.
    pub(super) fn find(&mut self, bytes: &[u8], mut at: usize) -> Option<Found> {
        loop {
            let byte = *bytes.get(at)?;
            match (self.place, byte) {
                (Place::AfterReturn, b'\n') => at += 1,
                (Place::LineStart, b'\n') => {
                    self.place = Place::LineStart;
                    return Some(Found {
                        end: at + 1,
                        paired: false,
                        open_return: false,
                    });
                }
                (Place::AfterReturn | Place::LineStart, b'\r') => {
                    self.place = Place::LineStart;
                    let paired = bytes.get(at + 1) == Some(&b'\n');
                    let end = at + 1 + usize::from(paired);
                    return Some(Found {
                        end,
                        paired,
                        open_return: !paired,
                    });
                }
                _ => {
                    self.place = Place::InLine;
                    let length = memchr2(b'\n', b'\r', bytes.get(at..)?)?;
                    at += length + 1;
                    self.place = match bytes.get(at - 1) {
                        Some(b'\r') => Place::AfterReturn,
                        _ => Place::LineStart,
                    };
                    continue;
                }
            }
            self.place = Place::LineStart;
        }
    }
}
