//! One event: where its bytes are, and what its lines say.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use memchr::memchr2;

/// A block of lines with the blank line that ends it.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    buffer: &'a Bytes,
    range: Range<usize>,
    /// The `event` field: what kind of event it is. The last one counts.
    pub name: Option<&'a [u8]>,
    /// The `data` fields, joined by line feeds. Borrowed if there is just one.
    pub data: Option<Cow<'a, [u8]>>,
    /// The value of a field called `error`, which no standard knows but some servers send.
    pub error: Option<&'a [u8]>,
    /// A JSON object that stands there without any field name, up to the end of the block.
    pub bare: Option<&'a [u8]>,
    /// Whether there are comments.
    pub comments: bool,
    /// Whether there are fields, known or not.
    pub fields: bool,
    /// Whether there is anything beside one `data` line.
    pub mixed: bool,
    /// Whether this is but the line feed that belongs to the end of the event before.
    pub rest: bool,
}

impl<'a> Event<'a> {
    /// The line feed at `at`, which a chunk's end has parted from its carriage return.
    pub(super) fn rest(buffer: &'a Bytes, at: usize) -> Self {
        Self {
            rest: true,
            ..Self::empty(buffer, at..at + 1)
        }
    }

    fn empty(buffer: &'a Bytes, range: Range<usize>) -> Self {
        Self {
            buffer,
            range,
            name: None,
            data: None,
            error: None,
            bare: None,
            comments: false,
            fields: false,
            mixed: false,
            rest: false,
        }
    }

    /// Reads the lines of a block.
    pub(super) fn parse(buffer: &'a Bytes, range: Range<usize>) -> Self {
        let mut event = Self::empty(buffer, range.clone());
        let bytes: &'a [u8] = buffer;
        let block = bytes.get(range).unwrap_or_default();
        let mut lines = Lines { block, at: 0 };
        loop {
            let begin = lines.at;
            let Some(line) = lines.next() else {
                return event;
            };
            if line.first() == Some(&b'{') && event.bare.is_none() {
                event.bare = block.get(begin..).map(<[u8]>::trim_ascii_end);
            }
            event.take_line(line);
        }
    }

    fn take_line(&mut self, line: &'a [u8]) {
        if let Some(value) = value_of(line, b"data") {
            self.fields = true;
            self.data = Some(match self.data.take() {
                None => Cow::Borrowed(value),
                Some(before) => {
                    self.mixed = true;
                    let mut joined = before.into_owned();
                    joined.push(b'\n');
                    joined.extend_from_slice(value);
                    Cow::Owned(joined)
                }
            });
            return;
        }
        match line.first() {
            None => return,
            Some(b':') => self.comments = true,
            Some(_) => self.fields = true,
        }
        self.mixed = true;
        if let Some(value) = value_of(line, b"event") {
            self.name = Some(value);
        } else if let Some(value) = value_of(line, b"error") {
            self.error = Some(value);
        }
    }

    /// The memory that the event lies in: the chunk, or a copy if chunks have cut the event.
    pub fn buffer(&self) -> &'a Bytes {
        self.buffer
    }

    /// Where the event is in [`Event::buffer`].
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// The bytes of the event.
    pub fn raw(&self) -> &'a [u8] {
        let bytes: &'a [u8] = self.buffer;
        bytes.get(self.range.clone()).unwrap_or_default()
    }

    /// A slice of the event that shares its memory.
    pub fn share(&self, part: &[u8]) -> Bytes {
        let inside = self.buffer.as_ptr_range();
        let ends = part.as_ptr_range();
        if inside.start <= ends.start && ends.end <= inside.end {
            self.buffer.slice_ref(part)
        } else {
            Bytes::copy_from_slice(part)
        }
    }

    /// Where the lines are that are no comments, as ranges of [`Event::buffer`].
    pub fn without_comments(&self) -> impl Iterator<Item = Range<usize>> + use<'a> {
        let mut lines = Lines {
            block: self.raw(),
            at: 0,
        };
        let offset = self.range.start;
        std::iter::from_fn(move || {
            loop {
                let begin = lines.at;
                let line = lines.next()?;
                if line.first() != Some(&b':') {
                    return Some(offset + begin..offset + lines.at);
                }
            }
        })
    }

    /// What an event lacks that the end of the stream has cut off: the ends of its last line and
    /// of the blank one.
    pub fn missing_end(&self) -> &'static [u8] {
        match self.raw().last() {
            Some(b'\n') => b"\n",
            // A line feed would only complete the end of the line.
            Some(b'\r') => b"\r",
            _ => b"\n\n",
        }
    }
}

/// The value of the line if its field has this name. One space behind the colon is not part of it.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = line.strip_prefix(name)?;
    match rest.strip_prefix(b":") {
        Some(value) => Some(value.strip_prefix(b" ").unwrap_or(value)),
        None if rest.is_empty() => Some(rest),
        None => None,
    }
}

/// The lines of a block without their ends.
struct Lines<'a> {
    block: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.block.get(self.at..).filter(|rest| !rest.is_empty())?;
        let Some(length) = memchr2(b'\n', b'\r', rest) else {
            self.at = self.block.len();
            return Some(rest);
        };
        let paired = rest.get(length) == Some(&b'\r') && rest.get(length + 1) == Some(&b'\n');
        self.at += length + 1 + usize::from(paired);
        rest.get(..length)
    }
}
