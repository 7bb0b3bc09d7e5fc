//! The turns of a conversation as messages.

use serde_json::{Map, Value, json};

use super::content;
use crate::formats::{Aim, Lost};
use crate::neutral::{Content, Part, Role, ToolCall, ToolResult, Turn};
use crate::openai::thought;

/// The messages of a conversation.
pub(super) fn write(turns: &[Turn], aim: &Aim<'_>, lost: &mut Lost) -> Vec<Value> {
    let mut messages = Vec::new();
    for (at, turn) in turns.iter().enumerate() {
        let path = format!("messages[{at}].content");
        let mut writer = Writer {
            path,
            aim,
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
    aim: &'a Aim<'a>,
    lost: &'a mut Lost,
    messages: &'a mut Vec<Value>,
}

impl Writer<'_> {
    fn part(&mut self, part: &Part, place: usize) -> Option<Value> {
        let written = content::part(part, self.aim);
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
            let content = content::joined(parts);
            self.messages
                .push(json!({ "role": role, "content": content }));
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
            match (&part.content, content::part(part, self.aim)) {
                (Content::Text { .. }, Some(text)) => texts.push(text),
                (_, Some(other)) => rest.push(other),
                (_, None) => {
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
            "tool_call_id": content::call_id(&result.id, self.aim),
            "content": content::joined(texts),
        }));
    }

    fn assistant(&mut self, parts: &[Part]) {
        let mut texts = Vec::new();
        let mut calls = Vec::new();
        let mut details = Vec::new();
        let mut words = String::new();
        for (place, part) in parts.iter().enumerate() {
            match &part.content {
                Content::Text { .. } => texts.extend(self.part(part, place)),
                // As plain text it is understood everywhere.
                Content::Refusal(text) => texts.push(content::text(text)),
                Content::ToolCall(call) => calls.push(self.call(call, place)),
                Content::Reasoning(thought) => match &thought.state {
                    None => words.push_str(&thought.text),
                    Some(state) => {
                        let own = state.is_of(self.aim.provider);
                        let own = own.then(|| thought::returned(&thought.text, &state.token));
                        match own.flatten() {
                            Some(returned) => details.extend(returned),
                            None => self.lost.push(format!("{}[{place}]", self.path)),
                        }
                    }
                },
                Content::Image(_)
                | Content::Audio(_)
                | Content::Document(_)
                | Content::ToolResult(_) => self.lost.push(format!("{}[{place}]", self.path)),
            }
        }
        let silent = texts.is_empty();
        if silent && calls.is_empty() && details.is_empty() {
            return;
        }
        let mut message = Map::new();
        let mut insert = |name: &str, value: Value| {
            message.insert(name.to_owned(), value);
        };
        insert("role", "assistant".into());
        insert(
            "content",
            if silent && !calls.is_empty() {
                Value::Null
            } else {
                content::joined(texts)
            },
        );
        // A plain thought is nobody's business but its maker's, who wants it only where tools
        // were called, and then even if it is empty.
        if self.aim.provider == "deepseek" && !calls.is_empty() {
            insert("reasoning_content", words.into());
        }
        if !details.is_empty() {
            insert("reasoning_details", details.into());
        }
        if !calls.is_empty() {
            insert("tool_calls", calls.into());
        }
        self.messages.push(Value::Object(message));
    }

    fn call(&mut self, call: &ToolCall, place: usize) -> Value {
        // Not every server takes no arguments for an empty object.
        let arguments = match call.arguments.trim() {
            "" => "{}",
            arguments => arguments,
        };
        let mut value = json!({
            "id": content::call_id(&call.id, self.aim),
            "type": "function",
            "function": { "name": call.name, "arguments": arguments },
        });
        match &call.state {
            Some(state) if state.is_of(self.aim.provider) => {
                if let Some(members) = value.as_object_mut() {
                    let extra = json!({ "google": { "thought_signature": state.token } });
                    members.insert("extra_content".to_owned(), extra);
                }
            }
            Some(_) => {
                let path = &self.path;
                self.lost.push(format!("{path}[{place}].signature"));
            }
            None => {}
        }
        value
    }
}
