//! The tools of a caller's request, and whether they are to be called.

use serde_json::Value;
use tollgate_core::error::Failure;

use super::members::{list, members, text, wrong};
use crate::gemini::schema::to_json_schema;
use crate::neutral::{Request, Tool, ToolChoice};

/// Reads `tools`. Google's own tools have no place in the neutral form.
pub(super) fn read(value: &Value, path: &str, request: &mut Request) -> Result<(), Failure> {
    for (index, tool) in list(value, path)?.iter().enumerate() {
        let at = format!("{path}[{index}]");
        for (name, value) in members(tool, &at)? {
            let at = format!("{at}.{name}");
            if name != "functionDeclarations" {
                request.others.push(at);
                continue;
            }
            for (index, declared) in list(value, &at)?.iter().enumerate() {
                let tool = function(declared, &format!("{at}[{index}]"), &mut request.others)?;
                request.tools.push(tool);
            }
        }
    }
    Ok(())
}

fn function(value: &Value, path: &str, others: &mut Vec<String>) -> Result<Tool, Failure> {
    let mut tool = Tool {
        name: String::new(),
        description: None,
        parameters: None,
        strict: None,
        freeform: false,
        cache: None,
    };
    for (name, value) in members(value, path)? {
        let at = &format!("{path}.{name}");
        match &*name {
            "name" => text(value, at)?.clone_into(&mut tool.name),
            "description" => tool.description = Some(text(value, at)?.to_owned()),
            "parameters" => tool.parameters = Some(to_json_schema(value)),
            "parametersJsonSchema" => tool.parameters = Some(value.clone()),
            _ => others.push(at.clone()),
        }
    }
    if tool.name.is_empty() {
        return Err(wrong(&format!("{path}.name"), "the name of a function"));
    }
    Ok(tool)
}

/// Reads `toolConfig`, once the tools are known.
pub(super) fn read_config(value: &Value, path: &str, request: &mut Request) -> Result<(), Failure> {
    for (name, value) in members(value, path)? {
        let at = format!("{path}.{name}");
        if name == "functionCallingConfig" {
            read_calling(value, &at, request)?;
        } else {
            request.others.push(at);
        }
    }
    Ok(())
}

fn read_calling(value: &Value, path: &str, request: &mut Request) -> Result<(), Failure> {
    let mut mode = String::new();
    let mut allowed = Vec::new();
    for (name, value) in members(value, path)? {
        let at = &format!("{path}.{name}");
        match &*name {
            "mode" => mode = text(value, at)?.to_ascii_uppercase(),
            "allowedFunctionNames" => {
                for (index, name) in list(value, at)?.iter().enumerate() {
                    allowed.push(text(name, &format!("{at}[{index}]"))?.to_owned());
                }
            }
            _ => request.others.push(at.clone()),
        }
    }
    let all = request
        .tools
        .iter()
        .all(|tool| allowed.contains(&tool.name));
    let only = match &*allowed {
        [only] => Some(only.clone()),
        _ => None,
    };
    request.tool_choice = match &*mode {
        "" | "MODE_UNSPECIFIED" => None,
        "AUTO" => Some(ToolChoice::Auto),
        "NONE" => Some(ToolChoice::None),
        "ANY" => Some(only.clone().map_or(ToolChoice::Required, ToolChoice::Named)),
        // Calls are optional, but must fit their schemas.
        "VALIDATED" => {
            for tool in &mut request.tools {
                tool.strict = Some(true);
            }
            Some(ToolChoice::Auto)
        }
        _ => {
            request.others.push(format!("{path}.mode"));
            None
        }
    };
    let named = matches!(request.tool_choice, Some(ToolChoice::Named(_)));
    if !allowed.is_empty() && !all && !named {
        request.others.push(format!("{path}.allowedFunctionNames"));
    }
    Ok(())
}
