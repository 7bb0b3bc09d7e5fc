//! An answer before it is written: a value that faults may change in any way.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

/// Everything that will happen on the connection after a request was read.
pub(crate) struct Draft {
    /// Interim (1xx) answers that go first.
    pub(crate) interim: Vec<u16>,
    /// The silence before the head.
    pub(crate) head_delay: Duration,
    /// The status.
    pub(crate) status: u16,
    /// The headers, without those of the framing.
    pub(crate) headers: Vec<(String, String)>,
    /// Bytes that are written in place of the head.
    pub(crate) raw_head: Option<Bytes>,
    /// The silence between the head and the body.
    pub(crate) body_delay: Duration,
    /// Whether the body is a stream of events; if not, it is one document.
    pub(crate) is_stream: bool,
    /// Whether the events are yet to become the items of an array.
    pub(crate) is_array: bool,
    /// The body.
    pub(crate) body: Vec<Piece>,
    /// How the end of the body is told.
    pub(crate) framing: Framing,
    /// The silence before every piece but the first.
    pub(crate) pace: Duration,
    /// How the pieces become bytes and writes.
    pub(crate) writing: Writing,
    /// What follows the last piece.
    pub(crate) end: End,
}

impl Draft {
    /// Answers with a body in one piece.
    pub(crate) fn whole(status: u16, headers: Vec<(String, String)>, body: String) -> Self {
        Self {
            interim: Vec::new(),
            head_delay: Duration::ZERO,
            status,
            headers,
            raw_head: None,
            body_delay: Duration::ZERO,
            is_stream: false,
            is_array: false,
            body: vec![Piece::Raw(body.into())],
            framing: Framing::Length(None),
            pace: Duration::ZERO,
            writing: Writing::default(),
            end: End::Complete,
        }
    }

    /// Answers with a stream of events.
    pub(crate) fn events(headers: Vec<(String, String)>, events: Vec<Piece>) -> Self {
        Self {
            is_stream: true,
            body: events,
            framing: Framing::Chunked,
            ..Self::whole(200, headers, String::new())
        }
    }

    /// Writes the events as the items of a JSON array.
    pub(crate) fn into_array(mut self) -> Self {
        self.is_array = true;
        self.body.push(Piece::ArrayEnd);
        self
    }

    /// Ends lines with CR LF.
    pub(crate) fn with_crlf(mut self) -> Self {
        self.writing.line_end = LineEnd::CrLf;
        self
    }

    /// Turns events into items, where the answer is an array. What has no data is left out.
    pub(crate) fn settle(&mut self) {
        if !std::mem::take(&mut self.is_array) {
            return;
        }
        let mut before = "[";
        for piece in &mut self.body {
            let lines = match piece {
                Piece::Event(lines) | Piece::Open(lines) => lines,
                Piece::ArrayEnd => {
                    let end = if before == "[" { "[]" } else { "]" };
                    *piece = Piece::raw(end);
                    continue;
                }
                Piece::Raw(_) | Piece::Repeat(..) | Piece::Wait(_) => continue,
            };
            let data = lines.iter().filter_map(|line| {
                let data = line.strip_prefix(b"data:")?;
                Some(data.strip_prefix(b" ").unwrap_or(data))
            });
            let data: Vec<&[u8]> = data.collect();
            let item = if data.is_empty() {
                Vec::new()
            } else {
                [before.as_bytes(), &data.join(&b'\n')].concat()
            };
            if !item.is_empty() {
                before = ",\r\n";
            }
            *piece = Piece::Raw(item.into());
        }
        self.body
            .retain(|piece| !matches!(piece, Piece::Raw(bytes) if bytes.is_empty()));
    }

    /// Sets a header; all of its earlier values go.
    pub(crate) fn set_header(&mut self, name: &str, value: &str) {
        self.remove_header(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Takes a header away.
    pub(crate) fn remove_header(&mut self, name: &str) {
        self.headers
            .retain(|(present, _)| !present.eq_ignore_ascii_case(name));
    }

    /// Puts a whole body of another type in place of what was to be said.
    pub(crate) fn replace_body(&mut self, content_type: &str, body: Vec<u8>) {
        self.set_header("content-type", content_type);
        self.is_stream = false;
        self.is_array = false;
        self.body = vec![Piece::Raw(body.into())];
        self.framing = Framing::Length(None);
    }

    /// The bytes of a body that is one document.
    pub(crate) fn document(&self) -> Vec<u8> {
        let line_end = self.writing.line_end;
        let rendered = self.body.iter().map(|piece| piece.render(line_end));
        rendered.flat_map(Vec::from).collect()
    }

    /// The body in pieces that can be counted: a document is cut into pieces of 32 bytes first,
    /// and its length stays declared as it was.
    pub(crate) fn pieces(&mut self) -> &mut Vec<Piece> {
        self.settle();
        if !self.is_stream {
            let whole = self.document();
            if matches!(self.framing, Framing::Length(None)) {
                self.framing = Framing::Length(u64::try_from(whole.len()).ok());
            }
            let cut = whole.chunks(32).map(Bytes::copy_from_slice);
            self.body = cut.map(Piece::Raw).collect();
        }
        &mut self.body
    }

    /// Changes every JSON document of the answer: the body, or each event of the stream.
    /// A change that returns text puts that text in the document's place.
    pub(crate) fn edit_json(&mut self, mut change: impl FnMut(&mut Value) -> Option<String>) {
        for piece in &mut self.body {
            piece.edit_json(&mut change);
        }
    }
}

/// Reads, changes and writes one JSON document; `None` when it is not JSON.
fn edited(bytes: &[u8], change: &mut impl FnMut(&mut Value) -> Option<String>) -> Option<String> {
    let mut value: Value = serde_json::from_slice(bytes).ok()?;
    let replaced = change(&mut value);
    Some(replaced.unwrap_or_else(|| value.to_string()))
}

/// A part of a body; the unit in which chunks are counted.
#[derive(Clone)]
pub(crate) enum Piece {
    /// The lines of one event; the blank line is added.
    Event(Vec<Vec<u8>>),
    /// Lines to which no blank line is added.
    Open(Vec<Vec<u8>>),
    /// Bytes as they are.
    Raw(Bytes),
    /// The same bytes many times over; `None` goes on until the client leaves.
    Repeat(Bytes, Option<u64>),
    /// Silence; not counted as a chunk.
    Wait(Duration),
    /// The end of an array.
    ArrayEnd,
}

impl Piece {
    /// An event with this data.
    pub(crate) fn data(text: &str) -> Self {
        Self::Event(vec![format!("data: {text}").into_bytes()])
    }

    /// An event with a name and this data.
    pub(crate) fn named(name: &str, text: &str) -> Self {
        let lines = [format!("event: {name}"), format!("data: {text}")];
        Self::Event(lines.map(String::into_bytes).into())
    }

    /// Comments and other bytes as they are.
    pub(crate) fn raw(text: impl Into<String>) -> Self {
        Self::Raw(Bytes::from(text.into()))
    }

    /// The data of an event; `None` when it has none, or over several lines.
    pub(crate) fn text(&self) -> Option<&[u8]> {
        let Self::Event(lines) = self else {
            return None;
        };
        let mut data = lines.iter().filter_map(|line| line.strip_prefix(b"data: "));
        data.next().filter(|_| data.next().is_none())
    }

    /// The data of an event, when it is JSON.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(self.text()?).ok()
    }

    /// Changes the JSON document of a piece, as [`Draft::edit_json`] does.
    pub(crate) fn edit_json(&mut self, change: &mut impl FnMut(&mut Value) -> Option<String>) {
        match self {
            Self::Raw(bytes) => {
                if let Some(text) = edited(bytes, change) {
                    *bytes = text.into();
                }
            }
            Self::Event(lines) => {
                for line in lines {
                    let data = line.strip_prefix(b"data: ");
                    if let Some(text) = data.and_then(|bytes| edited(bytes, change)) {
                        *line = format!("data: {text}").into_bytes();
                    }
                }
            }
            Self::Open(_) | Self::Repeat(..) | Self::Wait(_) | Self::ArrayEnd => {}
        }
    }

    /// Whether this is the end mark of a stream.
    pub(crate) fn is_done(&self) -> bool {
        if self.text() == Some(b"[DONE]") || matches!(self, Self::ArrayEnd) {
            return true;
        }
        self.json().is_some_and(|event| {
            let kind = event.get("type").and_then(Value::as_str);
            matches!(
                kind,
                Some("message_stop" | "response.completed" | "response.incomplete")
            ) || event.pointer("/candidates/0/finishReason").is_some()
        })
    }

    /// Whether this tells why the answer ends.
    pub(crate) fn is_finish(&self) -> bool {
        const REASONS: &[&str] = &[
            "/choices/0/finish_reason",
            "/delta/stop_reason",
            "/candidates/0/finishReason",
            // The status of a response, which is said only at its end.
            "/response/usage/total_tokens",
        ];
        self.json().is_some_and(|event| {
            REASONS
                .iter()
                .filter_map(|place| event.pointer(place))
                .any(|reason| reason.is_string() || reason.is_number())
        })
    }

    /// The piece as bytes.
    pub(crate) fn render(&self, line_end: LineEnd) -> Bytes {
        match self {
            Self::Event(lines) => joined(lines, line_end, true),
            Self::Open(lines) => joined(lines, line_end, false),
            Self::Raw(bytes) | Self::Repeat(bytes, _) => bytes.clone(),
            Self::Wait(_) => Bytes::new(),
            Self::ArrayEnd => Bytes::from_static(b"]"),
        }
    }
}

fn joined(lines: &[Vec<u8>], line_end: LineEnd, blank: bool) -> Bytes {
    let mut bytes = Vec::with_capacity(lines.iter().map(|line| line.len() + 4).sum());
    let mut ends = line_end.ends().iter().cycle();
    for line in lines {
        bytes.extend_from_slice(line);
        bytes.extend_from_slice(ends.next().copied().unwrap_or(b"\n"));
    }
    if blank {
        bytes.extend_from_slice(ends.next().copied().unwrap_or(b"\n"));
    }
    bytes.into()
}

/// How the end of a body is told.
pub(crate) enum Framing {
    /// By Content-Length: the given one, or the true one.
    Length(Option<u64>),
    /// By chunked coding; one chunk for each write.
    Chunked,
    /// By the end of the connection.
    UntilClose,
}

/// How lines of a stream end.
#[derive(Clone, Copy, Default)]
pub(crate) enum LineEnd {
    /// LF, as most providers do.
    #[default]
    Lf,
    /// CR LF.
    CrLf,
    /// CR alone, which the SSE specification allows too.
    Cr,
    /// All three in turn.
    Mixed,
}

impl LineEnd {
    fn ends(self) -> &'static [&'static [u8]] {
        match self {
            Self::Lf => &[b"\n"],
            Self::CrLf => &[b"\r\n"],
            Self::Cr => &[b"\r"],
            Self::Mixed => &[b"\r\n", b"\n", b"\r", b"\r\n"],
        }
    }
}

/// How pieces become bytes and writes.
#[derive(Default)]
pub(crate) struct Writing {
    /// How lines end.
    pub(crate) line_end: LineEnd,
    /// Whether a byte order mark goes first.
    pub(crate) byte_order_mark: bool,
    /// The most bytes of one write.
    pub(crate) split: Option<usize>,
    /// The silence between the writes of one piece.
    pub(crate) split_delay: Duration,
    /// Whether the body is sent as gzip.
    pub(crate) gzip: bool,
    /// Whether the whole body is one write.
    pub(crate) one_write: bool,
    /// Whether a chunk size that is no number ends the body.
    pub(crate) bad_chunk: bool,
}

/// What follows the last piece.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The proper end of the message; the connection stays, if the client wants it.
    Complete,
    /// The proper end; after so long an idle time the connection is closed without a word.
    CompleteThenIdle(Duration),
    /// No end: the connection is closed or reset.
    Cut(Hangup),
    /// No end: silence for so long, then the connection is closed.
    Stall(Duration),
    /// No answer at all: the connection is closed or reset instead.
    NoAnswer(Hangup),
}

impl End {
    /// Whether the message has its proper end.
    pub(crate) fn is_complete(self) -> bool {
        matches!(self, Self::Complete | Self::CompleteThenIdle(_))
    }
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hangup {
    /// In order: FIN.
    Close,
    /// Without order: RST where the transport has it.
    Reset,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_become_the_items_of_an_array() {
        let events = vec![Piece::data("1"), Piece::raw("x"), Piece::data("2")];
        let mut draft = Draft::events(Vec::new(), events).into_array();
        draft.settle();
        draft.settle();
        assert_eq!(draft.document(), b"[1x,\r\n2]");
        let mut empty = Draft::events(Vec::new(), Vec::new()).into_array();
        empty.settle();
        assert_eq!(empty.document(), b"[]");
    }

    #[test]
    fn lines_end_as_they_are_told_to() {
        let event = Piece::Event(vec![b"id: 1".to_vec(), b"data: x".to_vec()]);
        assert_eq!(event.render(LineEnd::Lf), "id: 1\ndata: x\n\n");
        assert_eq!(event.render(LineEnd::CrLf), "id: 1\r\ndata: x\r\n\r\n");
        assert_eq!(event.render(LineEnd::Cr), "id: 1\rdata: x\r\r");
        assert_eq!(event.render(LineEnd::Mixed), "id: 1\r\ndata: x\n\r");
    }

    #[test]
    fn a_body_that_is_cut_into_pieces_keeps_its_declared_length() {
        let mut draft = Draft::whole(200, Vec::new(), "x".repeat(70));
        assert_eq!(draft.pieces().len(), 3);
        assert!(matches!(draft.framing, Framing::Length(Some(70))));
    }
}
