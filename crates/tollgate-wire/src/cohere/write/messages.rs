//! The turns of a conversation as messages.

use serde_json::{Map, Value, json};

use crate::formats::Lost;
use crate::neutral::{Content, Media, Part, Role, Source, ToolCall, ToolResult, Turn};

/// The messages of a conversation.
pub(super) fn write(turns: &[Turn], lost: &mut Lost) -> Vec<Value> {
    let mut messages = Vec::new();
    for (at, turn) in turns.iter().enumerate() {
        let mut writer = Writer {
            path: format!("messages[{at}].content"),
            lost,
            messages: &mut messages,
        };
        match turn.role {
            Role::System => writer.say("system", &turn.parts),
            Role::User => writer.user(&turn.parts),
            Role::Assistant => writer.assistant(&turn.parts),
        }
    }
    messages
}

struct Writer<'a> {
    /// The path of the turn's content.
    path: String,
    lost: &'a mut Lost,
    messages: &'a mut Vec<Value>,
}

impl Writer<'_> {
    fn part(&mut self, part: &Part, place: usize) -> Option<Value> {
        let written = match &part.content {
            Content::Text { text, .. } | Content::Refusal(text) => Some(words(text)),
            Content::Image(media) => image(media),
            _ => None,
        };
        if written.is_none() {
            self.lost.push(format!("{}[{place}]", self.path));
        }
        written
    }

    fn say(&mut self, role: &str, parts: &[Part]) {
        let parts = parts.iter().enumerate();
        let parts: Vec<_> = parts
            .filter_map(|(place, part)| self.part(part, place))
            .collect();
        self.push(role, parts);
    }

    fn push(&mut self, role: &str, parts: Vec<Value>) {
        if !parts.is_empty() {
            self.messages
                .push(json!({ "role": role, "content": joined(parts) }));
        }
    }

    /// Results come first: they must stand right behind the calls. Pictures among them, which a
    /// result cannot hold, follow from the user.
    fn user(&mut self, parts: &[Part]) {
        let mut rest = Vec::new();
        for (place, part) in parts.iter().enumerate() {
            if let Content::ToolResult(result) = &part.content {
                self.result(result, place, &mut rest);
            }
        }
        for (place, part) in parts.iter().enumerate() {
            if !matches!(part.content, Content::ToolResult(_)) {
                rest.extend(self.part(part, place));
            }
        }
        self.push("user", rest);
    }

    fn result(&mut self, result: &ToolResult, place: usize, rest: &mut Vec<Value>) {
        let mut texts = Vec::new();
        for (inner, part) in result.parts.iter().enumerate() {
            match &part.content {
                Content::Text { text, .. } => texts.push(words(text)),
                Content::Image(media) if image(media).is_some() => rest.extend(image(media)),
                _ => {
                    let path = &self.path;
                    self.lost.push(format!("{path}[{place}].content[{inner}]"));
                }
            }
        }
        if result.failed {
            self.lost.push(format!("{}[{place}].is_error", self.path));
        }
        self.messages.push(json!({
            "role": "tool",
            "tool_call_id": result.id,
            "content": joined(texts),
        }));
    }

    /// What the model thought before it called tools is its plan, which Cohere wants back. Other
    /// thoughts stay where they are, and those of other makers, which have a state, are lost.
    fn assistant(&mut self, parts: &[Part]) {
        let mut texts = Vec::new();
        let mut calls = Vec::new();
        let mut plan = String::new();
        for (place, part) in parts.iter().enumerate() {
            match &part.content {
                Content::Text { text, .. } | Content::Refusal(text) => texts.push(words(text)),
                Content::ToolCall(call) => calls.push(self.call(call, place)),
                Content::Reasoning(thought) if thought.state.is_none() => {
                    plan.push_str(&thought.text);
                }
                _ => self.lost.push(format!("{}[{place}]", self.path)),
            }
        }
        if texts.is_empty() && calls.is_empty() {
            return;
        }
        let mut message = Map::new();
        message.insert("role".to_owned(), "assistant".into());
        if !texts.is_empty() {
            message.insert("content".to_owned(), joined(texts));
        }
        if !calls.is_empty() {
            message.insert("tool_calls".to_owned(), calls.into());
            if !plan.is_empty() {
                message.insert("tool_plan".to_owned(), plan.into());
            }
        }
        self.messages.push(Value::Object(message));
    }

    fn call(&mut self, call: &ToolCall, place: usize) -> Value {
        if call.state.is_some() {
            let path = &self.path;
            self.lost.push(format!("{path}[{place}].signature"));
        }
        let arguments = match call.arguments.trim() {
            "" => "{}",
            arguments => arguments,
        };
        json!({
            "id": call.id,
            "type": "function",
            "function": { "name": call.name, "arguments": arguments },
        })
    }
}

fn words(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

/// A single text is the content itself.
fn joined(mut parts: Vec<Value>) -> Value {
    match parts.as_mut_slice() {
        [] => "".into(),
        [single] => match single.get_mut("text") {
            Some(text) => text.take(),
            None => parts.into(),
        },
        _ => parts.into(),
    }
}

fn image(media: &Media) -> Option<Value> {
    let url = match &media.source {
        Source::Url(url) => url.clone(),
        Source::Base64(data) => {
            let told = Some(&*media.media_type).filter(|told| !told.is_empty());
            format!("data:{};base64,{data}", told.unwrap_or("image/png"))
        }
        Source::File(_) => return None,
    };
    let mut inner = Map::new();
    inner.insert("url".to_owned(), url.into());
    if let Some(detail) = &media.detail {
        inner.insert("detail".to_owned(), detail.clone().into());
    }
    Some(json!({ "type": "image_url", "image_url": inner }))
}
