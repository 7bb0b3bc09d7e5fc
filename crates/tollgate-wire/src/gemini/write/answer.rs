//! A whole answer, and the parts that streams are made of, too.

use serde_json::{Map, Value, json};

use super::set;

use crate::formats::Asked;
use crate::gemini::finish::word;
use crate::gemini::usage;
use crate::neutral::arguments_object;
use crate::neutral::{Answer, Citation, Content, Ending, Media, Reasoned, Source, ToolCall};
use crate::state::State;
use tollgate_core::reply::{Finish, Usage};

/// The answer as one response.
pub(super) fn write(answer: &Answer, asked: &Asked<'_>) -> Value {
    let (mut parts, mut cited) = (Vec::new(), Vec::new());
    let mut text_before = 0;
    for part in &answer.parts {
        match &part.content {
            Content::Text { text, citations } => {
                let found = citations.iter();
                cited.extend(found.filter_map(|citation| source(citation, text, text_before)));
                text_before += text.len();
                parts.push(json!({"text": text}));
            }
            Content::Refusal(text) => {
                text_before += text.len();
                parts.push(json!({"text": text}));
            }
            Content::Reasoning(thought) => parts.push(thinking(thought)),
            Content::ToolCall(call) => parts.push(calling(call)),
            Content::Image(media) | Content::Audio(media) | Content::Document(media) => {
                parts.push(shown(media));
            }
            // No model gives one.
            Content::ToolResult(_) => {}
        }
    }
    let mut candidate = candidate(parts);
    finish(&mut candidate, answer.ending.as_ref(), &cited);
    let id = answer.id.as_deref().unwrap_or(asked.request_id);
    response(&candidate, answer.usage.as_ref(), (asked.model, id))
}

/// A response around a candidate.
pub(super) fn response(
    candidate: &Map<String, Value>,
    usage: Option<&Usage>,
    (model, id): (&str, &str),
) -> Value {
    let mut response = Map::new();
    response.insert("candidates".to_owned(), json!([candidate]));
    if let Some(usage) = usage {
        response.insert("usageMetadata".to_owned(), usage::write(usage));
    }
    response.insert("modelVersion".to_owned(), model.into());
    response.insert("responseId".to_owned(), id.into());
    Value::Object(response)
}

/// A candidate that says this. Callers take one without parts for no answer at all.
pub(super) fn candidate(mut parts: Vec<Value>) -> Map<String, Value> {
    if parts.is_empty() {
        parts.push(json!({"text": ""}));
    }
    let mut candidate = Map::new();
    candidate.insert(
        "content".to_owned(),
        json!({"role": "model", "parts": parts}),
    );
    candidate.insert("index".to_owned(), 0.into());
    candidate
}

/// Adds why the candidate ended, and what it refers to.
pub(super) fn finish(candidate: &mut Map<String, Value>, ending: Option<&Ending>, cited: &[Value]) {
    // A candidate without a reason would be taken for one that was cut.
    let finish = ending.map_or(Finish::Other, |ending| ending.finish);
    candidate.insert("finishReason".to_owned(), word(finish).into());
    if !cited.is_empty() {
        candidate.insert(
            "citationMetadata".to_owned(),
            json!({"citationSources": cited}),
        );
    }
}

/// A thought. One that is not shown has no text at all, so that it is known again.
pub(super) fn thinking(thought: &Reasoned) -> Value {
    let mut part = json!({"thought": true});
    if !thought.redacted {
        set(&mut part, "text", thought.text.as_str());
    }
    if let Some(state) = &thought.state {
        set(&mut part, "thoughtSignature", state.seal());
    }
    part
}

/// A call.
pub(super) fn calling(call: &ToolCall) -> Value {
    let mut part = json!({
        "functionCall": {
            "id": call.id, "name": call.name, "args": arguments_object(&call.arguments),
        },
    });
    // Clients give it back, and Google's models want some signature on their first call.
    let sealed = call.state.as_ref().map_or_else(State::nobodys, State::seal);
    set(&mut part, "thoughtSignature", sealed);
    part
}

/// A citation of this text; `None` for one without an address. Google counts in bytes, and over
/// the whole answer.
fn source(citation: &Citation, text: &str, before: usize) -> Option<Value> {
    let byte = |place: u64| {
        let place = usize::try_from(place).ok()?;
        let at = text.char_indices().map(|(at, _)| at);
        at.chain([text.len()]).nth(place).map(|at| at + before)
    };
    let mut source = cited(citation)?;
    let ends = [("startIndex", citation.start), ("endIndex", citation.end)];
    for (name, place) in ends {
        if let Some(at) = place.and_then(byte) {
            set(&mut source, name, at);
        }
    }
    Some(source)
}

/// A citation without its place; `None` for one without an address.
pub(super) fn cited(citation: &Citation) -> Option<Value> {
    let mut source = json!({"uri": citation.url.as_ref()?});
    if let Some(title) = &citation.title {
        set(&mut source, "title", title.as_str());
    }
    Some(source)
}

fn shown(media: &Media) -> Value {
    match &media.source {
        Source::Base64(data) => {
            json!({"inlineData": {"mimeType": media.media_type, "data": data}})
        }
        Source::Url(uri) | Source::File(uri) => {
            json!({"fileData": {"mimeType": media.media_type, "fileUri": uri}})
        }
    }
}
