//! The items of a request's input as turns.

use std::collections::HashMap;

use serde_json::{Map, Value};
use tollgate_core::error::Failure;

use super::answer;
use super::field::{get, list, needed, text, under, wrong};
use crate::neutral::{Content, Part, Reasoned, Request, Role, ToolCall, ToolResult};
use crate::responses::{media, signature};
use crate::state::State;

/// What is known of the conversation so far.
#[derive(Default)]
struct Memory {
    /// The names of the tools, by the ids of their calls: other formats repeat them with results.
    names: HashMap<String, String>,
    /// The states of calls that are still to come.
    states: HashMap<String, State>,
}

/// Parses `input` and adds it to the conversation.
pub(super) fn read(body: &Map<String, Value>, request: &mut Request) -> Result<(), Failure> {
    match get(body, "input") {
        None => Ok(()),
        Some(Value::String(text)) => {
            request.push(Role::User, Part::text(text.clone()));
            Ok(())
        }
        Some(Value::Array(items)) => {
            let mut memory = Memory::default();
            for (at, item) in items.iter().enumerate() {
                let path = format!("input[{at}]");
                let Value::Object(item) = item else {
                    return Err(wrong(&path, "dict_type", "must be an object"));
                };
                memory.add(item, path, request)?;
            }
            Ok(())
        }
        Some(_) => Err(wrong(
            "input",
            "string_type",
            "must be a string or an array",
        )),
    }
}

impl Memory {
    fn add(
        &mut self,
        item: &Map<String, Value>,
        path: String,
        request: &mut Request,
    ) -> Result<(), Failure> {
        match text(item, "type", &path)?.unwrap_or("message") {
            "message" => message(item, &path, request),
            "function_call" | "custom_tool_call" => self.call(item, &path, request),
            "function_call_output" | "custom_tool_call_output" => self.result(item, &path, request),
            "reasoning" => {
                self.thought(item, path, request);
                Ok(())
            }
            _ => {
                request.others.push(path);
                Ok(())
            }
        }
    }

    fn call(
        &mut self,
        item: &Map<String, Value>,
        path: &str,
        request: &mut Request,
    ) -> Result<(), Failure> {
        needed(item, "call_id", path)?;
        needed(item, "name", path)?;
        text(item, "arguments", path)?;
        text(item, "input", path)?;
        let call = answer::tool_call(item);
        self.names.insert(call.id.clone(), call.name.clone());
        let state = self.states.remove(&call.id);
        let call = ToolCall { state, ..call };
        request.push(Role::Assistant, Part::new(Content::ToolCall(call)));
        Ok(())
    }

    fn result(
        &mut self,
        item: &Map<String, Value>,
        path: &str,
        request: &mut Request,
    ) -> Result<(), Failure> {
        let id = needed(item, "call_id", path)?;
        let parts = content(item, "output", path, &mut request.others)?;
        let result = ToolResult {
            id: id.to_owned(),
            name: self.names.get(id).cloned(),
            parts,
            failed: false,
        };
        request.push(Role::User, Part::new(Content::ToolResult(result)));
        Ok(())
    }

    fn thought(&mut self, item: &Map<String, Value>, path: String, request: &mut Request) {
        let words = answer::thought_text(item);
        let sealed = answer::text(item, "encrypted_content");
        let state = State::given(sealed);
        if let Some((call, state)) = state.as_ref().and_then(signature::open) {
            self.states.insert(call, state);
            return;
        }
        if words.is_empty() && state.is_none() {
            // Only its id is there: the thought itself is kept at a provider.
            request.others.push(path);
            return;
        }
        // What is written for a thought that is merely silent has an empty summary.
        let silent = item.get("summary").and_then(Value::as_array);
        let silent = silent.is_some_and(|summary| !summary.is_empty());
        let sealed = state.as_ref().is_some_and(|state| state.origin.is_some());
        let thought = Reasoned {
            redacted: sealed && words.is_empty() && !silent,
            text: words,
            state,
        };
        request.push(Role::Assistant, Part::new(Content::Reasoning(thought)));
    }
}

fn message(item: &Map<String, Value>, path: &str, request: &mut Request) -> Result<(), Failure> {
    let role = match needed(item, "role", path)? {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" | "developer" => Role::System,
        _ => {
            let what = "must be `user`, `assistant`, `system` or `developer`";
            return Err(wrong(&under(path, "role"), "value_error", what));
        }
    };
    if get(item, "content").is_none() {
        return Err(wrong(&under(path, "content"), "missing", "is missing"));
    }
    for part in content(item, "content", path, &mut request.others)? {
        request.push(role, part);
    }
    Ok(())
}

/// A text, or parts. Parts without a place in the neutral form are reported.
fn content(
    item: &Map<String, Value>,
    name: &str,
    path: &str,
    others: &mut Vec<String>,
) -> Result<Vec<Part>, Failure> {
    if let Some(Value::String(text)) = item.get(name) {
        return Ok(vec![Part::text(text.clone())]);
    }
    let mut parts = Vec::new();
    for (at, part) in list(item, name, path)?.iter().enumerate() {
        let path = format!("{path}.{name}[{at}]");
        let Value::Object(part) = part else {
            return Err(wrong(&path, "dict_type", "must be an object"));
        };
        let content = match needed(part, "type", &path)? {
            "input_text" | "output_text" | "text" => {
                let text = text(part, "text", &path)?;
                let text =
                    text.ok_or_else(|| wrong(&under(&path, "text"), "missing", "is missing"))?;
                Some(Content::Text {
                    text: text.to_owned(),
                    citations: answer::citations(part),
                })
            }
            "refusal" => {
                let words = text(part, "refusal", &path)?.unwrap_or_default();
                Some(Content::Refusal(words.to_owned()))
            }
            _ => media::read(part),
        };
        match content {
            Some(content) => parts.push(Part::new(content)),
            None => others.push(path),
        }
    }
    Ok(parts)
}
