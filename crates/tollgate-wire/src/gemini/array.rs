//! Streams that came as one JSON array, as Google sends them where nobody asked for events.

use bytes::{Bytes, BytesMut};

use crate::sse::EVENT_CAP;
use crate::stream::StreamProblem;

/// Puts the items of an array as events. Streams of events go through as they came.
#[derive(Debug, Default)]
pub(super) struct Unwrap {
    shape: Shape,
    /// The beginning of an item whose end has not come, or the blanks before anything else.
    item: Vec<u8>,
    depth: usize,
    within: Within,
}

/// What the stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Shape {
    /// Nothing but blanks has come.
    #[default]
    Unknown,
    Events,
    /// An array, before its first item or its end.
    Opened,
    /// Behind a comma.
    Next,
    /// Behind an item.
    Between,
    Closed,
}

/// What a byte of an item stands in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Structure,
    Text,
    /// Behind a backslash.
    Escape,
}

impl Unwrap {
    /// What came as events, and, behind it, what is wrong: an array of something else than
    /// objects, or an item that is too large.
    pub(super) fn feed(&mut self, chunk: Bytes) -> (Bytes, Option<StreamProblem>) {
        if self.shape == Shape::Events {
            return (chunk, None);
        }
        if self.shape == Shape::Unknown && first(&chunk) != Some(b'[') {
            return (self.before(chunk), None);
        }
        if self.shape == Shape::Unknown {
            self.item.clear();
        }
        let mut events = BytesMut::new();
        let problem = chunk
            .iter()
            .find_map(|byte| self.take(*byte, &mut events).err());
        (events.freeze(), problem)
    }

    /// Takes a chunk that opens no array: events, or blanks that may belong to either.
    fn before(&mut self, chunk: Bytes) -> Bytes {
        let blank = first(&chunk).is_none();
        if blank && self.item.len() + chunk.len() <= EVENT_CAP {
            self.item.extend_from_slice(&chunk);
            return Bytes::new();
        }
        self.shape = Shape::Events;
        if self.item.is_empty() {
            return chunk;
        }
        self.item.extend_from_slice(&chunk);
        std::mem::take(&mut self.item).into()
    }

    /// Whether nothing is missing.
    pub(super) fn is_complete(&self) -> bool {
        match self.shape {
            Shape::Unknown | Shape::Events | Shape::Closed => true,
            Shape::Opened | Shape::Next | Shape::Between => false,
        }
    }

    fn take(&mut self, byte: u8, events: &mut BytesMut) -> Result<(), StreamProblem> {
        if self.depth > 0 {
            return self.take_of_item(byte, events);
        }
        self.shape = match (self.shape, byte) {
            (shape, b' ' | b'\t' | b'\r' | b'\n') => shape,
            (Shape::Unknown, b'[') => Shape::Opened,
            (Shape::Between, b',') => Shape::Next,
            (Shape::Opened | Shape::Next, b'{') => {
                self.depth = 1;
                self.item.push(byte);
                Shape::Between
            }
            (Shape::Opened | Shape::Between, b']') => Shape::Closed,
            _ => return Err(StreamProblem::Malformed("an array of something else")),
        };
        Ok(())
    }

    fn take_of_item(&mut self, byte: u8, events: &mut BytesMut) -> Result<(), StreamProblem> {
        if self.item.len() == EVENT_CAP {
            return Err(StreamProblem::TooLarge(crate::sse::TooLarge));
        }
        // Between tokens a line end is a blank; within a text there is none, or it is an error.
        let line_end = self.within == Within::Structure && matches!(byte, b'\n' | b'\r');
        self.item.push(if line_end { b' ' } else { byte });
        self.within = match (self.within, byte) {
            (Within::Structure, b'"') | (Within::Escape, _) => Within::Text,
            (Within::Text, b'"') => Within::Structure,
            (Within::Text, b'\\') => Within::Escape,
            (Within::Text, b'\n' | b'\r') => {
                return Err(StreamProblem::Malformed("a line end within a text"));
            }
            (within, _) => within,
        };
        if self.within == Within::Structure {
            match byte {
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth -= 1,
                _ => {}
            }
        }
        if self.depth == 0 {
            events.extend_from_slice(b"data: ");
            events.extend_from_slice(&self.item);
            events.extend_from_slice(b"\n\n");
            self.item.clear();
        }
        Ok(())
    }
}

/// The first byte that is no blank of JSON (RFC 8259, section 2).
fn first(chunk: &[u8]) -> Option<u8> {
    let blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    chunk.iter().find(|byte| !blank(byte)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unwrap(stream: &str, size: usize) -> (String, Option<StreamProblem>, bool) {
        let mut unwrap = Unwrap::default();
        let mut out = String::new();
        for chunk in stream.as_bytes().chunks(size) {
            let (bytes, problem) = unwrap.feed(Bytes::copy_from_slice(chunk));
            out.push_str(std::str::from_utf8(&bytes).unwrap());
            if problem.is_some() {
                return (out, problem, false);
            }
        }
        (out, None, unwrap.is_complete())
    }

    #[test]
    fn the_items_of_an_array_become_events_however_it_is_cut() {
        let stream = " [{\n\"a\": \"}]\\\"{\"\r\n},\r\n{\"b\":[{}]}\n]\n";
        let want = "data: { \"a\": \"}]\\\"{\"  }\n\ndata: {\"b\":[{}]}\n\n";
        for size in 1..stream.len() {
            assert_eq!(
                unwrap(stream, size),
                (want.to_owned(), None, true),
                "{size}"
            );
        }
        for length in stream.find('[').unwrap() + 1..stream.rfind(']').unwrap() {
            let cut = stream.get(..length).unwrap();
            assert!(!unwrap(cut, 5).2, "{cut}");
        }
    }

    #[test]
    fn events_go_through_as_they_came() {
        for stream in [
            "data: [1]\r\n\r\n",
            " data: x",
            ": hi\n\n",
            "{\"error\":1}",
            // A form feed is a blank elsewhere, and none of JSON.
            "\r\u{c}[{}]",
            "",
        ] {
            for size in 1..=stream.len().max(1) {
                assert_eq!(unwrap(stream, size), (stream.to_owned(), None, true));
            }
        }
    }

    #[test]
    fn other_arrays_are_malformed_and_what_came_before_counts() {
        for (stream, before) in [
            ("[1]", ""),
            ("[{}{}]", "data: {}\n\n"),
            ("[{}],", "data: {}\n\n"),
            ("[{},]", "data: {}\n\n"),
            ("[[{}]]", ""),
            ("[{\"a\":\"\n\"}]", ""),
            ("[,{}]", ""),
        ] {
            for size in 1..=stream.len() {
                let (out, problem, _) = unwrap(stream, size);
                assert_eq!(out, before, "{stream}");
                assert!(
                    matches!(problem, Some(StreamProblem::Malformed(_))),
                    "{stream}: {problem:?}"
                );
            }
        }
    }
}
