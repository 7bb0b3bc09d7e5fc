//! Faults of the events of a stream that are odd, but no errors: repeated, missing, unknown.

use serde_json::json;

use super::event::insert;
use super::{Fault, FaultRow, Group, Parameter, Scene};
use crate::draft::{Draft, Piece};
use crate::family;

pub(super) const ROWS: &[FaultRow] = &[
    row(
        "finish-twice",
        &[],
        "Sends the chunk with the finish reason twice.",
        |draft, _, _| repeat(draft, Piece::is_finish),
    ),
    row(
        "no-finish",
        &[],
        "Leaves the chunk with the finish reason out.",
        |draft, _, _| {
            draft
                .body
                .retain(|piece| !draft.is_stream || !piece.is_finish());
        },
    ),
    row(
        "duplicate",
        &[Parameter::number(
            "chunk",
            "2",
            "which chunk, counted from 0",
        )],
        "Sends one chunk of a stream twice.",
        duplicate,
    ),
    row(
        "done-twice",
        &[],
        "Sends the end mark twice.",
        |draft, _, _| {
            repeat(draft, Piece::is_done);
        },
    ),
    row(
        "after-done",
        &[],
        "Goes on with a chunk of text after the end mark.",
        after_done,
    ),
    row(
        "index-jump",
        &[Parameter::number("index", "7", "the index")],
        "Gives the second half of the chunks an index that no chunk had before.",
        index_jump,
    ),
    row(
        "unknown-fields",
        &[],
        "Adds members and SSE fields that no document has.",
        unknown,
    ),
    row(
        "empty-choices",
        &[],
        "Starts a stream with an event that says nothing: a chunk without choices or candidates, a ping, \
         a response that waits.",
        |draft, _, scene| insert(draft, 0, family::silent_event(scene)),
    ),
    row(
        "ids",
        &[],
        "Gives every event an `id` and the stream a `retry`.",
        |draft, _, _| {
            insert(draft, 0, Piece::Event(vec![b"retry: 3000".to_vec()]));
            add_lines(draft, |position| format!("id: {position}").into_bytes());
        },
    ),
    row(
        "id-nul",
        &[],
        "Gives every event an `id` with a NUL byte.",
        |draft, _, _| {
            add_lines(draft, |position| format!("id: a\0{position}").into_bytes());
        },
    ),
    row(
        "event-names",
        &[Parameter::text("name", "message", "the name")],
        "Gives every event this name, in the place of its own.",
        |draft, fault, _| {
            for piece in &mut draft.body {
                if let Piece::Event(lines) = piece {
                    lines.retain(|line| !line.starts_with(b"event:"));
                }
            }
            let line = format!("event: {}", fault.word("name")).into_bytes();
            add_lines(draft, |_| line.clone());
        },
    ),
    row(
        "comments",
        &[Parameter::text(
            "text",
            " keep-alive",
            "what stands after the colon",
        )],
        "Puts comments before, between and after the events.",
        comments,
    ),
    row(
        "multi-line",
        &[],
        "Spreads the data of every event over several lines.",
        multi_line,
    ),
    row(
        "no-space",
        &[],
        "Leaves out the space after `data:`.",
        |draft, _, _| {
            edit_lines(draft, |line| match line.strip_prefix(b"data: ") {
                Some(data) => [b"data:", data].concat(),
                None => line.to_vec(),
            });
        },
    ),
];

fn repeat(draft: &mut Draft, which: fn(&Piece) -> bool) {
    if !draft.is_stream {
        return;
    }
    if let Some(at) = draft.body.iter().position(which)
        && let Some(piece) = draft.body.get(at).cloned()
    {
        draft.body.insert(at + 1, piece);
    }
}

fn duplicate(draft: &mut Draft, fault: &Fault, _: &Scene) {
    let at = fault.size("chunk");
    if let Some(piece) = draft.body.get(at).filter(|_| draft.is_stream).cloned() {
        draft.body.insert(at, piece);
    }
}

fn after_done(draft: &mut Draft, _: &Fault, scene: &Scene) {
    let piece = family::text_event(scene, "chatcmpl-sim-late", " too late");
    insert(draft, usize::MAX, piece);
}

/// Where formats tell which of several things an event is about.
const INDICES: &[&str] = &[
    "/choices/0/index",
    "/choices/0/delta/tool_calls/0/index",
    "/index",
    "/output_index",
    "/candidates/0/index",
];

fn index_jump(draft: &mut Draft, fault: &Fault, _: &Scene) {
    let index = fault.number("index");
    let half = draft.body.len() / 2;
    let mut position = 0;
    draft.edit_json(|chunk| {
        position += 1;
        if position > half {
            for at in INDICES {
                if let Some(value) = chunk.pointer_mut(at) {
                    *value = index.into();
                }
            }
        }
        None
    });
}

fn unknown(draft: &mut Draft, _: &Fault, _: &Scene) {
    draft.edit_json(|document| {
        let members = document.as_object_mut()?;
        members.insert(
            "x_simulated".to_owned(),
            json!({"nested": [1, "two", null]}),
        );
        members.insert("obfuscation".to_owned(), "p4dd1ng".into());
        None
    });
    add_lines(draft, |_| b"x-unknown: field".to_vec());
}

/// Puts a line before the others of every event.
fn add_lines(draft: &mut Draft, line: impl Fn(usize) -> Vec<u8>) {
    for (position, piece) in draft.body.iter_mut().enumerate() {
        if let Piece::Event(lines) = piece {
            lines.insert(0, line(position));
        }
    }
}

fn edit_lines(draft: &mut Draft, change: impl Fn(&[u8]) -> Vec<u8>) {
    for piece in &mut draft.body {
        if let Piece::Event(lines) | Piece::Open(lines) = piece {
            for line in lines {
                *line = change(line);
            }
        }
    }
}

fn comments(draft: &mut Draft, fault: &Fault, _: &Scene) {
    if !draft.is_stream {
        return;
    }
    let comment = Piece::Event(vec![format!(":{}", fault.word("text")).into_bytes()]);
    let mut body = vec![comment.clone()];
    for piece in draft.body.drain(..) {
        body.push(piece);
        body.push(comment.clone());
    }
    draft.body = body;
}

fn multi_line(draft: &mut Draft, _: &Fault, _: &Scene) {
    for piece in &mut draft.body {
        let Some(document) = piece.json() else {
            continue;
        };
        if let Piece::Event(lines) = piece {
            lines.retain(|line| !line.starts_with(b"data: "));
            let spread = format!("{document:#}");
            let spread = spread.lines().map(|line| format!("data: {line}"));
            lines.extend(spread.map(String::into_bytes));
        }
    }
}

const fn row(
    name: &'static str,
    parameters: &'static [Parameter],
    does: &'static str,
    edit: fn(&mut Draft, &Fault, &Scene),
) -> FaultRow {
    FaultRow::edit(Group::Event, name, parameters, does, edit)
}
