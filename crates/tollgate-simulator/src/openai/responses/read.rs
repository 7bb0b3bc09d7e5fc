//! A request for a response, read into a conversation.

use serde_json::Value;

use super::is_given_out;
use crate::conversation::{Conversation, Output, Part, Speaker, Thinking};
use crate::openai::read;
use crate::problem::Problem;
use crate::request::Request;
use crate::signature::{self, Kind};

pub(super) fn read(request: &Request, seed: u64) -> Result<Conversation, Problem> {
    read::check_body(request)?;
    let continues = previous(request, seed)?;
    let mut conversation = Conversation::default();
    if let Some(text) = request.member("instructions").and_then(Value::as_str) {
        conversation.instruct(text);
    }
    match request.member("input") {
        Some(Value::String(text)) => {
            conversation.say(Speaker::User, vec![Part::Text(text.clone())]);
        }
        Some(Value::Array(items)) => {
            check_items(items, seed, continues)?;
            for item in items {
                add(&mut conversation, item);
            }
        }
        Some(_) => {
            let text = "Invalid 'input': expected a text or an array of items.";
            return Err(Problem::invalid(400, Some("input"), text));
        }
        None if continues => {}
        None => return Err(read::missing("input")),
    }
    conversation.limit = read::positive(request, "max_output_tokens")?;
    conversation.thinking = thinking(request.member("reasoning"));
    conversation.output = output(request.member("text"));
    let tools = request.member("tools").and_then(Value::as_array);
    let tools = tools.into_iter().flatten();
    conversation.tools = tools
        .filter_map(|tool| read::tool(tool, Some(tool)))
        .collect();
    conversation.choice = read::choice(request.member("tool_choice"), |tool| {
        tool.get("name").and_then(Value::as_str)
    });
    read::settings(request, &mut conversation);
    read::check_choice(&conversation)?;
    Ok(conversation)
}

/// Whether the request goes on from a response, which must be one that was given out.
fn previous(request: &Request, seed: u64) -> Result<bool, Problem> {
    let Some(id) = request.member("previous_response_id") else {
        return Ok(false);
    };
    let id = id.as_str().unwrap_or_default();
    if is_given_out(id, request, seed) {
        return Ok(true);
    }
    let text = format!("Previous response with id '{id}' not found.");
    let mut problem = Problem::invalid(400, Some("previous_response_id"), &text);
    problem.code = Some("previous_response_not_found".into());
    Err(problem)
}

fn kind(item: &Value) -> &str {
    let kind = item.get("type").and_then(Value::as_str);
    kind.unwrap_or("message")
}

/// Refuses reasoning that was not given out here or that stands alone, and results of calls
/// that were not made.
fn check_items(items: &[Value], seed: u64, continues: bool) -> Result<(), Problem> {
    let refuse = |text: String| Err(Problem::invalid(400, Some("input"), &text));
    let text_of = |item: &Value, name: &str| {
        let text = item.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let mut made: Vec<String> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        match kind(item) {
            "function_call" => made.push(text_of(item, "call_id")),
            "function_call_output" => {
                let id = text_of(item, "call_id");
                if !continues && !made.contains(&id) {
                    return refuse(format!(
                        "No tool call found for function call output with call_id {id}."
                    ));
                }
            }
            "reasoning" => {
                let id = text_of(item, "id");
                let state = item.get("encrypted_content").and_then(Value::as_str);
                if state.is_some_and(|state| !signature::is_ours(seed, Kind::Reasoning, state)) {
                    let text =
                        format!("The encrypted content for item {id} could not be verified.");
                    let mut problem = Problem::invalid(400, None, &text);
                    problem.code = Some("invalid_encrypted_content".into());
                    return Err(problem);
                }
                if at + 1 == items.len() {
                    return refuse(format!(
                        "Item '{id}' of type 'reasoning' was provided without its required \
                         following item."
                    ));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn add(conversation: &mut Conversation, item: &Value) {
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    let id = || text("call_id").map(str::to_owned);
    match kind(item) {
        "message" => {
            let parts = read::parts(item.get("content"));
            match text("role").unwrap_or_default() {
                "system" | "developer" => {
                    for part in parts {
                        conversation.instruct(&part.words());
                    }
                }
                "assistant" => conversation.say(Speaker::Model, parts),
                _ => conversation.say(Speaker::User, parts),
            }
        }
        "function_call" => {
            let call = Part::Call {
                id: id(),
                name: text("name").unwrap_or_default().to_owned(),
                arguments: read::arguments(item.get("arguments")),
                is_signed: false,
            };
            conversation.say(Speaker::Model, vec![call]);
        }
        "function_call_output" => {
            let outcome = Part::Outcome {
                id: id(),
                name: None,
                parts: read::parts(item.get("output")),
                is_failed: false,
            };
            conversation.say(Speaker::User, vec![outcome]);
        }
        "reasoning" => {
            let summary = item.get("summary").and_then(Value::as_array);
            let texts = summary
                .into_iter()
                .flatten()
                .filter_map(|part| part.get("text").and_then(Value::as_str));
            let thought = Part::Thought {
                text: texts.collect(),
                is_signed: text("encrypted_content").is_some(),
            };
            conversation.say(Speaker::Model, vec![thought]);
        }
        other => {
            let is_ours = other.ends_with("_output");
            let speaker = if is_ours {
                Speaker::User
            } else {
                Speaker::Model
            };
            conversation.say(speaker, vec![Part::Other(other.to_owned())]);
        }
    }
}

fn thinking(reasoning: Option<&Value>) -> Thinking {
    let member = |name: &str| reasoning.and_then(|reasoning| reasoning.get(name));
    let mut thinking = read::effort(member("effort"));
    if member("summary").is_some_and(Value::is_string) {
        thinking.is_shown = Some(true);
        thinking.wanted = thinking.wanted.or(Some(true));
    }
    thinking
}

fn output(text: Option<&Value>) -> Output {
    let format = text.and_then(|text| text.get("format"));
    let member = |name: &str| format.and_then(|format| format.get(name));
    match member("type").and_then(Value::as_str) {
        Some("json_object") => Output::Json,
        Some("json_schema") => Output::Schema(member("schema").cloned().unwrap_or(Value::Null)),
        _ => Output::Text,
    }
}
