//! Tools, and whether they are to be called.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Family;
use super::request::{Members, push_cache_point, put, put_some};
use crate::formats::Lost;
use crate::neutral::{Content, Request, Tool, ToolChoice};

/// The value of `toolConfig`.
pub(super) fn config(
    request: &Request,
    family: Family,
    thinks: bool,
    lost: &mut Lost,
) -> Option<Value> {
    let called = called(request);
    if request.parallel_tools == Some(false) && !request.tools.is_empty() {
        lost.push("parallel_tool_calls".to_owned());
    }
    let wants_none = request.tool_choice == Some(ToolChoice::None);
    if called.is_empty() && (wants_none || request.tools.is_empty()) {
        // A model without tools calls none.
        return None;
    }
    let mut tools = Vec::new();
    for tool in &request.tools {
        tools.push(specification(tool));
        push_cache_point(&mut tools, tool.cache.as_ref(), family);
    }
    if request.tools.is_empty() {
        // A conversation with calls is refused unless their tools are there.
        let schema = json!({"type": "object"});
        tools.extend(
            called
                .iter()
                .map(|name| json!({"toolSpec": {"name": name, "inputSchema": {"json": schema}}})),
        );
    }
    let mut config = Members::new();
    put(&mut config, "tools", tools);
    if !request.tools.is_empty() {
        put_some(&mut config, "toolChoice", choice(request, thinks, lost));
    }
    Some(Value::Object(config))
}

/// The tools that were called in the conversation.
fn called(request: &Request) -> BTreeSet<&str> {
    let parts = request.turns.iter().flat_map(|turn| &turn.parts);
    parts
        .filter_map(|part| match &part.content {
            Content::ToolCall(call) => Some(&*call.name),
            _ => None,
        })
        .collect()
}

fn specification(tool: &Tool) -> Value {
    let mut schema = match &tool.parameters {
        Some(Value::Object(schema)) => schema.clone(),
        Some(_) | None => Members::new(),
    };
    // A schema is refused that does not say that it is of an object.
    if !schema.contains_key("type") {
        put(&mut schema, "type", "object");
    }
    let mut members = Members::new();
    put(&mut members, "name", tool.name.as_str());
    let description = tool.description.clone();
    let description = description.filter(|description| !description.is_empty());
    put_some(&mut members, "description", description);
    put(&mut members, "inputSchema", json!({"json": schema}));
    // Only what is wanted is said: not every model knows the word.
    put_some(&mut members, "strict", tool.strict.filter(|strict| *strict));
    json!({"toolSpec": members})
}

fn choice(request: &Request, thinks: bool, lost: &mut Lost) -> Option<Value> {
    let auto = json!({"auto": {}});
    match request.tool_choice.as_ref()? {
        ToolChoice::Auto => Some(auto),
        // There is no word for it, and the tools have to stay for the calls before.
        ToolChoice::None => {
            lost.push("tool_choice".to_owned());
            Some(auto)
        }
        // While a model thinks, it cannot be made to call.
        ToolChoice::Required | ToolChoice::Named(_) if thinks => {
            lost.push("tool_choice".to_owned());
            Some(auto)
        }
        ToolChoice::Required => Some(json!({"any": {}})),
        ToolChoice::Named(name) => Some(json!({"tool": {"name": name}})),
    }
}
