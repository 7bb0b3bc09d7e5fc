//! Tools, and whether they are to be called.

use serde_json::Value;
use tollgate_core::error::Failure;

use super::blocks;
use super::wrong::{array, member, object, optional_bool, optional_text, text, wrong};
use crate::neutral::{Request, Tool, ToolChoice};

/// Takes `tools`. Those that the provider would call itself have no place elsewhere.
pub(super) fn tools(value: &Value, request: &mut Request) -> Result<(), Failure> {
    for (at, tool) in array(value, "tools")?.iter().enumerate() {
        let path = format!("tools[{at}]");
        let members = object(tool, &path)?;
        match optional_text(members, "type", &path)?.as_deref() {
            None | Some("custom") => {}
            Some(_) => {
                request.others.push(path);
                continue;
            }
        }
        for name in ["input_examples", "defer_loading", "allowed_callers"] {
            if !matches!(member(members, name), None | Some(Value::Bool(false))) {
                request.others.push(format!("{path}.{name}"));
            }
        }
        request.tools.push(Tool {
            name: text(members, "name", &path)?,
            description: optional_text(members, "description", &path)?,
            parameters: member(members, "input_schema").cloned(),
            strict: optional_bool(members, "strict", &path)?,
            freeform: false,
            cache: blocks::cache(members, &path)?,
        });
    }
    Ok(())
}

/// Takes `tool_choice`.
pub(super) fn choice(value: &Value, request: &mut Request) -> Result<(), Failure> {
    const PATH: &str = "tool_choice";
    let members = object(value, PATH)?;
    request.tool_choice = Some(match optional_text(members, "type", PATH)?.as_deref() {
        Some("auto") => ToolChoice::Auto,
        Some("any") => ToolChoice::Required,
        Some("none") => ToolChoice::None,
        Some("tool") => ToolChoice::Named(text(members, "name", PATH)?),
        _ => {
            let what = "must be `auto`, `any`, `tool` or `none`";
            return Err(wrong("tool_choice.type", what));
        }
    });
    let disabled = optional_bool(members, "disable_parallel_tool_use", PATH)?;
    request.parallel_tools = disabled.map(|disabled| !disabled);
    Ok(())
}

/// Takes the choice back where the tools that it is about are gone.
pub(super) fn settle(request: &mut Request) {
    let is_there = |name: &String| request.tools.iter().any(|tool| tool.name == *name);
    let lost = match &request.tool_choice {
        Some(ToolChoice::Named(name)) => !is_there(name),
        Some(ToolChoice::Required) => request.tools.is_empty(),
        Some(ToolChoice::Auto | ToolChoice::None) | None => false,
    };
    if lost {
        request.others.push("tool_choice".to_owned());
    }
    if lost || request.tools.is_empty() {
        request.tool_choice = None;
        request.parallel_tools = None;
    }
}
