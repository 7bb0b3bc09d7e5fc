//! A caller's request.

use serde_json::Value;
use tollgate_core::call::Call;
use tollgate_core::error::{Code, Failure};

use super::blocks;
use super::options;
use super::tools;
use super::wrong::{self, Members, array, member, object, wrong};
use crate::neutral::{Request, Role};

/// Parses a caller's request. Fails with `invalid_request` and the field at fault if something is
/// of a wrong shape.
pub fn request(call: &Call) -> Result<Request, Failure> {
    let body: Value = serde_json::from_slice(&call.body).map_err(|error| {
        Failure::client(Code::MalformedJson)
            .message("The body is not valid JSON.")
            .because(error)
    })?;
    let Value::Object(members) = body else {
        return Err(
            Failure::client(Code::InvalidRequest).message("The body must be a JSON object.")
        );
    };
    let parsed = parse(call, &members);
    parsed.map_err(|mut failure| {
        failure.model = Some(call.model.to_string());
        failure
    })
}

fn parse(call: &Call, members: &Members) -> Result<Request, Failure> {
    let mut request = Request {
        max_tokens: call.max_tokens,
        stream: call.stream,
        ..Request::default()
    };
    if let Some(system) = member(members, "system") {
        blocks::system(system, &mut request)?;
    }
    if let Some(messages) = member(members, "messages") {
        for (at, message) in array(messages, "messages")?.iter().enumerate() {
            read_message(message, &format!("messages[{at}]"), &mut request)?;
        }
    }
    // First, as an effort means something else where thinking is off.
    if let Some(thinking) = member(members, "thinking") {
        options::thinking(thinking, &mut request)?;
    }
    for (name, value) in members {
        if !value.is_null() {
            read_member(name, value, members, &mut request)?;
        }
    }
    tools::settle(&mut request);
    if let Some(cache) = blocks::cache(members, "")? {
        // The mark at the top stands for one on the last part.
        let last = request
            .turns
            .last_mut()
            .and_then(|turn| turn.parts.last_mut());
        if let Some(part) = last {
            part.cache.get_or_insert(cache);
        }
    }
    Ok(request)
}

/// Takes a member of the body. Those that others need are read on their own.
fn read_member(
    name: &str,
    value: &Value,
    members: &Members,
    request: &mut Request,
) -> Result<(), Failure> {
    match name {
        // Read already, or no part of the answer.
        "model" | "messages" | "max_tokens" | "stream" | "system" | "thinking"
        | "cache_control" | "service_tier" | "user_profile_id" | "anthropic_version" => {}
        "metadata" => {
            let metadata = object(value, name)?;
            request.user = wrong::optional_text(metadata, "user_id", name)?;
        }
        "stop_sequences" => request.stop = options::stop(value)?,
        "temperature" => request.temperature = Some(options::number(value, name)?),
        "top_p" => request.top_p = Some(options::number(value, name)?),
        "top_k" => request.top_k = wrong::optional_count(members, name, "")?,
        "tools" => tools::tools(value, request)?,
        "tool_choice" => tools::choice(value, request)?,
        "output_config" => options::output_config(value, request)?,
        "output_format" => options::output_format(value, name, request)?,
        other => request.others.push(other.to_owned()),
    }
    Ok(())
}

fn read_message(message: &Value, path: &str, request: &mut Request) -> Result<(), Failure> {
    let message = object(message, path)?;
    let role = match &*wrong::text(message, "role", path)? {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ => {
            let what = "must be `user`, `assistant` or `system`";
            return Err(wrong(&format!("{path}.role"), what));
        }
    };
    let content_path = format!("{path}.content");
    let Some(content) = member(message, "content") else {
        return Err(wrong(&content_path, "is missing"));
    };
    blocks::content(content, &content_path, role, request)
}
