use serde_json::{Value, json};

use super::client::{Seen, exchange, post, simulator};
use super::families::events;
use crate::Simulator;

const VERSION: &str = "anthropic-version: 2023-06-01\r\n";

async fn ask(simulator: &Simulator, body: &Value) -> Seen {
    exchange(simulator, &post("/v1/messages?beta=true", VERSION, body)).await
}

/// A request with one message; `more` adds members to it.
fn message(model: &str, text: &str, more: &Value) -> Value {
    let mut body = json!({"model": model, "max_tokens": 4000,
        "messages": [{"role": "user", "content": text}]});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn tools() -> Value {
    let schema = json!({"type": "object", "required": ["city"],
        "properties": {"city": {"type": "string"}}});
    json!([{"name": "weather", "input_schema": schema}, {"name": "news", "input_schema": schema}])
}

fn names(seen: &Seen) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for event in events(seen) {
        assert_eq!(
            event.json()["type"],
            event.name,
            "every event has its name twice"
        );
        if names.last() != Some(&event.name) {
            names.push(event.name);
        }
    }
    names
}

#[tokio::test]
async fn a_message_is_answered_with_a_message() {
    let seen = ask(
        &simulator(),
        &message("sim/echo", "Say 🍎 twice", &json!({})),
    )
    .await;
    let answer = seen.json();
    assert_eq!(
        answer["content"],
        json!([{"type": "text", "text": "Say 🍎 twice"}])
    );
    assert_eq!(
        (&answer["type"], &answer["role"]),
        (&json!("message"), &json!("assistant"))
    );
    assert_eq!(answer["model"], "sim/echo");
    assert_eq!(answer["stop_reason"], "end_turn");
    assert_eq!(answer["usage"]["input_tokens"], 8);
    assert_eq!(answer["usage"]["output_tokens"], 4);
    for name in [
        "request-id",
        "anthropic-organization-id",
        "anthropic-ratelimit-requests-limit",
        "anthropic-ratelimit-input-tokens-remaining",
        "anthropic-ratelimit-output-tokens-reset",
        "set-cookie",
    ] {
        assert!(seen.header(name).is_some(), "{name}");
    }
}

#[tokio::test]
async fn a_stream_has_all_events_in_order() {
    let body = message("echo", "one two three", &json!({"stream": true}));
    let seen = ask(&simulator(), &body).await;
    assert_eq!(
        names(&seen),
        [
            "message_start",
            "content_block_start",
            "ping",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
    );
    let read = events(&seen);
    let start = read[0].json();
    assert_eq!(start["message"]["usage"]["output_tokens"], 1);
    assert_eq!(start["message"]["content"], json!([]));
    let delta = read[read.len() - 2].json();
    assert_eq!(delta["delta"]["stop_reason"], "end_turn");
    assert_eq!(delta["usage"]["output_tokens"], 4);
}

#[tokio::test]
async fn endings_are_told_apart() {
    let simulator = simulator();
    let ended = async |more: Value| {
        let answer = ask(&simulator, &message("story", "x", &more)).await.json();
        (
            answer["stop_reason"].clone(),
            answer["stop_sequence"].clone(),
        )
    };
    assert_eq!(ended(json!({"max_tokens": 3})).await.0, "max_tokens");
    let stop = json!({"stop_sequences": ["never", " "]});
    assert_eq!(ended(stop).await, (json!("stop_sequence"), json!(" ")));
}

#[tokio::test]
async fn parallel_calls_are_streamed_block_by_block() {
    let body = message("tools", "go", &json!({"tools": tools(), "stream": true}));
    let seen = ask(&simulator(), &body).await;
    let read = events(&seen);
    for (index, name) in ["weather", "news"].iter().enumerate() {
        let mine: Vec<Value> = read
            .iter()
            .map(super::families::Event::json)
            .filter(|event| event["index"] == index)
            .collect();
        assert_eq!(mine[0]["content_block"]["name"], *name);
        assert_eq!(mine[0]["content_block"]["input"], json!({}));
        assert_eq!(mine[1]["delta"]["partial_json"], "");
        let arguments: String = mine
            .iter()
            .filter_map(|event| event["delta"]["partial_json"].as_str())
            .collect();
        assert_eq!(arguments, r#"{"city":"simulated"}"#);
    }
    let delta = read[read.len() - 2].json();
    assert_eq!(delta["delta"]["stop_reason"], "tool_use");
    let one = json!({"tools": tools(), "tool_choice": {"type": "auto", "disable_parallel_tool_use": true}});
    let answer = ask(&simulator(), &message("tools", "go", &one))
        .await
        .json();
    assert_eq!(answer["content"].as_array().unwrap().len(), 1);
    assert_eq!(answer["content"][0]["input"], json!({"city": "simulated"}));
}

/// The second round of a loop with tools: what was answered goes back with results.
fn with_results(mut body: Value, content: &Value) -> Value {
    let calls = content.as_array().unwrap().iter();
    let results: Vec<Value> = calls
        .filter(|block| block["type"] == "tool_use")
        .map(|call| json!({"type": "tool_result", "tool_use_id": call["id"], "content": "It rains."}))
        .collect();
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": content}));
    messages.push(json!({"role": "user", "content": results}));
    body
}

#[tokio::test]
async fn a_loop_with_tools_ends_with_what_they_gave() {
    let simulator = simulator();
    let body = message("tools", "go", &json!({"tools": tools()}));
    let first = ask(&simulator, &body).await.json();
    let second = ask(&simulator, &with_results(body, &first["content"]))
        .await
        .json();
    assert_eq!(second["content"][0]["text"], "It rains.\nIt rains.");
}

#[tokio::test]
async fn results_and_calls_must_belong_together() {
    let simulator = simulator();
    let call = json!({"type": "tool_use", "id": "a", "name": "weather", "input": {}});
    let result = |id: &str| json!({"type": "tool_result", "tool_use_id": id, "content": "x"});
    for (content, message) in [
        (
            json!([result("b")]),
            "unexpected `tool_use_id` found in `tool_result` blocks: b",
        ),
        (
            json!("no result"),
            "`tool_use` ids were found without `tool_result` blocks",
        ),
    ] {
        let mut body = message_with_call(&call);
        body["messages"][2]["content"] = content;
        let seen = ask(&simulator, &body).await;
        assert_eq!(seen.status(), 400);
        assert!(seen.has(message), "{}", seen.text());
    }
}

fn message_with_call(call: &Value) -> Value {
    let mut body = message("echo", "x", &json!({"tools": tools()}));
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": [call]}));
    messages.push(json!({"role": "user", "content": "x"}));
    body
}

const THINKING: &str = r#"{"type": "enabled", "budget_tokens": 2000}"#;

fn thinking() -> Value {
    serde_json::from_str(THINKING).unwrap()
}

#[tokio::test]
async fn thoughts_are_shown_and_signed_when_thinking_is_enabled() {
    let simulator = simulator();
    let plain = ask(&simulator, &message("think", "x", &json!({})))
        .await
        .json();
    assert_eq!(
        plain["content"][0]["type"], "text",
        "no model thinks without being told to"
    );
    let body = message("echo", "x", &json!({"thinking": thinking()}));
    let answer = ask(&simulator, &body).await.json();
    let block = &answer["content"][0];
    assert_eq!(block["type"], "thinking");
    assert!(block["signature"].as_str().unwrap().len() > 40);
    assert_eq!(answer["content"][1]["text"], "x");

    let body = message(
        "echo",
        "x",
        &json!({"thinking": {"type": "adaptive"}, "stream": true}),
    );
    let deltas: Vec<Value> = events(&ask(&simulator, &body).await)
        .iter()
        .map(super::families::Event::json)
        .filter(|event| event["index"] == 0 && event["delta"].is_object())
        .map(|event| event["delta"].clone())
        .collect();
    let thought: String = deltas
        .iter()
        .filter_map(|delta| delta["thinking"].as_str())
        .collect();
    assert_eq!(thought, block["thinking"].as_str().unwrap());
    let last = deltas.last().unwrap();
    assert_eq!(last["type"], "signature_delta");
    assert_eq!(last["signature"], block["signature"]);
}

#[tokio::test]
async fn a_signature_that_was_stripped_forged_or_moved_is_noticed() {
    let simulator = simulator();
    for model in ["think-tools", "think-redacted"] {
        let body = message(
            model,
            "call the tool",
            &json!({"thinking": thinking(), "tools": tools()}),
        );
        let content = ask(&simulator, &body).await.json()["content"].clone();
        let send =
            async |content: &Value| ask(&simulator, &with_results(body.clone(), content)).await;
        assert_eq!(send(&content).await.status(), 200, "{model}");
        let mut changes: Vec<(&str, Value)> = Vec::new();
        let mut stripped = content.clone();
        stripped.as_array_mut().unwrap().remove(0);
        changes.push((
            "Expected `thinking` or `redacted_thinking`, but found `tool_use`",
            stripped,
        ));
        if model == "think-redacted" {
            let mut forged = content.clone();
            forged[0]["data"] = json!("Zm9yZ2Vk");
            changes.push(("Invalid `data` in `redacted_thinking` block", forged));
        } else {
            let mut unsigned = content.clone();
            unsigned[0]
                .as_object_mut()
                .unwrap()
                .shift_remove("signature");
            changes.push(("thinking.signature: Field required", unsigned));
            let mut forged = content.clone();
            forged[0]["signature"] = json!("Zm9yZ2Vk");
            changes.push((
                "messages.1.content.0: Invalid `signature` in `thinking` block",
                forged,
            ));
            let mut edited = content.clone();
            edited[0]["thinking"] = json!("Something else.");
            changes.push(("Invalid `signature` in `thinking` block", edited));
        }
        for (expected, content) in changes {
            let seen = send(&content).await;
            assert_eq!(seen.status(), 400, "{model}: {expected}");
            assert!(seen.has(expected), "{}", seen.text());
        }
    }
}

#[tokio::test]
async fn a_prompt_that_is_marked_is_written_to_the_cache_and_then_read() {
    let simulator = simulator();
    let marked = |text: &str, ttl: &str| json!({"type": "text", "text": text, "cache_control": {"type": "ephemeral", "ttl": ttl}});
    let body = message(
        "echo",
        "and this is new",
        &json!({"system": [marked("a long text that stays", "5m"), marked("more of it", "1h")]}),
    );
    let usage = async || ask(&simulator, &body).await.json()["usage"].clone();
    let first = usage().await;
    assert_eq!(first["cache_read_input_tokens"], 0);
    assert_eq!(first["cache_creation_input_tokens"], 17);
    assert_eq!(first["cache_creation"]["ephemeral_1h_input_tokens"], 7);
    let second = usage().await;
    assert_eq!(second["cache_read_input_tokens"], 17);
    assert_eq!(second["cache_creation_input_tokens"], 0);
    assert_eq!(
        first["input_tokens"], second["input_tokens"],
        "the rest is never cached"
    );
    let again = message("echo", "and this is new", &json!({}));
    let plain = ask(&simulator, &again).await.json()["usage"].clone();
    assert_eq!(plain["cache_read_input_tokens"], 0);
}

#[tokio::test]
async fn what_the_provider_refuses_is_refused_in_its_words() {
    let simulator = simulator();
    let with = |more: Value| message("echo", "x", &more);
    let without = |name: &str| {
        let mut body = with(json!({}));
        body.as_object_mut().unwrap().shift_remove(name);
        body
    };
    let forced = json!({"thinking": thinking(), "tools": tools(), "tool_choice": {"type": "any"}});
    for (body, expected) in [
        (json!([]), "not valid JSON"),
        (without("model"), "model: Field required"),
        (without("messages"), "messages: Field required"),
        (without("max_tokens"), "max_tokens: Field required"),
        (
            with(json!({"max_tokens": 0})),
            "max_tokens: Input should be",
        ),
        (with(json!({"messages": []})), "at least one message"),
        (
            with(json!({"messages": [{"role": "assistant", "content": "x"}]})),
            "must use the \\\"user\\\" role",
        ),
        (
            with(
                json!({"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]}),
            ),
            "must be non-empty",
        ),
        (
            with(json!({"temperature": 1.5})),
            "temperature: range: 0..1",
        ),
        (
            with(json!({"tool_choice": {"type": "any"}})),
            "only be specified while providing tools",
        ),
        (
            with(json!({"tools": tools(), "tool_choice": {"type": "tool", "name": "z"}})),
            "Tool 'z' not found",
        ),
        (
            with(json!({"thinking": {"type": "enabled"}})),
            "budget_tokens: Field required",
        ),
        (
            with(json!({"thinking": {"type": "enabled", "budget_tokens": 10}})),
            "equal to 1024",
        ),
        (
            with(json!({"thinking": {"type": "enabled", "budget_tokens": 5000}})),
            "must be greater than",
        ),
        (
            with(json!({"thinking": thinking(), "temperature": 0.5})),
            "may only be set to 1",
        ),
        (
            with(forced),
            "Thinking may not be enabled when tool_choice forces",
        ),
    ] {
        let seen = ask(&simulator, &body).await;
        assert_eq!(seen.status(), 400, "{expected}");
        assert!(seen.has(expected), "{expected}: {}", seen.text());
        assert_eq!(seen.json()["error"]["type"], "invalid_request_error");
        assert_eq!(seen.header("x-should-retry"), Some("false"));
    }
    let seen = exchange(&simulator, &post("/v1/messages", "", &with(json!({})))).await;
    assert_eq!(seen.status(), 400);
    assert!(seen.has("anthropic-version: header is required"));
}

#[tokio::test]
async fn tokens_are_counted_as_the_answer_counts_them() {
    let simulator = simulator();
    let mut body = message("echo", "Say 🍎 twice", &json!({"system": "Be brief"}));
    let prompt = ask(&simulator, &body).await.json()["usage"]["input_tokens"].clone();
    body.as_object_mut().unwrap().shift_remove("max_tokens");
    let seen = exchange(
        &simulator,
        &post("/v1/messages/count_tokens", VERSION, &body),
    )
    .await;
    assert_eq!(seen.json(), json!({"input_tokens": prompt}));
}

async fn get(simulator: &Simulator, method: &str, path: &str) -> Seen {
    let request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n{VERSION}\r\n");
    exchange(simulator, &request).await
}

#[tokio::test]
async fn models_are_listed_page_by_page_and_a_greeting_is_answered() {
    let simulator = simulator();
    let page = get(&simulator, "GET", "/v1/models?limit=2").await.json();
    assert_eq!(page["data"][0]["type"], "model");
    assert_eq!(page["data"][0]["id"], "echo");
    assert_eq!(
        (&page["has_more"], &page["last_id"]),
        (&json!(true), &json!("story"))
    );
    let next = get(&simulator, "GET", "/v1/models?limit=1000&after_id=story")
        .await
        .json();
    assert_eq!(next["first_id"], "embed");
    assert_eq!(next["has_more"], false);
    let one = get(&simulator, "GET", "/v1/models/fault/cut-after-3")
        .await
        .json();
    assert_eq!(one["id"], "fault/cut-after-3");
    let missing = get(&simulator, "GET", "/v1/models/none").await;
    assert_eq!(missing.json()["error"]["type"], "not_found_error");
    let hello = get(&simulator, "HEAD", "/api/hello").await;
    assert_eq!((hello.status(), hello.body.len()), (200, 0));
    assert_eq!(get(&simulator, "GET", "/v1/messages").await.status(), 405);
}
