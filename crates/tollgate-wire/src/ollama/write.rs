//! Writing for Ollama: `POST /api/chat`.

mod messages;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::formats::{Aim, Lost};
use crate::neutral::{Effort, OutputFormat, Reasoning, Request, Tool, ToolChoice};

/// Writes a request. Wishes to cache are not reported: Ollama keeps every prompt that it can.
pub fn request(request: &Request, aim: &Aim<'_>, lost: &mut Lost) -> Bytes {
    let mut body = Map::new();
    body.insert("model".to_owned(), aim.model.into());
    body.insert(
        "messages".to_owned(),
        messages::of(request, aim, lost).into(),
    );
    let tools = tools(request, lost);
    if !tools.is_empty() {
        body.insert("tools".to_owned(), tools.into());
    }
    if let Some(format) = format(request.output.as_ref()) {
        body.insert("format".to_owned(), format);
    }
    if let Some(think) = request.reasoning.and_then(|wish| think(wish, aim, lost)) {
        body.insert("think".to_owned(), think);
    }
    let options = options(request);
    if !options.is_empty() {
        body.insert("options".to_owned(), options.into());
    }
    // Without it, there would be a stream.
    body.insert("stream".to_owned(), request.stream.into());
    Value::Object(body).to_string().into()
}

/// The tools. That none is to be called is said by telling of none.
fn tools(request: &Request, lost: &mut Lost) -> Vec<Value> {
    match &request.tool_choice {
        None | Some(ToolChoice::Auto) => {}
        Some(ToolChoice::None) => return Vec::new(),
        Some(ToolChoice::Required | ToolChoice::Named(_)) => lost.push("tool_choice".to_owned()),
    }
    if request.parallel_tools == Some(false) {
        lost.push("parallel_tool_calls".to_owned());
    }
    let tools = request.tools.iter().enumerate();
    tools.map(|(at, tool)| written(tool, at, lost)).collect()
}

fn written(tool: &Tool, at: usize, lost: &mut Lost) -> Value {
    if tool.strict == Some(true) {
        lost.push(format!("tools[{at}].strict"));
    }
    let none = || json!({"type": "object", "properties": {}});
    let mut function = Map::new();
    function.insert("name".to_owned(), tool.name.clone().into());
    if let Some(description) = &tool.description {
        function.insert("description".to_owned(), description.clone().into());
    }
    let parameters = tool.parameters.clone().unwrap_or_else(none);
    function.insert("parameters".to_owned(), parameters);
    json!({"type": "function", "function": function})
}

fn format(output: Option<&OutputFormat>) -> Option<Value> {
    match output? {
        OutputFormat::Text => None,
        OutputFormat::Json => Some("json".into()),
        // Its name is for nobody's eyes, and the answer always fits it.
        OutputFormat::Schema { schema, .. } => Some(schema.clone()),
    }
}

/// Whether to think. How hard is understood by few models, and refused by the others.
fn think(wish: Reasoning, aim: &Aim<'_>, lost: &mut Lost) -> Option<Value> {
    let Some(effort) = wish.effort() else {
        // Thoughts that are not to be shown must be thought nevertheless.
        return (wish.show == Some(true)).then_some(Value::Bool(true));
    };
    let has_levels = aim.model.contains("gpt-oss");
    let (think, is_exact) = match effort {
        Effort::None => (Value::Bool(false), !has_levels),
        _ if !has_levels => (Value::Bool(true), false),
        Effort::Minimal => ("low".into(), false),
        Effort::Low => ("low".into(), true),
        Effort::Medium => ("medium".into(), true),
        Effort::High => ("high".into(), true),
        Effort::Highest => ("high".into(), false),
    };
    if !is_exact && wish.effort.is_some() {
        lost.push("reasoning_effort".to_owned());
    }
    if wish.budget.is_some_and(|budget| budget > 0) {
        lost.push("thinking.budget_tokens".to_owned());
    }
    Some(think)
}

fn options(request: &Request) -> Map<String, Value> {
    let number = |number: &Option<_>| number.clone().map(Value::Number);
    let stop = (!request.stop.is_empty()).then(|| request.stop.clone().into());
    let options = [
        ("temperature", number(&request.temperature)),
        ("top_p", number(&request.top_p)),
        ("top_k", request.top_k.map(Value::from)),
        ("seed", request.seed.map(Value::from)),
        ("num_predict", request.max_tokens.map(Value::from)),
        ("stop", stop),
        ("frequency_penalty", number(&request.frequency_penalty)),
        ("presence_penalty", number(&request.presence_penalty)),
    ];
    let given = options.into_iter();
    given
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}
