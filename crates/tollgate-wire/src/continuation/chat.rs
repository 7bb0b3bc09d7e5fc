//! Chats: the words are in the `content` of a delta, and those of a request in its last message.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::{Value, json};

use super::body::{Body, Place};
use super::form::{Members, Words, has, is_filled};
use super::said::Said;
use crate::json::Kind;

/// Notes what a choice says.
pub(super) fn note(choice: &Members, said: &mut Said) {
    if has(choice, "message") {
        said.give_up();
    }
    let Some(Value::Object(delta)) = choice.get("delta") else {
        return;
    };
    for (name, value) in delta {
        match (name.as_str(), value) {
            ("role", _) => {}
            ("content", Value::String(words)) => said.say(words),
            // Thoughts, calls, refusals, sounds, and everything that is still unknown.
            (_, value) if is_filled(value) => said.give_up(),
            _ => {}
        }
    }
}

/// Makes a choice go on. False if it then says nothing.
pub(super) fn join(choice: &mut Members, finished: bool, words: &mut Words<'_>) -> bool {
    // A few servers repeat the whole answer so far beside the delta.
    choice.remove("message");
    let mut delta = match choice.remove("delta") {
        Some(Value::Object(delta)) => delta,
        _ => Members::new(),
    };
    // There is one beginning.
    delta.remove("role");
    let mut new = match delta.get("content") {
        Some(Value::String(more)) => words.push(more),
        _ => String::new(),
    };
    let is_other = |(name, value): (&String, &Value)| {
        is_filled(value) && !(name == "content" && value.is_string())
    };
    let other = delta.iter().any(is_other);
    if finished || other {
        new.push_str(&words.flush());
    }
    let says = other || !new.is_empty();
    // Others repeat the words.
    if let Some(text @ Value::String(_)) = choice.get_mut("text") {
        *text = new.as_str().into();
    }
    put_content(&mut delta, new);
    choice.insert("delta".to_owned(), delta.into());
    says
}

/// Puts the words that are new where the words were.
fn put_content(delta: &mut Members, new: String) {
    match delta.get_mut("content") {
        Some(Value::String(content)) => *content = new,
        _ if new.is_empty() => {}
        Some(Value::Array(parts)) => parts.insert(0, json!({"type": "text", "text": new})),
        _ => drop(delta.insert("content".to_owned(), new.into())),
    }
}

/// The body that asks for the rest.
pub(super) fn ask(text: &str, said: &str, spent: u64) -> Option<Bytes> {
    let mut body = Body::new(text);
    let mut messages = None;
    for (name, place) in body.members(&body.whole())? {
        match &*name {
            "messages" => messages = Some(place),
            "max_tokens" | "max_completion_tokens" => body.lower(&place, spent),
            name if !body.is(&place, |value| is_plain(name, value)) => return None,
            _ => {}
        }
    }
    let last = body.last_item(&messages?)?;
    let mut own = false;
    let members = body.members(&last)?;
    for (name, place) in &members {
        own |= name == "role" && body.is(place, |role| role == "assistant");
    }
    if own {
        extend(&mut body, &members, said)?;
    } else {
        let message = json!({"role": "assistant", "content": said});
        body.add_behind(&last, &message);
    }
    Some(body.into_bytes())
}

/// Adds to a message of the assistant, which the caller has begun. `None` if it is more than
/// words.
fn extend(body: &mut Body<'_>, members: &[(Cow<'_, str>, Place)], said: &str) -> Option<()> {
    let mut content = None;
    for (name, place) in members {
        match &**name {
            // `prefix` asks for just this.
            "role" | "name" | "prefix" => {}
            "content" => content = Some(place),
            _ if body.is(place, |value| !is_filled(value)) => {}
            _ => return None,
        }
    }
    let content = content?;
    match body.kind(content)? {
        Kind::String => body.lengthen(content, said),
        Kind::Null => body.replace(content, &said.into()),
        Kind::Array => extend_part(body, content, said)?,
        Kind::Object | Kind::Number | Kind::Bool => return None,
    }
    Some(())
}

/// Adds to the text that is the last of the parts at a place; `None` if it is no text.
pub(super) fn extend_part(body: &mut Body<'_>, parts: &Place, said: &str) -> Option<()> {
    let part = body.last_item(parts)?;
    let mut text = None;
    let mut named = false;
    for (name, place) in body.members(&part)? {
        match &*name {
            "type" => named = body.is(&place, |kind| kind == "text"),
            "text" if body.kind(&place) == Some(Kind::String) => text = Some(place),
            _ => {}
        }
    }
    body.lengthen(&text.filter(|_| named)?, said);
    Some(())
}

/// Whether a member of the request leaves the answer to be plain words, and one.
fn is_plain(name: &str, value: &Value) -> bool {
    match name {
        "n" | "best_of" => value.is_null() || *value == 1,
        "top_logprobs" => value.is_null() || *value == 0,
        "response_format" => value.is_null() || value["type"] == "text",
        "modalities" => value.is_null() || *value == json!(["text"]),
        "reasoning_effort" => value.is_null() || value == "none",
        "reasoning" => !is_filled(value) || value["enabled"] == false || value["effort"] == "none",
        "thinking" => !is_filled(value) || value["type"] == "disabled",
        // Even without settings it asks for pages.
        "web_search_options" => value.is_null(),
        name if super::completions::is_shape(name) => !is_filled(value),
        "logprobs" | "audio" | "include_reasoning" | "enable_thinking" | "chat_template_kwargs" => {
            !is_filled(value)
        }
        _ => true,
    }
}
