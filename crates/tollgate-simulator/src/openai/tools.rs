//! Calls of tools: when the simulated models call one, and with what.
//!
//! A tool is called when the request offers some and `tool_choice` is not `none`, and either
//! `tool_choice` demands it or the last message is a user's and contains "call the tool" or
//! "call both". Called are the tools that the message names, or the first one; with "call both"
//! the first two, unless `parallel_tool_calls` is false. Arguments follow the tool's schema.

use serde_json::{Value, json};

use super::chat::words;
use super::failure::Problem;
use super::sample;
use crate::request::Request;
use crate::seed::mix;
use crate::text;

/// A call of one tool.
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
}

impl Call {
    /// The call in a message.
    pub(super) fn json(&self) -> Value {
        json!({
            "id": self.id,
            "type": "function",
            "function": {"name": self.name, "arguments": self.arguments},
        })
    }

    /// How many tokens it counts: those of its name and its arguments.
    pub(super) fn tokens(&self) -> u64 {
        text::count(&self.name) + text::count(&self.arguments)
    }
}

/// Refuses a choice of tools that cannot be followed.
pub(super) fn check(request: &Request) -> Result<(), Problem> {
    let refuse = |text: &str| Err(Problem::invalid(400, Some("tool_choice"), text));
    let tools = offered(request);
    match demanded(request) {
        Demand::Any if tools.is_empty() => {
            refuse("'tool_choice' is only allowed when 'tools' are specified.")
        }
        Demand::Named(name) if !tools.iter().any(|tool| tool.name == name) => {
            refuse("'tool_choice' names a tool that is not among the 'tools'.")
        }
        Demand::Any | Demand::Named(_) | Demand::Free | Demand::None => Ok(()),
    }
}

/// The calls that answer a request; `None` when it is answered with text.
pub(super) fn calls(request: &Request, messages: &[Value], drawn: u64) -> Option<Vec<Call>> {
    let tools = offered(request);
    let asked = messages
        .last()
        .filter(|message| message.get("role").and_then(Value::as_str) == Some("user"))
        .map(words)
        .unwrap_or_default();
    let both = asked.contains("call both");
    let chosen: Vec<&Tool<'_>> = match demanded(request) {
        Demand::None => return None,
        Demand::Free if !both && !asked.contains("call the tool") => return None,
        Demand::Named(name) => tools.iter().filter(|tool| tool.name == name).collect(),
        Demand::Free | Demand::Any => {
            let named = tools.iter().filter(|tool| asked.contains(tool.name));
            let named: Vec<_> = named.collect();
            let most = if both { 2 } else { named.len().max(1) };
            if named.is_empty() || both {
                tools.iter().take(most).collect()
            } else {
                named
            }
        }
    };
    let parallel = request
        .member("parallel_tool_calls")
        .and_then(Value::as_bool)
        .unwrap_or(true);
    let most = if parallel { usize::MAX } else { 1 };
    let calls = chosen
        .into_iter()
        .take(most)
        .zip(1..)
        .map(|(tool, position)| Call {
            id: format!("call_sim_{:016x}", mix(drawn, position)),
            name: tool.name.to_owned(),
            arguments: sample::value(tool.schema).to_string(),
        });
    let calls: Vec<Call> = calls.collect();
    (!calls.is_empty()).then_some(calls)
}

struct Tool<'a> {
    name: &'a str,
    schema: &'a Value,
}

fn offered(request: &Request) -> Vec<Tool<'_>> {
    let tools = request.member("tools").and_then(Value::as_array);
    let tools = tools.into_iter().flatten().filter_map(|tool| {
        let function = tool.get("function")?;
        Some(Tool {
            name: function.get("name")?.as_str()?,
            schema: function.get("parameters").unwrap_or(&Value::Null),
        })
    });
    tools.collect()
}

/// What `tool_choice` says.
enum Demand<'a> {
    None,
    Free,
    Any,
    Named(&'a str),
}

fn demanded(request: &Request) -> Demand<'_> {
    match request.member("tool_choice") {
        Some(Value::String(word)) if word == "none" => Demand::None,
        Some(Value::String(word)) if word == "required" => Demand::Any,
        Some(choice) => match choice.pointer("/function/name").and_then(Value::as_str) {
            Some(name) => Demand::Named(name),
            None => Demand::Free,
        },
        None => Demand::Free,
    }
}
