//! Faults of token counts. They change the usage where the answer has one: in a plain answer
//! always, in a stream when it was asked for with `include_usage`.

use serde_json::{Value, json};

use super::{Fault, FaultRow, Group, Parameter, Scene};
use crate::draft::{Draft, Piece};
use crate::openai::usage::{is_usage_chunk, remove, replace};

pub(super) const ROWS: &[FaultRow] = &[
    row("usage-missing", "Leaves the usage out.", |draft, _, _| {
        remove(draft);
    }),
    row("usage-null", "Says `null` for the usage.", |draft, _, _| {
        replace(draft, |_| "null".to_owned());
    }),
    row("usage-empty", "Says `{}` for the usage.", |draft, _, _| {
        replace(draft, |_| "{}".to_owned());
    }),
    row("usage-zero", "Says 0 for every count.", |draft, _, _| {
        replace(draft, |usage| counts(usage, |_| "0".to_owned()));
    }),
    row("usage-negative", "Says negative numbers.", |draft, _, _| {
        replace(draft, |usage| {
            counts(usage, |count| format!("-{}", count.max(1)))
        });
    }),
    row("usage-huge", "Says 2^63 for every count.", |draft, _, _| {
        replace(draft, |usage| {
            counts(usage, |_| "9223372036854775808".to_owned())
        });
    }),
    row(
        "usage-beyond",
        "Says 10^40 for every count.",
        |draft, _, _| {
            replace(draft, |usage| {
                counts(usage, |_| format!("1{}", "0".repeat(40)))
            });
        },
    ),
    row(
        "usage-float",
        "Says numbers with a fraction.",
        |draft, _, _| {
            replace(draft, |usage| counts(usage, |count| format!("{count}.5")));
        },
    ),
    row(
        "usage-nan",
        "Says `NaN`, which is not JSON.",
        |draft, _, _| {
            replace(draft, |usage| counts(usage, |_| "NaN".to_owned()));
        },
    ),
    row(
        "usage-text",
        "Says the numbers as strings.",
        |draft, _, _| {
            replace(draft, |usage| counts(usage, |count| format!("\"{count}\"")));
        },
    ),
    row(
        "usage-cached",
        "Says that more tokens were cached than the prompt has.",
        |draft, _, _| {
            replace(draft, cached_over_prompt);
        },
    ),
    FaultRow::edit(
        Group::Usage,
        "usage-over-limit",
        &[Parameter::number("tokens", "1000000", "the output tokens")],
        "Says more output tokens than were allowed.",
        over_limit,
    ),
    row(
        "usage-twice",
        "Sends the usage chunk of a stream twice, the same.",
        |draft, _, _| {
            again(draft, 1);
        },
    ),
    row(
        "usage-changing",
        "Sends the usage chunk of a stream twice, the second with doubled counts.",
        |draft, _, _| again(draft, 2),
    ),
    row(
        "usage-each",
        "Counts along in every chunk of a stream, and has no chunk for usage alone.",
        |draft, _, _| each_chunk(draft),
    ),
    row(
        "usage-in-finish",
        "Puts the usage of a stream into the chunk with the finish reason.",
        |draft, _, _| in_finish(draft),
    ),
];

/// Writes the usage with each of the three counts changed.
fn counts(usage: &Value, change: impl Fn(u64) -> String) -> String {
    let names = ["prompt_tokens", "completion_tokens", "total_tokens"];
    let members = names.iter().filter_map(|name| {
        let count = usage.get(name)?.as_u64()?;
        Some(format!("\"{name}\":{}", change(count)))
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

fn cached_over_prompt(usage: &Value) -> String {
    let mut usage = usage.clone();
    let prompt = usage
        .get("prompt_tokens")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    if let Some(members) = usage.as_object_mut() {
        members.insert(
            "prompt_tokens_details".into(),
            json!({"cached_tokens": prompt + 1000}),
        );
    }
    usage.to_string()
}

fn over_limit(draft: &mut Draft, fault: &Fault, _: &Scene) {
    let tokens = fault.number("tokens");
    replace(draft, |usage| {
        let mut usage = usage.clone();
        let prompt = usage
            .get("prompt_tokens")
            .and_then(Value::as_u64)
            .unwrap_or(0);
        if let Some(members) = usage.as_object_mut() {
            members.insert("completion_tokens".into(), tokens.into());
            members.insert("total_tokens".into(), (prompt + tokens).into());
        }
        usage.to_string()
    });
}

fn again(draft: &mut Draft, factor: u64) {
    let Some(at) = draft.body.iter().position(is_usage_chunk) else {
        return;
    };
    let Some(mut chunk) = draft.body.get(at).and_then(Piece::json) else {
        return;
    };
    for count in ["prompt_tokens", "completion_tokens", "total_tokens"] {
        let path = format!("/usage/{count}");
        if let Some(value) = chunk.pointer_mut(&path) {
            *value = (value.as_u64().unwrap_or(0) * factor).into();
        }
    }
    draft.body.insert(at + 1, Piece::data(&chunk.to_string()));
}

/// Takes the usage chunk out of a stream and returns what it said.
fn take_usage(draft: &mut Draft) -> Option<Value> {
    let at = draft.body.iter().position(is_usage_chunk)?;
    let mut chunk = draft.body.remove(at).json()?;
    chunk.get_mut("usage").map(Value::take)
}

fn each_chunk(draft: &mut Draft) {
    let Some(usage) = take_usage(draft) else {
        return;
    };
    let prompt = usage
        .get("prompt_tokens")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    let mut so_far = 0;
    draft.edit_json(|chunk| {
        let delta = chunk.pointer("/choices/0/delta")?;
        so_far += u64::from(delta.get("role").is_none() && delta.get("content").is_some());
        let counted = json!({
            "prompt_tokens": prompt,
            "completion_tokens": so_far,
            "total_tokens": prompt + so_far,
        });
        chunk.as_object_mut()?.insert("usage".to_owned(), counted);
        None
    });
}

fn in_finish(draft: &mut Draft) {
    let Some(usage) = take_usage(draft) else {
        return;
    };
    draft.edit_json(|chunk| {
        chunk.pointer("/choices/0/finish_reason")?.as_str()?;
        chunk
            .as_object_mut()?
            .insert("usage".to_owned(), usage.clone());
        None
    });
}

const fn row(
    name: &'static str,
    does: &'static str,
    edit: fn(&mut Draft, &Fault, &Scene),
) -> FaultRow {
    FaultRow::edit(Group::Usage, name, &[], does, edit)
}
