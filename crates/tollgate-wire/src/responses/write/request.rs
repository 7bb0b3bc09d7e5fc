//! A provider's request.

#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::input;
use crate::formats::{Aim, Lost};
use crate::neutral::{Content, Effort, OutputFormat, Request, Tool, ToolChoice};

/// Writes a request. Nothing of it is kept at the provider: state comes back encrypted.
pub fn request(request: &Request, aim: &Aim<'_>, lost: &mut Lost) -> Bytes {
    let mut body = Map::new();
    body.insert("model".to_owned(), aim.model.into());
    input::write(request, aim.provider, &mut body, lost);
    tools(request, aim, &mut body);
    output(request, aim, &mut body, lost);
    reasoning(request, aim, &mut body, lost);
    let optional: [(&str, Option<Value>); 5] = [
        (
            "parallel_tool_calls",
            request.parallel_tools.map(Value::from),
        ),
        ("max_output_tokens", request.max_tokens.map(Value::from)),
        (
            "temperature",
            request.temperature.clone().map(Value::Number),
        ),
        ("top_p", request.top_p.clone().map(Value::Number)),
        ("user", request.user.clone().map(Value::String)),
    ];
    for (name, value) in optional {
        body.extend(value.map(|value| (name.to_owned(), value)));
    }
    if request.stream {
        body.insert("stream".to_owned(), true.into());
    }
    body.insert("store".to_owned(), false.into());
    let unsaid = [
        ("stop", !request.stop.is_empty()),
        ("top_k", request.top_k.is_some()),
        ("seed", request.seed.is_some()),
        ("frequency_penalty", request.frequency_penalty.is_some()),
        ("presence_penalty", request.presence_penalty.is_some()),
    ];
    let unsaid = unsaid.into_iter().filter(|(_, there)| *there);
    lost.extend(unsaid.map(|(name, _)| name.to_owned()));
    Value::Object(body).to_string().into()
}

fn tools(request: &Request, aim: &Aim<'_>, body: &mut Map<String, Value>) {
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(function).collect();
        body.insert("tools".to_owned(), Value::Array(tools));
    }
    let choice = request.tool_choice.as_ref().map(|choice| match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!(aim.quirks.tool_required),
        ToolChoice::Named(name) => json!({"type": "function", "name": name}),
    });
    body.extend(choice.map(|choice| ("tool_choice".to_owned(), choice)));
}

fn function(tool: &Tool) -> Value {
    let mut function = Map::new();
    function.insert("type".to_owned(), "function".into());
    function.insert("name".to_owned(), tool.name.clone().into());
    if let Some(description) = &tool.description {
        function.insert("description".to_owned(), description.clone().into());
    }
    let none = || json!({"type": "object", "properties": {}});
    let parameters = tool.parameters.clone().unwrap_or_else(none);
    function.insert("parameters".to_owned(), parameters);
    // Here, unlike in every other format, leaving it out means true.
    function.insert("strict".to_owned(), tool.strict.unwrap_or(false).into());
    Value::Object(function)
}

fn output(request: &Request, aim: &Aim<'_>, body: &mut Map<String, Value>, lost: &mut Lost) {
    let format = match &request.output {
        None => return,
        Some(OutputFormat::Text) => json!({"type": "text"}),
        Some(OutputFormat::Json) => json!({"type": "json_object"}),
        Some(OutputFormat::Schema { .. }) if !aim.quirks.schemas => {
            lost.push("response_format".to_owned());
            json!({"type": "json_object"})
        }
        Some(OutputFormat::Schema {
            name,
            description,
            schema,
            strict,
        }) => {
            let mut format = Map::new();
            format.insert("type".to_owned(), "json_schema".into());
            let name = name.as_deref().unwrap_or("response");
            format.insert("name".to_owned(), name.into());
            if let Some(description) = description {
                format.insert("description".to_owned(), description.clone().into());
            }
            format.insert("schema".to_owned(), schema.clone());
            if let Some(strict) = strict {
                format.insert("strict".to_owned(), (*strict).into());
            }
            Value::Object(format)
        }
    };
    body.insert("text".to_owned(), json!({"format": format}));
}

fn reasoning(request: &Request, aim: &Aim<'_>, body: &mut Map<String, Value>, lost: &mut Lost) {
    let wish = request.reasoning.unwrap_or_default();
    let mut reasoning = Map::new();
    match wish.effort() {
        Some(_) if !aim.quirks.effort => lost.push("reasoning.effort".to_owned()),
        Some(effort) => {
            reasoning.insert("effort".to_owned(), effort.name().into());
        }
        None => {}
    }
    if wish.show == Some(true) {
        reasoning.insert("summary".to_owned(), "auto".into());
    }
    let thinks = !reasoning.is_empty() && wish.effort() != Some(Effort::None);
    if !reasoning.is_empty() {
        body.insert("reasoning".to_owned(), Value::Object(reasoning));
    }
    // Models that do not think refuse to be asked for what they thought: so only those are asked
    // that are told to think, or have thought before.
    if thinks || has_thought(request, aim.provider) {
        body.insert("include".to_owned(), json!(["reasoning.encrypted_content"]));
    }
}

fn has_thought(request: &Request, provider: &str) -> bool {
    let mut parts = request.turns.iter().flat_map(|turn| &turn.parts);
    parts.any(|part| match &part.content {
        Content::Reasoning(thought) => {
            let state = thought.state.as_ref();
            state.is_some_and(|state| state.is_of(provider))
        }
        _ => false,
    })
}
