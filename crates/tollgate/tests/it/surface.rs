//! The surfaces: how their clients ask, and how they read what comes back.

use serde_json::{Value, json};

use crate::world::{Answer, KEY, World};

/// A surface. `Gemini` streams by server-sent events, `GeminiArray` as one JSON array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    Chat,
    Completions,
    Responses,
    Anthropic,
    Gemini,
    GeminiArray,
}
use Surface::{Anthropic, Chat, Completions, Gemini, GeminiArray, Responses};

/// The surfaces of conversations.
pub const SURFACES: [Surface; 5] = [Chat, Responses, Anthropic, Gemini, GeminiArray];

/// Connections to providers of every family; models are `family/NAME`.
pub const FAMILIES: [&str; 4] = ["chat", "responses", "anthropic", "google"];

/// The configuration of [`FAMILIES`].
pub const FAMILIES_CONFIG: &str = r#"
[[connections]]
name = "chat"
provider = "openai"
format = "chat"
api_key = "sk-provider-canary-0123456789"
base_url = "http://{provider}/v1"
headers = { openai-organization = "org-canary-0123456789" }
[[connections]]
name = "responses"
provider = "openai"
format = "responses"
api_key = "sk-provider-canary-0123456789"
base_url = "http://{provider}/v1"
[[connections]]
name = "anthropic"
provider = "anthropic"
api_key = "sk-provider-canary-0123456789"
base_url = "http://{provider}"
[[connections]]
name = "google"
provider = "google"
api_key = "sk-provider-canary-0123456789"
base_url = "http://{provider}"
[[models]]
name = "chat/*"
targets = [{ connection = "chat" }]
[[models]]
name = "responses/*"
targets = [{ connection = "responses" }]
[[models]]
name = "anthropic/*"
targets = [{ connection = "anthropic" }]
[[models]]
name = "google/*"
targets = [{ connection = "google" }]
"#;

impl Surface {
    /// Where a call goes, with the query.
    pub fn path(self, model: &str, stream: bool) -> String {
        match self {
            Chat => "/v1/chat/completions".to_owned(),
            Completions => "/v1/completions".to_owned(),
            Responses => "/v1/responses".to_owned(),
            Anthropic => "/v1/messages?beta=true".to_owned(),
            Gemini | GeminiArray => {
                let method = match (self, stream) {
                    (_, false) => ":generateContent",
                    (GeminiArray, true) => "%3AstreamGenerateContent",
                    (_, true) => ":streamGenerateContent?alt=sse",
                };
                format!("/v1beta/models/{model}{method}")
            }
        }
    }

    /// A body that asks for no more than an answer to this text.
    pub fn body(self, model: &str, text: &str, stream: bool) -> Value {
        let messages = json!([{"role": "user", "content": text}]);
        match self {
            Chat => json!({"model": model, "messages": messages, "stream": stream}),
            Completions => json!({"model": model, "prompt": text, "stream": stream}),
            Responses => json!({"model": model, "input": text, "stream": stream}),
            Anthropic => {
                json!({"model": model, "max_tokens": 500, "messages": messages, "stream": stream})
            }
            Gemini | GeminiArray => {
                json!({"contents": [{"role": "user", "parts": [{"text": text}]}]})
            }
        }
    }

    pub async fn ask(self, world: &World, model: &str, text: &str, stream: bool) -> Answer {
        let body = self.body(model, text, stream);
        self.send(world, model, &body, stream).await
    }

    pub async fn send(self, world: &World, model: &str, body: &Value, stream: bool) -> Answer {
        let ask = world.gateway.post(&self.path(model, stream), body);
        ask.key(KEY).send().await
    }

    /// The text of a plain answer.
    pub fn text(self, body: &Value) -> &Value {
        match self {
            Chat => &body["choices"][0]["message"]["content"],
            Completions => &body["choices"][0]["text"],
            Responses => &body["output"][0]["content"][0]["text"],
            Anthropic => &body["content"][0]["text"],
            Gemini | GeminiArray => &body["candidates"][0]["content"]["parts"][0]["text"],
        }
    }

    /// The events of a stream, framing checked and taken off.
    pub fn events(self, answer: &Answer) -> Vec<Value> {
        let text = answer.text();
        if self == GeminiArray {
            assert_eq!(answer.header("content-type"), "application/json");
            return serde_json::from_str(&text).unwrap();
        }
        assert_eq!(answer.header("content-type"), "text/event-stream");
        assert!(text.ends_with("\n\n"), "{text}");
        let mut events = Vec::new();
        for event in text.split("\n\n").filter(|event| !event.is_empty()) {
            if event == ": keep-alive" {
                assert!(matches!(self, Chat | Completions | Responses), "{text}");
                continue;
            }
            let data = match self {
                Chat | Completions | Gemini => event.strip_prefix("data: ").unwrap(),
                _ => {
                    let (name, data) = event.split_once('\n').unwrap();
                    let data = data.strip_prefix("data: ").unwrap();
                    let kind = serde_json::from_str::<Value>(data).unwrap()["type"].clone();
                    assert_eq!(kind, name.strip_prefix("event: ").unwrap(), "{event}");
                    data
                }
            };
            match data {
                "[DONE]" => {
                    assert!(matches!(self, Chat | Completions), "{text}");
                    events.push("done".into());
                }
                data => events.push(serde_json::from_str(data).unwrap()),
            }
        }
        events
    }

    /// The text of a stream.
    pub fn streamed(self, events: &[Value]) -> String {
        let parts = events.iter().filter_map(|event| {
            match self {
                Chat => &event["choices"][0]["delta"]["content"],
                Completions => &event["choices"][0]["text"],
                Responses if event["type"] != "response.output_text.delta" => &Value::Null,
                Responses => &event["delta"],
                Anthropic => &event["delta"]["text"],
                _ if event["candidates"][0]["content"]["parts"][0]["thought"] == true => {
                    &Value::Null
                }
                Gemini | GeminiArray => self.text(event),
            }
            .as_str()
        });
        parts.collect()
    }

    pub fn ended_well(self, events: &[Value]) -> bool {
        let last = events.last().unwrap();
        match self {
            Chat | Completions => last == "done",
            Responses => last["type"] == "response.completed",
            Anthropic => last["type"] == "message_stop",
            Gemini | GeminiArray => {
                last["error"].is_null() && last["candidates"][0]["finishReason"] == "STOP"
            }
        }
    }

    /// Whether one of the events says that the answer is finished.
    pub fn says_finished(self, events: &[Value]) -> bool {
        events.iter().any(|event| match self {
            Chat | Completions => event == "done",
            Responses => {
                event["type"] == "response.completed" || event["type"] == "response.incomplete"
            }
            Anthropic => event["type"] == "message_stop",
            Gemini | GeminiArray => event["candidates"][0]["finishReason"].is_string(),
        })
    }

    /// Whether this event is the one that the surface's clients take for a failure.
    pub fn is_failure(self, event: &Value) -> bool {
        let error = match self {
            Chat | Completions => &event["error"],
            Responses if event["type"] == "response.failed" => &event["response"]["error"],
            Anthropic if event["type"] == "error" => &event["error"],
            Gemini | GeminiArray if event["error"]["code"].is_u64() => &event["error"],
            _ => &Value::Null,
        };
        error["message"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    }

    /// The catalogue's code in a last event.
    pub fn code(self, last: &Value) -> String {
        let code = match self {
            Chat | Completions => &last["error"]["code"],
            Responses => &last["response"]["error"]["error_code"],
            Anthropic => &last["error"]["details"]["error_code"],
            Gemini | GeminiArray => &last["error"]["details"][0]["reason"],
        };
        code.as_str().unwrap_or_default().to_lowercase()
    }
}
