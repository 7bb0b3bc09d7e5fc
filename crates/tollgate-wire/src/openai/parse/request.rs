//! A caller's chat completion in the neutral form.

mod content;
mod messages;
mod settings;
#[cfg(test)]
mod tests;
mod tools;

use serde_json::{Map, Value, json};
use tollgate_core::call::Call;
use tollgate_core::error::{Code, Failure};

use super::notes::{Notes, is_nothing};
use crate::neutral::Request;
use crate::openai::harmless::HARMLESS;

/// Parses a chat completion that was read before. Fails with `invalid_request` and all the fields
/// at fault.
pub fn request(call: &Call) -> Result<Request, Failure> {
    let body: Map<String, Value> = serde_json::from_slice(&call.body).map_err(|error| {
        Failure::client(Code::MalformedJson)
            .message("The body is not a valid JSON object.")
            .because(error)
    })?;
    let mut notes = Notes::default();
    let mut request = Request {
        stream: call.stream,
        max_tokens: call.max_tokens,
        ..Request::default()
    };
    for (name, value) in body.iter().filter(|(_, value)| !value.is_null()) {
        if !sampling(name, value, &mut request, &mut notes)
            && !structure(name, value, &mut request, &mut notes)
            && !is_default(name, value)
        {
            notes.other(name);
        }
    }
    if !notes.faults.is_empty() {
        return Err(notes.faults.into_failure(Some(&call.model)));
    }
    request.others = notes.others;
    Ok(request)
}

/// Takes a member that is a plain value. False if it is another one.
fn sampling(name: &str, value: &Value, request: &mut Request, notes: &mut Notes) -> bool {
    match name {
        // These were read with the call.
        "model" | "stream" | "stream_options" | "max_tokens" | "max_completion_tokens" => {}
        "temperature" => request.temperature = notes.number(value, name),
        "top_p" => request.top_p = notes.number(value, name),
        "frequency_penalty" => request.frequency_penalty = notes.number(value, name),
        "presence_penalty" => request.presence_penalty = notes.number(value, name),
        "top_k" => match value.as_i64() {
            // Some servers take this for "all of them", which is what happens without it.
            Some(-1) => {}
            _ => request.top_k = notes.count(value, name),
        },
        "seed" | "random_seed" => match value.as_i64() {
            Some(seed) => request.seed = Some(seed),
            None => notes.other(name),
        },
        "stop" => request.stop = settings::stop(value, notes),
        "user" => request.user = notes.text(value, name).map(str::to_owned),
        "parallel_tool_calls" => request.parallel_tools = notes.bool(value, name),
        _ => return false,
    }
    true
}

/// Takes a member that has parts. False if it is another one.
fn structure(name: &str, value: &Value, request: &mut Request, notes: &mut Notes) -> bool {
    match name {
        "messages" => messages::read(value, request, notes),
        "tools" => tools::tools(value, request, notes),
        "functions" => tools::functions(value, request, notes),
        "tool_choice" => request.tool_choice = tools::choice(value, notes),
        "function_call" => request.tool_choice = tools::legacy_choice(value, notes),
        "response_format" => request.output = settings::output(value, notes),
        "reasoning_effort" | "reasoning" | "thinking" | "include_reasoning" => {
            settings::reasoning(name, value, request, notes);
        }
        _ => return false,
    }
    true
}

/// Whether the answer is the same without this member.
fn is_default(name: &str, value: &Value) -> bool {
    match name {
        "n" => value.as_f64() == Some(1.0),
        "logprobs" | "echo" => *value == Value::Bool(false),
        "top_logprobs" => value.as_u64() == Some(0),
        "modalities" => *value == json!(["text"]),
        _ => HARMLESS.contains(&name) || is_nothing(value),
    }
}
