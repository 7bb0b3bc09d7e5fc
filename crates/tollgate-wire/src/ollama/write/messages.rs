//! The conversation as Ollama has it: a text in each message, its pictures beside it, and a
//! message of its own for each result of a tool.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::formats::{Aim, Lost};
use crate::neutral::{
    Content, Media, Part, Reasoned, Request, Role, Source, ToolCall, ToolResult, arguments_object,
};

/// Between the texts of one message: Ollama joins neighbouring messages in the same way.
const GAP: &str = "\n\n";

/// The messages of a request.
pub(super) fn of(request: &Request, aim: &Aim<'_>, lost: &mut Lost) -> Vec<Value> {
    let mut writer = Writer {
        messages: Vec::new(),
        names: HashMap::new(),
        provider: aim.provider,
        lost,
    };
    for (at, turn) in request.turns.iter().enumerate() {
        let mut message = Message::default();
        for (number, part) in turn.parts.iter().enumerate() {
            let path = format!("messages[{at}].content[{number}]");
            if let Content::ToolResult(result) = &part.content {
                writer.close(turn.role, &mut message);
                writer.result(result, &path);
            } else {
                writer.part(part, path, &mut message);
            }
        }
        writer.close(turn.role, &mut message);
    }
    writer.messages
}

struct Writer<'a> {
    messages: Vec<Value>,
    /// The tools that were called, by the ids of the calls.
    names: HashMap<String, String>,
    provider: &'static str,
    lost: &'a mut Lost,
}

/// A message in the making.
#[derive(Default)]
struct Message {
    text: String,
    thinking: String,
    images: Vec<Value>,
    calls: Vec<Value>,
}

impl Message {
    fn is_empty(&self) -> bool {
        self.text.is_empty()
            && self.thinking.is_empty()
            && self.images.is_empty()
            && self.calls.is_empty()
    }

    /// The members beside the role.
    fn members(self) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("content".to_owned(), self.text.into());
        if !self.thinking.is_empty() {
            members.insert("thinking".to_owned(), self.thinking.into());
        }
        if !self.images.is_empty() {
            members.insert("images".to_owned(), self.images.into());
        }
        if !self.calls.is_empty() {
            members.insert("tool_calls".to_owned(), self.calls.into());
        }
        members
    }
}

impl Writer<'_> {
    fn close(&mut self, role: Role, message: &mut Message) {
        let message = std::mem::take(message);
        if message.is_empty() {
            return;
        }
        let role = match role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        self.push(role, message.members());
    }

    fn push(&mut self, role: &str, members: Map<String, Value>) {
        let mut message = Map::new();
        message.insert("role".to_owned(), role.into());
        message.extend(members);
        self.messages.push(Value::Object(message));
    }

    fn part(&mut self, part: &Part, path: String, message: &mut Message) {
        match &part.content {
            Content::Text { text, citations } => {
                append(&mut message.text, text);
                if !citations.is_empty() {
                    self.lost.push(format!("{path}.citations"));
                }
            }
            Content::Refusal(text) => append(&mut message.text, text),
            Content::Image(media) => message.images.extend(self.image(media, path)),
            Content::Reasoning(thought) => self.thought(thought, path, message),
            Content::ToolCall(call) => message.calls.push(self.call(call, &path)),
            Content::Audio(_) | Content::Document(_) | Content::ToolResult(_) => {
                self.lost.push(path);
            }
        }
    }

    /// Ollama fetches nothing.
    fn image(&mut self, media: &Media, path: String) -> Option<Value> {
        if let Source::Base64(data) = &media.source {
            return Some(data.clone().into());
        }
        self.lost.push(path);
        None
    }

    /// Ollama's own thoughts carry no state; one that does is another provider's.
    fn thought(&mut self, thought: &Reasoned, path: String, message: &mut Message) {
        let is_own = thought
            .state
            .as_ref()
            .is_none_or(|state| state.is_of(self.provider));
        if thought.redacted || !is_own {
            self.lost.push(path);
        } else {
            append(&mut message.thinking, &thought.text);
        }
    }

    fn call(&mut self, call: &ToolCall, path: &str) -> Value {
        self.names.insert(call.id.clone(), call.name.clone());
        if call.state.is_some() {
            self.lost.push(format!("{path}.signature"));
        }
        json!({
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": arguments_object(&call.arguments)},
        })
    }

    /// A result is told by the name of its tool, and by the id of the call where the server
    /// knows it.
    fn result(&mut self, result: &ToolResult, path: &str) {
        let mut message = Message::default();
        for (number, part) in result.parts.iter().enumerate() {
            self.part(part, format!("{path}.content[{number}]"), &mut message);
        }
        let mut members = message.members();
        let name = result.name.as_ref().or_else(|| self.names.get(&result.id));
        if let Some(name) = name {
            members.insert("tool_name".to_owned(), name.clone().into());
        }
        members.insert("tool_call_id".to_owned(), result.id.clone().into());
        if result.failed {
            self.lost.push(format!("{path}.is_error"));
        }
        self.push("tool", members);
    }
}

fn append(text: &mut String, more: &str) {
    if !text.is_empty() && !more.is_empty() {
        text.push_str(GAP);
    }
    text.push_str(more);
}
