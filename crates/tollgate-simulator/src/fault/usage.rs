//! Faults of token counts. They change the usage where the answer has one: in a plain answer
//! always, in a stream of chat completions when it was asked for with `include_usage`. They go by
//! the names that the counts have in the format of the answer.

use serde_json::{Value, json};

use super::{Fault, FaultRow, Group, Parameter, Scene};
use crate::address::Family;
use crate::draft::Draft;
use crate::usage::{
    COMPLETION, PROMPT, TOTAL, count, has_usage, is_usage_chunk, names, remove, replace, set, take,
    usage_of,
};

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
        "Sends the last event of a stream that has the usage twice, the same.",
        |draft, _, _| {
            again(draft, 1);
        },
    ),
    row(
        "usage-changing",
        "Sends the last event of a stream that has the usage twice, the second with doubled counts.",
        |draft, _, _| again(draft, 2),
    ),
    row(
        "usage-each",
        "Counts along in every chunk of a stream, and has no chunk for usage alone.",
        |draft, _, scene| each_chunk(draft, scene),
    ),
    row(
        "usage-in-finish",
        "Puts the usage of a stream into the chunk with the finish reason, and nowhere else.",
        |draft, _, _| in_finish(draft),
    ),
];

/// Writes the usage with each of its main counts changed.
fn counts(usage: &Value, change: impl Fn(u64) -> String) -> String {
    let members = names().filter_map(|name| {
        let count = usage.get(name)?.as_u64()?;
        Some(format!("\"{name}\":{}", change(count)))
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

fn cached_over_prompt(usage: &Value) -> String {
    let mut usage = usage.clone();
    let cached = count(&usage, PROMPT) + 1000;
    if let Some(members) = usage.as_object_mut() {
        let (name, value) = if members.contains_key("promptTokenCount") {
            ("cachedContentTokenCount", json!(cached))
        } else if members.contains_key("cache_read_input_tokens") {
            ("cache_read_input_tokens", json!(cached))
        } else if members.contains_key("input_tokens") {
            ("input_tokens_details", json!({"cached_tokens": cached}))
        } else {
            ("prompt_tokens_details", json!({"cached_tokens": cached}))
        };
        members.insert(name.to_owned(), value);
    }
    usage.to_string()
}

fn over_limit(draft: &mut Draft, fault: &Fault, _: &Scene) {
    let tokens = fault.number("tokens");
    replace(draft, |usage| {
        let mut usage = usage.clone();
        let total = count(&usage, PROMPT) + tokens;
        set(&mut usage, COMPLETION, tokens);
        set(&mut usage, TOTAL, total);
        usage.to_string()
    });
}

/// Where the last usage of a stream is.
fn last_usage(draft: &Draft) -> Option<usize> {
    draft
        .body
        .iter()
        .rposition(has_usage)
        .filter(|_| draft.is_stream)
}

fn again(draft: &mut Draft, factor: u64) {
    let Some(at) = last_usage(draft) else {
        return;
    };
    let Some(mut piece) = draft.body.get(at).cloned() else {
        return;
    };
    piece.edit_json(&mut |document| {
        let usage = usage_of(document)?;
        for name in names() {
            if let Some(value) = usage.get_mut(name) {
                *value = (value.as_u64().unwrap_or(0) * factor).into();
            }
        }
        None
    });
    draft.body.insert(at + 1, piece);
}

/// The last usage of a stream; a chunk that exists only for it is taken away.
fn take_usage(draft: &mut Draft) -> Option<Value> {
    let at = last_usage(draft)?;
    let mut document = draft.body.get(at)?.json()?;
    if draft.body.get(at).is_some_and(is_usage_chunk) {
        draft.body.remove(at);
    }
    take(&mut document)
}

/// Whether a document of a stream carries text, thoughts or arguments of the answer.
fn is_delta(document: &Value) -> bool {
    let text = ["/choices/0/delta/content", "/choices/0/text", "/delta"];
    text.iter()
        .filter_map(|place| document.pointer(place))
        .any(Value::is_string)
        || document.get("type") == Some(&json!("content_block_delta"))
}

fn each_chunk(draft: &mut Draft, scene: &Scene) {
    if scene.family == Family::Google {
        // It counts along as it is.
        return;
    }
    let Some(last) = take_usage(draft) else {
        return;
    };
    let mut so_far = 0;
    draft.edit_json(|document| {
        // Chats show where they stand in all chunks, other formats only where something is said.
        let is_chunk = document.pointer("/choices/0").is_some();
        let is_first = document.pointer("/choices/0/delta/role").is_some();
        let delta = is_delta(document);
        if !is_chunk && !delta {
            return None;
        }
        so_far += u64::from(delta && !is_first);
        let mut counted = last.clone();
        let total = count(&last, PROMPT) + so_far;
        set(&mut counted, COMPLETION, so_far);
        set(&mut counted, TOTAL, total);
        document
            .as_object_mut()?
            .insert("usage".to_owned(), counted);
        None
    });
}

fn in_finish(draft: &mut Draft) {
    let Some(last) = take_usage(draft) else {
        return;
    };
    for piece in &mut draft.body {
        let is_finish = piece.is_finish();
        piece.edit_json(&mut |document| {
            if !is_finish {
                take(document);
            } else if document.pointer("/choices/0").is_some() {
                let members = document.as_object_mut()?;
                members.insert("usage".to_owned(), last.clone());
            }
            None
        });
    }
}

const fn row(
    name: &'static str,
    does: &'static str,
    edit: fn(&mut Draft, &Fault, &Scene),
) -> FaultRow {
    FaultRow::edit(Group::Usage, name, &[], does, edit)
}
