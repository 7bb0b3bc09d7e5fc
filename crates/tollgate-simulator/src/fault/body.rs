//! Faults of whole bodies: pages, errors with 200, wrong lengths, codings and types.

use bytes::Bytes;

use super::{Fault, FaultRow, Group, Parameter, Scene};
use crate::draft::{Draft, End, Framing, Hangup, Piece};
use crate::family;
use crate::problem::{Problem, html as page};

pub(super) const ROWS: &[FaultRow] = &[
    row("html-200", &[], "Answers 200 with an HTML page.", html),
    row(
        "error-200",
        &[],
        "Answers 200 with an error object as the whole JSON body.",
        error,
    ),
    row(
        "empty",
        &[],
        "Answers with an empty body; the head stays as it was.",
        empty,
    ),
    row(
        "json-cut",
        &[Parameter::number(
            "bytes",
            "",
            "how many bytes are kept; half when not given",
        )],
        "Cuts the JSON short; Content-Length is true, so the message is whole.",
        json_cut,
    ),
    row(
        "short-body",
        &[
            Parameter::number("missing", "10", "how many bytes are missing"),
            Parameter::word("how", &["fin", "rst"], "how the connection ends"),
        ],
        "Ends the connection before the bytes that Content-Length promised were sent.",
        short,
    ),
    row(
        "long-body",
        &[Parameter::bytes(
            "extra",
            "10",
            "how many bytes are too many",
        )],
        "Sends more bytes than Content-Length said and keeps the connection.",
        long,
    ),
    row(
        "big-error",
        &[
            Parameter::number("bytes", "10000000", "the size of the message"),
            Parameter::number("status", "500", "the status"),
        ],
        "Answers with an error whose message is very long.",
        big_error,
    ),
    row(
        "content-type",
        &[Parameter::text(
            "type",
            "text/plain",
            "the type; `none` takes the header away",
        )],
        "Names a wrong content type; the body stays as it was.",
        content_type,
    ),
    row(
        "gzip",
        &[],
        "Sends the body in gzip, although identity was asked for.",
        |draft, _, _| draft.writing.gzip = true,
    ),
    row(
        "invalid-utf8",
        &[Parameter::word(
            "kind",
            &["lone", "overlong", "surrogate", "cut"],
            "which bytes",
        )],
        "Puts bytes that are not UTF-8 into the text of the answer.",
        invalid_utf8,
    ),
];

fn html(draft: &mut Draft, _: &Fault, _: &Scene) {
    let page = page(200, "Please wait while we check your browser");
    draft.replace_body("text/html; charset=UTF-8", page.into_bytes());
    draft.status = 200;
}

fn error(draft: &mut Draft, _: &Fault, scene: &Scene) {
    let problem = Problem {
        message: "The server had an error while processing the request.".to_owned(),
        ..family::server_error(scene)
    };
    let (content_type, body) = family::body(&problem, "own", scene);
    draft.replace_body(content_type, body.into_bytes());
    draft.status = 200;
}

fn empty(draft: &mut Draft, _: &Fault, _: &Scene) {
    draft.is_stream = false;
    draft.is_array = false;
    draft.body = Vec::new();
    draft.framing = Framing::Length(None);
}

fn json_cut(draft: &mut Draft, fault: &Fault, _: &Scene) {
    draft.settle();
    let mut whole = draft.document();
    let kept = fault
        .text("bytes")
        .map_or(whole.len() / 2, |_| fault.size("bytes"));
    whole.truncate(kept);
    draft.is_stream = false;
    draft.body = vec![Piece::Raw(whole.into())];
    draft.framing = Framing::Length(None);
}

fn short(draft: &mut Draft, fault: &Fault, _: &Scene) {
    draft.settle();
    let said = u64::try_from(draft.document().len()).unwrap_or(u64::MAX);
    draft.framing = Framing::Length(Some(said.saturating_add(fault.number("missing"))));
    draft.end = End::Cut(hangup(fault));
}

fn long(draft: &mut Draft, fault: &Fault, _: &Scene) {
    draft.settle();
    let said = u64::try_from(draft.document().len()).unwrap_or(u64::MAX);
    draft.framing = Framing::Length(Some(said));
    draft
        .body
        .push(Piece::Raw("x".repeat(fault.size("extra")).into()));
}

fn big_error(draft: &mut Draft, fault: &Fault, scene: &Scene) {
    // The message is written from one small piece, so that its size costs no memory here.
    const PART: &[u8] = &[b'e'; 1000];
    let status = u16::try_from(fault.number("status"))
        .unwrap_or(500)
        .clamp(200, 999);
    let mut problem = family::server_error(scene);
    problem.status = status;
    problem.message.clear();
    let (content_type, text) = family::body(&problem, "own", scene);
    let (before, after) = text.split_once("\"\"").unwrap_or(("", ""));
    let (before, after) = (format!("{before}\""), format!("\"{after}"));
    let times = fault.number("bytes") / 1000;
    let rest = usize::try_from(fault.number("bytes") % 1000).unwrap_or(0);
    let said = before.len() + after.len();
    draft.replace_body(content_type, Vec::new());
    draft.status = status;
    let said = u64::try_from(said)
        .unwrap_or(u64::MAX)
        .saturating_add(fault.number("bytes"));
    draft.framing = Framing::Length(Some(said));
    draft.body = vec![
        Piece::raw(before),
        Piece::Repeat(Bytes::from_static(PART), Some(times)),
        Piece::raw("e".repeat(rest)),
        Piece::raw(after),
    ];
}

fn content_type(draft: &mut Draft, fault: &Fault, _: &Scene) {
    match fault.word("type") {
        "none" => draft.remove_header("content-type"),
        given => draft.set_header("content-type", given),
    }
}

fn invalid_utf8(draft: &mut Draft, fault: &Fault, _: &Scene) {
    let bad: &[u8] = match fault.word("kind") {
        "overlong" => b"\xc0\xaf",
        "surrogate" => b"\xed\xa0\x80",
        "cut" => b"\xf0\x9f\x8d",
        _ => b"\x80\xff",
    };
    let mut left = 1;
    for piece in &mut draft.body {
        let rendered = piece.render(draft.writing.line_end);
        // The first text that is not empty, in a delta or in a message, whatever it is called.
        let quotes = ["\"content\":\"", "\"text\":\"", "\"delta\":\""];
        let places = quotes.iter().filter_map(|quote| {
            let at = memchr::memmem::find(&rendered, quote.as_bytes())?;
            Some(at + quote.len())
        });
        let found = places.min();
        let Some((before, after)) = found.and_then(|at| rendered.split_at_checked(at)) else {
            continue;
        };
        if left > 0 && !after.starts_with(b"\"") {
            left -= 1;
            *piece = Piece::Raw([before, bad, after].concat().into());
        }
    }
}

pub(super) fn hangup(fault: &Fault) -> Hangup {
    match fault.word("how") {
        "rst" => Hangup::Reset,
        _ => Hangup::Close,
    }
}

const fn row(
    name: &'static str,
    parameters: &'static [Parameter],
    does: &'static str,
    edit: fn(&mut Draft, &Fault, &Scene),
) -> FaultRow {
    FaultRow::edit(Group::Body, name, parameters, does, edit)
}
