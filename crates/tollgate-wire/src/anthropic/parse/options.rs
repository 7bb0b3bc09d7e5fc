//! Sampling, thinking and the form of the answer.

use serde_json::{Number, Value};
use tollgate_core::error::Failure;

use super::wrong::{array, joined, member, object, optional_count, optional_text, wrong};
use crate::neutral::{Effort, OutputFormat, Reasoning, Request};

/// Takes the texts at which the model stops.
pub(super) fn stop(value: &Value) -> Result<Vec<String>, Failure> {
    const PATH: &str = "stop_sequences";
    let items = array(value, PATH)?.iter().enumerate();
    items
        .map(|(at, item)| match item {
            Value::String(text) => Ok(text.clone()),
            _ => Err(wrong(&format!("{PATH}[{at}]"), "must be a string")),
        })
        .collect()
}

/// Takes a number.
pub(super) fn number(value: &Value, path: &str) -> Result<Number, Failure> {
    match value {
        Value::Number(number) => Ok(number.clone()),
        _ => Err(wrong(path, "must be a number")),
    }
}

/// Takes `thinking`. An effort that was read before stays.
pub(super) fn thinking(value: &Value, request: &mut Request) -> Result<(), Failure> {
    const PATH: &str = "thinking";
    let members = object(value, PATH)?;
    let reasoning = request.reasoning.get_or_insert_default();
    match optional_text(members, "type", PATH)?.as_deref() {
        Some("enabled") => {
            reasoning.budget = optional_count(members, "budget_tokens", PATH)?;
            // Who asks for thoughts in this way gets to see them, unless they say otherwise.
            reasoning.show = Some(true);
        }
        Some("adaptive") => {}
        Some("disabled") => {
            *reasoning = Reasoning {
                effort: Some(Effort::None),
                ..Reasoning::default()
            };
        }
        _ => {
            let what = "must be `enabled`, `adaptive` or `disabled`";
            return Err(wrong("thinking.type", what));
        }
    }
    match optional_text(members, "display", PATH)?.as_deref() {
        Some("summarized") => reasoning.show = Some(true),
        Some("omitted") => reasoning.show = Some(false),
        Some(_) => request.others.push("thinking.display".to_owned()),
        None => {}
    }
    Ok(())
}

/// Takes `output_config`: how hard the model is to try, and the form of what it says.
pub(super) fn output_config(value: &Value, request: &mut Request) -> Result<(), Failure> {
    const PATH: &str = "output_config";
    for (name, value) in object(value, PATH)? {
        let path = joined(PATH, name);
        match &**name {
            _ if value.is_null() => {}
            "effort" => effort(value, path, request),
            "format" => output_format(value, &path, request)?,
            _ => request.others.push(path),
        }
    }
    Ok(())
}

fn effort(value: &Value, path: String, request: &mut Request) {
    let effort = value.as_str().and_then(Effort::from_name);
    let disabled = request.reasoning.and_then(|reasoning| reasoning.effort) == Some(Effort::None);
    match effort {
        // Elsewhere an effort means thinking, which is not wanted.
        Some(effort) if !disabled => {
            request.reasoning.get_or_insert_default().effort = Some(effort);
        }
        Some(_) | None => request.others.push(path),
    }
}

/// Takes the form of the answer.
pub(super) fn output_format(
    value: &Value,
    path: &str,
    request: &mut Request,
) -> Result<(), Failure> {
    let members = object(value, path)?;
    if optional_text(members, "type", path)?.as_deref() != Some("json_schema") {
        request.others.push(path.to_owned());
        return Ok(());
    }
    let Some(schema) = member(members, "schema") else {
        return Err(wrong(&joined(path, "schema"), "is missing"));
    };
    request.output = Some(OutputFormat::Schema {
        name: None,
        description: None,
        schema: schema.clone(),
        strict: None,
    });
    Ok(())
}
