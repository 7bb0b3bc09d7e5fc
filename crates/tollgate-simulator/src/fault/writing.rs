//! Faults of bytes and lines.

use super::{Fault, FaultRow, Group, Parameter, Scene};
use crate::draft::{Draft, LineEnd, Piece};

pub(super) const ROWS: &[FaultRow] = &[
    row(
        "line-ends",
        &[Parameter::word(
            "kind",
            &["crlf", "cr", "mixed", "lf"],
            "which",
        )],
        "Ends the lines of a stream otherwise than is usual.",
        line_ends,
    ),
    row(
        "bom",
        &[],
        "Starts the body with a byte order mark.",
        |draft, _, _| {
            draft.writing.byte_order_mark = true;
        },
    ),
    row(
        "no-blank-end",
        &[Parameter::word(
            "keep",
            &["line-end", "nothing"],
            "what is kept of the end",
        )],
        "Leaves out the blank line after the last event.",
        no_blank_end,
    ),
    row(
        "split",
        &[
            Parameter::number("bytes", "1", "the most bytes of one write"),
            Parameter::number("ms", "0", "the silence between the writes"),
        ],
        "Writes every few bytes on their own, also inside letters and line ends.",
        |draft, fault, _| {
            draft.writing.split = Some(fault.size("bytes").max(1));
            draft.writing.split_delay = fault.time("ms");
        },
    ),
    row(
        "one-write",
        &[],
        "Writes the whole body at once.",
        |draft, _, _| {
            draft.writing.one_write = true;
        },
    ),
];

fn line_ends(draft: &mut Draft, fault: &Fault, _: &Scene) {
    draft.writing.line_end = match fault.word("kind") {
        "cr" => LineEnd::Cr,
        "mixed" => LineEnd::Mixed,
        "lf" => LineEnd::Lf,
        _ => LineEnd::CrLf,
    };
}

fn no_blank_end(draft: &mut Draft, fault: &Fault, _: &Scene) {
    let Some(last) = draft.body.last_mut() else {
        return;
    };
    if let Piece::Event(lines) = last {
        *last = match fault.word("keep") {
            "nothing" => Piece::Raw(lines.concat().into()),
            _ => Piece::Open(std::mem::take(lines)),
        };
    }
}

const fn row(
    name: &'static str,
    parameters: &'static [Parameter],
    does: &'static str,
    edit: fn(&mut Draft, &Fault, &Scene),
) -> FaultRow {
    FaultRow::edit(Group::Writing, name, parameters, does, edit)
}
