//! The token counts of an answer, and how faults change them.

use serde_json::{Value, json};

use crate::draft::{Draft, Piece};

/// The counts of an answer.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    /// Tokens of the prompt.
    pub(crate) prompt: u64,
    /// Tokens of the answer with its thoughts, all choices together.
    pub(crate) completion: u64,
    /// Tokens of the thoughts.
    pub(crate) thought: u64,
}

impl Usage {
    /// The member `usage` of chat completions and completions.
    pub(crate) fn completions(self) -> Value {
        json!({
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": self.thought,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        })
    }

    /// The member `usage` of responses.
    pub(crate) fn responses(self) -> Value {
        json!({
            "input_tokens": self.prompt,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": self.completion,
            "output_tokens_details": {"reasoning_tokens": self.thought},
            "total_tokens": self.prompt + self.completion,
        })
    }
}

/// Where answers and events have their usage, in all formats: the holder and the member.
const PLACES: &[(&str, &str)] = &[
    ("", "usage"),
    ("/message", "usage"),
    ("/response", "usage"),
    ("", "usageMetadata"),
];

/// The names of the counts: of the prompt, of the answer, and of both.
pub(crate) const PROMPT: &[&str] = &["prompt_tokens", "input_tokens", "promptTokenCount"];
/// See [`PROMPT`].
pub(crate) const COMPLETION: &[&str] =
    &["completion_tokens", "output_tokens", "candidatesTokenCount"];
/// See [`PROMPT`].
pub(crate) const TOTAL: &[&str] = &["total_tokens", "totalTokenCount"];

/// All names of counts.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    [PROMPT, COMPLETION, TOTAL].into_iter().flatten().copied()
}

/// The first of these counts that a usage has.
pub(crate) fn count(usage: &Value, names: &[&str]) -> u64 {
    let mut counts = names.iter().filter_map(|name| usage.get(name)?.as_u64());
    counts.next().unwrap_or(0)
}

/// Sets those of these counts that a usage has.
pub(crate) fn set(usage: &mut Value, names: &[&str], to: u64) {
    for name in names {
        if let Some(count) = usage.get_mut(*name) {
            *count = to.into();
        }
    }
}

/// Puts any text, JSON or not, in the place of every usage of an answer.
pub(crate) fn replace(draft: &mut Draft, text: impl Fn(&Value) -> String) {
    // No text of a caller can hold this: it would have to guess it before it is written.
    const MARK: &str = "\u{f8ff}usage-goes-here\u{f8ff}";
    draft.edit_json(|document| {
        let usage = usage_of(document)?;
        let text = text(usage);
        *usage = Value::from(MARK);
        Some(
            document
                .to_string()
                .replacen(&Value::from(MARK).to_string(), &text, 1),
        )
    });
}

/// Takes the usage away: the member of a document, or the chunk that exists only for it.
pub(crate) fn remove(draft: &mut Draft) {
    draft.body.retain(|piece| !is_usage_chunk(piece));
    draft.edit_json(|document| {
        take(document);
        None
    });
}

/// The usage of a document, when it has one that is not null.
pub(crate) fn usage_of(document: &mut Value) -> Option<&mut Value> {
    let (holder, member) = place(document)?;
    document.pointer_mut(holder)?.get_mut(member)
}

/// Takes the usage out of a document.
pub(crate) fn take(document: &mut Value) -> Option<Value> {
    let (holder, member) = place(document)?;
    document
        .pointer_mut(holder)?
        .as_object_mut()?
        .shift_remove(member)
}

fn place(document: &Value) -> Option<(&'static str, &'static str)> {
    let has_usage = |(holder, member): &&(&str, &str)| {
        let holder = document.pointer(holder);
        holder
            .and_then(|holder| holder.get(member))
            .is_some_and(Value::is_object)
    };
    PLACES.iter().find(has_usage).copied()
}

/// Whether a piece says the usage.
pub(crate) fn has_usage(piece: &Piece) -> bool {
    piece
        .json()
        .is_some_and(|document| place(&document).is_some())
}

/// Whether a piece is the chunk without choices that carries the usage.
pub(crate) fn is_usage_chunk(piece: &Piece) -> bool {
    piece.json().is_some_and(|chunk| {
        chunk.get("usage").is_some_and(Value::is_object)
            && chunk
                .get("choices")
                .and_then(Value::as_array)
                .is_some_and(Vec::is_empty)
    })
}
