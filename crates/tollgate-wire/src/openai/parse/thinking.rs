//! Thoughts among the parts of a content, as Mistral writes them.

use serde_json::Value;

/// The words of a `thinking` member: a text, or parts with a text each.
pub(super) fn words(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts
            .iter()
            .filter_map(|part| part.get("text").and_then(Value::as_str))
            .collect(),
        _ => String::new(),
    }
}
