//! How the answer is to end, what form it is to have, and how hard the model is to think.

use serde_json::{Map, Value};

use crate::neutral::{Effort, OutputFormat, Reasoning, Request};
use crate::openai::parse::notes::Notes;

/// The texts at which the model stops.
pub(super) fn stop(value: &Value, notes: &mut Notes) -> Vec<String> {
    if let Value::String(text) = value {
        return vec![text.clone()];
    }
    let Value::Array(items) = value else {
        notes.wrong("stop", "a string or an array of strings", value);
        return Vec::new();
    };
    items
        .iter()
        .enumerate()
        .filter_map(|(at, item)| {
            let path = format!("stop[{at}]");
            notes.text(item, &path).map(str::to_owned)
        })
        .collect()
}

/// The form of the answer. Forms that only some servers know are noted.
pub(super) fn output(value: &Value, notes: &mut Notes) -> Option<OutputFormat> {
    const PATH: &str = "response_format";
    let object = notes.object(value, PATH)?;
    match notes.name(object, "type", PATH)? {
        "text" => Some(OutputFormat::Text),
        "json_object" => Some(OutputFormat::Json),
        "json_schema" => schema(object, notes),
        _ => {
            notes.other(PATH);
            None
        }
    }
}

fn schema(format: &Map<String, Value>, notes: &mut Notes) -> Option<OutputFormat> {
    const PATH: &str = "response_format.json_schema";
    let Some(inner) = format.get("json_schema") else {
        notes.missing(PATH);
        return None;
    };
    let inner = notes.object(inner, PATH)?;
    let mut text = |name: &str| {
        let path = format!("{PATH}.{name}");
        let value = inner.get(name).unwrap_or(&Value::Null);
        notes.text(value, &path).map(str::to_owned)
    };
    let (name, description) = (text("name"), text("description"));
    let strict = inner.get("strict").unwrap_or(&Value::Null);
    let strict = notes.bool(strict, "response_format.json_schema.strict");
    let schema = inner.get("schema").filter(|schema| !schema.is_null());
    Some(OutputFormat::Schema {
        name,
        description,
        // A format without a schema allows every object.
        schema: schema.cloned().unwrap_or_else(|| Value::Object(Map::new())),
        strict,
    })
}

/// How hard the model is to think, in any of the words that are in use: `OpenAI`'s own, those of
/// `OpenRouter` (`reasoning`), and Anthropic's (`thinking`), which some clients send to everyone.
pub(super) fn reasoning(name: &str, value: &Value, request: &mut Request, notes: &mut Notes) {
    let mut reasoning = request.reasoning.unwrap_or_default();
    match name {
        "reasoning_effort" => reasoning.effort = effort(value, name, notes).or(reasoning.effort),
        "include_reasoning" => reasoning.show = notes.bool(value, name).or(reasoning.show),
        "thinking" => thinking(value, &mut reasoning, notes),
        _ => detailed(value, &mut reasoning, notes),
    }
    if reasoning != Reasoning::default() {
        request.reasoning = Some(reasoning);
    }
}

fn effort(value: &Value, path: &str, notes: &mut Notes) -> Option<Effort> {
    let name = notes.text(value, path)?;
    let effort = Effort::from_name(name);
    if effort.is_none() {
        notes.other(path);
    }
    effort
}

fn detailed(value: &Value, reasoning: &mut Reasoning, notes: &mut Notes) {
    let Some(object) = notes.object(value, "reasoning") else {
        return;
    };
    for (name, value) in object.iter().filter(|(_, value)| !value.is_null()) {
        let path = format!("reasoning.{name}");
        match &**name {
            "effort" => reasoning.effort = effort(value, &path, notes).or(reasoning.effort),
            "max_tokens" => reasoning.budget = notes.count(value, &path),
            "exclude" => reasoning.show = notes.bool(value, &path).map(|exclude| !exclude),
            "enabled" => match notes.bool(value, &path) {
                Some(false) => reasoning.effort = Some(Effort::None),
                Some(true) if reasoning.effort.is_none() => {
                    reasoning.effort = Some(Effort::Medium);
                }
                Some(true) | None => {}
            },
            _ => notes.other(path),
        }
    }
}

fn thinking(value: &Value, reasoning: &mut Reasoning, notes: &mut Notes) {
    let Some(object) = notes.object(value, "thinking") else {
        return;
    };
    let budget = object.get("budget_tokens").unwrap_or(&Value::Null);
    let budget = notes.count(budget, "thinking.budget_tokens");
    match notes.name(object, "type", "thinking") {
        Some("disabled") => reasoning.budget = Some(0),
        Some("enabled") if budget.is_some() => reasoning.budget = budget,
        Some("enabled") => reasoning.effort = reasoning.effort.or(Some(Effort::Medium)),
        Some(_) => notes.other("thinking"),
        None => {}
    }
}
