//! The messages of a request, and the turns that they make.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::content;
use crate::neutral::{Content, Part, Reasoned, Request, Role, ToolCall, ToolResult};
use crate::openai::parse::notes::{Notes, is_nothing};
use crate::openai::thought;
use crate::state::State;

/// Takes `messages`.
pub(super) fn read(value: &Value, request: &mut Request, notes: &mut Notes) {
    let mut reader = Reader {
        request,
        notes,
        names: HashMap::new(),
        function: None,
    };
    let messages = reader.notes.list(value, "messages");
    for (at, value) in messages.into_iter().flatten().enumerate() {
        let path = format!("messages[{at}]");
        if let Some(message) = reader.notes.object(value, &path) {
            reader.message(message, &path);
        }
    }
}

/// Members that every message may have, and those of each role.
const ALL: [&str; 3] = ["role", "content", "cache_control"];
const ASSISTANT: [&str; 7] = [
    // What an answer cites is no part of the conversation.
    "annotations",
    "function_call",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "refusal",
    "tool_calls",
];

struct Reader<'a> {
    request: &'a mut Request,
    notes: &'a mut Notes,
    /// The name of each tool that was called, by the id of the call: results have but the id.
    names: HashMap<String, String>,
    /// The id and name of the last call in the older form, which has no ids.
    function: Option<(String, String)>,
}

impl Reader<'_> {
    fn message(&mut self, message: &Map<String, Value>, path: &str) {
        let Some(role) = self.notes.name(message, "role", path) else {
            return;
        };
        let known: &[&str] = match role {
            "assistant" => &ASSISTANT,
            "tool" => &["tool_call_id", "name"],
            "function" => &["name"],
            _ => &[],
        };
        for (name, value) in message {
            let name = &**name;
            if !ALL.contains(&name) && !known.contains(&name) && !is_nothing(value) {
                self.notes.other(format!("{path}.{name}"));
            }
        }
        match role {
            "system" | "developer" => self.system(message, path),
            "user" => self.say(Role::User, message, path),
            "assistant" => self.assistant(message, path),
            "tool" => self.tool(message, path),
            "function" => self.function(message, path),
            _ => self.notes.faults.add(
                format_args!("{path}.role"),
                "value_error",
                "must be `system`, `developer`, `user`, `assistant`, `tool` or `function`",
            ),
        }
    }

    /// The parts of a message's content. A wish to be cached counts for the last of them.
    fn parts(&mut self, message: &Map<String, Value>, path: &str) -> Vec<Part> {
        let value = message.get("content").unwrap_or(&Value::Null);
        let mut parts = content::read(value, &format!("{path}.content"), self.notes);
        let mark = message.get("cache_control").and_then(content::cache);
        if let (Some(last), Some(mark)) = (parts.last_mut(), mark) {
            last.cache = Some(mark);
        }
        parts
    }

    fn say(&mut self, role: Role, message: &Map<String, Value>, path: &str) {
        for part in self.parts(message, path) {
            self.request.push(role, part);
        }
    }

    fn system(&mut self, message: &Map<String, Value>, path: &str) {
        for (at, part) in self.parts(message, path).into_iter().enumerate() {
            if matches!(part.content, Content::Text { .. }) {
                self.request.push(Role::System, part);
            } else {
                self.notes.other(format!("{path}.content[{at}]"));
            }
        }
    }

    fn assistant(&mut self, message: &Map<String, Value>, path: &str) {
        for thought in self.thoughts(message, path) {
            let part = Part::new(Content::Reasoning(thought));
            self.request.push(Role::Assistant, part);
        }
        for part in self.parts(message, path) {
            // A call of a tool mostly comes with an empty text, which not everyone takes.
            if !is_empty_text(&part) {
                self.request.push(Role::Assistant, part);
            }
        }
        let refusal = message.get("refusal").unwrap_or(&Value::Null);
        if let Some(text) = self.notes.text(refusal, &format!("{path}.refusal"))
            && !text.is_empty()
        {
            let part = Part::new(Content::Refusal(text.to_owned()));
            self.request.push(Role::Assistant, part);
        }
        let calls = message.get("tool_calls").unwrap_or(&Value::Null);
        let calls = self.notes.list(calls, &format!("{path}.tool_calls"));
        for (at, value) in calls.into_iter().flatten().enumerate() {
            let path = format!("{path}.tool_calls[{at}]");
            if let Some(call) = self.call(value, &path) {
                self.names.insert(call.id.clone(), call.name.clone());
                let part = Part::new(Content::ToolCall(call));
                self.request.push(Role::Assistant, part);
            }
        }
        self.legacy_call(message, path);
    }

    /// What the assistant thought: in details, which have states, or else in plain words.
    fn thoughts(&mut self, message: &Map<String, Value>, path: &str) -> Vec<Reasoned> {
        let mut plain = String::new();
        for name in ["reasoning", "reasoning_content"] {
            let value = message.get(name).unwrap_or(&Value::Null);
            if let Some(text) = self.notes.text(value, &format!("{path}.{name}"))
                && !text.is_empty()
            {
                text.clone_into(&mut plain);
            }
        }
        let details = message.get("reasoning_details").unwrap_or(&Value::Null);
        let path = format!("{path}.reasoning_details");
        let details = self.notes.list(details, &path).unwrap_or_default();
        let mut thoughts = Vec::new();
        for (at, value) in details.iter().enumerate() {
            if let Some(detail) = self.notes.object(value, &format!("{path}[{at}]")) {
                thoughts.extend(thought::opened(detail));
            }
        }
        let unsaid = thoughts.iter().all(|thought| thought.text.is_empty());
        if unsaid && !plain.is_empty() {
            // Some clients keep the words and the state of a thought apart.
            match thoughts.iter_mut().find(|thought| !thought.redacted) {
                Some(thought) => thought.text = plain,
                None => thoughts.insert(
                    0,
                    Reasoned {
                        text: plain,
                        ..Reasoned::default()
                    },
                ),
            }
        }
        thoughts
    }

    fn call(&mut self, value: &Value, path: &str) -> Option<ToolCall> {
        let call = self.notes.object(value, path)?;
        let id = self.notes.name(call, "id", path)?.to_owned();
        if let Some(custom) = call.get("custom").and_then(Value::as_object) {
            let path = format!("{path}.custom");
            let name = self.notes.name(custom, "name", &path)?.to_owned();
            // What was asked of a tool of free text, as arguments that are JSON.
            let input = custom.get("input").unwrap_or(&Value::Null);
            return Some(ToolCall {
                id,
                name,
                arguments: json!({ "input": input }).to_string(),
                state: None,
            });
        }
        let function_path = format!("{path}.function");
        let Some(function) = call.get("function") else {
            self.notes.missing(&function_path);
            return None;
        };
        let function = self.notes.object(function, &function_path)?;
        let name = self.notes.name(function, "name", &function_path)?;
        Some(ToolCall {
            id,
            name: name.to_owned(),
            arguments: self.arguments(function, &function_path),
            state: signature(call).map(State::open),
        })
    }

    fn arguments(&mut self, function: &Map<String, Value>, path: &str) -> String {
        match function.get("arguments") {
            Some(Value::String(text)) => text.clone(),
            Some(object @ Value::Object(_)) => object.to_string(),
            Some(Value::Null) | None => String::new(),
            Some(other) => {
                self.notes
                    .wrong(&format!("{path}.arguments"), "a string", other);
                String::new()
            }
        }
    }

    /// A call in the older form gets an id, by which its result is found.
    fn legacy_call(&mut self, message: &Map<String, Value>, path: &str) {
        let Some(value) = message.get("function_call") else {
            return;
        };
        let path = format!("{path}.function_call");
        let Some(call) = self.notes.object(value, &path) else {
            return;
        };
        let Some(name) = self.notes.name(call, "name", &path).map(str::to_owned) else {
            return;
        };
        let id = format!("call_{}_{name}", self.request.turns.len());
        self.function = Some((id.clone(), name.clone()));
        let arguments = self.arguments(call, &path);
        let call = ToolCall {
            id,
            name,
            arguments,
            state: None,
        };
        let part = Part::new(Content::ToolCall(call));
        self.request.push(Role::Assistant, part);
    }

    fn tool(&mut self, message: &Map<String, Value>, path: &str) {
        let Some(id) = self.notes.name(message, "tool_call_id", path) else {
            return;
        };
        let given = message.get("name").and_then(Value::as_str);
        let name = self.names.get(id).map(String::as_str).or(given);
        let (id, name) = (id.to_owned(), name.map(str::to_owned));
        self.result(id, name, message, path);
    }

    fn function(&mut self, message: &Map<String, Value>, path: &str) {
        let Some(name) = self.notes.name(message, "name", path) else {
            return;
        };
        let id = match self.function.take() {
            Some((id, called)) if called == name => id,
            _ => {
                let what = "belongs to no call of this function before it";
                self.notes
                    .faults
                    .add(format_args!("{path}.name"), "value_error", what);
                return;
            }
        };
        self.result(id, Some(name.to_owned()), message, path);
    }

    fn result(
        &mut self,
        id: String,
        name: Option<String>,
        message: &Map<String, Value>,
        path: &str,
    ) {
        let mut parts = self.parts(message, path);
        let cache = parts.last_mut().and_then(|part| part.cache.take());
        let result = ToolResult {
            id,
            name,
            parts,
            failed: false,
        };
        let part = Part {
            content: Content::ToolResult(result),
            cache,
        };
        self.request.push(Role::User, part);
    }
}

/// Where Google's own servers of this format put the signature of a thought.
fn signature(call: &Map<String, Value>) -> Option<&str> {
    let google = call.get("extra_content")?.get("google")?;
    let signature = google.get("thought_signature")?.as_str()?;
    (!signature.is_empty()).then_some(signature)
}

fn is_empty_text(part: &Part) -> bool {
    matches!(&part.content, Content::Text { text, .. } if text.is_empty())
}
