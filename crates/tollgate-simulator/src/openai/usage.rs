//! The token counts of an answer, and how faults change them.

use serde_json::{Value, json};

use crate::draft::{Draft, Piece};

/// The counts of a chat completion.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    /// Tokens of the messages.
    pub(crate) prompt: u64,
    /// Tokens of the answer, all choices together.
    pub(crate) completion: u64,
}

impl Usage {
    /// The member `usage` of an answer.
    pub(crate) fn json(self) -> Value {
        json!({
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        })
    }
}

/// Puts any text, JSON or not, in the place of the usage of an answer.
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
        document.as_object_mut()?.shift_remove("usage");
        None
    });
}

/// The usage of a document, when it has one that is not null.
fn usage_of(document: &mut Value) -> Option<&mut Value> {
    document.get_mut("usage").filter(|usage| usage.is_object())
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
