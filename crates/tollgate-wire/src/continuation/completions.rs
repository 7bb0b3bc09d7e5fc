//! Text completions: the words are in the `text` of a choice, and go on the prompt.

use bytes::Bytes;
use serde_json::Value;

use super::body::Body;
use super::form::{Members, Words, is_filled};
use super::said::Said;
use crate::json::Kind;

/// Notes what a choice says.
pub(super) fn note(choice: &Members, said: &mut Said) {
    match choice.get("text") {
        Some(Value::String(words)) => said.say(words),
        Some(other) if is_filled(other) => said.give_up(),
        _ => {}
    }
}

/// Makes a choice go on. False if it then says nothing.
pub(super) fn join(choice: &mut Members, finished: bool, words: &mut Words<'_>) -> bool {
    let mut new = match choice.get("text") {
        Some(Value::String(more)) => words.push(more),
        _ => String::new(),
    };
    if finished {
        new.push_str(&words.flush());
    }
    let says = !new.is_empty();
    choice.insert("text".to_owned(), new.into());
    says
}

/// The body that asks for the rest.
pub(super) fn ask(text: &str, said: &str, spent: u64) -> Option<Bytes> {
    let mut body = Body::new(text);
    let mut prompt = None;
    for (name, place) in body.members(&body.whole())? {
        match &*name {
            "prompt" => prompt = Some(place),
            "max_tokens" => body.lower(&place, spent),
            name if !body.is(&place, |value| is_plain(name, value)) => return None,
            _ => {}
        }
    }
    let mut prompt = prompt?;
    if body.kind(&prompt) == Some(Kind::Array) {
        if !body.is(&prompt, |prompts| {
            prompts.as_array().map(Vec::len) == Some(1)
        }) {
            return None;
        }
        prompt = body.last_item(&prompt)?;
    }
    if body.kind(&prompt) != Some(Kind::String) {
        return None;
    }
    body.lengthen(&prompt, said);
    Some(body.into_bytes())
}

/// Whether a member of the request leaves the answer to be plain words, and one.
fn is_plain(name: &str, value: &Value) -> bool {
    match name {
        "n" | "best_of" => value.is_null() || *value == 1,
        // Zero asks for those of the words that were chosen.
        "logprobs" => value.is_null() || *value == false,
        "echo" | "suffix" => !is_filled(value),
        "response_format" => value.is_null() || value["type"] == "text",
        name if is_shape(name) => !is_filled(value),
        _ => true,
    }
}

/// Whether a member asks that the answer be of a shape, as servers of open models are asked.
pub(super) fn is_shape(name: &str) -> bool {
    matches!(
        name,
        "guided_json"
            | "guided_regex"
            | "guided_choice"
            | "guided_grammar"
            | "structured_outputs"
            | "json_schema"
            | "grammar"
            | "regex"
            | "ebnf"
            | "response_schema"
    )
}
