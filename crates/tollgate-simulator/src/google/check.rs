//! What the provider refuses.

use serde_json::Value;

use super::{demands_signatures, member, text};
use crate::problem::Problem;
use crate::request::Request;
use crate::signature::{self, Kind};

/// Stands for a signature where a call was made by another model, as the provider documents.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// The body, when it is an object.
pub(super) fn body(request: &Request) -> Result<&Value, Problem> {
    if request.model().is_empty() {
        return refuse("model is not specified");
    }
    match request.object() {
        Some(body) => Ok(body),
        None => refuse("Invalid JSON payload received. Expected an object."),
    }
}

/// The body of a request for content, when it can be followed.
pub(super) fn request(request: &Request, seed: u64) -> Result<&Value, Problem> {
    let body = body(request)?;
    contents(body)?;
    calls(body)?;
    signatures(body, request.model(), seed)?;
    Ok(body)
}

/// Refuses contents that are missing, empty, or not of a user or a model.
pub(super) fn contents(body: &Value) -> Result<(), Problem> {
    let contents = turns(body);
    if contents.is_empty() {
        return refuse("* GenerateContentRequest.contents: contents is not specified\n");
    }
    for (at, content) in contents.iter().enumerate() {
        if !matches!(
            text(content, "role"),
            None | Some("user" | "model" | "function")
        ) {
            return refuse("Please use a valid role: user, model.");
        }
        if parts(content).is_empty() {
            return refuse(&format!(
                "* GenerateContentRequest.contents[{at}].parts: contents.parts must not be empty.\n"
            ));
        }
    }
    Ok(())
}

/// Refuses results that do not answer the calls before them, one by one.
fn calls(body: &Value) -> Result<(), Problem> {
    let contents = turns(body);
    for (at, content) in contents.iter().enumerate() {
        let count = |content: &Value, name: &str| {
            let parts = parts(content).iter();
            parts.filter(|part| member(part, name).is_some()).count()
        };
        let results = count(content, "functionResponse");
        let before = at.checked_sub(1).and_then(|before| contents.get(before));
        let calls = before.map_or(0, |before| count(before, "functionCall"));
        // The last turn may be a call: whoever sends it wants to hear what comes after.
        let is_answer = results > 0 || calls > 0;
        if is_answer && results != calls {
            return refuse(
                "Please ensure that the number of function response parts is equal to the number \
                 of function call parts of the function call turn.",
            );
        }
    }
    Ok(())
}

/// Refuses signatures that were not given out here, and the lack of those that were.
fn signatures(body: &Value, model: &str, seed: u64) -> Result<(), Problem> {
    let contents = turns(body);
    let is_question = |content: &Value| {
        text(content, "role") != Some("model")
            && !parts(content)
                .iter()
                .any(|part| member(part, "functionResponse").is_some())
    };
    let question = contents.iter().rposition(is_question).unwrap_or(0);
    for (at, content) in contents.iter().enumerate() {
        let mut is_first_call = true;
        for (position, part) in parts(content).iter().enumerate() {
            let given = text(part, "thoughtSignature").filter(|given| !given.is_empty());
            let is_known =
                |state: &str| state == NO_SIGNATURE || signature::is_ours(seed, Kind::Part, state);
            if given.is_some_and(|given| !is_known(given)) {
                return refuse("Corrupted thought signature.");
            }
            let Some(call) = member(part, "functionCall") else {
                continue;
            };
            let is_due = is_first_call && at > question && demands_signatures(model);
            if is_due && given.is_none() {
                let name = text(call, "name").unwrap_or_default();
                return refuse(&format!(
                    "Function call is missing a thought_signature in functionCall parts. This is \
                     required for tools to work correctly, and missing thought_signature may lead \
                     to degraded model performance. Additional data, function call \
                     `default_api:{name}` , position {}.",
                    position + 1
                ));
            }
            is_first_call = false;
        }
    }
    Ok(())
}

fn turns(body: &Value) -> &[Value] {
    let contents = member(body, "contents").and_then(Value::as_array);
    contents.map(Vec::as_slice).unwrap_or_default()
}

fn parts(content: &Value) -> &[Value] {
    let parts = member(content, "parts").and_then(Value::as_array);
    parts.map(Vec::as_slice).unwrap_or_default()
}

fn refuse<T>(message: &str) -> Result<T, Problem> {
    Err(Problem::plain(400, message))
}
