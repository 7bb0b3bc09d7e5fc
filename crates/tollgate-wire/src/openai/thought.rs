//! What stands for thoughts in chat completions: `reasoning_details`, as `OpenRouter` writes them.
//!
//! Callers get each thought with its sealed state, and whoever sends an answer back as it came
//! sends both. Providers that write details themselves get them back whole: their state is all of
//! a detail but its words.

use serde_json::{Map, Value, json};

use crate::neutral::Reasoned;
use crate::state::State;

const ENCRYPTED: &str = "reasoning.encrypted";

/// The members of a detail that are words.
const WORDS: [&str; 2] = ["text", "summary"];

/// What one detail of a provider says.
pub(super) struct Told {
    /// The words of the thought, or the next ones.
    pub(super) text: String,
    /// What the provider wants to have back.
    pub(super) state: Option<State>,
    /// Whether the provider keeps the words to itself.
    pub(super) encrypted: bool,
}

/// Reads a provider's detail.
pub(super) fn told(detail: &Map<String, Value>, provider: &str) -> Told {
    let has = |name: &str| filled(detail, name).is_some();
    let state = (has("signature") || has("data")).then(|| {
        let mut rest = detail.clone();
        rest.retain(|name, _| !WORDS.contains(&&**name));
        State::of(provider, Value::Object(rest).to_string())
    });
    Told {
        text: words(detail).to_owned(),
        state,
        encrypted: is_encrypted(detail),
    }
}

/// The details that a provider gets back for a thought of its own; `None` if it made the state in
/// another format, and does not know it in this one.
pub(crate) fn returned(text: &str, token: &str) -> Option<Vec<Value>> {
    let Ok(Value::Object(mut detail)) = serde_json::from_str(token) else {
        return None;
    };
    if !is_encrypted(&detail) {
        detail.insert("text".to_owned(), text.into());
        return Some(vec![Value::Object(detail)]);
    }
    let summary = (!text.is_empty()).then(|| json!({"type": "reasoning.summary", "summary": text}));
    Some(summary.into_iter().chain([Value::Object(detail)]).collect())
}

/// The detail that a caller gets for a thought.
pub(super) fn shown(thought: &Reasoned, index: usize) -> Value {
    let sealed = thought.state.as_ref().map(State::seal);
    let mut detail = Map::new();
    if thought.redacted {
        detail.insert("type".to_owned(), ENCRYPTED.into());
        detail.insert("data".to_owned(), sealed.into());
    } else {
        detail.insert("type".to_owned(), "reasoning.text".into());
        detail.insert("text".to_owned(), thought.text.clone().into());
        if sealed.is_some() {
            detail.insert("signature".to_owned(), sealed.into());
        }
    }
    detail.insert("index".to_owned(), index.into());
    Value::Object(detail)
}

/// The thought in a detail that a caller sends back; `None` if there is nothing in it.
pub(super) fn opened(detail: &Map<String, Value>) -> Option<Reasoned> {
    let redacted = is_encrypted(detail);
    let state = filled(detail, "signature").or(filled(detail, "data"));
    let thought = Reasoned {
        text: words(detail).to_owned(),
        state: state.map(State::open),
        redacted,
    };
    (!thought.text.is_empty() || thought.state.is_some()).then_some(thought)
}

fn is_encrypted(detail: &Map<String, Value>) -> bool {
    detail.get("type").and_then(Value::as_str) == Some(ENCRYPTED)
}

fn words(detail: &Map<String, Value>) -> &str {
    let found = WORDS.iter().find_map(|name| filled(detail, name));
    found.unwrap_or_default()
}

fn filled<'a>(detail: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let text = detail.get(name).and_then(Value::as_str);
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_provider_gets_its_detail_back_as_it_was() {
        for detail in [
            json!({"type": "reasoning.text", "text": "so", "signature": "s", "format": "f", "index": 0}),
            json!({"type": "reasoning.encrypted", "data": "d", "id": "rs_1", "index": 1}),
        ] {
            let told = told(&object(&detail), "openrouter");
            let state = told.state.unwrap();
            assert!(state.is_of("openrouter"));
            let sealed = shown(
                &Reasoned {
                    text: told.text,
                    state: Some(state),
                    redacted: told.encrypted,
                },
                0,
            );
            let back = opened(&object(&sealed)).unwrap();
            assert_eq!(back.redacted, told.encrypted);
            assert_eq!(
                returned(&back.text, &back.state.unwrap().token),
                Some(vec![detail])
            );
        }
    }

    #[test]
    fn the_summary_of_a_hidden_thought_goes_with_it() {
        let hidden = json!({"type": "reasoning.encrypted", "data": "d"});
        assert_eq!(
            returned("short", &hidden.to_string()),
            Some(vec![
                json!({"type": "reasoning.summary", "summary": "short"}),
                hidden
            ])
        );
        assert_eq!(returned("t", "encrypted content of a response"), None);
    }

    #[test]
    fn a_detail_without_words_and_state_is_no_thought() {
        assert_eq!(
            opened(&object(&json!({"type": "reasoning.text", "text": ""}))),
            None
        );
        let told = told(&object(&json!({"text": "x", "signature": ""})), "p");
        assert_eq!((&*told.text, told.state), ("x", None));
    }
}
