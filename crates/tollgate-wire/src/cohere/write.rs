//! Requests for Cohere.

mod messages;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::formats::{Aim, Lost};
use crate::neutral::{OutputFormat, Reasoning, Request, Tool, ToolChoice};

/// Writes a request.
pub fn request(request: &Request, aim: &Aim<'_>, lost: &mut Lost) -> Bytes {
    let mut body = Map::new();
    let mut insert = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    insert("model", Some(aim.model.into()));
    insert(
        "messages",
        Some(messages::write(&request.turns, lost).into()),
    );
    let tools = !request.tools.is_empty();
    insert(
        "tools",
        tools.then(|| request.tools.iter().map(tool).collect()),
    );
    insert("strict_tools", strict(request, lost));
    insert("tool_choice", choice(request, lost));
    insert("response_format", output(request, lost));
    insert("max_tokens", request.max_tokens.map(Value::from));
    let stop = &request.stop;
    insert(
        "stop_sequences",
        (!stop.is_empty()).then(|| stop.clone().into()),
    );
    insert("temperature", request.temperature.clone().map(Value::from));
    insert("p", request.top_p.clone().map(Value::from));
    insert("k", request.top_k.map(Value::from));
    insert("seed", seed(request, lost));
    let penalty = &request.frequency_penalty;
    insert("frequency_penalty", penalty.clone().map(Value::from));
    let penalty = &request.presence_penalty;
    insert("presence_penalty", penalty.clone().map(Value::from));
    insert("thinking", request.reasoning.as_ref().and_then(thinking));
    insert("stream", request.stream.then_some(Value::Bool(true)));
    if tools && request.parallel_tools == Some(false) {
        lost.push("parallel_tool_calls".to_owned());
    }
    Value::Object(body).to_string().into()
}

fn tool(tool: &Tool) -> Value {
    let mut function = Map::new();
    function.insert("name".to_owned(), tool.name.clone().into());
    if let Some(description) = &tool.description {
        function.insert("description".to_owned(), description.clone().into());
    }
    // Even a function without arguments must say so.
    let parameters = tool.parameters.clone();
    let parameters = parameters.unwrap_or_else(|| json!({ "type": "object", "properties": {} }));
    function.insert("parameters".to_owned(), parameters);
    json!({ "type": "function", "function": function })
}

/// Strictness is one switch for all tools. It is on if all of them want it; if but some do, that
/// is lost.
fn strict(request: &Request, lost: &mut Lost) -> Option<Value> {
    let wanted = |tool: &Tool| tool.strict == Some(true);
    if !request.tools.iter().any(wanted) {
        return None;
    }
    if request.tools.iter().all(wanted) {
        return Some(true.into());
    }
    let tools = request.tools.iter().enumerate();
    let tools = tools.filter(|(_, tool)| wanted(tool));
    lost.extend(tools.map(|(at, _)| format!("tools[{at}].strict")));
    None
}

/// The model chooses unless it is told otherwise. It cannot be told which tool to call.
fn choice(request: &Request, lost: &mut Lost) -> Option<Value> {
    let choice = request.tool_choice.as_ref()?;
    if request.tools.is_empty() {
        if matches!(choice, ToolChoice::Required | ToolChoice::Named(_)) {
            lost.push("tool_choice".to_owned());
        }
        return None;
    }
    match choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some("NONE".into()),
        ToolChoice::Required => Some("REQUIRED".into()),
        ToolChoice::Named(name) => {
            // With one tool, any is this one.
            let only = matches!(request.tools.as_slice(), [tool] if tool.name == *name);
            if !only {
                lost.push("tool_choice".to_owned());
            }
            Some("REQUIRED".into())
        }
    }
}

/// Schemas have neither name nor description, and are always kept to.
fn output(request: &Request, lost: &mut Lost) -> Option<Value> {
    let output = request.output.as_ref()?;
    if !request.tools.is_empty() && !matches!(output, OutputFormat::Text) {
        // Cohere refuses the one beside the other.
        lost.push("response_format".to_owned());
        return None;
    }
    Some(match output {
        OutputFormat::Text => json!({ "type": "text" }),
        OutputFormat::Json => json!({ "type": "json_object" }),
        OutputFormat::Schema { schema, .. } => {
            json!({ "type": "json_object", "json_schema": schema })
        }
    })
}

/// Seeds are counted from zero.
fn seed(request: &Request, lost: &mut Lost) -> Option<Value> {
    let seed = request.seed?;
    if seed < 0 {
        lost.push("seed".to_owned());
        return None;
    }
    Some(seed.into())
}

fn thinking(reasoning: &Reasoning) -> Option<Value> {
    let budget = reasoning.budget()?;
    Some(if budget == 0 {
        json!({ "type": "disabled" })
    } else {
        json!({ "type": "enabled", "token_budget": budget })
    })
}
