//! A request for a provider of the format.

mod content;
mod messages;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::formats::{Aim, Lost};
use crate::neutral::{OutputFormat, Reasoning, Request, Tool, ToolChoice};
use crate::quirks::MaxTokens;

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
        Some(messages::write(&request.turns, aim, lost).into()),
    );
    let tools = !request.tools.is_empty();
    insert(
        "tools",
        tools.then(|| request.tools.iter().map(tool).collect()),
    );
    insert("tool_choice", choice(request, aim, lost));
    let parallel = request.parallel_tools.filter(|_| tools);
    insert("parallel_tool_calls", parallel.map(Value::from));
    insert("response_format", output(request, aim, lost));
    insert(max_tokens(aim), request.max_tokens.map(Value::from));
    insert("temperature", request.temperature.clone().map(Value::from));
    insert("top_p", request.top_p.clone().map(Value::from));
    insert("top_k", top_k(request, aim, lost));
    insert(seed(aim), request.seed.map(Value::from));
    let penalty = &request.frequency_penalty;
    insert("frequency_penalty", penalty.clone().map(Value::from));
    let penalty = &request.presence_penalty;
    insert("presence_penalty", penalty.clone().map(Value::from));
    let stop = &request.stop;
    insert("stop", (!stop.is_empty()).then(|| stop.clone().into()));
    insert("reasoning_effort", effort(request, aim, lost));
    insert("user", request.user.clone().map(Value::from));
    if request.stream {
        insert("stream", Some(true.into()));
        let options = aim.ask_usage.then(|| json!({ "include_usage": true }));
        insert("stream_options", options);
    }
    keep_known(&mut body, aim, lost);
    Value::Object(body).to_string().into()
}

/// Members that are ours, or change no answer: nobody misses them.
const UNTOLD: [&str; 2] = ["stream_options", "user"];

/// Takes out what the provider refuses to see.
fn keep_known(body: &mut Map<String, Value>, aim: &Aim<'_>, lost: &mut Lost) {
    let Some(known) = aim.quirks.members else {
        return;
    };
    body.retain(|name, _| {
        let name = &**name;
        let keep = known.contains(&name);
        if !keep && !UNTOLD.contains(&name) {
            lost.push(name.to_owned());
        }
        keep
    });
}

fn max_tokens(aim: &Aim<'_>) -> &'static str {
    match aim.quirks.max_tokens {
        MaxTokens::Completion => "max_completion_tokens",
        MaxTokens::Plain => "max_tokens",
    }
}

/// Mistral has its own name for a seed.
fn seed(aim: &Aim<'_>) -> &'static str {
    match aim.quirks.members {
        Some(known) if known.contains(&"random_seed") => "random_seed",
        Some(_) | None => "seed",
    }
}

/// `OpenAI` refuses it; most servers of open models know it, and others ignore it.
fn top_k(request: &Request, aim: &Aim<'_>, lost: &mut Lost) -> Option<Value> {
    let top_k = request.top_k?;
    if matches!(aim.provider, "openai" | "azure") {
        lost.push("top_k".to_owned());
        return None;
    }
    Some(top_k.into())
}

fn tool(tool: &Tool) -> Value {
    let mut function = Map::new();
    function.insert("name".to_owned(), tool.name.clone().into());
    if let Some(description) = &tool.description {
        function.insert("description".to_owned(), description.clone().into());
    }
    if let Some(parameters) = &tool.parameters {
        function.insert("parameters".to_owned(), parameters.clone());
    }
    if let Some(strict) = tool.strict {
        function.insert("strict".to_owned(), strict.into());
    }
    json!({ "type": "function", "function": function })
}

/// A choice without tools is refused, so it is left out; it says nothing unless one must be
/// called.
fn choice(request: &Request, aim: &Aim<'_>, lost: &mut Lost) -> Option<Value> {
    let choice = request.tool_choice.as_ref()?;
    if request.tools.is_empty() {
        if matches!(choice, ToolChoice::Required | ToolChoice::Named(_)) {
            lost.push("tool_choice".to_owned());
        }
        return None;
    }
    Some(match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Required => aim.quirks.tool_required.into(),
        ToolChoice::Named(name) => json!({ "type": "function", "function": { "name": name } }),
    })
}

fn output(request: &Request, aim: &Aim<'_>, lost: &mut Lost) -> Option<Value> {
    match request.output.as_ref()? {
        OutputFormat::Text => Some(json!({ "type": "text" })),
        OutputFormat::Json => Some(json!({ "type": "json_object" })),
        OutputFormat::Schema { .. } if !aim.quirks.schemas => {
            lost.push("response_format".to_owned());
            Some(json!({ "type": "json_object" }))
        }
        OutputFormat::Schema {
            name,
            description,
            schema,
            strict,
        } => {
            let mut inner = Map::new();
            // A name must be there.
            let name = name.as_deref().unwrap_or("answer");
            inner.insert("name".to_owned(), name.into());
            if let Some(description) = description {
                inner.insert("description".to_owned(), description.clone().into());
            }
            inner.insert("schema".to_owned(), schema.clone());
            if let Some(strict) = strict {
                inner.insert("strict".to_owned(), (*strict).into());
            }
            Some(json!({ "type": "json_schema", "json_schema": inner }))
        }
    }
}

fn effort(request: &Request, aim: &Aim<'_>, lost: &mut Lost) -> Option<Value> {
    let effort = request.reasoning.as_ref().and_then(Reasoning::effort)?;
    if !aim.quirks.effort {
        lost.push("reasoning_effort".to_owned());
        return None;
    }
    Some(effort.name().into())
}
