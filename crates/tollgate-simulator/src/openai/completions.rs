//! Completions of a text, as they were before there were chats.

use serde_json::{Value, json};

use super::{FINGERPRINT, circumstances, created, headers, quoted, read};
use crate::conversation::{Conversation, Part, Speaker};
use crate::draft::{Draft, Piece};
use crate::problem::Problem;
use crate::reply::{Finish, Reply, Said, reply};
use crate::request::Request;
use crate::text::pieces;
use crate::usage::Usage;

/// What the provider allows when nothing is said.
const LIMIT: u64 = 16;
const MOST_PROMPTS: usize = 128;

/// Answers a request for completions, or refuses it as the provider would.
pub(super) fn answer(request: &Request, seed: u64) -> Result<Draft, Problem> {
    read::check_body(request)?;
    let choices = read::choices(request)?;
    let prompts = prompts(request)?;
    let limit = read::positive(request, "max_tokens")?.unwrap_or(LIMIT);
    let all = choices * u64::try_from(prompts.len()).unwrap_or(1);
    let about = circumstances(request, seed, all);
    let mut answered = Answered {
        id: format!("cmpl-sim-{:016x}{:08x}", about.drawn(), request.number),
        created: created(request),
        model: request.shown_model(),
        texts: Vec::new(),
        usage: Usage {
            prompt: 0,
            completion: 0,
            thought: 0,
        },
    };
    for prompt in prompts {
        let mut conversation = Conversation {
            limit: Some(limit),
            stop: read::stops(request),
            ..Conversation::default()
        };
        conversation.say(Speaker::User, vec![Part::Text(prompt.clone())]);
        read::settings(request, &mut conversation);
        let reply = reply(&conversation, about);
        answered.usage.prompt += conversation.tokens - 4;
        answered.usage.completion += reply.tokens() * choices;
        let repeats = request.member("echo").and_then(Value::as_bool) == Some(true);
        let before = if repeats { prompt.as_str() } else { "" };
        let said = Answered::said(before, &reply);
        answered.texts.extend((0..choices).map(|_| said.clone()));
    }
    if !request.wants_stream() {
        let headers = headers::common(request.number, seed, "application/json");
        return Ok(Draft::whole(200, headers, answered.json().to_string()));
    }
    let options = request.member("stream_options");
    let include_usage = options.and_then(|options| options.get("include_usage"));
    let include_usage = include_usage.and_then(Value::as_bool).unwrap_or(false);
    let headers = headers::common(request.number, seed, "text/event-stream; charset=utf-8");
    Ok(Draft::events(headers, answered.events(include_usage)))
}

/// A text, one of many, or one of token numbers.
fn prompts(request: &Request) -> Result<Vec<String>, Problem> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(numbers) if numbers.iter().all(Value::is_u64) => Some(value.to_string()),
        _ => None,
    };
    let prompts: Option<Vec<String>> = match request.member("prompt") {
        Some(Value::Array(many)) if !many.iter().all(Value::is_u64) => {
            many.iter().map(one).collect()
        }
        Some(value) => one(value).map(|prompt| vec![prompt]),
        None => return Err(read::missing("prompt")),
    };
    prompts
        .filter(|prompts| (1..=MOST_PROMPTS).contains(&prompts.len()))
        .ok_or_else(|| {
            let text = "Invalid 'prompt': expected a text, or an array of 1 to 128 of them.";
            Problem::invalid(400, Some("prompt"), text)
        })
}

struct Answered {
    id: String,
    created: u64,
    model: String,
    /// The text and the finish reason of each choice.
    texts: Vec<(String, &'static str)>,
    usage: Usage,
}

impl Answered {
    fn said(before: &str, reply: &Reply) -> (String, &'static str) {
        let text = match &reply.said {
            Said::Text(text) => format!("{before}{text}"),
            Said::Calls(_) => before.to_owned(),
        };
        let finish = match reply.finish {
            Finish::Length => "length",
            Finish::Stop | Finish::Sequence(_) | Finish::Tools => "stop",
        };
        (text, finish)
    }

    fn json(&self) -> Value {
        let choices = self.texts.iter().enumerate().map(|(index, (text, finish))| {
            json!({"text": text, "index": index, "logprobs": null, "finish_reason": finish})
        });
        json!({
            "id": self.id,
            "object": "text_completion",
            "created": self.created,
            "model": self.model,
            "choices": choices.collect::<Vec<_>>(),
            "usage": self.usage.completions(),
            "system_fingerprint": FINGERPRINT,
        })
    }

    fn events(&self, include_usage: bool) -> Vec<Piece> {
        let usage = if include_usage {
            r#","usage":null"#
        } else {
            ""
        };
        let mut events = Vec::new();
        for (index, (text, finish)) in self.texts.iter().enumerate() {
            for piece in pieces(text) {
                let choice = choice(piece, index, "null");
                events.push(self.chunk(&format!("[{choice}]"), usage));
            }
            let choice = choice("", index, &quoted(finish));
            events.push(self.chunk(&format!("[{choice}]"), usage));
        }
        if include_usage {
            let usage = format!(r#","usage":{}"#, self.usage.completions());
            events.push(self.chunk("[]", &usage));
        }
        events.push(Piece::data("[DONE]"));
        events
    }

    fn chunk(&self, choices: &str, usage: &str) -> Piece {
        Piece::data(&format!(
            r#"{{"id":{},"object":"text_completion","created":{},"choices":{choices},"model":{},"system_fingerprint":"{FINGERPRINT}"{usage}}}"#,
            quoted(&self.id),
            self.created,
            quoted(&self.model),
        ))
    }
}

fn choice(text: &str, index: usize, finish: &str) -> String {
    format!(
        r#"{{"text":{},"index":{index},"logprobs":null,"finish_reason":{finish}}}"#,
        quoted(text)
    )
}

/// An event with this text.
pub(super) fn text_event(model: &str, id: &str, text: &str) -> Piece {
    let chunk = json!({
        "id": id,
        "object": "text_completion",
        "created": 0,
        "choices": [{"text": text, "index": 0, "logprobs": null, "finish_reason": null}],
        "model": model,
    });
    Piece::data(&chunk.to_string())
}
