//! Chat completions: reading what is asked, and the plain form of the answer.

use serde_json::{Value, json};

use super::{FINGERPRINT, circumstances, created, headers, read, stream};
use crate::conversation::{Conversation, Output, Part, Speaker};
use crate::draft::Draft;
use crate::problem::Problem;
use crate::reply::{Call, Finish, Reply, Said, reply};
use crate::request::Request;
use crate::usage::Usage;

/// Answers a chat request, or refuses it as the provider would.
pub(super) fn answer(request: &Request, seed: u64) -> Result<Draft, Problem> {
    let conversation = read(request)?;
    let choices = read::choices(request)?;
    let about = circumstances(request, seed, choices);
    let reply = reply(&conversation, about);
    let completion = Completion {
        id: format!("chatcmpl-sim-{:016x}{:08x}", about.drawn(), request.number),
        created: created(request),
        model: request.shown_model(),
        choices,
        usage: Usage {
            prompt: conversation.tokens,
            completion: reply.tokens() * choices,
            thought: reply.thought_tokens * choices,
        },
        reply,
    };
    if conversation.stream {
        let options = request.member("stream_options");
        let include_usage = options.and_then(|options| options.get("include_usage"));
        let include_usage = include_usage.and_then(Value::as_bool).unwrap_or(false);
        let headers = headers::common(request.number, seed, "text/event-stream; charset=utf-8");
        let events = stream::events(&completion, include_usage);
        return Ok(Draft::events(headers, events));
    }
    let headers = headers::common(request.number, seed, "application/json");
    Ok(Draft::whole(200, headers, completion.json().to_string()))
}

/// A chat completion, before it is written.
pub(super) struct Completion {
    pub(super) id: String,
    pub(super) created: u64,
    pub(super) model: String,
    pub(super) choices: u64,
    pub(super) reply: Reply,
    pub(super) usage: Usage,
}

impl Completion {
    /// Why it ends, in the format's words.
    pub(super) fn finish(&self) -> &'static str {
        match self.reply.finish {
            Finish::Stop | Finish::Sequence(_) => "stop",
            Finish::Length => "length",
            Finish::Tools => "tool_calls",
        }
    }

    fn json(&self) -> Value {
        let mut message = match &self.reply.said {
            Said::Text(text) => {
                json!({"role": "assistant", "content": text, "refusal": null, "annotations": []})
            }
            Said::Calls(calls) => {
                let calls: Vec<Value> = calls.iter().map(call).collect();
                json!({"role": "assistant", "content": null, "tool_calls": calls, "refusal": null})
            }
        };
        // The provider itself shows no thoughts here; the servers that do call them so.
        if let (Some(thought), Some(members)) = (&self.reply.thought, message.as_object_mut()) {
            members.insert("reasoning_content".to_owned(), json!(thought));
        }
        let choices = (0..self.choices).map(|index| {
            json!({
                "index": index,
                "message": message,
                "logprobs": null,
                "finish_reason": self.finish(),
            })
        });
        json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": choices.collect::<Vec<_>>(),
            "usage": self.usage.completions(),
            "service_tier": "default",
            "system_fingerprint": FINGERPRINT,
        })
    }
}

fn call(call: &Call) -> Value {
    json!({
        "id": call_id(call),
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    })
}

/// The id of a call.
pub(super) fn call_id(call: &Call) -> String {
    format!("call_sim_{:016x}", call.number)
}

fn read(request: &Request) -> Result<Conversation, Problem> {
    read::check_body(request)?;
    let messages = request.member("messages").and_then(Value::as_array);
    let Some(messages) = messages.filter(|messages| !messages.is_empty()) else {
        let text = "Invalid 'messages': expected an array with at least one message.";
        return Err(Problem::invalid(400, Some("messages"), text));
    };
    let mut conversation = Conversation::default();
    for message in messages {
        add(&mut conversation, message);
    }
    let limit = match read::positive(request, "max_completion_tokens")? {
        Some(limit) => Some(limit),
        None => read::positive(request, "max_tokens")?,
    };
    conversation.limit = limit;
    conversation.stop = read::stops(request);
    conversation.thinking = read::effort(request.member("reasoning_effort"));
    conversation.output = output(request.member("response_format"));
    let tools = request.member("tools").and_then(Value::as_array);
    let tools = tools.into_iter().flatten();
    conversation.tools = tools
        .filter_map(|tool| read::tool(tool, tool.get("function")))
        .collect();
    conversation.choice = read::choice(request.member("tool_choice"), |tool| {
        tool.pointer("/function/name").and_then(Value::as_str)
    });
    read::settings(request, &mut conversation);
    read::check_choice(&conversation)?;
    Ok(conversation)
}

fn add(conversation: &mut Conversation, message: &Value) {
    let text = |name: &str| message.get(name).and_then(Value::as_str);
    let mut parts = Vec::new();
    if let Some(thought) = text("reasoning_content").or(text("reasoning")) {
        parts.push(Part::Thought {
            text: thought.to_owned(),
            is_signed: false,
        });
    }
    parts.extend(read::parts(message.get("content")));
    match text("role").unwrap_or_default() {
        "system" | "developer" => {
            for part in parts {
                conversation.instruct(&part.words());
            }
        }
        "assistant" => {
            if let Some(refusal) = text("refusal") {
                parts.push(Part::Refusal(refusal.to_owned()));
            }
            let calls = message.get("tool_calls").and_then(Value::as_array);
            parts.extend(calls.into_iter().flatten().map(|call| {
                Part::Call {
                    id: call.get("id").and_then(Value::as_str).map(str::to_owned),
                    name: name_of(call).to_owned(),
                    arguments: read::arguments(call.pointer("/function/arguments")),
                    is_signed: call
                        .pointer("/extra_content/google/thought_signature")
                        .is_some(),
                }
            }));
            conversation.say(Speaker::Model, parts);
        }
        "tool" => {
            let outcome = Part::Outcome {
                id: text("tool_call_id").map(str::to_owned),
                name: None,
                parts,
                is_failed: false,
            };
            conversation.say(Speaker::User, vec![outcome]);
        }
        _ => conversation.say(Speaker::User, parts),
    }
}

fn name_of(call: &Value) -> &str {
    let name = call.pointer("/function/name").and_then(Value::as_str);
    name.unwrap_or_default()
}

fn output(format: Option<&Value>) -> Output {
    let kind = format
        .and_then(|format| format.get("type"))
        .and_then(Value::as_str);
    match (kind, format) {
        (Some("json_object"), _) => Output::Json,
        (Some("json_schema"), Some(format)) => {
            let schema = format.pointer("/json_schema/schema");
            Output::Schema(schema.cloned().unwrap_or(Value::Null))
        }
        _ => Output::Text,
    }
}
