//! A caller's request.

#[cfg(test)]
mod tests;

use serde_json::{Map, Number, Value};
use tollgate_core::call::Call;
use tollgate_core::error::{Code, Failure};

use super::field::{flag, get, list, object, text, under, wrong};
use super::{input, tools};
use crate::neutral::{Effort, OutputFormat, Part, Reasoning, Request, Role};

/// Members that are parsed here.
const PARSED: [&str; 17] = [
    "model",
    "input",
    "instructions",
    "stream",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "text",
    "reasoning",
    "include",
    "max_output_tokens",
    "temperature",
    "top_p",
    "user",
    "safety_identifier",
    "background",
    "top_logprobs",
];

/// Members that change nothing of an answer.
const HARMLESS: [&str; 9] = [
    "store",
    "metadata",
    "truncation",
    "service_tier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "stream_options",
    "client_metadata",
];

/// Members that refer to what a provider keeps. An answer without it would answer something else.
const KEPT: [&str; 3] = ["previous_response_id", "conversation", "prompt"];

/// Parses a caller's request. Fails with `invalid_request` where a member has the wrong shape, and
/// where the request refers to what only one provider keeps.
pub fn request(call: &Call) -> Result<Request, Failure> {
    let body: Map<String, Value> = serde_json::from_slice(&call.body).map_err(|error| {
        Failure::client(Code::MalformedJson)
            .message("The body is not a JSON object of valid texts.")
            .because(error)
    })?;
    refuse_what_is_kept(&body)?;
    let mut request = Request {
        parallel_tools: flag(&body, "parallel_tool_calls", "")?,
        max_tokens: call.max_tokens,
        temperature: number(&body, "temperature")?,
        top_p: number(&body, "top_p")?,
        stream: call.stream,
        ..Request::default()
    };
    let user = text(&body, "user", "")?.or(text(&body, "safety_identifier", "")?);
    request.user = user.map(str::to_owned);
    if let Some(instructions) = text(&body, "instructions", "")? {
        request.push(Role::System, Part::text(instructions));
    }
    input::read(&body, &mut request)?;
    tools::read(&body, &mut request)?;
    request.output = output(&body, &mut request.others)?;
    request.reasoning = reasoning(&body, &mut request.others)?;
    others(&body, &mut request.others)?;
    Ok(request)
}

fn refuse_what_is_kept(body: &Map<String, Value>) -> Result<(), Failure> {
    for name in KEPT {
        if get(body, name).is_some() {
            let what = "refers to what another provider keeps; send the whole conversation in \
                        `input` instead";
            return Err(wrong(name, "value_error", what));
        }
    }
    if flag(body, "background", "")? == Some(true) {
        let what = "cannot be true: the model's provider answers at once or not at all";
        return Err(wrong("background", "value_error", what));
    }
    Ok(())
}

fn number(body: &Map<String, Value>, name: &str) -> Result<Option<Number>, Failure> {
    match get(body, name) {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(Some(number.clone())),
        Some(_) => Err(wrong(name, "float_type", "must be a number")),
    }
}

/// The form of the answer, from `text`.
fn output(
    body: &Map<String, Value>,
    others: &mut Vec<String>,
) -> Result<Option<OutputFormat>, Failure> {
    const PATH: &str = "text.format";
    let Some(config) = object(body, "text", "")? else {
        return Ok(None);
    };
    // Medium is what comes without asking.
    if text(config, "verbosity", "text")?.is_some_and(|word| word != "medium") {
        others.push("text.verbosity".to_owned());
    }
    let Some(format) = object(config, "format", "text")? else {
        return Ok(None);
    };
    Ok(match text(format, "type", PATH)? {
        Some("text") => Some(OutputFormat::Text),
        Some("json_object") => Some(OutputFormat::Json),
        Some("json_schema") => Some(OutputFormat::Schema {
            name: text(format, "name", PATH)?.map(str::to_owned),
            description: text(format, "description", PATH)?.map(str::to_owned),
            schema: object(format, "schema", PATH)?
                .map(|schema| Value::Object(schema.clone()))
                .ok_or_else(|| wrong(&under(PATH, "schema"), "missing", "is missing"))?,
            strict: flag(format, "strict", PATH)?,
        }),
        Some(_) => {
            others.push(PATH.to_owned());
            None
        }
        None => return Err(wrong(&under(PATH, "type"), "missing", "is missing")),
    })
}

fn reasoning(
    body: &Map<String, Value>,
    others: &mut Vec<String>,
) -> Result<Option<Reasoning>, Failure> {
    const PATH: &str = "reasoning";
    let Some(wish) = object(body, PATH, "")? else {
        return Ok(None);
    };
    let word = text(wish, "effort", PATH)?;
    let effort = word.and_then(Effort::from_name);
    if word.is_some() && effort.is_none() {
        others.push(under(PATH, "effort"));
    }
    let summary = text(wish, "summary", PATH)?.or(text(wish, "generate_summary", PATH)?);
    let show = summary.map(|word| word != "none");
    let wish = Reasoning {
        effort,
        budget: None,
        show,
    };
    Ok((wish != Reasoning::default()).then_some(wish))
}

/// Reports the members that have no place in the neutral form.
fn others(body: &Map<String, Value>, others: &mut Vec<String>) -> Result<(), Failure> {
    for (at, wish) in list(body, "include", "")?.iter().enumerate() {
        // The others belong to tools, which are reported themselves.
        if wish == "message.output_text.logprobs" {
            others.push(format!("include[{at}]"));
        }
    }
    if get(body, "top_logprobs").is_some_and(|count| count.as_u64() != Some(0)) {
        others.push("top_logprobs".to_owned());
    }
    let known = |name: &str| PARSED.contains(&name) || HARMLESS.contains(&name);
    let unknown = body.iter().filter(|(_, value)| !value.is_null());
    let unknown = unknown.filter(|(name, _)| !known(name) && !KEPT.contains(&name.as_str()));
    others.extend(unknown.map(|(name, _)| name.clone()));
    Ok(())
}
