//! A whole answer for a caller.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::chat;
use crate::formats::Asked;
use crate::neutral::{Answer, Content, Reasoned};
use crate::openai::thought;

/// Writes an answer.
pub fn answer(answer: &Answer, asked: &Asked<'_>) -> Bytes {
    let mut choice = Map::new();
    choice.insert("index".to_owned(), 0.into());
    choice.insert("message".to_owned(), Value::Object(message(answer)));
    choice.insert("logprobs".to_owned(), Value::Null);
    match &answer.ending {
        Some(ending) => choice.extend(chat::finish(ending)),
        None => drop(choice.insert("finish_reason".to_owned(), Value::Null)),
    }
    let mut whole = json!({
        "id": chat::id(answer.id.as_deref(), asked),
        "object": "chat.completion",
        "created": asked.now,
        "model": answer.model.as_deref().unwrap_or(asked.model),
        "choices": [choice],
    });
    if let (Some(usage), Some(members)) = (&answer.usage, whole.as_object_mut()) {
        members.insert("usage".to_owned(), chat::usage(usage));
    }
    whole.to_string().into()
}

/// What a message is made of.
#[derive(Default)]
struct Draft<'a> {
    text: String,
    /// The length of `text` in characters.
    length: u64,
    refusal: String,
    annotations: Vec<Value>,
    calls: Vec<Value>,
    thoughts: Vec<&'a Reasoned>,
}

fn message(answer: &Answer) -> Map<String, Value> {
    let mut draft = Draft::default();
    for part in &answer.parts {
        draft.take(&part.content);
    }
    draft.into_message()
}

impl<'a> Draft<'a> {
    fn take(&mut self, content: &'a Content) {
        match content {
            Content::Text { text, citations } => {
                let citations = citations.iter();
                let length = self.length;
                self.annotations
                    .extend(citations.filter_map(|citation| chat::annotation(citation, length)));
                self.text.push_str(text);
                self.length += chat::length(text);
            }
            Content::Refusal(text) => self.refusal.push_str(text),
            Content::Reasoning(thought) => self.thoughts.push(thought),
            Content::ToolCall(call) => self.calls.push(chat::call(call)),
            // No chat completion answers with these in a place that clients know.
            Content::Image(_)
            | Content::Audio(_)
            | Content::Document(_)
            | Content::ToolResult(_) => {}
        }
    }

    fn into_message(self) -> Map<String, Value> {
        let mut message = Map::new();
        let mut insert = |name: &str, value: Value| {
            message.insert(name.to_owned(), value);
        };
        let silent = self.text.is_empty() && !(self.calls.is_empty() && self.refusal.is_empty());
        insert("role", "assistant".into());
        insert("content", (!silent).then_some(self.text).into());
        let refusal = Some(self.refusal).filter(|text| !text.is_empty());
        insert("refusal", refusal.into());
        let words = self.thoughts.iter().map(|thought| &*thought.text);
        let words: String = words.collect();
        if !words.is_empty() {
            insert("reasoning_content", words.into());
        }
        if self.thoughts.iter().any(|thought| thought.state.is_some()) {
            let details = self.thoughts.iter().enumerate();
            let details = details.map(|(index, thought)| thought::shown(thought, index));
            insert("reasoning_details", details.collect());
        }
        if !self.calls.is_empty() {
            insert("tool_calls", self.calls.into());
        }
        if !self.annotations.is_empty() {
            insert("annotations", self.annotations.into());
        }
        message
    }
}

#[cfg(test)]
pub(super) mod tests;
