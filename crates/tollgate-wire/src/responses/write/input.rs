//! The conversation as instructions and items.

use serde_json::{Map, Value, json};

use super::items;
use crate::formats::Lost;
use crate::neutral::{Content, Part, Reasoned, Request, Role, ToolCall, ToolResult, Turn};
use crate::responses::media;

/// Writes the conversation for this provider.
pub(super) fn write(
    request: &Request,
    provider: &str,
    body: &mut Map<String, Value>,
    lost: &mut Lost,
) {
    let mut input = Input {
        provider,
        items: Vec::new(),
        message: Vec::new(),
        lost,
    };
    let mut turns = request.turns.iter().enumerate().peekable();
    let instructions = turns.peek().and_then(|(_, first)| instructions(first));
    body.extend(instructions.map(|text| ("instructions".to_owned(), text.into())));
    for (at, turn) in turns {
        // The instructions have been said.
        let said = usize::from(at == 0 && instructions.is_some());
        for (place, part) in turn.parts.iter().enumerate().skip(said) {
            let path = format!("messages[{at}].content[{place}]");
            input.add(turn.role, part, &path);
        }
        input.close(turn.role);
    }
    body.insert("input".to_owned(), Value::Array(input.items));
}

/// The text that comes before the conversation.
fn instructions(first: &Turn) -> Option<&str> {
    match (first.role, first.parts.first()) {
        (
            Role::System,
            Some(Part {
                content: Content::Text { text, .. },
                ..
            }),
        ) => Some(text),
        _ => None,
    }
}

struct Input<'a> {
    provider: &'a str,
    items: Vec<Value>,
    /// The parts of the message that is being written.
    message: Vec<Value>,
    lost: &'a mut Lost,
}

impl Input<'_> {
    fn add(&mut self, role: Role, part: &Part, path: &str) {
        let written = match &part.content {
            Content::Text { text, citations } if role == Role::Assistant => {
                Some(items::text(text, &items::annotations(citations)))
            }
            Content::Text { text, .. } => Some(input_text(text)),
            Content::Refusal(words) if role == Role::Assistant => Some(items::refusal(words)),
            Content::Refusal(words) => Some(input_text(words)),
            Content::Image(media) if role == Role::User => Some(media::write_image(media)),
            Content::Document(media) if role == Role::User => Some(media::write_document(media)),
            Content::Image(_) | Content::Document(_) | Content::Audio(_) => None,
            Content::Reasoning(thought) => return self.thought(role, thought, path),
            Content::ToolCall(call) => return self.call(role, call, path),
            Content::ToolResult(result) => return self.result(role, result, path),
        };
        match written {
            Some(written) => self.message.push(written),
            None => self.lost.push(path.to_owned()),
        }
    }

    /// Ends the message that is being written.
    fn close(&mut self, role: Role) {
        if self.message.is_empty() {
            return;
        }
        let role = match role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        let content = std::mem::take(&mut self.message);
        self.items
            .push(json!({"type": "message", "role": role, "content": content}));
    }

    /// A thought means something to its maker only.
    fn thought(&mut self, role: Role, thought: &Reasoned, path: &str) {
        let state = thought.state.as_ref();
        match state.filter(|state| state.is_of(self.provider)) {
            Some(state) => {
                self.close(role);
                let summary = items::summary(&thought.text);
                self.items.push(json!({
                    "type": "reasoning",
                    "summary": summary,
                    "encrypted_content": state.token,
                }));
            }
            None => self.lost.push(path.to_owned()),
        }
    }

    fn call(&mut self, role: Role, call: &ToolCall, path: &str) {
        self.close(role);
        if call.state.is_some() {
            self.lost.push(format!("{path}.signature"));
        }
        let arguments = match call.arguments.as_str() {
            "" => "{}",
            arguments => arguments,
        };
        self.items.push(json!({
            "type": "function_call",
            "call_id": call.id,
            "name": call.name,
            "arguments": arguments,
        }));
    }

    fn result(&mut self, role: Role, result: &ToolResult, path: &str) {
        self.close(role);
        if result.failed {
            self.lost.push(format!("{path}.is_error"));
        }
        let mut parts = Vec::new();
        for (at, part) in result.parts.iter().enumerate() {
            match &part.content {
                Content::Text { text, .. } => parts.push(input_text(text)),
                Content::Image(media) => parts.push(media::write_image(media)),
                Content::Document(media) => parts.push(media::write_document(media)),
                _ => self.lost.push(format!("{path}.content[{at}]")),
            }
        }
        let output = match result.parts.as_slice() {
            [] => Value::from(""),
            [
                Part {
                    content: Content::Text { text, .. },
                    ..
                },
            ] => Value::from(text.as_str()),
            _ => Value::Array(parts),
        };
        self.items.push(json!({
            "type": "function_call_output",
            "call_id": result.id,
            "output": output,
        }));
    }
}

fn input_text(text: &str) -> Value {
    json!({"type": "input_text", "text": text})
}
