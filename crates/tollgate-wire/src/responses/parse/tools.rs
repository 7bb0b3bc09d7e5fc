//! The tools of a request, and whether they are to be called.

use serde_json::{Map, Value};
use tollgate_core::error::Failure;

use super::field::{flag, get, list, needed, object, text, under, wrong};
use crate::neutral::freeform::{self, Grammar};
use crate::neutral::{Request, Tool, ToolChoice};

/// Parses `tools` and `tool_choice`. Tools that take free text become functions with one
/// argument; those that `OpenAI` runs itself are reported.
pub(super) fn read(body: &Map<String, Value>, request: &mut Request) -> Result<(), Failure> {
    for (at, tool) in list(body, "tools", "")?.iter().enumerate() {
        let path = format!("tools[{at}]");
        let Value::Object(tool) = tool else {
            return Err(wrong(&path, "dict_type", "must be an object"));
        };
        match needed(tool, "type", &path)? {
            "function" => request.tools.push(function(tool, &path)?),
            "custom" => request
                .tools
                .push(custom(tool, &path, &mut request.others)?),
            _ => request.others.push(path),
        }
    }
    let choice = match get(body, "tool_choice") {
        None => None,
        Some(Value::String(word)) => Some(word_of(word)?),
        Some(Value::Object(choice)) => chosen(choice, request)?,
        Some(_) => {
            let what = "must be a string or an object";
            return Err(wrong("tool_choice", "value_error", what));
        }
    };
    request.tool_choice = choice.and_then(|choice| {
        let can_be = match &choice {
            ToolChoice::Auto | ToolChoice::None => return Some(choice),
            ToolChoice::Required => !request.tools.is_empty(),
            ToolChoice::Named(name) => request.tools.iter().any(|tool| tool.name == *name),
        };
        if !can_be {
            // Its tools are reported as well, but this says that none will be called.
            request.others.push("tool_choice".to_owned());
        }
        can_be.then_some(choice)
    });
    Ok(())
}

fn function(tool: &Map<String, Value>, path: &str) -> Result<Tool, Failure> {
    let parameters = match get(tool, "parameters") {
        Some(schema @ Value::Object(_)) => Some(schema.clone()),
        None => None,
        Some(_) => {
            let path = format!("{path}.parameters");
            return Err(wrong(&path, "dict_type", "must be an object"));
        }
    };
    Ok(Tool {
        name: needed(tool, "name", path)?.to_owned(),
        description: text(tool, "description", path)?.map(str::to_owned),
        parameters,
        strict: flag(tool, "strict", path)?,
        freeform: false,
        cache: None,
    })
}

/// A tool that takes free text. A form of the text that is not known here is reported.
fn custom(
    tool: &Map<String, Value>,
    path: &str,
    others: &mut Vec<String>,
) -> Result<Tool, Failure> {
    let at = under(path, "format");
    let mut grammar = None;
    if let Some(format) = object(tool, "format", path)? {
        match needed(format, "type", &at)? {
            "text" => {}
            "grammar" => {
                grammar = Some(Grammar {
                    syntax: needed(format, "syntax", &at)?,
                    definition: needed(format, "definition", &at)?,
                });
            }
            _ => others.push(at),
        }
    }
    let name = needed(tool, "name", path)?;
    let description = text(tool, "description", path)?;
    Ok(freeform::tool(name, description, grammar))
}

fn word_of(word: &str) -> Result<ToolChoice, Failure> {
    Ok(match word {
        "auto" => ToolChoice::Auto,
        "none" => ToolChoice::None,
        "required" => ToolChoice::Required,
        _ => {
            let what = "must be `auto`, `none`, `required` or an object";
            return Err(wrong("tool_choice", "value_error", what));
        }
    })
}

/// A choice among tools. Those that are not allowed are not told to the model at all, which comes
/// to the same.
fn chosen(
    choice: &Map<String, Value>,
    request: &mut Request,
) -> Result<Option<ToolChoice>, Failure> {
    const PATH: &str = "tool_choice";
    match needed(choice, "type", PATH)? {
        "function" | "custom" => {
            let name = needed(choice, "name", PATH)?;
            Ok(Some(ToolChoice::Named(name.to_owned())))
        }
        "allowed_tools" => {
            let allowed = list(choice, "tools", PATH)?;
            let is_allowed = |tool: &Tool| {
                let kind = if tool.freeform { "custom" } else { "function" };
                allowed.iter().any(|it| {
                    it.get("type").and_then(Value::as_str) == Some(kind)
                        && it.get("name").and_then(Value::as_str) == Some(&tool.name)
                })
            };
            request.tools.retain(is_allowed);
            let mode = text(choice, "mode", PATH)?.unwrap_or("auto");
            word_of(mode).map(Some)
        }
        _ => {
            request.others.push(PATH.to_owned());
            Ok(None)
        }
    }
}
