//! Faults of silence.

use super::{Fault, FaultRow, Group, Parameter, Scene};
use crate::draft::{Draft, Piece};

const LONG: Parameter = Parameter::number("ms", "600000", "how long");

pub(super) const ROWS: &[FaultRow] = &[
    row(
        "delay-head",
        &[LONG],
        "Says nothing at all for some time.",
        |draft, fault, _| {
            draft.head_delay += fault.time("ms");
        },
    ),
    row(
        "delay-body",
        &[LONG],
        "Sends the head at once, then nothing for some time.",
        |draft, fault, _| {
            draft.body_delay += fault.time("ms");
        },
    ),
    row(
        "first-token",
        &[Parameter::number("ms", "1000", "how long")],
        "Sends the first chunk of a stream (the role) at once, and the next one late.",
        first_token,
    ),
    row(
        "pause-after",
        &[
            Parameter::number("chunks", "2", "how many chunks go before"),
            Parameter::number("ms", "1000", "how long"),
        ],
        "Says nothing for some time after some chunks, then goes on.",
        |draft, fault, _| pause(draft, fault.size("chunks"), fault),
    ),
    row(
        "drip",
        &[Parameter::number("ms", "100", "how long")],
        "Waits before every chunk but the first.",
        |draft, fault, _| {
            draft.pieces();
            draft.pace = fault.time("ms");
        },
    ),
];

fn first_token(draft: &mut Draft, fault: &Fault, _: &Scene) {
    pause(draft, 1, fault);
}

fn pause(draft: &mut Draft, after: usize, fault: &Fault) {
    let pieces = draft.pieces();
    pieces.insert(after.min(pieces.len()), Piece::Wait(fault.time("ms")));
}

const fn row(
    name: &'static str,
    parameters: &'static [Parameter],
    does: &'static str,
    edit: fn(&mut Draft, &Fault, &Scene),
) -> FaultRow {
    FaultRow::edit(Group::Time, name, parameters, does, edit)
}
