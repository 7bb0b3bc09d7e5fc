//! The body of a request.

use serde_json::{Map, Value, json};

use super::contents::{self, Contents};
use super::{set, settings};
use crate::formats::{Aim, Lost};
use crate::neutral::{Request, Tool, ToolChoice};

/// The body of a request for an answer.
pub(super) fn body(request: &Request, aim: &Aim<'_>, lost: &mut Lost) -> Map<String, Value> {
    let mut body = prompt(request, aim, lost);
    if let Some(calling) = calling(request) {
        body.insert(
            "toolConfig".to_owned(),
            json!({"functionCallingConfig": calling}),
        );
    }
    if !request.tools.is_empty() && request.parallel_tools == Some(false) {
        lost.push("parallel_tool_calls".to_owned());
    }
    let settings = settings::write(request, aim, lost);
    if !settings.is_empty() {
        body.insert("generationConfig".to_owned(), Value::Object(settings));
    }
    body
}

/// The body of the question how many tokens a request has. Gemini takes the whole request, Vertex
/// its parts.
pub(super) fn counted(request: &Request, aim: &Aim<'_>) -> Map<String, Value> {
    let mut prompt = prompt(request, aim, &mut Lost::new());
    if aim.provider == "vertex" {
        return prompt;
    }
    let name = aim.model.strip_prefix("models/").unwrap_or(aim.model);
    prompt.insert("model".to_owned(), format!("models/{name}").into());
    let mut body = Map::new();
    body.insert("generateContentRequest".to_owned(), Value::Object(prompt));
    body
}

/// What is counted as the prompt.
fn prompt(request: &Request, aim: &Aim<'_>, lost: &mut Lost) -> Map<String, Value> {
    let Contents { system, turns } = contents::write(request, aim, lost);
    let mut body = Map::new();
    if !system.is_empty() {
        body.insert("systemInstruction".to_owned(), json!({"parts": system}));
    }
    body.insert("contents".to_owned(), Value::Array(turns));
    if !request.tools.is_empty() {
        let functions: Vec<Value> = request.tools.iter().map(function).collect();
        body.insert(
            "tools".to_owned(),
            json!([{"functionDeclarations": functions}]),
        );
    }
    body
}

fn function(tool: &Tool) -> Value {
    let mut function = json!({"name": tool.name});
    if let Some(description) = &tool.description {
        set(&mut function, "description", description.as_str());
    }
    if let Some(parameters) = &tool.parameters {
        set(&mut function, "parametersJsonSchema", parameters.clone());
    }
    function
}

/// How tools are to be called; `None` if there is nothing to say. Where arguments must fit their
/// schemas and calls are optional, Google has a mode of its own; calls that must be made fit them
/// anyway.
fn calling(request: &Request) -> Option<Value> {
    if request.tools.is_empty() {
        return None;
    }
    let strict = request.tools.iter().any(|tool| tool.strict == Some(true));
    Some(match &request.tool_choice {
        None | Some(ToolChoice::Auto) if strict => json!({"mode": "VALIDATED"}),
        None => return None,
        Some(ToolChoice::Auto) => json!({"mode": "AUTO"}),
        Some(ToolChoice::None) => json!({"mode": "NONE"}),
        Some(ToolChoice::Required) => json!({"mode": "ANY"}),
        Some(ToolChoice::Named(name)) => json!({"mode": "ANY", "allowedFunctionNames": [name]}),
    })
}
