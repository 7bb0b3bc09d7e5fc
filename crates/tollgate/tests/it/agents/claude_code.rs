//! Claude Code: the calls that it makes, byte by byte.

use http::Method;
use serde_json::{Value, json};

use crate::providers::stub::{self, Reply, Stub};
use crate::surface::{FAMILIES, FAMILIES_CONFIG, Surface};
use crate::world::{Answer, Ask, KEY, World};

const BETAS: &str = "claude-code-20250219,interleaved-thinking-2025-05-14";

/// The headers of every call.
fn headers(ask: Ask<'_>) -> Ask<'_> {
    ask.key(KEY)
        .header("accept", "application/json")
        .header("anthropic-version", "2023-06-01")
        .header("anthropic-beta", BETAS)
        .header("anthropic-beta", "context-management-2025-06-27")
        .header("anthropic-dangerous-direct-browser-access", "true")
        .header("user-agent", "claude-cli/2.1.240 (external, cli)")
        .header("x-app", "cli")
        .header("x-claude-code-session-id", "5c1e6f0a-session")
        .header("x-claude-code-agent-id", "agent-7")
        .header("x-stainless-lang", "js")
        .header("x-stainless-retry-count", "0")
}

/// A call, with spaces and an order of members as no serializer would write them.
const CALL: &str = include_str!("claude_code.json");

/// A call with these turns after the first.
fn call(model: &str, question: &str, turns: &str) -> String {
    let call = CALL.trim_end().replacen("MODEL", model, 1);
    call.replacen("QUESTION", question, 1)
        .replacen("TURNS", turns, 1)
}

fn first_turn(model: &str, question: &str) -> String {
    call(model, question, "")
}

async fn send(world: &World, body: &str) -> Answer {
    headers(world.gateway.post("/v1/messages?beta=true", body))
        .send()
        .await
}

/// The blocks of a streamed message, put together as the client does.
fn blocks(answer: &Answer) -> Vec<Value> {
    let mut blocks: Vec<Value> = Vec::new();
    let mut inputs = Vec::new();
    for event in Surface::Anthropic.events(answer) {
        let at = usize::try_from(event["index"].as_u64().unwrap_or(0)).unwrap();
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                blocks.push(event["content_block"].clone());
                inputs.push(String::new());
            }
            "content_block_delta" => {
                let delta = &event["delta"];
                inputs[at] += delta["partial_json"].as_str().unwrap_or_default();
                for member in ["text", "thinking", "signature"] {
                    if let Some(more) = delta[member].as_str() {
                        let before = blocks[at][member].as_str().unwrap_or_default();
                        blocks[at][member] = format!("{before}{more}").into();
                    }
                }
            }
            _ => {}
        }
    }
    for (block, input) in blocks.iter_mut().zip(inputs) {
        if block["type"] == "tool_use" {
            block["input"] = serde_json::from_str(&input).unwrap();
        }
    }
    blocks
}

/// The second turn: what was said, and the results of the tools.
fn second_turn(model: &str, question: &str, said: &[Value]) -> String {
    let results = said.iter().filter(|block| block["type"] == "tool_use");
    let results = results.map(|block| {
        json!({"type": "tool_result", "tool_use_id": block["id"], "content": [
            {"type": "text", "text": format!("{} is done", block["name"].as_str().unwrap())}]})
    });
    let results: Value = results.collect();
    let said = Value::from(said.to_vec());
    let turns = format!(
        r#",{{"role":"assistant","content":{said}}},{{"role":"user","content":{results}}}"#
    );
    call(model, question, &turns)
}

#[tokio::test]
async fn the_probe_and_the_list_of_models_are_answered() {
    let world = World::once(FAMILIES_CONFIG).await;
    let hello = world.gateway.ask(Method::HEAD, "/api/hello", "".into());
    let hello = hello.send().await;
    assert_eq!((hello.status.as_u16(), hello.body.len()), (200, 0));
    let models = headers(world.gateway.get("/v1/models?limit=1000"))
        .send()
        .await;
    assert_eq!(models.status, 200, "no redirect: {models:?}");
    let models = models.json();
    let listed = models["data"].as_array().unwrap();
    assert!(!listed.is_empty(), "{models}");
    for model in listed {
        assert_eq!(model["type"], "model");
        assert!(
            model["id"].is_string() && model["display_name"].is_string(),
            "{model}"
        );
    }
    assert_eq!(models["has_more"], false);
}

#[tokio::test]
async fn two_turns_reach_an_anthropic_provider_byte_for_byte() {
    let world = World::once(FAMILIES_CONFIG).await;
    let question = "call both: Read and Bash";
    let body = first_turn("anthropic/think-tools", question);
    let first = send(&world, &body).await;
    assert_eq!(first.status, 200, "{first:?}");
    let said = blocks(&first);
    let kinds: Vec<_> = said
        .iter()
        .map(|block| block["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["thinking", "tool_use", "tool_use"]);
    assert!(!said[0]["signature"].as_str().unwrap().is_empty());
    let next = second_turn("anthropic/think-tools", question, &said);
    let second = send(&world, &next).await;
    assert_eq!(second.status, 200, "{second:?}");
    assert!(Surface::Anthropic.ended_well(&Surface::Anthropic.events(&second)));
    let text = blocks(&second).pop().unwrap();
    assert_eq!(text["text"], "Read is done\nBash is done");

    let received = world.simulator.requests();
    for (received, sent) in received.iter().zip([&body, &next]) {
        let expected = sent.replacen("anthropic/think-tools", "think-tools", 1);
        assert_eq!(received.body, expected, "but for the model's name");
        assert_eq!(
            (&*received.path, &*received.query),
            ("/v1/messages", "beta=true")
        );
        assert_eq!(received.header("anthropic-version"), Some("2023-06-01"));
        let betas = received.headers.iter();
        let betas = betas.filter(|(name, _)| name.eq_ignore_ascii_case("anthropic-beta"));
        let betas: Vec<&str> = betas.map(|(_, value)| &**value).collect();
        assert_eq!(
            betas.join(","),
            format!("{BETAS},context-management-2025-06-27")
        );
        for (name, value) in [
            ("anthropic-dangerous-direct-browser-access", "true"),
            ("x-claude-code-session-id", "5c1e6f0a-session"),
            ("x-claude-code-agent-id", "agent-7"),
            ("user-agent", "claude-cli/2.1.240 (external, cli)"),
            ("x-api-key", crate::world::PROVIDER_KEY),
        ] {
            assert_eq!(received.header(name), Some(value), "{name}");
        }
        assert_eq!(received.header("authorization"), None);
        assert_eq!(received.header("x-stainless-lang"), None);
    }
}

/// A stream with a ping in the middle of its text.
const PINGED: &str = concat!(
    "event: message_start\n",
    r#"data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}}"#,
    "\n\nevent: content_block_start\n",
    r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    "\n\nevent: content_block_delta\n",
    r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hel"}}"#,
    "\n\nevent: ping\n",
    r#"data: {"type": "ping"}"#,
    "\n\nevent: x_never_heard_of\n",
    r#"data: {"type":"x_never_heard_of"}"#,
    "\n\nevent: content_block_delta\n",
    r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"lo"},"new":1}"#,
    "\n\nevent: content_block_stop\n",
    r#"data: {"type":"content_block_stop","index":0}"#,
    "\n\nevent: message_delta\n",
    r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":2}}"#,
    "\n\nevent: message_stop\n",
    r#"data: {"type":"message_stop"}"#,
    "\n\n",
);

#[tokio::test]
async fn pings_and_unknown_events_are_relayed_and_no_comment_reaches_gemini() {
    let stub = Stub::always(Reply::new("text/event-stream", PINGED)).await;
    let lines = format!("base_url = \"http://{}\"\n", stub.address);
    let world = stub::world("anthropic", &lines).await;
    let answer = send(&world, &first_turn("stub/m", "x")).await;
    assert_eq!(answer.text(), PINGED, "as it came");
    let answer = Surface::Gemini.ask(&world, "stub/m", "x", true).await;
    let events = Surface::Gemini.events(&answer);
    assert_eq!(Surface::Gemini.streamed(&events), "Hello");
    for line in answer.text().lines().filter(|line| !line.is_empty()) {
        assert!(line.starts_with("data: {"), "{line}");
    }
}

#[tokio::test]
async fn two_turns_end_right_over_providers_of_every_other_family() {
    let world = World::once(FAMILIES_CONFIG).await;
    for family in FAMILIES {
        let (name, question) = match family {
            "google" => ("gemini-3-pro", "call both: Read and Bash"),
            _ => ("think-tools", "go"),
        };
        let model = format!("{family}/{name}");
        let first = send(&world, &first_turn(&model, question)).await;
        assert_eq!(first.status, 200, "{family}: {first:?}");
        let said = blocks(&first);
        let calls = said.iter().filter(|block| block["type"] == "tool_use");
        let calls: Vec<&Value> = calls.map(|block| &block["name"]).collect();
        assert_eq!(calls, ["Read", "Bash"], "{family}");
        let second = send(&world, &second_turn(&model, question, &said)).await;
        assert_eq!(second.status, 200, "{family}: {second:?}");
        let events = Surface::Anthropic.events(&second);
        assert!(
            Surface::Anthropic.ended_well(&events),
            "{family}: {}",
            second.text()
        );
        let stop = events.iter().find(|event| event["type"] == "message_delta");
        assert_eq!(
            stop.unwrap()["delta"]["stop_reason"],
            "end_turn",
            "{family}"
        );
        assert!(
            Surface::Anthropic
                .streamed(&events)
                .contains("Bash is done"),
            "{family}"
        );
    }
}

#[tokio::test]
async fn errors_come_in_the_words_that_the_client_looks_for() {
    let world = World::once(FAMILIES_CONFIG).await;
    let body = first_turn("anthropic/fault/context-length", "x");
    let answer = send(&world, &body).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.header("x-tollgate-error-code"),
        "context_length_exceeded"
    );
    let id = answer.header("x-tollgate-provider-request-id").to_owned();
    let own = json!({"type": "error", "error": {"type": "invalid_request_error",
        "message": "prompt is too long: 212000 tokens > 200000 maximum"}, "request_id": id});
    assert_eq!(answer.text(), own.to_string(), "unmodified");
    for family in ["chat", "responses", "google"] {
        let body = first_turn(&format!("{family}/fault/context-length"), "x");
        let answer = send(&world, &body).await;
        assert_eq!(answer.status, 400, "{family}");
        let error = answer.json();
        assert_eq!(error["error"]["type"], "invalid_request_error");
        let message = error["error"]["message"].as_str().unwrap();
        assert!(
            message.to_lowercase().contains("prompt is too long"),
            "{family}: {message}"
        );
    }
    for (fault, status, kind) in [
        ("overloaded-529", 529, "overloaded_error"),
        ("rate-limit", 429, "rate_limit_error"),
        ("server-error", 502, "api_error"),
    ] {
        for family in FAMILIES {
            let body = first_turn(&format!("{family}/fault/{fault}"), "x");
            let answer = send(&world, &body).await;
            assert_eq!(answer.status, status, "{family} {fault}");
            assert_eq!(answer.json()["error"]["type"], kind, "{family} {fault}");
            assert_eq!(answer.header("x-should-retry"), "true", "{family} {fault}");
            assert_eq!(answer.json()["request_id"], answer.header("request-id"));
        }
    }
}

#[tokio::test]
async fn tokens_are_counted() {
    let world = World::once(FAMILIES_CONFIG).await;
    for family in FAMILIES {
        let body = json!({"model": format!("{family}/echo"), "system": "Be brief",
            "messages": [{"role": "user", "content": "one two three four"}],
            "tools": [{"name": "Read", "input_schema": {"type": "object"}}]});
        let ask = world
            .gateway
            .post("/v1/messages/count_tokens?beta=true", &body);
        let answer = headers(ask).send().await;
        assert_eq!(answer.status, 200, "{family}: {answer:?}");
        assert!(
            answer.json()["input_tokens"].as_u64().unwrap() > 3,
            "{family}"
        );
        let asked = matches!(family, "anthropic" | "google");
        assert_eq!(
            answer.header("x-tollgate-estimated") == "tokens",
            !asked,
            "{family}"
        );
    }
}
