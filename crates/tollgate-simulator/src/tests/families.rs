//! What all families have in common: the same models, the same faults.

mod errors;
mod events;
mod usage;

use serde_json::{Value, json};

use super::client::{Seen, exchange, post};
use crate::Simulator;

/// A format to speak, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    Chat,
    Completions,
    Responses,
    Messages,
    Gemini,
    Array,
}
use Speech::{Array, Chat, Completions, Gemini, Messages, Responses};

pub(super) const ALL: [Speech; 6] = [Chat, Completions, Responses, Messages, Gemini, Array];

/// Sends a prompt in a format.
pub(super) async fn ask(simulator: &Simulator, speech: Speech, model: &str, stream: bool) -> Seen {
    let text = "Say 🍎 twice";
    let (path, headers, body) = match speech {
        Chat => {
            let messages = json!([{"role": "user", "content": text}]);
            let options = json!({"include_usage": true});
            let body = json!({
                "model": model, "messages": messages, "stream": stream, "stream_options": options,
            });
            ("/v1/chat/completions".to_owned(), "", body)
        }
        Completions => {
            let options = json!({"include_usage": true});
            let body = json!({
                "model": model, "prompt": text, "stream": stream, "max_tokens": 1000,
                "stream_options": options,
            });
            ("/v1/completions".to_owned(), "", body)
        }
        Responses => {
            let body = json!({"model": model, "input": text, "stream": stream});
            ("/v1/responses".to_owned(), "", body)
        }
        Messages => {
            let messages = json!([{"role": "user", "content": text}]);
            let body = json!({
                "model": model, "messages": messages, "stream": stream, "max_tokens": 1000,
            });
            (
                "/v1/messages".to_owned(),
                "anthropic-version: 2023-06-01\r\n",
                body,
            )
        }
        Gemini | Array => {
            let body = json!({"contents": [{"role": "user", "parts": [{"text": text}]}]});
            let method = match (stream, speech) {
                (false, _) => "generateContent",
                (true, Array) => "streamGenerateContent",
                (true, _) => "streamGenerateContent?alt=sse",
            };
            (format!("/v1beta/models/{model}:{method}"), "", body)
        }
    };
    exchange(simulator, &post(&path, headers, &body)).await
}

/// An event as a reader of server-sent events gives it.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) data: String,
}

impl Event {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_default()
    }
}

/// Reads a stream as the specification of server-sent events says.
pub(super) fn events(seen: &Seen) -> Vec<Event> {
    let text = seen.text().replace("\r\n", "\n").replace('\r', "\n");
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned();
    let mut events = Vec::new();
    let (mut name, mut data) = (String::new(), Vec::new());
    for line in text.split('\n') {
        if line.is_empty() {
            if !data.is_empty() {
                events.push(Event {
                    name: std::mem::take(&mut name),
                    data: std::mem::take(&mut data).join("\n"),
                });
            }
            name.clear();
        } else if let Some(value) = line.strip_prefix("data:") {
            data.push(value.strip_prefix(' ').unwrap_or(value).to_owned());
        } else if let Some(value) = line.strip_prefix("event:") {
            value.trim_start().clone_into(&mut name);
        }
    }
    events
}

/// The documents of a stream: of its events, or of the items of the array.
pub(super) fn documents(seen: &Seen, speech: Speech) -> Vec<Value> {
    if speech == Array {
        return seen.json().as_array().cloned().unwrap_or_default();
    }
    let read = events(seen);
    read.iter()
        .filter_map(|event| serde_json::from_str(&event.data).ok())
        .collect()
}

/// The text that documents say, streamed or not.
pub(super) fn said(documents: &[Value]) -> String {
    const PLACES: &[&str] = &[
        "/choices/0/delta/content",
        "/choices/0/message/content",
        "/choices/0/text",
        "/delta",
        "/delta/text",
        "/content/0/text",
        "/output/0/content/0/text",
        "/candidates/0/content/parts/0/text",
    ];
    let texts = documents.iter().filter_map(|document| {
        let mut places = PLACES.iter();
        places.find_map(|place| document.pointer(place)?.as_str())
    });
    texts.collect()
}

/// Whether a document is an error in the form of the family.
pub(super) fn is_error(document: &Value, speech: Speech) -> bool {
    let error = &document["error"];
    let has_message = error["message"].is_string();
    match speech {
        Chat | Completions | Responses => {
            has_message && error["type"].is_string() && error.get("param").is_some()
        }
        Messages => has_message && error["type"].is_string() && error.get("status").is_none(),
        Gemini | Array => has_message && error["code"].is_number() && error["status"].is_string(),
    }
}

#[tokio::test]
async fn every_format_says_the_same_plain_and_streamed() {
    let simulator = super::client::simulator();
    let story = said(&[ask(&simulator, Chat, "story", false).await.json()]);
    assert!(story.len() > 400);
    for speech in ALL {
        let plain = ask(&simulator, speech, "story", false).await;
        assert_eq!(said(&[plain.json()]), story, "{speech:?}");
        let streamed = ask(&simulator, speech, "sim/story", true).await;
        assert_eq!(said(&documents(&streamed, speech)), story, "{speech:?}");
        assert!(streamed.has("\"sim/story\""), "{speech:?}");
    }
}

#[tokio::test]
async fn the_same_requests_get_the_same_bytes_in_every_format() {
    let run = async || {
        let simulator = super::client::simulator();
        let mut bytes = Vec::new();
        for speech in ALL {
            for model in ["echo", "think", "fault/rate-limit"] {
                bytes.extend(ask(&simulator, speech, model, true).await.raw);
            }
        }
        bytes
    };
    assert_eq!(run().await, run().await);
}

#[tokio::test]
async fn a_key_is_taken_where_the_family_puts_it() {
    let settings = crate::Settings {
        api_key: Some("k+1".to_owned()),
        ..crate::Settings::default()
    };
    let simulator = Simulator::new(settings);
    for speech in ALL {
        let refused = ask(&simulator, speech, "echo", false).await;
        let expected = if matches!(speech, Gemini | Array) {
            400
        } else {
            401
        };
        assert_eq!(refused.status(), expected);
        assert!(is_error(&refused.json(), speech), "{}", refused.text());
    }
    let gemini = json!({"contents": [{"parts": [{"text": "x"}]}]});
    let message = json!({"model": "echo", "max_tokens": 9,
        "messages": [{"role": "user", "content": "x"}]});
    let version = "anthropic-version: 2023-06-01\r\n";
    let generate = "/v1beta/models/echo:generateContent";
    for (path, headers, body) in [
        (
            generate.to_owned(),
            "x-goog-api-key: k+1\r\n".to_owned(),
            &gemini,
        ),
        (format!("{generate}?key=k%2B1"), String::new(), &gemini),
        (
            generate.to_owned(),
            "authorization: Bearer k+1\r\n".to_owned(),
            &gemini,
        ),
        (
            "/v1/messages".to_owned(),
            format!("{version}x-api-key: k+1\r\n"),
            &message,
        ),
        (
            "/v1/messages".to_owned(),
            format!("{version}authorization: Bearer k+1\r\n"),
            &message,
        ),
    ] {
        let seen = exchange(&simulator, &post(&path, &headers, body)).await;
        assert_eq!(seen.status(), 200, "{path} {headers}");
    }
}

#[tokio::test]
async fn requests_of_every_family_are_recorded_as_they_came() {
    let simulator = super::client::simulator();
    for speech in ALL {
        ask(&simulator, speech, "sim/echo", true).await;
    }
    let path = "/v1beta/models/sim%2Fecho%3AgenerateContent?key=k&x=%20";
    let body = json!({"contents": [{"parts": [{"text": "x"}]}], "unknown": 1});
    exchange(&simulator, &post(path, "X-Own: Yes\r\n", &body)).await;
    let records = simulator.requests();
    assert!(
        records
            .iter()
            .all(|record| record.model == "echo" && record.status == 200)
    );
    let last = records.last().unwrap();
    assert_eq!(last.path, "/v1beta/models/sim%2Fecho%3AgenerateContent");
    assert_eq!(last.query, "key=k&x=%20");
    assert_eq!(last.body, body.to_string());
    assert!(
        last.headers
            .contains(&("X-Own".to_owned(), "Yes".to_owned()))
    );
}
