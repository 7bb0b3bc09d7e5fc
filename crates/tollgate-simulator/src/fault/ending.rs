//! Faults of endings: cuts, stalls and missing end marks.

use super::body::hangup;
use super::{Fault, FaultRow, Group, Parameter, Scene};
use crate::draft::{Draft, End, Framing, Piece};

const CHUNKS: Parameter = Parameter::number(
    "chunks",
    "2",
    "how many chunks go before; a plain body has 32 bytes a chunk",
);

pub(super) const ROWS: &[FaultRow] = &[
    row(
        "cut-after",
        &[
            CHUNKS,
            Parameter::word(
                "how",
                &["fin", "rst", "clean"],
                "how: FIN, RST, or a proper end of the HTTP message",
            ),
            Parameter::number("part", "0", "how many bytes of the next chunk still go out"),
        ],
        "Ends the answer after some chunks.",
        cut,
    ),
    row(
        "stall-after",
        &[
            CHUNKS,
            Parameter::number("ms", "600000", "how long, before the connection is closed"),
        ],
        "Says nothing more after some chunks, and keeps the connection open.",
        stall,
    ),
    row(
        "no-done",
        &[],
        "Ends the HTTP message properly, but without the end mark of the stream; where there is none, \
         without the finish reason.",
        |draft, _, _| {
            draft
                .body
                .retain(|piece| !draft.is_stream || !piece.is_done());
        },
    ),
    row(
        "no-end-chunk",
        &[Parameter::word(
            "how",
            &["fin", "rst"],
            "how the connection ends",
        )],
        "Sends the whole body, the end mark too, but ends the connection without the last HTTP chunk.",
        |draft, fault, _| draft.end = End::Cut(hangup(fault)),
    ),
];

fn cut(draft: &mut Draft, fault: &Fault, _: &Scene) {
    let chunks = fault.size("chunks");
    let line_end = draft.writing.line_end;
    let pieces = draft.pieces();
    let next = pieces.get(chunks).map(|piece| piece.render(line_end));
    pieces.truncate(chunks);
    if let Some(mut part) = next.filter(|_| fault.size("part") > 0) {
        part.truncate(fault.size("part"));
        pieces.push(Piece::Raw(part));
    }
    if fault.word("how") != "clean" {
        draft.end = End::Cut(hangup(fault));
    } else if matches!(draft.framing, Framing::Length(_)) {
        draft.framing = Framing::Length(None);
    }
}

fn stall(draft: &mut Draft, fault: &Fault, _: &Scene) {
    let chunks = fault.size("chunks");
    draft.pieces().truncate(chunks);
    draft.end = End::Stall(fault.time("ms"));
}

const fn row(
    name: &'static str,
    parameters: &'static [Parameter],
    does: &'static str,
    edit: fn(&mut Draft, &Fault, &Scene),
) -> FaultRow {
    FaultRow::edit(Group::Ending, name, parameters, does, edit)
}
