//! Faults of the events of a stream: errors among them, broken ones, too many, too large.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Fault, FaultRow, Group, Parameter, Scene};
use crate::draft::{Draft, Piece};
use crate::family;
use crate::problem::Problem;

const AFTER: Parameter =
    Parameter::number("after", "2", "how many chunks go before; 0 puts it first");
const KIND: Parameter = Parameter::word(
    "kind",
    &[
        "own",
        "openai",
        "vllm",
        "event",
        "finish",
        "field",
        "bare",
        "string",
        "empty-choices",
    ],
    "the shape; `own` is the usual one",
);
const TYPE: &str = "the member `type`, or `status` in words; the usual one when not given";
const CODE: &str = "the member `code`, `error_code` or `reason`";
const THEN: Parameter = Parameter::word(
    "then",
    &["end", "done", "go-on"],
    "what follows: the end of the body, `[DONE]`, or the rest of the stream",
);

pub(super) const ROWS: &[FaultRow] = &[
    row(
        "error-event",
        &[
            KIND,
            AFTER,
            THEN,
            Parameter::text("type", "", TYPE),
            Parameter::text("code", "", CODE),
            Parameter::text("message", "The server had an error", "the message"),
        ],
        "Puts an error among the events of a stream.",
        |draft, fault, scene| error(draft, fault, scene, fault.size("after")),
    ),
    row(
        "error-first",
        &[
            KIND,
            THEN,
            Parameter::text("type", "", TYPE),
            Parameter::text("code", "", CODE),
            Parameter::text("message", "The server had an error", "the message"),
        ],
        "Starts a 200 stream with an error.",
        |draft, fault, scene| error(draft, fault, scene, 0),
    ),
    row(
        "bad-json",
        &[AFTER],
        "Puts a chunk into a stream that is not JSON.",
        bad_json,
    ),
    row(
        "cut-json",
        &[AFTER],
        "Cuts the JSON of one chunk short; the event ends properly.",
        cut_json,
    ),
    row(
        "huge-event",
        &[
            Parameter::bytes("bytes", "2097152", "the length of its text"),
            AFTER,
        ],
        "Puts one very long event into a stream.",
        huge,
    ),
    row(
        "endless-line",
        &[
            Parameter::number(
                "bytes",
                "",
                "the length; without it, until the client leaves",
            ),
            AFTER,
        ],
        "Starts a line in a stream that does not end.",
        endless,
    ),
    row(
        "empty-events",
        &[
            Parameter::number("count", "1000000", "how many"),
            Parameter::word(
                "form",
                &["data", "blank", "comment"],
                "what each of them is",
            ),
            AFTER,
        ],
        "Puts very many events without content into a stream.",
        empty_events,
    ),
];

/// Puts a piece into a stream; into an answer that is no stream, nothing.
pub(super) fn insert(draft: &mut Draft, after: usize, piece: Piece) {
    if draft.is_stream {
        let at = after.min(draft.body.len());
        draft.body.insert(at, piece);
    }
}

fn error(draft: &mut Draft, fault: &Fault, scene: &Scene, after: usize) {
    if !draft.is_stream {
        return;
    }
    let after = after.min(draft.body.len());
    let rest = draft.body.split_off(after);
    draft.body.extend(error_pieces(fault, scene));
    match fault.word("then") {
        "done" => draft.body.push(Piece::data("[DONE]")),
        "go-on" => draft.body.extend(rest),
        // An array that ends by an error is closed behind it.
        _ if draft.is_array => draft.body.push(Piece::ArrayEnd),
        _ => {}
    }
}

/// The error that is told, in the words of the family unless it is told otherwise.
fn problem(fault: &Fault, scene: &Scene) -> Problem {
    let mut problem = family::server_error(scene);
    fault.word("message").clone_into(&mut problem.message);
    if let Some(kind) = fault.text("type") {
        problem.status = family::status_of(scene.family, kind);
        problem.kind = Some(kind.into());
        problem.code = None;
    }
    if let Some(code) = fault.text("code") {
        problem.code = Some(code.into());
    }
    problem
}

fn error_pieces(fault: &Fault, scene: &Scene) -> Vec<Piece> {
    let message = fault.word("message");
    let object = json!({
        "message": message,
        "type": fault.text("type").unwrap_or("server_error"),
        "param": null,
        "code": fault.text("code"),
    });
    let chunk = |choices: Value, error: Value| {
        json!({
            "id": "chatcmpl-sim-error",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": scene.model,
            "error": error,
            "choices": choices,
        })
    };
    let piece = match fault.word("kind") {
        "openai" => Piece::data(&json!({"error": object}).to_string()),
        "vllm" => Piece::data(
            &json!({"error": {
                "object": "error",
                "message": message,
                "type": "BadRequestError",
                "param": null,
                "code": 400,
            }})
            .to_string(),
        ),
        "event" => Piece::named("error", &json!({"error": object}).to_string()),
        "finish" => {
            let choice = json!([{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]);
            let error = json!({"code": "server_error", "message": message});
            Piece::data(&chunk(choice, error).to_string())
        }
        "field" => Piece::Event(vec![
            format!(
                "error: {}",
                json!({"detail": message, "error": {"message": message}})
            )
            .into(),
        ]),
        "bare" => {
            let (_, body) = family::body(&problem(fault, scene), "own", &scene.without_array());
            let compact: Value = serde_json::from_str(&body).unwrap_or_default();
            Piece::raw(format!("{compact}\n"))
        }
        "string" => Piece::data(&json!({"error": message, "error_type": "generation"}).to_string()),
        "empty-choices" => {
            Piece::data(&chunk(json!([]), json!({"code": 400, "message": message})).to_string())
        }
        _ => return family::error_events(&problem(fault, scene), scene),
    };
    vec![piece]
}

fn bad_json(draft: &mut Draft, fault: &Fault, scene: &Scene) {
    let mut piece = family::text_event(scene, "", "");
    piece.edit_json(&mut |_| Some("{\"choices\": [oops}".to_owned()));
    insert(draft, fault.size("after"), piece);
}

fn cut_json(draft: &mut Draft, fault: &Fault, _: &Scene) {
    if let Some(Piece::Event(lines)) = draft.body.get_mut(fault.size("after"))
        && let Some(line) = lines.iter_mut().find(|line| line.starts_with(b"data"))
    {
        line.truncate(line.len() / 2);
    }
}

fn huge(draft: &mut Draft, fault: &Fault, scene: &Scene) {
    let text = "h".repeat(fault.size("bytes"));
    let piece = family::text_event(scene, "chatcmpl-sim-huge", &text);
    insert(draft, fault.size("after"), piece);
}

fn endless(draft: &mut Draft, fault: &Fault, scene: &Scene) {
    const PART: &[u8] = &[b'x'; 4096];
    const MARK: &str = "the-text-goes-here";
    if !draft.is_stream {
        return;
    }
    draft.body.truncate(fault.size("after"));
    let event = family::text_event(scene, "chatcmpl-sim-endless", MARK);
    let event = if draft.is_array {
        event.text().unwrap_or_default().to_vec()
    } else {
        event.render(draft.writing.line_end).to_vec()
    };
    let event = String::from_utf8_lossy(&event).into_owned();
    let (before, _) = event.split_once(MARK).unwrap_or_default();
    let comma = if draft.is_array { ",\r\n" } else { "" };
    draft.body.push(Piece::raw(format!("{comma}{before}")));
    let part = u64::try_from(PART.len()).unwrap_or(1);
    let times = fault
        .text("bytes")
        .map(|_| fault.number("bytes").div_ceil(part));
    draft
        .body
        .push(Piece::Repeat(Bytes::from_static(PART), times));
}

fn empty_events(draft: &mut Draft, fault: &Fault, _: &Scene) {
    // A thousand to a write: a million writes would measure the kernel, not the reader.
    const TOGETHER: u64 = 1000;
    let event = match fault.word("form") {
        "blank" => "\n",
        "comment" => ":\n\n",
        _ => "data:\n\n",
    };
    let many = event.repeat(usize::try_from(TOGETHER).unwrap_or(1));
    let count = fault.number("count");
    let after = fault.size("after");
    insert(
        draft,
        after,
        Piece::raw(event.repeat(usize::try_from(count % TOGETHER).unwrap_or(0))),
    );
    insert(
        draft,
        after,
        Piece::Repeat(many.into(), Some(count / TOGETHER)),
    );
}

const fn row(
    name: &'static str,
    parameters: &'static [Parameter],
    does: &'static str,
    edit: fn(&mut Draft, &Fault, &Scene),
) -> FaultRow {
    FaultRow::edit(Group::Event, name, parameters, does, edit)
}
