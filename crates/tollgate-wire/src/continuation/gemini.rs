//! Gemini's responses: the words are in the parts of the only candidate.

use bytes::Bytes;
use serde_json::{Value, json};

use super::body::{Body, Place};
use super::form::{Form, Members, Words, has, is_filled, mark_estimate, overlay};
use super::said::Said;
use super::tally::Total;
use crate::gemini::usage;
use crate::json::Kind;

/// What of a candidate refers to other texts, or tells how likely words were.
const BEYOND: [&str; 5] = [
    "citationMetadata",
    "groundingMetadata",
    "groundingAttributions",
    "urlContextMetadata",
    "logprobsResult",
];

/// Follows the responses of one answer.
#[derive(Debug, Default)]
pub(super) struct Responses {
    /// The id of the answer.
    id: Option<Value>,
}

impl Form for Responses {
    fn note(&mut self, event: &Members, said: &mut Said) {
        if self.id.is_none() && has(event, "responseId") {
            self.id = event.get("responseId").cloned();
        }
        let feedback = event.get("promptFeedback").and_then(Value::as_object);
        if has(event, "error") || feedback.is_some_and(|feedback| has(feedback, "blockReason")) {
            said.give_up();
        }
        let Some(Value::Array(candidates)) = event.get("candidates") else {
            return;
        };
        for candidate in candidates {
            let first = matches!(candidate["index"].as_u64(), None | Some(0));
            match candidate {
                Value::Object(candidate) if first && candidates.len() == 1 => {
                    note(candidate, said);
                }
                _ => said.give_up(),
            }
        }
    }

    fn switch(&mut self) {}

    fn join(&mut self, mut event: Members, words: &mut Words<'_>, out: &mut Vec<Members>) {
        if let Some(id) = &self.id {
            event.insert("responseId".to_owned(), id.clone());
        }
        let candidates = event.get_mut("candidates").and_then(Value::as_array_mut);
        let Some([Value::Object(candidate)]) = candidates.map(Vec::as_mut_slice) else {
            out.push(event);
            return;
        };
        // What a response says of the tokens so far, a later one says again.
        if join(candidate, words) || is_finished(candidate) {
            out.push(event);
        }
    }

    fn speak(&self, words: String) -> Members {
        let content = json!({"role": "model", "parts": [{"text": words}]});
        let mut event = Members::new();
        let candidate = json!({"content": content, "index": 0});
        event.insert("candidates".to_owned(), json!([candidate]));
        if let Some(id) = &self.id {
            event.insert("responseId".to_owned(), id.clone());
        }
        event
    }

    fn has_counts(&self, event: &Members) -> bool {
        let counts = event.get("usageMetadata");
        let told = [
            "promptTokenCount",
            "candidatesTokenCount",
            "totalTokenCount",
        ];
        counts.is_some_and(|counts| told.into_iter().any(|name| !counts[name].is_null()))
    }

    fn count(&self, event: &mut Members, total: &Total) {
        if let Some(Value::Object(counts)) = event.get_mut("usageMetadata") {
            // Counted beside the prompt, and part of it for us.
            counts.remove("toolUsePromptTokenCount");
            counts.remove("toolUsePromptTokensDetails");
            overlay(counts, usage::write(&total.usage));
            mark_estimate(counts, total);
        }
    }

    fn ends_in_words(&self) -> bool {
        // Another target may be asked in Anthropic's words, which refuse blanks at the end.
        true
    }

    fn ask(&self, body: &str, said: &str, spent: u64) -> Option<Bytes> {
        ask(body, said, spent)
    }
}

/// Notes what the candidate says.
fn note(candidate: &Members, said: &mut Said) {
    for part in parts(candidate) {
        match part {
            Value::Object(part) if is_words(part) => {
                said.say(part.get("text").and_then(Value::as_str).unwrap_or_default());
            }
            _ => said.give_up(),
        }
    }
    if BEYOND.into_iter().any(|name| has(candidate, name)) {
        said.give_up();
    }
    if is_finished(candidate) {
        said.close();
    }
}

fn parts(candidate: &Members) -> &[Value] {
    let parts = candidate
        .get("content")
        .and_then(|content| content.get("parts"));
    parts.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether a part is words and nothing else: no thought, no signature.
fn is_words(part: &Members) -> bool {
    let others = part.iter().filter(|(name, _)| *name != "text");
    let text = part.get("text").unwrap_or(&Value::Null);
    matches!(text, Value::String(_) | Value::Null)
        && others.into_iter().all(|(_, value)| !is_filled(value))
}

fn is_finished(candidate: &Members) -> bool {
    let reason = candidate.get("finishReason").and_then(Value::as_str);
    reason.is_some_and(|reason| !reason.is_empty() && reason != "FINISH_REASON_UNSPECIFIED")
}

/// Makes the candidate go on. False if it then says nothing.
fn join(candidate: &mut Members, words: &mut Words<'_>) -> bool {
    let finished = is_finished(candidate);
    let said_much = BEYOND.into_iter().any(|name| has(candidate, name));
    let content = candidate
        .entry("content")
        .or_insert_with(|| json!({"role": "model"}));
    let Some(content) = content.as_object_mut() else {
        return true;
    };
    let mut joined = Vec::new();
    let came = content.get_mut("parts").and_then(Value::as_array_mut);
    for part in came.map(std::mem::take).unwrap_or_default() {
        match part {
            Value::Object(mut part) if part.get("thought") != Some(&Value::Bool(true)) => {
                let plain = is_words(&part);
                let mut new = match part.get("text") {
                    Some(Value::String(more)) => words.push(more),
                    _ => String::new(),
                };
                if !plain {
                    new.push_str(&words.flush());
                }
                if part.contains_key("text") {
                    part.insert("text".to_owned(), new.clone().into());
                } else if !new.is_empty() {
                    joined.push(json!({"text": new}));
                }
                if !plain || !new.is_empty() {
                    joined.push(part.into());
                }
            }
            other => {
                put_held(words, &mut joined);
                joined.push(other);
            }
        }
    }
    if finished {
        put_held(words, &mut joined);
    }
    let says = !joined.is_empty() || said_much;
    if joined.is_empty() {
        // Callers take a candidate without parts for no answer at all.
        joined.push(json!({"text": ""}));
    }
    content.insert("parts".to_owned(), joined.into());
    says
}

fn put_held(words: &mut Words<'_>, parts: &mut Vec<Value>) {
    let held = words.flush();
    if !held.is_empty() {
        parts.push(json!({"text": held}));
    }
}

/// The body that asks for the rest.
fn ask(text: &str, said: &str, spent: u64) -> Option<Bytes> {
    let mut body = Body::new(text);
    let mut contents = None;
    for (name, place) in body.members(&body.whole())? {
        match &*name {
            "contents" => contents = Some(place),
            "generationConfig" | "generation_config" => configure(&mut body, &place, spent)?,
            _ => {}
        }
    }
    let last = body.last_item(&contents?)?;
    let (mut own, mut parts) = (false, None);
    for (name, place) in body.members(&last)? {
        match &*name {
            "role" => own = body.is(&place, |role| role == "model"),
            "parts" => parts = Some(place),
            _ => {}
        }
    }
    if own {
        extend(&mut body, &parts?, said)?;
    } else {
        body.add_behind(&last, &json!({"role": "model", "parts": [{"text": said}]}));
    }
    Some(body.into_bytes())
}

/// Adds to what the caller has begun to say for the model; `None` if it does not end in words.
fn extend(body: &mut Body<'_>, parts: &Place, said: &str) -> Option<()> {
    let part = body.last_item(parts)?;
    let mut text = None;
    for (name, place) in body.members(&part)? {
        match &*name {
            "text" if body.kind(&place) == Some(Kind::String) => text = Some(place),
            _ if body.is(&place, |value| !is_filled(value)) => {}
            _ => return None,
        }
    }
    body.lengthen(&text?, said);
    Some(())
}

/// Lowers the bound of the answer; `None` if the answer is to be more than words, or several.
fn configure(body: &mut Body<'_>, config: &Place, spent: u64) -> Option<()> {
    if body.kind(config)? == Kind::Null {
        return Some(());
    }
    for (name, place) in body.members(config)? {
        match &*name {
            "maxOutputTokens" | "max_output_tokens" => body.lower(&place, spent),
            name if !body.is(&place, |value| is_plain(name, value)) => return None,
            _ => {}
        }
    }
    Some(())
}

fn is_plain(name: &str, value: &Value) -> bool {
    match name {
        "candidateCount" | "candidate_count" => value.is_null() || *value == 1,
        "responseMimeType" | "response_mime_type" => !is_filled(value) || value == "text/plain",
        "responseModalities" | "response_modalities" => {
            let mut items = value.as_array().into_iter().flatten();
            items.all(|item| {
                item.as_str()
                    .is_some_and(|item| item.eq_ignore_ascii_case("text"))
            })
        }
        "thinkingConfig" | "thinking_config" => is_thoughtless(value),
        "responseSchema"
        | "response_schema"
        | "responseJsonSchema"
        | "response_json_schema"
        | "responseLogprobs"
        | "response_logprobs"
        | "speechConfig"
        | "speech_config"
        | "imageConfig"
        | "image_config" => !is_filled(value),
        "logprobs" => value.is_null(),
        _ => true,
    }
}

/// Whether a setting asks for no thoughts.
fn is_thoughtless(config: &Value) -> bool {
    let mut members = config.as_object().into_iter().flatten();
    members.all(|(name, value)| match name.as_str() {
        "thinkingBudget" | "thinking_budget" => value.is_null() || *value == 0,
        _ => !is_filled(value),
    })
}
