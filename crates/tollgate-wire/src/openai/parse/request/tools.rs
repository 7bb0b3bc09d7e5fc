//! The tools of a request, and whether they are to be called.

use serde_json::{Map, Value};

use super::content::cache;
use crate::neutral::{Request, Tool, ToolChoice};
use crate::openai::parse::notes::{Notes, is_nothing};

/// Takes `tools`. Tools that are no functions are noted: nobody else has them.
pub(super) fn tools(value: &Value, request: &mut Request, notes: &mut Notes) {
    for (at, value) in notes.list(value, "tools").into_iter().flatten().enumerate() {
        let path = format!("tools[{at}]");
        let Some(object) = notes.object(value, &path) else {
            continue;
        };
        match object.get("type").and_then(Value::as_str) {
            Some("function") | None if object.contains_key("function") => {
                let inner = object.get("function").unwrap_or(&Value::Null);
                let inner_path = format!("{path}.function");
                let Some(inner) = notes.object(inner, &inner_path) else {
                    continue;
                };
                let mark = object.get("cache_control").or(inner.get("cache_control"));
                if let Some(mut tool) = function(inner, &inner_path, notes) {
                    tool.cache = mark.and_then(cache);
                    request.tools.push(tool);
                }
            }
            Some("function") => notes.missing(&format!("{path}.function")),
            Some(_) => notes.other(path),
            None => notes.missing(&format!("{path}.type")),
        }
    }
}

/// Takes `functions`, as tools were called once.
pub(super) fn functions(value: &Value, request: &mut Request, notes: &mut Notes) {
    let functions = notes.list(value, "functions");
    for (at, value) in functions.into_iter().flatten().enumerate() {
        let path = format!("functions[{at}]");
        if let Some(object) = notes.object(value, &path) {
            request.tools.extend(function(object, &path, notes));
        }
    }
}

fn function(object: &Map<String, Value>, path: &str, notes: &mut Notes) -> Option<Tool> {
    let name = notes.name(object, "name", path)?.to_owned();
    let get = |name: &str| object.get(name).unwrap_or(&Value::Null);
    let description = notes.text(get("description"), &format!("{path}.description"));
    let parameters = get("parameters");
    notes.object(parameters, &format!("{path}.parameters"));
    Some(Tool {
        name,
        description: description.map(str::to_owned),
        parameters: (!is_nothing(parameters)).then(|| parameters.clone()),
        strict: notes.bool(get("strict"), &format!("{path}.strict")),
        freeform: false,
        cache: None,
    })
}

/// Whether and which tool is to be called.
pub(super) fn choice(value: &Value, notes: &mut Notes) -> Option<ToolChoice> {
    const PATH: &str = "tool_choice";
    match value {
        Value::String(word) => match &**word {
            "auto" => Some(ToolChoice::Auto),
            "none" => Some(ToolChoice::None),
            "required" | "any" => Some(ToolChoice::Required),
            _ => {
                notes.other(PATH);
                None
            }
        },
        Value::Object(object) => {
            let Some(inner) = object.get("function") else {
                // A choice among several tools, or of one that is no function.
                notes.other(PATH);
                return None;
            };
            let inner = notes.object(inner, "tool_choice.function")?;
            let name = notes.name(inner, "name", "tool_choice.function")?;
            Some(ToolChoice::Named(name.to_owned()))
        }
        _ => {
            notes.wrong(PATH, "a string or an object", value);
            None
        }
    }
}

/// The choice among `functions`.
pub(super) fn legacy_choice(value: &Value, notes: &mut Notes) -> Option<ToolChoice> {
    const PATH: &str = "function_call";
    match value {
        Value::Object(object) => {
            let name = notes.name(object, "name", PATH)?;
            Some(ToolChoice::Named(name.to_owned()))
        }
        Value::String(word) if word == "auto" => Some(ToolChoice::Auto),
        Value::String(word) if word == "none" => Some(ToolChoice::None),
        _ => {
            notes.wrong(PATH, "`auto`, `none` or an object", value);
            None
        }
    }
}
