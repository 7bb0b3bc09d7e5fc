//! What the provider refuses.

use serde_json::Value;

use crate::problem::Problem;
use crate::request::Request;
use crate::signature::{self, Kind};

/// Refuses a request that cannot be counted.
pub(super) fn countable(request: &Request) -> Result<(), Problem> {
    if request.object().is_none() {
        return refuse("The request body is not valid JSON");
    }
    if request.model().is_empty() {
        return refuse("model: Field required");
    }
    let messages = request.member("messages");
    let Some(messages) = messages.and_then(Value::as_array) else {
        return refuse("messages: Field required");
    };
    match messages.first() {
        None => refuse("messages: at least one message is required"),
        Some(first) if role(first) != "user" => {
            refuse("messages: first message must use the \"user\" role")
        }
        Some(_) => Ok(()),
    }
}

/// Refuses a request whose members are missing, wrong or at odds with each other.
pub(super) fn request(request: &Request) -> Result<(), Problem> {
    countable(request)?;
    let Some(limit) = request.member("max_tokens") else {
        return refuse("max_tokens: Field required");
    };
    let Some(limit) = limit.as_u64().filter(|limit| *limit > 0) else {
        return refuse("max_tokens: Input should be greater than or equal to 1");
    };
    let temperature = request.member("temperature").map(Value::as_f64);
    if temperature.is_some_and(|given| !given.is_some_and(|t| (0.0..=1.0).contains(&t))) {
        return refuse("temperature: range: 0..1");
    }
    let choice = |name: &str| {
        let choice = request.member("tool_choice")?.get(name)?;
        choice.as_str()
    };
    let has_tools = request.member("tools").is_some();
    if choice("type").is_some() && !has_tools {
        return refuse("tool_choice: may only be specified while providing tools");
    }
    if choice("type") == Some("tool") && !offers(request, choice("name").unwrap_or_default()) {
        let name = choice("name").unwrap_or_default();
        return refuse(&format!("Tool '{name}' not found in provided tools"));
    }
    thinking(request, limit, choice("type"))
}

fn offers(request: &Request, name: &str) -> bool {
    let tools = request.member("tools").and_then(Value::as_array);
    let mut tools = tools.into_iter().flatten();
    tools.any(|tool| tool.get("name").and_then(Value::as_str) == Some(name))
}

fn thinking(request: &Request, limit: u64, choice: Option<&str>) -> Result<(), Problem> {
    let kind = thinking_kind(request);
    if !matches!(kind, Some("enabled" | "adaptive")) {
        return Ok(());
    }
    if kind == Some("enabled") {
        let budget = request
            .member("thinking")
            .and_then(|thinking| thinking.get("budget_tokens"));
        match budget.and_then(Value::as_u64) {
            None => return refuse("thinking.enabled.budget_tokens: Field required"),
            Some(budget) if budget < 1024 => {
                return refuse(
                    "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
                );
            }
            Some(budget) if budget >= limit => {
                return refuse("`max_tokens` must be greater than `thinking.budget_tokens`");
            }
            Some(_) => {}
        }
    }
    let temperature = request.member("temperature").and_then(Value::as_f64);
    if temperature.is_some_and(|given| (given - 1.0).abs() > f64::EPSILON) {
        return refuse("`temperature` may only be set to 1 when thinking is enabled");
    }
    if matches!(choice, Some("any" | "tool")) {
        return refuse("Thinking may not be enabled when tool_choice forces tool use.");
    }
    Ok(())
}

fn thinking_kind(request: &Request) -> Option<&str> {
    request.member("thinking")?.get("type")?.as_str()
}

/// Refuses messages that cannot follow each other, and thoughts that were not given out here.
pub(super) fn messages(request: &Request, seed: u64) -> Result<(), Problem> {
    let messages = request.member("messages").and_then(Value::as_array);
    let messages = messages.map(Vec::as_slice).unwrap_or_default();
    let thinks = matches!(thinking_kind(request), Some("enabled" | "adaptive"));
    for (at, message) in messages.iter().enumerate() {
        // Newer models take instructions within the conversation, too.
        if !matches!(role(message), "user" | "assistant" | "system") {
            return refuse(&format!(
                "messages.{at}.role: Input should be 'user', 'assistant' or 'system'"
            ));
        }
        for (block_at, block) in blocks(message).iter().enumerate() {
            let place = format!("messages.{at}.content.{block_at}");
            let before = at.checked_sub(1).and_then(|before| messages.get(before));
            content(block, before, &place)?;
            if thinks {
                state(block, seed, &place)?;
            }
        }
    }
    for (at, message) in messages.iter().enumerate() {
        results(message, messages.get(at + 1), at)?;
    }
    if thinking_kind(request) == Some("enabled") {
        begins_with_thought(messages)?;
    }
    Ok(())
}

fn content(block: &Value, before: Option<&Value>, place: &str) -> Result<(), Problem> {
    let text = |name: &str| block.get(name).and_then(Value::as_str);
    match text("type") {
        None => refuse(&format!("{place}.type: Field required")),
        Some("text") if text("text").is_none_or(str::is_empty) => {
            refuse("messages: text content blocks must be non-empty")
        }
        Some("tool_use") if !block.get("input").is_some_and(Value::is_object) => refuse(&format!(
            "{place}.tool_use.input: Input should be a valid dictionary"
        )),
        Some("tool_result") => {
            let id = text("tool_use_id").unwrap_or_default();
            let calls = before.map(blocks).unwrap_or_default();
            if calls.iter().any(|call| is_call(call) && id_of(call) == id) {
                return Ok(());
            }
            refuse(&format!(
                "{place}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each \
                 `tool_result` block must have a corresponding `tool_use` block in the previous \
                 message."
            ))
        }
        Some(_) => Ok(()),
    }
}

/// Every call needs its result in the very next message.
fn results(message: &Value, next: Option<&Value>, at: usize) -> Result<(), Problem> {
    let given = next.map(blocks).unwrap_or_default();
    let is_given = |id: &str| {
        given
            .iter()
            .any(|block| block.get("tool_use_id").and_then(Value::as_str) == Some(id))
    };
    let calls = blocks(message).iter().filter(|block| is_call(block));
    let missing: Vec<&str> = calls.map(id_of).filter(|id| !is_given(id)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    refuse(&format!(
        "messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately \
         after: {}. Each `tool_use` block must have a corresponding `tool_result` block in the \
         next message.",
        missing.join(", ")
    ))
}

fn state(block: &Value, seed: u64, place: &str) -> Result<(), Problem> {
    let text = |name: &str| block.get(name).and_then(Value::as_str);
    match text("type") {
        Some("thinking") => {
            let Some(signature) = text("signature") else {
                return refuse(&format!("{place}.thinking.signature: Field required"));
            };
            let thought = text("thinking").unwrap_or_default();
            if signature::is_of_text(seed, Kind::Thinking, signature, thought) {
                return Ok(());
            }
            refuse(&format!("{place}: Invalid `signature` in `thinking` block"))
        }
        Some("redacted_thinking") => {
            if signature::is_ours(seed, Kind::Redacted, text("data").unwrap_or_default()) {
                return Ok(());
            }
            refuse(&format!(
                "{place}: Invalid `data` in `redacted_thinking` block"
            ))
        }
        _ => Ok(()),
    }
}

/// While tools are at work, the model's turn must begin with the thought that led to them.
fn begins_with_thought(messages: &[Value]) -> Result<(), Problem> {
    let Some((last, before)) = messages.split_last() else {
        return Ok(());
    };
    let has_results = blocks(last)
        .iter()
        .any(|block| block.get("tool_use_id").is_some());
    let Some(turn) = before.last().filter(|_| has_results) else {
        return Ok(());
    };
    let first = blocks(turn).first().and_then(|block| block.get("type"));
    let kind = first.and_then(Value::as_str).unwrap_or("text");
    if matches!(kind, "thinking" | "redacted_thinking") {
        return Ok(());
    }
    let at = before.len() - 1;
    refuse(&format!(
        "messages.{at}.content.0.type: Expected `thinking` or `redacted_thinking`, but found \
         `{kind}`. When `thinking` is enabled, a final `assistant` message must start with a \
         thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks)."
    ))
}

fn role(message: &Value) -> &str {
    let role = message.get("role").and_then(Value::as_str);
    role.unwrap_or_default()
}

fn blocks(message: &Value) -> &[Value] {
    let content = message.get("content").and_then(Value::as_array);
    content.map(Vec::as_slice).unwrap_or_default()
}

fn is_call(block: &Value) -> bool {
    block.get("type").and_then(Value::as_str) == Some("tool_use")
}

fn id_of(block: &Value) -> &str {
    block.get("id").and_then(Value::as_str).unwrap_or_default()
}

fn refuse(message: &str) -> Result<(), Problem> {
    Err(Problem::plain(400, message))
}
