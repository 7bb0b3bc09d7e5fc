//! How events are put on the wire, and how the place is marked where another model goes on.

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

use super::form::Members;

/// How the events of a stream are put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// One `data` line each.
    Data,
    /// A `data` line, and before it the event's type as its name.
    Named,
    /// One `data` line each, and nothing else: Gemini's readers die of comments.
    Bare,
    /// The items of one array.
    Array {
        /// Whether it has been opened.
        opened: bool,
    },
}

impl Frame {
    /// The frame of Gemini's streams.
    pub(super) const fn of_gemini(array: bool) -> Self {
        if array {
            Self::Array { opened: false }
        } else {
            Self::Bare
        }
    }

    /// Notes bytes that went to the caller by themselves.
    pub(super) fn note(&mut self, bytes: &[u8]) {
        if let Self::Array { opened } = self {
            *opened |= !bytes.is_empty();
        }
    }

    /// Appends an event.
    pub(super) fn write(&mut self, event: Members, out: &mut BytesMut) {
        let kind = event.get("type").and_then(Value::as_str);
        let kind = in_one_line(kind.unwrap_or_default());
        let data = Value::Object(event).to_string();
        match self {
            Self::Data | Self::Bare => put(&["data: ", &data, "\n\n"], out),
            Self::Named => {
                put(&["event: ", &kind, "\ndata: ", &data, "\n\n"], out);
            }
            Self::Array { .. } => self.item(data.as_bytes(), out),
        }
    }

    /// Appends an event as it came.
    pub(super) fn pass(&mut self, raw: &Bytes, out: &mut BytesMut) {
        match self {
            Self::Data | Self::Named | Self::Bare => out.extend_from_slice(raw),
            Self::Array { .. } => self.item(raw, out),
        }
    }

    /// Appends a comment as it came, where there may be one.
    pub(super) fn pass_comment(self, raw: &Bytes, out: &mut BytesMut) {
        if self.has_comments() {
            out.extend_from_slice(raw);
        }
    }

    /// Whether there may be comments between the events.
    pub(super) const fn has_comments(self) -> bool {
        match self {
            Self::Data | Self::Named => true,
            Self::Bare | Self::Array { .. } => false,
        }
    }

    /// Says who goes on: in a comment before the event, or where there may be none, within it.
    pub(super) fn mark(self, model: &str, event: &mut Members, out: &mut BytesMut) {
        if self.has_comments() {
            put(&[": tollgate: continued by ", model, "\n\n"], out);
        } else {
            event.insert("tollgate".to_owned(), json!({"continued_by": model}));
        }
    }

    /// Appends the end of the stream, where it is no event.
    pub(super) fn end(self, out: &mut BytesMut) {
        match self {
            Self::Data | Self::Named | Self::Bare => {}
            Self::Array { opened } => put(&[if opened { "]" } else { "[]" }], out),
        }
    }

    fn item(&mut self, item: &[u8], out: &mut BytesMut) {
        let Self::Array { opened } = self else { return };
        put(&[if *opened { ",\n" } else { "[" }], out);
        out.extend_from_slice(item);
        *opened = true;
    }
}

fn put(parts: &[&str], out: &mut BytesMut) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

/// A name as one line: characters that some readers of events take for the end of one are left
/// out.
pub(super) fn in_one_line(name: &str) -> String {
    let ends = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    name.chars().filter(|letter| !ends(*letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_to_every_reader() {
        for end in [
            "\n", "\r", "\r\n\r\n", "\u{b}", "\u{1c}", "\u{85}", "\u{2028}",
        ] {
            assert_eq!(in_one_line(&format!("a/b{end}data: x")), "a/bdata: x");
        }
        assert_eq!(in_one_line("Größe 中"), "Größe 中");
    }

    #[test]
    fn an_array_is_opened_and_closed_once() {
        let mut frame = Frame::of_gemini(true);
        let mut out = BytesMut::new();
        frame.write(Members::new(), &mut out);
        frame.pass(&Bytes::from_static(b"{}"), &mut out);
        frame.pass_comment(&Bytes::from_static(b": hi\n\n"), &mut out);
        frame.end(&mut out);
        assert_eq!(&out[..], b"[{},\n{}]");
        let mut out = BytesMut::new();
        Frame::of_gemini(true).end(&mut out);
        assert_eq!(&out[..], b"[]");
        let mut frame = Frame::of_gemini(true);
        frame.note(b"[{}");
        let mut out = BytesMut::new();
        frame.write(Members::new(), &mut out);
        assert_eq!(&out[..], b",\n{}");
    }
}
