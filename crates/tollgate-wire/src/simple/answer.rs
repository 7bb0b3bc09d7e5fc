//! Writing answers of the simple chat.

use bytes::Bytes;
use serde_json::{Value, json};
use tollgate_core::reply::{Finish, Usage};

/// What every part of an answer repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The id of the answer.
    pub id: String,
    /// Who answers.
    pub provider: &'static str,
}

/// Reduces a chat completion to the answer's shape: its text, and what was used. `None` if it
/// cannot be read.
pub fn answer(frame: &Frame, completion: &[u8], usage: Option<Usage>) -> Option<Bytes> {
    let completion: Value = serde_json::from_slice(completion).ok()?;
    let message = completion.pointer("/choices/0/message")?;
    let body = json!({
        "id": frame.id,
        "provider": frame.provider,
        "content": text(message),
        "usage": counts(usage),
    });
    Some(body.to_string().into())
}

/// What a message or a delta says: its text, else why it says none.
pub(super) fn text(message: &Value) -> String {
    for name in ["content", "refusal"] {
        let text = match message.get(name) {
            Some(Value::String(text)) => text.clone(),
            // Some servers answer in parts.
            Some(Value::Array(parts)) => parts
                .iter()
                .filter_map(|part| part.get("text").and_then(Value::as_str))
                .collect(),
            _ => String::new(),
        };
        if !text.is_empty() {
            return text;
        }
    }
    String::new()
}

/// The counts, as documented; nothing where the provider does not tell.
pub(super) fn counts(usage: Option<Usage>) -> Value {
    let Usage {
        prompt, completion, ..
    } = usage.unwrap_or_default();
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt.saturating_add(completion),
    })
}

/// The word for why the model stopped.
pub const fn word(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::ContentFilter => "content_filter",
        Finish::Other => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reduced(message: &str) -> Value {
        let frame = Frame {
            id: "i".to_owned(),
            provider: "p",
        };
        let usage = Usage {
            prompt: 3,
            completion: 4,
            ..Usage::NONE
        };
        let completion = format!(r#"{{"choices":[{{"message":{message}}}]}}"#);
        let answer = answer(&frame, completion.as_bytes(), Some(usage)).unwrap();
        serde_json::from_slice(&answer).unwrap()
    }

    #[test]
    fn an_answer_has_the_documented_members_and_no_others() {
        assert_eq!(
            reduced(r#"{"role":"assistant","content":"Hi","reasoning_content":"Hm"}"#),
            json!({
                "id": "i", "provider": "p", "content": "Hi",
                "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
            })
        );
    }

    #[test]
    fn what_a_model_says_otherwise_is_said_too() {
        for (message, content) in [
            (r#"{"content":null,"refusal":"No."}"#, "No."),
            (
                r#"{"content":[{"type":"text","text":"A"},{"text":"B"}]}"#,
                "AB",
            ),
            (r#"{"content":null}"#, ""),
        ] {
            assert_eq!(reduced(message)["content"], content);
        }
        let frame = Frame {
            id: String::new(),
            provider: "p",
        };
        assert_eq!(answer(&frame, b"{}", None), None);
    }
}
