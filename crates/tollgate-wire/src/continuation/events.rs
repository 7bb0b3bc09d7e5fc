//! The events of a piece: what each says, and its bytes.

use bytes::Bytes;
use serde_json::Value;

use super::form::Members;
use crate::json::{self, Scanner};
use crate::sse::{Decoder, Event};

/// An event of a piece.
#[derive(Debug)]
pub(super) struct Incoming {
    /// Its bytes: of an array only the item.
    pub(super) raw: Bytes,
    /// What it says.
    pub(super) says: Says,
}

/// What an event says.
#[derive(Debug, PartialEq)]
pub(super) enum Says {
    /// What its object says.
    Object(Members),
    /// The stream is over: `[DONE]`.
    Done,
    /// Nothing but a comment, or the end of a line.
    Nothing,
    /// Nothing that can be read.
    Unreadable,
}

/// Reads pieces, which are whole events.
#[derive(Debug)]
pub(super) enum Reader {
    /// Server-sent events.
    Events(Decoder),
    /// The items of one array.
    Items,
}

impl Reader {
    /// A reader at the beginning of a stream.
    pub(super) fn new(array: bool) -> Self {
        if array {
            Self::Items
        } else {
            Self::Events(Decoder::new())
        }
    }

    /// The events of a piece, in order. Their bytes share its memory.
    pub(super) fn read(&mut self, piece: &Bytes) -> Vec<Incoming> {
        match self {
            Self::Events(decoder) => read_events(decoder, piece),
            Self::Items => read_items(piece),
        }
    }
}

fn read_events(decoder: &mut Decoder, piece: &Bytes) -> Vec<Incoming> {
    let mut events = Vec::new();
    let mut taken = 0;
    decoder.feed(piece.clone());
    loop {
        match decoder.event() {
            Ok(Some(event)) => {
                taken += event.raw().len();
                events.push(Incoming {
                    raw: event.share(event.raw()),
                    says: said(&event),
                });
            }
            Ok(None) => return events,
            Err(_) => {
                // The provider's stream has the same bound; what we have translated has none.
                *decoder = Decoder::new();
                let raw = piece.slice(taken.min(piece.len())..);
                let says = Says::Unreadable;
                events.push(Incoming { raw, says });
                return events;
            }
        }
    }
}

fn said(event: &Event<'_>) -> Says {
    let data = event.data.as_deref().unwrap_or_default().trim_ascii();
    if data == b"[DONE]" {
        Says::Done
    } else if event.error.is_some() || event.bare.is_some() {
        Says::Unreadable
    } else if data.is_empty() {
        Says::Nothing
    } else {
        object(data)
    }
}

fn object(data: &[u8]) -> Says {
    match serde_json::from_slice(data) {
        Ok(Value::Object(members)) => Says::Object(members),
        Ok(_) | Err(_) => Says::Unreadable,
    }
}

fn read_items(piece: &Bytes) -> Vec<Incoming> {
    let mut items = Vec::new();
    let mut at = 0;
    loop {
        let rest = piece.get(at..).unwrap_or_default();
        let between =
            |byte: &&u8| matches!(byte, b'[' | b',' | b']' | b' ' | b'\n' | b'\r' | b'\t');
        at += rest.iter().take_while(between).count();
        let rest = piece.slice(at.min(piece.len())..);
        if rest.is_empty() {
            return items;
        }
        let length = item(&rest).unwrap_or(rest.len());
        let raw = rest.slice(..length);
        let says = object(&raw);
        items.push(Incoming { raw, says });
        at += length;
    }
}

/// The length of the value at the beginning.
fn item(rest: &[u8]) -> Option<usize> {
    let mut scanner = Scanner::new(json::utf8(rest).ok()?);
    scanner.skip().ok()?;
    Some(scanner.position())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(array: bool, piece: &'static str) -> Vec<(String, &'static str)> {
        let incoming = Reader::new(array).read(&Bytes::from_static(piece.as_bytes()));
        let row = |incoming: Incoming| {
            let kind = match incoming.says {
                Says::Object(_) => "object",
                Says::Done => "done",
                Says::Nothing => "nothing",
                Says::Unreadable => "unreadable",
            };
            (String::from_utf8(incoming.raw.to_vec()).unwrap(), kind)
        };
        incoming.into_iter().map(row).collect()
    }

    #[test]
    fn events_are_told_apart() {
        let rows = read(
            false,
            ": hi\n\ndata: {\"a\":1}\r\n\r\nevent: x\ndata: {}\n\ndata: [1]\n\ndata: {\"a\":\"\\ud800\"}\n\ndata: [DONE]\n\n",
        );
        let kinds: Vec<&str> = rows.iter().map(|(_, kind)| *kind).collect();
        let want = [
            "nothing",
            "object",
            "object",
            "unreadable",
            "unreadable",
            "done",
        ];
        assert_eq!(kinds, want);
        assert_eq!(rows[1].0, "data: {\"a\":1}\r\n\r\n");
    }

    #[test]
    fn the_items_of_an_array_are_told_apart_wherever_it_is_cut() {
        for (piece, want) in [
            ("[{\"a\":\"}\"}", vec![("{\"a\":\"}\"}", "object")]),
            (
                ",\n{\"a\":1},\n{\"b\":2}",
                vec![("{\"a\":1}", "object"), ("{\"b\":2}", "object")],
            ),
            ("]", vec![]),
            ("", vec![]),
            (
                ",{\"a\":\"\\ud800\"},{}]",
                vec![("{\"a\":\"\\ud800\"}", "unreadable"), ("{}", "object")],
            ),
            (",{\"a", vec![("{\"a", "unreadable")]),
        ] {
            let rows = read(true, piece);
            let rows: Vec<(&str, &str)> = rows.iter().map(|(raw, kind)| (&**raw, *kind)).collect();
            assert_eq!(rows, want, "{piece}");
        }
    }

    #[test]
    fn what_is_larger_than_an_event_may_be_is_passed_on_whole() {
        let large = format!(
            ": a\n\ndata: \"{}\"\n\ndata: {{}}\n\n",
            "x".repeat(2_000_000)
        );
        let incoming = Reader::new(false).read(&Bytes::from(large.clone()));
        assert_eq!(incoming[1].says, Says::Unreadable);
        let bytes: Vec<u8> = incoming
            .iter()
            .flat_map(|event| event.raw.clone())
            .collect();
        assert_eq!(bytes, large.as_bytes());
    }
}
