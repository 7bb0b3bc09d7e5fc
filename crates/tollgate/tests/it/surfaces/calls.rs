//! Calls of every family, served by a provider of the OpenAI format.

use serde_json::{Value, json};

use crate::world::{Answer, KEY, World};

/// A surface, and how its clients ask and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Surface {
    Completions,
    Responses,
    Anthropic,
    Gemini,
    GeminiArray,
}

const ALL: [Surface; 5] = [
    Surface::Completions,
    Surface::Responses,
    Surface::Anthropic,
    Surface::Gemini,
    Surface::GeminiArray,
];

impl Surface {
    /// A connection whose provider is asked in the format of chat completions.
    fn connection(self) -> &'static str {
        match self {
            // Many servers have this address themselves; OpenAI's newer models do not.
            Self::Completions => "sim",
            _ => "lenient",
        }
    }

    async fn ask(self, world: &World, model: &str, text: &str, stream: bool) -> Answer {
        let model = format!("{}/{model}", self.connection());
        let messages = json!([{"role": "user", "content": text}]);
        let (path, body) = match self {
            Self::Completions => (
                "/v1/completions".to_owned(),
                json!({"model": model, "prompt": text, "stream": stream}),
            ),
            Self::Responses => (
                "/v1/responses".to_owned(),
                json!({"model": model, "input": text, "stream": stream}),
            ),
            Self::Anthropic => (
                "/v1/messages?beta=true".to_owned(),
                json!({"model": model, "max_tokens": 500, "messages": messages, "stream": stream}),
            ),
            Self::Gemini | Self::GeminiArray => {
                let method = match (self, stream) {
                    (_, false) => ":generateContent",
                    (Self::GeminiArray, true) => "%3AstreamGenerateContent",
                    (_, true) => ":streamGenerateContent?alt=sse",
                };
                (
                    format!("/v1beta/models/{model}{method}"),
                    json!({"contents": [{"role": "user", "parts": [{"text": text}]}]}),
                )
            }
        };
        world.gateway.post(&path, body).key(KEY).send().await
    }

    /// The text of a plain answer.
    fn text(self, body: &Value) -> &Value {
        match self {
            Self::Completions => &body["choices"][0]["text"],
            Self::Responses => &body["output"][0]["content"][0]["text"],
            Self::Anthropic => &body["content"][0]["text"],
            Self::Gemini | Self::GeminiArray => {
                &body["candidates"][0]["content"]["parts"][0]["text"]
            }
        }
    }

    /// The events of a stream, framing checked and taken off.
    fn events(self, answer: &Answer) -> Vec<Value> {
        let text = answer.text();
        if self == Self::GeminiArray {
            assert_eq!(answer.header("content-type"), "application/json");
            return serde_json::from_str(&text).unwrap();
        }
        assert_eq!(answer.header("content-type"), "text/event-stream");
        assert!(text.ends_with("\n\n"), "{text}");
        let mut events = Vec::new();
        for event in text.split("\n\n").filter(|event| !event.is_empty()) {
            let data = match self {
                Self::Completions | Self::Gemini => event.strip_prefix("data: ").unwrap(),
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
                    assert_eq!(self, Self::Completions, "{text}");
                    events.push("done".into());
                }
                data => events.push(serde_json::from_str(data).unwrap()),
            }
        }
        events
    }

    /// The text of a stream.
    fn streamed(self, events: &[Value]) -> String {
        let parts = events.iter().filter_map(|event| {
            match self {
                Self::Completions => &event["choices"][0]["text"],
                Self::Responses if event["type"] != "response.output_text.delta" => &Value::Null,
                Self::Responses => &event["delta"],
                Self::Anthropic => &event["delta"]["text"],
                Self::Gemini | Self::GeminiArray => self.text(event),
            }
            .as_str()
        });
        parts.collect()
    }

    fn ended_well(self, events: &[Value]) -> bool {
        let last = events.last().unwrap();
        match self {
            Self::Completions => last == "done",
            Self::Responses => last["type"] == "response.completed",
            Self::Anthropic => last["type"] == "message_stop",
            Self::Gemini | Self::GeminiArray => {
                last["error"].is_null() && last["candidates"][0]["finishReason"] == "STOP"
            }
        }
    }

    /// The catalogue's code in a last event.
    fn code(self, last: &Value) -> String {
        let code = match self {
            Self::Completions => &last["error"]["code"],
            Self::Responses => &last["response"]["error"]["error_code"],
            Self::Anthropic => &last["error"]["details"]["error_code"],
            Self::Gemini | Self::GeminiArray => &last["error"]["details"][0]["reason"],
        };
        code.as_str().unwrap_or_default().to_lowercase()
    }
}

#[tokio::test]
async fn every_family_reaches_the_provider() {
    let world = World::start().await;
    for surface in ALL {
        let answer = surface.ask(&world, "echo", "Hello there", false).await;
        assert_eq!(answer.status, 200, "{surface:?}: {answer:?}");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("x-tollgate-connection"), surface.connection());
        let body = answer.json();
        assert_eq!(surface.text(&body), "Hello there", "{surface:?}: {body}");
    }
}

#[tokio::test]
async fn every_family_gets_its_own_stream() {
    let world = World::start().await;
    for surface in ALL {
        let answer = surface.ask(&world, "echo", "Hello there", true).await;
        assert_eq!(answer.status, 200, "{surface:?}: {answer:?}");
        let events = surface.events(&answer);
        assert_eq!(surface.streamed(&events), "Hello there", "{surface:?}");
        assert!(
            surface.ended_well(&events),
            "{surface:?}: {}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn a_cut_stream_ends_in_an_error_of_the_callers_own_form() {
    let world = World::start().await;
    for surface in ALL {
        for how in ["fin", "rst", "clean"] {
            let model = format!("fault/cut-after=4;how={how}");
            let answer = surface.ask(&world, &model, "x", true).await;
            assert_eq!(answer.status, 200, "{surface:?}: {answer:?}");
            let events = surface.events(&answer);
            assert!(!surface.streamed(&events).is_empty(), "{surface:?}");
            assert!(
                !surface.ended_well(&events),
                "{surface:?}: {}",
                answer.text()
            );
            let code = surface.code(events.last().unwrap());
            assert_eq!(code, "stream_interrupted", "{surface:?}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn an_error_before_the_first_content_is_an_answer_in_the_callers_dialect() {
    let world = World::start().await;
    for surface in ALL {
        for stream in [false, true] {
            let model = "fault/rate-limit:retry-after=7";
            let answer = surface.ask(&world, model, "x", stream).await;
            assert_eq!(answer.status, 429, "{surface:?}: {answer:?}");
            assert_eq!(
                answer.header("x-tollgate-error-code"),
                "provider_rate_limited"
            );
            assert_eq!(answer.header("retry-after"), "7");
            let error = &answer.json()["error"];
            match surface {
                Surface::Completions | Surface::Responses => {
                    assert_eq!(error["code"], "provider_rate_limited");
                }
                Surface::Anthropic => assert_eq!(error["type"], "rate_limit_error"),
                Surface::Gemini | Surface::GeminiArray => {
                    assert_eq!(error["status"], "RESOURCE_EXHAUSTED");
                }
            }
        }
    }
}

#[tokio::test]
async fn tokens_are_estimated_where_the_provider_cannot_count_them() {
    let world = World::start().await;
    let messages = json!([{"role": "user", "content": "one two three four"}]);
    let anthropic = world.gateway.post(
        "/v1/messages/count_tokens",
        json!({"model": "lenient/echo", "messages": messages}),
    );
    let anthropic = anthropic.key(KEY).send().await;
    assert_eq!(anthropic.status, 200, "{anthropic:?}");
    assert_eq!(anthropic.header("x-tollgate-estimated"), "tokens");
    assert!(anthropic.json()["input_tokens"].as_u64().unwrap() > 0);
    let gemini = world.gateway.post(
        "/v1beta/models/lenient%2Fecho:countTokens",
        json!({"contents": [{"parts": [{"text": "one two three four"}]}]}),
    );
    let gemini = gemini.key(KEY).send().await;
    assert_eq!(gemini.status, 200, "{gemini:?}");
    assert_eq!(gemini.header("x-tollgate-estimated"), "tokens");
    assert!(gemini.json()["totalTokens"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn a_parameter_that_the_provider_cannot_be_told_is_named() {
    let world = World::start().await;
    let body = json!({"model": "sim/echo", "max_tokens": 9, "top_k": 5,
        "messages": [{"role": "user", "content": "x"}]});
    let answer = world
        .gateway
        .post("/v1/messages", &body)
        .key(KEY)
        .send()
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("x-tollgate-unsupported"), "top_k");
}

#[tokio::test]
async fn silence_in_a_stream_is_a_ping_for_anthropic_and_nothing_for_gemini() {
    let settings = "keep_alive_ms = 500\n[routing.timeouts]\nidle_ms = 3000\n";
    let world = World::with_server(settings).await;
    for surface in [Surface::Anthropic, Surface::Gemini, Surface::GeminiArray] {
        let answer = surface.ask(&world, "fault/stall-after=4", "x", true).await;
        let events = surface.events(&answer);
        let pings = events
            .iter()
            .filter(|event| event["type"] == "ping")
            .count();
        assert_eq!(
            pings > 0,
            surface == Surface::Anthropic,
            "{}",
            answer.text()
        );
        assert_eq!(surface.code(events.last().unwrap()), "stream_interrupted");
    }
}
