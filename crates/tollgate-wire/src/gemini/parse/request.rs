//! A caller's request: the body but its contents and tools.

use serde_json::{Map, Value};
use tollgate_core::call::Call;
use tollgate_core::error::{Code, Failure};
use tollgate_core::format::Operation;

use super::contents::Contents;
use super::members::{bool, integer, list, member, members, number, object, text};
use super::tools;
use crate::gemini::schema::to_json_schema;
use crate::neutral::{Effort, OutputFormat, Reasoning, Request};

/// Parses the body of a call.
pub(super) fn parse(call: &Call) -> Result<Request, Failure> {
    let body: Value = serde_json::from_slice(&call.body).map_err(|error| {
        Failure::client(Code::MalformedJson)
            .message("The body is not valid JSON.")
            .because(error)
    })?;
    let body = object(&body, "body")?;
    let whole = match call.operation {
        Operation::CountTokens => member(body, "generateContentRequest"),
        Operation::Chat | Operation::Embeddings => None,
    };
    let (body, prefix) = match whole {
        Some(whole) => (
            object(whole, "generateContentRequest")?,
            "generateContentRequest.",
        ),
        None => (body, ""),
    };
    let mut request = Request {
        stream: call.stream,
        max_tokens: call.max_tokens,
        ..Request::default()
    };
    read_body(body, prefix, &mut request)?;
    Ok(request)
}

fn read_body(
    body: &Map<String, Value>,
    prefix: &str,
    request: &mut Request,
) -> Result<(), Failure> {
    let at = |name: &str| format!("{prefix}{name}");
    let mut contents = Contents::new(request);
    if let Some(system) = member(body, "systemInstruction") {
        contents.system(system, &at("systemInstruction"))?;
    }
    if let Some(turns) = member(body, "contents") {
        contents.turns(turns, &at("contents"))?;
    }
    if let Some(value) = member(body, "tools") {
        tools::read(value, &at("tools"), request)?;
    }
    if let Some(value) = member(body, "toolConfig") {
        tools::read_config(value, &at("toolConfig"), request)?;
    }
    if let Some(value) = member(body, "generationConfig") {
        read_config(value, &at("generationConfig"), request)?;
    }
    for (name, value) in body {
        let name = super::members::camel(name);
        match &*name {
            // Read above.
            "systemInstruction" | "contents" | "tools" | "toolConfig" | "generationConfig"
            // They change no answer.
            | "model" | "labels" | "store" | "serviceTier" | "generateContentRequest" => {}
            _ if value.is_null() => {}
            _ => request.others.push(at(&name)),
        }
    }
    Ok(())
}

/// The form of the answer as Google's callers say it, in three members.
#[derive(Default)]
struct Form<'a> {
    media_type: Option<&'a str>,
    schema: Option<Value>,
}

fn read_config(value: &Value, path: &str, request: &mut Request) -> Result<(), Failure> {
    let mut form = Form::default();
    for (name, value) in members(value, path)? {
        let at = &format!("{path}.{name}");
        match &*name {
            // It was read with the facts that decide.
            "maxOutputTokens" => {}
            "temperature" => request.temperature = Some(number(value, at)?),
            "topP" => request.top_p = Some(number(value, at)?),
            "topK" => match u64::try_from(integer(value, at)?) {
                Ok(most) => request.top_k = Some(most),
                Err(_) => request.others.push(at.clone()),
            },
            "seed" => request.seed = Some(integer(value, at)?),
            "presencePenalty" => request.presence_penalty = Some(number(value, at)?),
            "frequencyPenalty" => request.frequency_penalty = Some(number(value, at)?),
            "stopSequences" => {
                for (index, stop) in list(value, at)?.iter().enumerate() {
                    let stop = text(stop, &format!("{at}[{index}]"))?;
                    request.stop.push(stop.to_owned());
                }
            }
            "candidateCount" if value.as_u64() == Some(1) => {}
            "responseModalities" if is_text_only(value) => {}
            "responseMimeType" => form.media_type = Some(text(value, at)?),
            "responseSchema" => form.schema = Some(to_json_schema(value)),
            "responseJsonSchema" | "_responseJsonSchema" => form.schema = Some(value.clone()),
            "thinkingConfig" => read_thinking(value, at, request)?,
            _ => request.others.push(at.clone()),
        }
    }
    read_form(form, path, request);
    Ok(())
}

fn is_text_only(modalities: &Value) -> bool {
    let words = modalities.as_array().map(Vec::as_slice).unwrap_or_default();
    words.iter().all(|word| {
        word.as_str()
            .is_some_and(|word| word.eq_ignore_ascii_case("text"))
    })
}

fn read_form(form: Form<'_>, path: &str, request: &mut Request) {
    request.output = match (form.media_type, form.schema) {
        (None | Some("application/json"), Some(schema)) => Some(OutputFormat::Schema {
            name: None,
            description: None,
            schema,
            strict: None,
        }),
        (Some("application/json"), None) => Some(OutputFormat::Json),
        (Some("text/plain"), None) => Some(OutputFormat::Text),
        (None, None) => None,
        (Some(_), _) => {
            request.others.push(format!("{path}.responseMimeType"));
            None
        }
    };
}

fn read_thinking(value: &Value, path: &str, request: &mut Request) -> Result<(), Failure> {
    let mut reasoning = Reasoning::default();
    for (name, value) in members(value, path)? {
        let at = &format!("{path}.{name}");
        match &*name {
            // A negative budget leaves it to the model.
            "thinkingBudget" => reasoning.budget = u64::try_from(integer(value, at)?).ok(),
            "thinkingLevel" => match text(value, at)?.to_ascii_lowercase().as_str() {
                "thinking_level_unspecified" => {}
                level => match Effort::from_name(level) {
                    Some(effort) => reasoning.effort = Some(effort),
                    None => request.others.push(at.clone()),
                },
            },
            "includeThoughts" => reasoning.show = Some(bool(value, at)?),
            _ => request.others.push(at.clone()),
        }
    }
    if reasoning != Reasoning::default() {
        request.reasoning = Some(reasoning);
    }
    Ok(())
}
