//! Chat completions: what is said, and the plain form of saying it.

use serde_json::{Value, json};

use super::failure::Problem;
use super::tools::{self, Call};
use super::usage::Usage;
use super::{headers, sample, stream};
use crate::draft::Draft;
use crate::fault::MODEL_PREFIX;
use crate::request::Request;
use crate::seed::mix;
use crate::text::{self, MOST_TOKENS};

/// The name under which the simulator shows that no model said this.
pub(super) const FINGERPRINT: &str = "tollgate-simulator";
const MOST_CHOICES: u64 = 128;
/// Answers are dated from here on, one second for each request: clocks are not deterministic.
const FIRST_SECOND: u64 = 1_750_000_000;

/// Answers a chat request, or refuses it as the provider would.
pub(super) fn answer(request: &Request, seed: u64) -> Result<Draft, Problem> {
    let wanted = Wanted::read(request)?;
    let completion = wanted.complete(request, seed);
    if request.wants_stream() {
        let headers = headers::common(request.number, seed, "text/event-stream; charset=utf-8");
        return Ok(Draft::events(
            headers,
            stream::events(&completion, wanted.include_usage),
        ));
    }
    let headers = headers::common(request.number, seed, "application/json");
    Ok(Draft::whole(200, headers, completion.json().to_string()))
}

/// What is said, before it has a form.
pub(super) struct Completion {
    pub(super) id: String,
    pub(super) created: u64,
    pub(super) model: String,
    pub(super) choices: u64,
    pub(super) said: Said,
    pub(super) finish: &'static str,
    pub(super) usage: Usage,
}

/// The content of every choice.
pub(super) enum Said {
    /// Text.
    Text(String),
    /// Calls of tools.
    Calls(Vec<Call>),
}

impl Completion {
    fn json(&self) -> Value {
        let message = match &self.said {
            Said::Text(text) => {
                json!({"role": "assistant", "content": text, "refusal": null, "annotations": []})
            }
            Said::Calls(calls) => {
                let calls: Vec<Value> = calls.iter().map(Call::json).collect();
                json!({"role": "assistant", "content": null, "tool_calls": calls, "refusal": null})
            }
        };
        let choices = (0..self.choices).map(|index| {
            json!({
                "index": index,
                "message": message,
                "logprobs": null,
                "finish_reason": self.finish,
            })
        });
        json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": choices.collect::<Vec<_>>(),
            "usage": self.usage.json(),
            "service_tier": "default",
            "system_fingerprint": FINGERPRINT,
        })
    }
}

/// What a request asks for, checked.
struct Wanted<'a> {
    messages: &'a [Value],
    choices: u64,
    limit: usize,
    stop: Vec<&'a str>,
    include_usage: bool,
}

impl<'a> Wanted<'a> {
    fn read(request: &'a Request) -> Result<Self, Problem> {
        if request
            .document
            .as_ref()
            .is_none_or(|document| !document.is_object())
        {
            return Err(Problem::invalid(
                400,
                None,
                "The body of the request is not a JSON object.",
            ));
        }
        if request.model().is_empty() {
            return Err(Problem::invalid(
                400,
                Some("model"),
                "Missing required parameter: 'model'.",
            ));
        }
        let messages = request.member("messages").and_then(Value::as_array);
        let Some(messages) = messages.filter(|messages| !messages.is_empty()) else {
            let text = "Invalid 'messages': expected an array with at least one message.";
            return Err(Problem::invalid(400, Some("messages"), text));
        };
        let choices = positive(request, "n")?.unwrap_or(1);
        if choices > MOST_CHOICES {
            return Err(Problem::invalid(
                400,
                Some("n"),
                "Invalid 'n': expected at most 128.",
            ));
        }
        let limit = match positive(request, "max_completion_tokens")? {
            Some(limit) => Some(limit),
            None => positive(request, "max_tokens")?,
        };
        let most = MOST_TOKENS / usize::try_from(choices).unwrap_or(1).max(1);
        let limit = limit
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(most)
            .min(most);
        tools::check(request)?;
        let usage = request
            .member("stream_options")
            .and_then(|options| options.get("include_usage"));
        Ok(Self {
            messages,
            choices,
            limit,
            stop: stops(request),
            include_usage: usage.and_then(Value::as_bool).unwrap_or(false),
        })
    }

    fn complete(&self, request: &Request, seed: u64) -> Completion {
        let drawn = mix(seed, request.number);
        let (said, tokens, is_cut) = match tools::calls(request, self.messages, drawn) {
            Some(calls) => {
                let tokens = calls.iter().map(Call::tokens).sum();
                (Said::Calls(calls), tokens, false)
            }
            None => self.speak(request, seed),
        };
        let finish = match (&said, is_cut) {
            (Said::Calls(_), _) => "tool_calls",
            (Said::Text(_), true) => "length",
            (Said::Text(_), false) => "stop",
        };
        Completion {
            id: format!("chatcmpl-sim-{drawn:016x}{:08x}", request.number),
            created: FIRST_SECOND + request.number,
            model: request.shown_model(),
            choices: self.choices,
            said,
            finish,
            usage: Usage {
                prompt: prompt_tokens(self.messages),
                completion: tokens * self.choices,
            },
        }
    }

    /// The text, its tokens, and whether the limit cut it.
    fn speak(&self, request: &Request, seed: u64) -> (Said, u64, bool) {
        let mut text = self.text(request, seed);
        if let Some(at) = self.stop.iter().filter_map(|stop| text.find(stop)).min() {
            text.truncate(at);
        }
        let pieces = text::pieces(&text);
        let is_cut = pieces.len() > self.limit;
        let kept: String = pieces.iter().take(self.limit).copied().collect();
        let tokens = pieces.len().min(self.limit);
        (
            Said::Text(kept),
            u64::try_from(tokens).unwrap_or(u64::MAX),
            is_cut,
        )
    }

    fn text(&self, request: &Request, seed: u64) -> String {
        let echo = || last_words(self.messages);
        if let Some(format) = request.member("response_format") {
            match format.get("type").and_then(Value::as_str) {
                Some("json_object") => {
                    return json!({"simulated": true, "echo": echo()}).to_string();
                }
                Some("json_schema") => {
                    let schema = format
                        .pointer("/json_schema/schema")
                        .unwrap_or(&Value::Null);
                    return sample::value(schema).to_string();
                }
                _ => {}
            }
        }
        let model = request.model();
        if let Some(tokens) = text::story_length(model) {
            // One more than the limit, so that a story that is cut shows it.
            return text::story(seed, tokens);
        }
        if model.starts_with(MODEL_PREFIX) {
            return text::story(seed, text::story_length("story").unwrap_or_default());
        }
        echo()
    }
}

/// A member that must be a whole number of one or more.
fn positive(request: &Request, name: &str) -> Result<Option<u64>, Problem> {
    match request.member(name) {
        None => Ok(None),
        Some(value) => match value.as_u64() {
            Some(number) if number > 0 => Ok(Some(number)),
            _ => {
                let text = format!("Invalid '{name}': expected a whole number of at least 1.");
                Err(Problem::invalid(400, Some(name), &text))
            }
        },
    }
}

fn stops(request: &Request) -> Vec<&str> {
    let stops = match request.member("stop") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    stops.into_iter().filter(|stop| !stop.is_empty()).collect()
}

/// The text that `echo` answers with: that of the last message of a user or a tool.
fn last_words(messages: &[Value]) -> String {
    let is_asking = |message: &&Value| {
        let role = message.get("role").and_then(Value::as_str);
        matches!(role, Some("user" | "tool"))
    };
    messages
        .iter()
        .rev()
        .find(is_asking)
        .map(words)
        .unwrap_or_default()
}

/// The text of a message, its parts put together.
pub(super) fn words(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts = parts
                .iter()
                .filter_map(|part| part.get("text").and_then(Value::as_str));
            texts.collect()
        }
        _ => String::new(),
    }
}

/// Four tokens for each message, and those of its text.
fn prompt_tokens(messages: &[Value]) -> u64 {
    messages
        .iter()
        .map(|message| 4 + text::count(&words(message)))
        .sum()
}
