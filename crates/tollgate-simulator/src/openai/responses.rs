//! Responses: what is asked, and the plain form of the answer.

mod read;
mod stream;

use serde_json::{Value, json};

use super::{circumstances, created, failure, headers};
use crate::draft::{Draft, Piece};
use crate::problem::Problem;
use crate::reply::{Circumstances, Finish, Reply, Said, reply};
use crate::request::Request;
use crate::seed::mix;
use crate::signature::{self, Kind};
use crate::usage::Usage;

/// Answers a request for a response, or refuses it as the provider would.
pub(super) fn answer(request: &Request, seed: u64) -> Result<Draft, Problem> {
    let conversation = read::read(request, seed)?;
    let about = circumstances(request, seed, 1);
    let reply = reply(&conversation, about);
    let response = Response {
        id: id("resp", about, 0),
        usage: Usage {
            prompt: conversation.tokens,
            completion: reply.tokens(),
            thought: reply.thought_tokens,
        },
        items: items(request, &reply, about),
        is_cut: reply.finish == Finish::Length,
        request,
    };
    if conversation.stream {
        let headers = headers::common(request.number, seed, "text/event-stream; charset=utf-8");
        return Ok(Draft::events(headers, stream::events(&response)));
    }
    let headers = headers::common(request.number, seed, "application/json");
    Ok(Draft::whole(200, headers, response.ended().to_string()))
}

/// Whether a response of this id was given out before this request.
fn is_given_out(id: &str, request: &Request, seed: u64) -> bool {
    let Some(numbers) = id.strip_prefix("resp_sim_") else {
        return false;
    };
    let Some((drawn, number)) = numbers.split_at_checked(16) else {
        return false;
    };
    let number = u64::from_str_radix(number, 16).unwrap_or(u64::MAX);
    number < request.number && drawn == format!("{:016x}", mix(mix(seed, number), 0))
}

fn id(kind: &str, about: Circumstances<'_>, position: u64) -> String {
    let drawn = mix(about.drawn(), position);
    format!("{kind}_sim_{drawn:016x}{:08x}", about.number)
}

/// A response, before it is written.
struct Response<'a> {
    id: String,
    items: Vec<Item>,
    is_cut: bool,
    usage: Usage,
    request: &'a Request,
}

/// An item of the output.
enum Item {
    /// What was thought.
    Reasoning {
        id: String,
        /// The summary; `None` when none was asked for.
        summary: Option<String>,
        /// The thought for the caller to keep, when that was asked for.
        encrypted: Option<String>,
    },
    /// What is said.
    Message { id: String, text: String },
    /// A call of a tool.
    Call {
        id: String,
        call_id: String,
        name: String,
        arguments: String,
    },
}

impl Item {
    fn json(&self, is_cut: bool) -> Value {
        let status = if is_cut { "incomplete" } else { "completed" };
        match self {
            Self::Reasoning {
                id,
                summary,
                encrypted,
            } => {
                let summary: Vec<Value> = summary
                    .iter()
                    .map(|text| json!({"type": "summary_text", "text": text}))
                    .collect();
                let mut item = json!({"id": id, "type": "reasoning", "summary": summary});
                if let (Some(encrypted), Some(members)) = (encrypted, item.as_object_mut()) {
                    members.insert("encrypted_content".to_owned(), json!(encrypted));
                }
                item
            }
            Self::Message { id, text } => json!({
                "id": id,
                "type": "message",
                "status": status,
                "content": [text_part(text)],
                "role": "assistant",
            }),
            Self::Call {
                id,
                call_id,
                name,
                arguments,
            } => json!({
                "id": id,
                "type": "function_call",
                "status": status,
                "arguments": arguments,
                "call_id": call_id,
                "name": name,
            }),
        }
    }
}

fn text_part(text: &str) -> Value {
    json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text})
}

fn items(request: &Request, reply: &Reply, about: Circumstances<'_>) -> Vec<Item> {
    let mut items = Vec::new();
    if let Some(thought) = &reply.thought {
        let reasoning = request.member("reasoning");
        let summary = reasoning.and_then(|reasoning| reasoning.get("summary"));
        let included = request.member("include").and_then(Value::as_array);
        let is_kept = included
            .into_iter()
            .flatten()
            .any(|name| name == "reasoning.encrypted_content");
        items.push(Item::Reasoning {
            id: id("rs", about, 1),
            summary: summary
                .is_some_and(Value::is_string)
                .then(|| thought.clone()),
            encrypted: is_kept.then(|| signature::sign(about.seed, Kind::Reasoning, about.drawn())),
        });
    }
    match &reply.said {
        // The limit was reached while thinking: there is no message at all.
        Said::Text(text) if text.is_empty() && reply.finish == Finish::Length => {}
        Said::Text(text) => items.push(Item::Message {
            id: id("msg", about, 2),
            text: text.clone(),
        }),
        Said::Calls(calls) => {
            let calls = calls.iter().zip(3..).map(|(call, position)| Item::Call {
                id: id("fc", about, position),
                call_id: super::chat::call_id(call),
                name: call.name.clone(),
                arguments: call.arguments.clone(),
            });
            items.extend(calls);
        }
    }
    items
}

impl Response<'_> {
    /// The response at its end.
    fn ended(&self) -> Value {
        let (status, details) = if self.is_cut {
            ("incomplete", json!({"reason": "max_output_tokens"}))
        } else {
            ("completed", Value::Null)
        };
        let last = self.items.len().saturating_sub(1);
        let items = self.items.iter().enumerate();
        let output = items.map(|(at, item)| item.json(self.is_cut && at == last));
        self.json(status, &details, &output.collect(), &self.usage.responses())
    }

    /// The response before anything is said.
    fn begun(&self) -> Value {
        self.json("in_progress", &Value::Null, &json!([]), &Value::Null)
    }

    fn json(&self, status: &str, incomplete: &Value, output: &Value, usage: &Value) -> Value {
        let given = |name: &str, usual: Value| match self.request.member(name) {
            Some(value) => value.clone(),
            None => usual,
        };
        json!({
            "id": self.id,
            "object": "response",
            "created_at": created(self.request),
            "status": status,
            "background": false,
            "error": null,
            "incomplete_details": incomplete,
            "instructions": given("instructions", Value::Null),
            "max_output_tokens": given("max_output_tokens", Value::Null),
            "max_tool_calls": null,
            "model": self.request.shown_model(),
            "output": output,
            "parallel_tool_calls": given("parallel_tool_calls", json!(true)),
            "previous_response_id": given("previous_response_id", Value::Null),
            "reasoning": given("reasoning", json!({"effort": null, "summary": null})),
            "service_tier": "default",
            "store": given("store", json!(true)),
            "temperature": given("temperature", json!(1.0)),
            "text": given("text", json!({"format": {"type": "text"}})),
            "tool_choice": given("tool_choice", json!("auto")),
            "tools": given("tools", json!([])),
            "top_p": given("top_p", json!(1.0)),
            "truncation": given("truncation", json!("disabled")),
            "usage": usage,
            "user": given("user", Value::Null),
            "metadata": given("metadata", json!({})),
        })
    }
}

/// An event with this text.
pub(super) fn text_event(text: &str) -> Piece {
    let event = json!({
        "type": "response.output_text.delta",
        "sequence_number": 0,
        "item_id": "msg_sim",
        "output_index": 0,
        "content_index": 0,
        "delta": text,
    });
    Piece::named("response.output_text.delta", &event.to_string())
}

/// The events that end a stream by an error.
pub(super) fn error_events(model: &str, problem: &Problem) -> Vec<Piece> {
    let kind = problem.kind.as_deref();
    let error = json!({
        "type": "error",
        "sequence_number": 0,
        "error": failure::object(problem),
    });
    let failed = json!({
        "type": "response.failed",
        "sequence_number": 1,
        "response": {
            "id": "resp_sim_failed",
            "object": "response",
            "created_at": 0,
            "status": "failed",
            "error": {
                "code": problem.code.as_deref().or(kind),
                "message": problem.message,
            },
            "incomplete_details": null,
            "model": model,
            "output": [],
            "usage": null,
        },
    });
    vec![
        Piece::named("error", &error.to_string()),
        Piece::named("response.failed", &failed.to_string()),
    ]
}

/// An event at the start of a stream that says nothing yet.
pub(super) fn silent_event(model: &str) -> Piece {
    let event = json!({
        "type": "response.queued",
        "sequence_number": 0,
        "response": {
            "id": "resp_sim",
            "object": "response",
            "created_at": 0,
            "status": "queued",
            "model": model,
            "output": [],
        },
    });
    Piece::named("response.queued", &event.to_string())
}
