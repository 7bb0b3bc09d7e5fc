//! Faults of HTTP and of the connection.

use bytes::Bytes;

use super::body::hangup;
use super::{Effect, Fault, FaultRow, Group, Parameter, Scene};
use crate::draft::{Draft, End, Framing, Hangup};

const HOW: Parameter = Parameter::word("how", &["fin", "rst"], "how the connection ends");

pub(super) const ROWS: &[FaultRow] = &[
    FaultRow {
        name: "close-on-accept",
        group: Group::Transport,
        parameters: &[HOW],
        does: "Ends a connection as soon as it is accepted. Only rules of a script can ask for \
                   it, and of their conditions only `skip`, `times`, `nth` and `percent` count.",
        effect: Effect::OnAccept,
    },
    row(
        "close-before-answer",
        &[HOW],
        "Reads the request and ends the connection without an answer.",
        |draft, fault, _| draft.end = End::NoAnswer(hangup(fault)),
    ),
    row(
        "close-idle",
        &[Parameter::number(
            "ms",
            "0",
            "how long the connection stays idle before",
        )],
        "Answers as if the connection stayed, then closes it while it is idle.",
        |draft, fault, _| draft.end = End::CompleteThenIdle(fault.time("ms")),
    ),
    row(
        "close",
        &[],
        "Announces and does the end of the connection after the answer.",
        |draft, _, _| {
            draft.set_header("connection", "close");
        },
    ),
    row(
        "until-close",
        &[],
        "Tells the end of the body by the end of the connection, with no length.",
        |draft, _, _| draft.framing = Framing::UntilClose,
    ),
    row(
        "chunked",
        &[],
        "Sends a plain body in chunked coding.",
        |draft, _, _| {
            draft.framing = Framing::Chunked;
        },
    ),
    row(
        "interim",
        &[
            Parameter::number("status", "103", "the status, 100 to 199 without 101"),
            Parameter::number("count", "1", "how many"),
        ],
        "Sends interim answers before the final one, asked for or not.",
        interim,
    ),
    row(
        "bad-head",
        &[],
        "Sends bytes that are no HTTP, then closes.",
        |draft, _, _| {
            draft.raw_head = Some(Bytes::from_static(
                b"\x15\x03\x01\x00\x02\x02\x50 not http\r\n\r\n",
            ));
            draft.status = 0;
            draft.body.clear();
            draft.end = End::Cut(Hangup::Close);
        },
    ),
    row(
        "cut-head",
        &[HOW],
        "Ends the connection in the middle of the head.",
        |draft, fault, _| {
            draft.raw_head = Some(Bytes::from_static(b"HTTP/1.1 200 OK\r\ncontent-type: appl"));
            draft.status = 0;
            draft.body.clear();
            draft.end = End::Cut(hangup(fault));
        },
    ),
    row(
        "big-head",
        &[Parameter::bytes("bytes", "1000000", "the size")],
        "Sends headers that are very long together.",
        |draft, fault, _| {
            for at in 0..fault.size("bytes").div_ceil(1000) {
                draft
                    .headers
                    .push((format!("x-long-{at}"), "l".repeat(1000)));
            }
        },
    ),
    row(
        "bad-chunk",
        &[],
        "Ends a chunked body with a chunk size that is no number.",
        |draft, _, _| {
            draft.framing = Framing::Chunked;
            draft.writing.bad_chunk = true;
            draft.end = End::Cut(Hangup::Close);
        },
    ),
];

fn interim(draft: &mut Draft, fault: &Fault, _: &Scene) {
    let status = u16::try_from(fault.number("status"))
        .unwrap_or(103)
        .clamp(100, 199);
    // 101 would end HTTP on this connection.
    let status = if status == 101 { 102 } else { status };
    let count = fault.size("count").min(1000);
    draft.interim.extend(std::iter::repeat_n(status, count));
}

const fn row(
    name: &'static str,
    parameters: &'static [Parameter],
    does: &'static str,
    edit: fn(&mut Draft, &Fault, &Scene),
) -> FaultRow {
    FaultRow::edit(Group::Transport, name, parameters, does, edit)
}
