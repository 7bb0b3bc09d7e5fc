//! Faults of the events of a stream: errors among them, broken ones, too many, too large.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Fault, FaultRow, Group, Parameter, Scene};
use crate::draft::{Draft, Piece};

const AFTER: Parameter =
    Parameter::number("after", "2", "how many chunks go before; 0 puts it first");
const KIND: Parameter = Parameter::word(
    "kind",
    &[
        "openai",
        "vllm",
        "event",
        "finish",
        "field",
        "bare",
        "string",
        "empty-choices",
    ],
    "the shape",
);
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
            Parameter::text("type", "server_error", "the member `type`"),
            Parameter::text("code", "", "the member `code`"),
            Parameter::text("message", "The server had an error", "the member `message`"),
        ],
        "Puts an error among the events of a stream.",
        |draft, fault, scene| error(draft, fault, scene, fault.size("after")),
    ),
    row(
        "error-first",
        &[
            KIND,
            THEN,
            Parameter::text("type", "server_error", "the member `type`"),
            Parameter::text("code", "", "the member `code`"),
            Parameter::text("message", "The server had an error", "the member `message`"),
        ],
        "Starts a 200 stream with an error.",
        |draft, fault, scene| error(draft, fault, scene, 0),
    ),
    row(
        "bad-json",
        &[AFTER],
        "Puts a chunk into a stream that is not JSON.",
        |draft, fault, _| {
            insert(
                draft,
                fault.size("after"),
                Piece::data("{\"choices\": [oops}"),
            );
        },
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

pub(super) const ODD_ROWS: &[FaultRow] = &[
    row(
        "finish-twice",
        &[],
        "Sends the chunk with the finish reason twice.",
        |draft, _, _| repeat(draft, is_finish),
    ),
    row(
        "no-finish",
        &[],
        "Leaves the chunk with the finish reason out.",
        |draft, _, _| {
            draft.body.retain(|piece| !is_finish(piece));
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
    row("done-twice", &[], "Sends `[DONE]` twice.", |draft, _, _| {
        repeat(draft, Piece::is_done);
    }),
    row(
        "after-done",
        &[],
        "Goes on with a chunk of text after `[DONE]`.",
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
        "Starts a stream with a chunk without choices.",
        |draft, _, _| {
            insert(
                draft,
                0,
                Piece::data(
                    r#"{"id":"","object":"","created":0,"model":"","choices":[],"prompt_filter_results":[]}"#,
                ),
            );
        },
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
        "Gives every event a name.",
        |draft, fault, _| {
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

/// Puts a piece into a stream; into an answer that is no stream, nothing.
fn insert(draft: &mut Draft, after: usize, piece: Piece) {
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
    draft.body.push(error_piece(fault, scene));
    match fault.word("then") {
        "done" => draft.body.push(Piece::data("[DONE]")),
        "go-on" => draft.body.extend(rest),
        _ => {}
    }
}

fn error_piece(fault: &Fault, scene: &Scene) -> Piece {
    let message = fault.word("message");
    let object = json!({
        "message": message,
        "type": fault.word("type"),
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
    match fault.word("kind") {
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
        "event" => Piece::Event(vec![
            b"event: error".to_vec(),
            format!("data: {}", json!({"error": object})).into_bytes(),
        ]),
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
        "bare" => Piece::raw(format!("{}\n", json!({"error": object}))),
        "string" => Piece::data(&json!({"error": message, "error_type": "generation"}).to_string()),
        "empty-choices" => {
            Piece::data(&chunk(json!([]), json!({"code": 400, "message": message})).to_string())
        }
        _ => Piece::data(&json!({"error": object}).to_string()),
    }
}

fn cut_json(draft: &mut Draft, fault: &Fault, _: &Scene) {
    if let Some(piece) = draft.body.get_mut(fault.size("after"))
        && let Piece::Event(lines) = piece
        && let Some(line) = lines.first_mut()
    {
        line.truncate(line.len() / 2);
    }
}

fn huge(draft: &mut Draft, fault: &Fault, scene: &Scene) {
    let text = "h".repeat(fault.size("bytes"));
    let chunk = json!({
        "id": "chatcmpl-sim-huge",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": scene.model,
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}],
    });
    insert(draft, fault.size("after"), Piece::data(&chunk.to_string()));
}

fn endless(draft: &mut Draft, fault: &Fault, _: &Scene) {
    const PART: &[u8] = &[b'x'; 4096];
    if !draft.is_stream {
        return;
    }
    draft.body.truncate(fault.size("after"));
    draft.body.push(Piece::raw(
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"",
    ));
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

fn is_finish(piece: &Piece) -> bool {
    piece.json().is_some_and(|chunk| {
        chunk
            .pointer("/choices/0/finish_reason")
            .is_some_and(Value::is_string)
    })
}

fn repeat(draft: &mut Draft, which: fn(&Piece) -> bool) {
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
    let chunk = json!({
        "id": "chatcmpl-sim-late",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": scene.model,
        "choices": [{"index": 0, "delta": {"content": " too late"}, "finish_reason": null}],
    });
    insert(draft, usize::MAX, Piece::data(&chunk.to_string()));
}

fn index_jump(draft: &mut Draft, fault: &Fault, _: &Scene) {
    let index = fault.number("index");
    let half = draft.body.len() / 2;
    let mut position = 0;
    draft.edit_json(|chunk| {
        position += 1;
        if position > half {
            for at in ["/choices/0/index", "/choices/0/delta/tool_calls/0/index"] {
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
        if let Some(document) = piece.json() {
            let lines = format!("{document:#}");
            let lines = lines
                .lines()
                .map(|line| format!("data: {line}").into_bytes());
            *piece = Piece::Event(lines.collect());
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
