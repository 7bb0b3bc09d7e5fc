use serde_json::{Value, json};

use super::client::{ask, chat, exchange, post, simulator};
use crate::{Settings, Simulator};

async fn plain(model: &str, more: Value) -> Value {
    ask(&simulator(), &chat(model, &more)).await.json()
}

#[tokio::test]
async fn echo_says_what_the_user_said_last() {
    let answer = plain("echo", json!({})).await;
    assert_eq!(answer["choices"][0]["message"]["content"], "Say 🍎 twice");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert_eq!(answer["system_fingerprint"], "tollgate-simulator");
    assert!(answer["id"].as_str().unwrap().starts_with("chatcmpl-sim-"));
    let usage = &answer["usage"];
    assert_eq!(
        (&usage["prompt_tokens"], &usage["completion_tokens"]),
        (&json!(8), &json!(4))
    );
}

#[tokio::test]
async fn the_parts_of_a_message_are_put_together() {
    let parts = json!([{"type": "text", "text": "one "}, {"type": "image_url", "image_url": {}},
        {"type": "text", "text": "two"}]);
    let messages = json!([{"role": "user", "content": parts}]);
    let answer = plain("gpt-4o", json!({"messages": messages})).await;
    assert_eq!(answer["choices"][0]["message"]["content"], "one two");
    assert_eq!(answer["model"], "sim/gpt-4o");
}

#[tokio::test]
async fn a_stream_says_the_same_as_a_plain_answer() {
    let simulator = simulator();
    let plain = ask(&simulator, &chat("story", &json!({}))).await.json();
    let streamed = ask(&simulator, &chat("story", &json!({"stream": true}))).await;
    assert_eq!(
        streamed.header("content-type"),
        Some("text/event-stream; charset=utf-8")
    );
    assert_eq!(
        streamed.said(),
        plain["choices"][0]["message"]["content"].as_str().unwrap()
    );
    assert!(streamed.ends_with("data: [DONE]\n\n"));
    assert!(!streamed.has("usage"));
    let chunks = streamed.chunks();
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(
        chunks.last().unwrap()["choices"][0]["finish_reason"],
        "stop"
    );
    assert_eq!(chunks.len(), 202);
}

#[tokio::test]
async fn usage_is_streamed_only_when_asked_for() {
    let options = json!({"stream": true, "stream_options": {"include_usage": true}});
    let chunks = ask(&simulator(), &chat("echo", &options)).await.chunks();
    let last = chunks.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["total_tokens"], 12);
    assert!(
        chunks[..chunks.len() - 1]
            .iter()
            .all(|chunk| chunk["usage"].is_null())
    );
    assert!(chunks[0].get("usage").is_some());
}

#[tokio::test]
async fn several_choices_are_told_apart_by_their_index() {
    let answer = plain("echo", json!({"n": 3})).await;
    assert_eq!(answer["choices"][2]["index"], 2);
    assert_eq!(answer["usage"]["completion_tokens"], 12);
    let chunks = ask(
        &simulator(),
        &chat("echo", &json!({"n": 2, "stream": true})),
    )
    .await
    .chunks();
    for index in 0..2 {
        let mine = chunks
            .iter()
            .filter(|chunk| chunk["choices"][0]["index"] == index);
        let said: String = mine
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
            .collect();
        assert_eq!(said, "Say 🍎 twice");
    }
}

#[tokio::test]
async fn the_token_limit_cuts_the_answer() {
    for name in ["max_tokens", "max_completion_tokens"] {
        let answer = plain("story", json!({name: 7})).await;
        assert_eq!(answer["choices"][0]["finish_reason"], "length");
        assert_eq!(answer["usage"]["completion_tokens"], 7);
    }
    assert_eq!(
        plain("story-9", json!({"max_tokens": 9})).await["choices"][0]["finish_reason"],
        "stop"
    );
}

#[tokio::test]
async fn a_stop_sequence_ends_the_answer_before_it() {
    let answer = plain("echo", json!({"stop": ["never", " twice"]})).await;
    assert_eq!(answer["choices"][0]["message"]["content"], "Say 🍎");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
}

fn tools() -> Value {
    let tool = |name: &str| {
        json!({"type": "function", "function": {"name": name, "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        }}})
    };
    json!([tool("weather"), tool("news"), tool("sport")])
}

async fn called(text: &str, more: Value) -> Vec<String> {
    let mut body = chat("echo", &more);
    body["messages"] = json!([{"role": "user", "content": text}]);
    body["tools"] = tools();
    let answer = ask(&simulator(), &body).await.json();
    let calls = answer["choices"][0]["message"]["tool_calls"].clone();
    let names = calls.as_array().into_iter().flatten();
    names
        .map(|call| call["function"]["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn tools_are_called_when_the_request_or_its_text_says_so() {
    assert!(called("hello", json!({})).await.is_empty());
    assert_eq!(called("call the tool", json!({})).await, ["weather"]);
    assert_eq!(called("call the tool sport", json!({})).await, ["sport"]);
    assert_eq!(called("call both", json!({})).await, ["weather", "news"]);
    assert_eq!(
        called("call both", json!({"parallel_tool_calls": false})).await,
        ["weather"]
    );
    assert!(
        called("call the tool", json!({"tool_choice": "none"}))
            .await
            .is_empty()
    );
    assert_eq!(
        called("hello", json!({"tool_choice": "required"})).await,
        ["weather"]
    );
    let named = json!({"tool_choice": {"type": "function", "function": {"name": "news"}}});
    assert_eq!(called("hello", named).await, ["news"]);
}

#[tokio::test]
async fn a_call_has_valid_arguments_and_its_own_finish_reason() {
    let body = chat(
        "echo",
        &json!({"tools": tools(), "tool_choice": "required"}),
    );
    let answer = ask(&simulator(), &body).await.json();
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["content"], Value::Null);
    let arguments = choice["message"]["tool_calls"][0]["function"]["arguments"]
        .as_str()
        .unwrap();
    let arguments: Value = serde_json::from_str(arguments).unwrap();
    assert_eq!(arguments, json!({"city": "simulated"}));
}

#[tokio::test]
async fn parallel_calls_are_streamed_in_pieces_and_told_apart_by_index() {
    let mut body = chat("echo", &json!({"tools": tools(), "stream": true}));
    body["messages"] = json!([{"role": "user", "content": "call both"}]);
    let chunks = ask(&simulator(), &body).await.chunks();
    let deltas: Vec<Value> = chunks
        .iter()
        .map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0].clone())
        .collect();
    for (index, name) in [(0, "weather"), (1, "news")] {
        let mine: Vec<&Value> = deltas
            .iter()
            .filter(|delta| delta["index"] == index)
            .collect();
        assert!(mine.len() > 3);
        assert_eq!(mine[0]["function"]["name"], name);
        assert!(mine[0]["id"].as_str().unwrap().starts_with("call_sim_"));
        assert!(mine[1..].iter().all(|delta| delta.get("id").is_none()));
        let arguments: String = mine
            .iter()
            .filter_map(|delta| delta["function"]["arguments"].as_str())
            .collect();
        assert_eq!(arguments, r#"{"city":"simulated"}"#);
    }
    assert_eq!(
        chunks.last().unwrap()["choices"][0]["finish_reason"],
        "tool_calls"
    );
}

#[tokio::test]
async fn the_result_of_a_tool_is_answered_with_text() {
    let messages = json!([
        {"role": "user", "content": "call the tool"},
        {"role": "assistant", "content": null, "tool_calls": []},
        {"role": "tool", "tool_call_id": "call_sim_1", "content": "It rains."},
    ]);
    let answer = plain("echo", json!({"messages": messages, "tools": tools()})).await;
    assert_eq!(answer["choices"][0]["message"]["content"], "It rains.");
}

#[tokio::test]
async fn json_is_answered_where_json_is_asked_for() {
    let said = |answer: Value| -> Value {
        serde_json::from_str(answer["choices"][0]["message"]["content"].as_str().unwrap()).unwrap()
    };
    let object = plain("echo", json!({"response_format": {"type": "json_object"}})).await;
    assert_eq!(said(object)["echo"], "Say 🍎 twice");
    let schema =
        json!({"type": "object", "required": ["ok"], "properties": {"ok": {"type": "boolean"}}});
    let format = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
    let object = plain("echo", json!({"response_format": format})).await;
    assert_eq!(said(object), json!({"ok": true}));
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_named() {
    for (body, param) in [
        (json!([]), Value::Null),
        (
            json!({"messages": [{"role": "user", "content": "x"}]}),
            json!("model"),
        ),
        (json!({"model": "echo"}), json!("messages")),
        (chat("echo", &json!({"n": 0})), json!("n")),
        (chat("echo", &json!({"n": 129})), json!("n")),
        (
            chat("echo", &json!({"max_tokens": -1})),
            json!("max_tokens"),
        ),
        (
            chat("echo", &json!({"tool_choice": "required"})),
            json!("tool_choice"),
        ),
    ] {
        let seen = ask(&simulator(), &body).await;
        assert_eq!(seen.status(), 400, "{body}");
        assert_eq!(seen.json()["error"]["param"], param, "{body}");
        assert_eq!(seen.json()["error"]["type"], "invalid_request_error");
    }
}

#[tokio::test]
async fn the_same_requests_get_the_same_bytes_under_the_same_seed() {
    let run = async |seed| {
        let simulator = Simulator::new(Settings {
            seed,
            ..Settings::default()
        });
        let mut bytes = Vec::new();
        for body in [
            chat("story", &json!({"stream": true})),
            chat("echo", &json!({})),
            chat("fault/rate-limit", &json!({})),
            json!({"model": "embed", "input": "x"}),
        ] {
            let path = if body.get("input").is_some() {
                "/embeddings"
            } else {
                "/chat/completions"
            };
            bytes.extend(exchange(&simulator, &post(path, "", &body)).await.raw);
        }
        bytes
    };
    assert_eq!(run(1).await, run(1).await);
    assert_ne!(run(1).await, run(2).await);
}

#[tokio::test]
async fn every_answer_has_the_headers_of_the_provider() {
    let seen = ask(&simulator(), &chat("echo", &json!({}))).await;
    for name in [
        "x-request-id",
        "openai-organization",
        "openai-processing-ms",
        "openai-version",
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-reset-requests",
        "set-cookie",
        "cf-ray",
    ] {
        assert!(seen.header(name).is_some(), "{name}");
    }
}
