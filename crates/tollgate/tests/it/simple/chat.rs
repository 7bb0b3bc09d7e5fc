//! Answers: their shape, who gives them, streams, money and the log.

use serde_json::{Value, json};

use super::{OPEN, asks, chat, says};
use crate::money::scene::{MODELS, ONCE, at_rest, fails, give, key, nano, standing, team};
use crate::world::{KEY, World};

#[tokio::test]
async fn the_seeds_own_request_is_answered_in_its_shape_at_both_addresses() {
    let world = World::once(OPEN).await;
    for path in ["/v1/chat", "/api/v1/chat"] {
        let ask = world.gateway.post(path, says("Good morning"));
        let answer = ask.header("x-api-key", KEY).send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.json();
        let members: Vec<_> = body
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(members, ["id", "provider", "content", "usage"], "{body}");
        assert_eq!(body["content"], "Good morning");
        assert_eq!(body["provider"], "openai");
        let id = body["id"].as_str().unwrap();
        let lengths: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
        let usage = &body["usage"];
        let count = |name: &str| usage[name].as_u64().unwrap();
        assert!(count("prompt_tokens") > 0 && count("completion_tokens") > 0);
        assert_eq!(
            count("total_tokens"),
            count("prompt_tokens") + count("completion_tokens")
        );
        assert_eq!(answer.header("x-tollgate-model"), "sim/echo");
        assert!(!answer.header("x-request-id").is_empty());
    }
    // What the documents leave out comes from them, not from the provider.
    let sent: Value = serde_json::from_str(&world.simulator.requests()[0].body).unwrap();
    assert_eq!(sent["max_tokens"], 512);
    assert_eq!(sent["temperature"], 0.7);
}

#[tokio::test]
async fn a_model_wins_over_a_hint_and_words_stand_for_models() {
    let world = World::once(OPEN).await;
    for (members, model) in [
        (json!({}), "sim/echo"),
        (json!({"model": null, "model_hint": null}), "sim/echo"),
        (json!({"model_hint": "fast"}), "openai/gpt-4o"),
        (json!({"model_hint": "local"}), "lenient/echo"),
        (json!({"model": "fast"}), "openai/gpt-4o"),
        (
            json!({"model": "sim/story-3", "model_hint": "local"}),
            "sim/story-3",
        ),
        (json!({"model": "gpt-4o"}), "openai/gpt-4o"),
    ] {
        let mut body = says("Hi");
        let more = members.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(more);
        let answer = chat(&world, &body).send().await;
        assert_eq!(answer.status, 200, "{members}: {answer:?}");
        assert_eq!(answer.header("x-tollgate-model"), model, "{members}");
    }
}

/// The documented server takes whatever it does not know to the local model. Who asks for
/// `secure` must not be answered by whatever is the default.
#[tokio::test]
async fn a_hint_or_a_model_that_nobody_knows_is_never_answered_by_another_one() {
    let world = World::once(OPEN).await;
    for name in ["model", "model_hint"] {
        let mut body = says("Hi");
        body[name] = "secure".into();
        let answer = chat(&world, &body).send().await;
        assert_eq!(answer.status, 404, "{answer:?}");
        assert_eq!(answer.json(), json!({"detail": "Model not found: secure"}));
    }
    assert!(world.simulator.requests().is_empty());
}

#[tokio::test]
async fn without_a_default_a_request_has_to_name_a_model() {
    let world = World::once("").await;
    let answer = chat(&world, &says("Hi")).send().await;
    assert_eq!(answer.status, 422, "{answer:?}");
    let expected = json!({"detail": [
        {"loc": ["body", "model"], "msg": "field required", "type": "value_error.missing"}
    ]});
    assert_eq!(answer.json(), expected);
    let answer = chat(&world, &asks("sim/echo", "Hi")).send().await;
    assert_eq!(answer.json()["content"], "Hi");
}

#[tokio::test]
async fn members_that_the_documents_do_not_have_are_told_and_not_passed_on() {
    let world = World::once(OPEN).await;
    let mut body = says("Hi");
    body["tools"] = json!([]);
    let answer = chat(&world, &body).send().await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-tollgate-unsupported"), "tools");
    assert!(!world.simulator.requests()[0].body.contains("tools"));
}

/// The events of a stream, which must all be `data: ` lines.
fn events(text: &str) -> Vec<Value> {
    text.split_terminator("\n\n")
        .filter(|event| !event.starts_with(':'))
        .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
        .collect()
}

#[tokio::test]
async fn a_stream_is_texts_and_one_last_event_that_says_that_it_is_done() {
    let world = World::once(OPEN).await;
    for provider in ["sim", "lenient"] {
        let mut body = asks(&format!("{provider}/story-20"), "Tell me");
        let whole = chat(&world, &body).send().await.json();
        body["stream"] = true.into();
        let answer = chat(&world, &body).send().await;
        assert_eq!(answer.header("content-type"), "text/event-stream");
        let events = events(&answer.text());
        let (last, texts) = events.split_last().unwrap();
        assert!(texts.len() > 5, "{events:?}");
        let text: String = texts
            .iter()
            .map(|event| event["content"].as_str().unwrap())
            .collect();
        assert_eq!(text, whole["content"].as_str().unwrap());
        assert!(texts.iter().all(|event| event.get("done").is_none()));
        assert!(events.iter().all(|event| event["id"] == last["id"]));
        assert_eq!(last["done"], true);
        assert_eq!(last["finish_reason"], "stop");
        assert_eq!(last["usage"], whole["usage"], "{provider}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_never_ends_looking_whole() {
    // A provider that is silent for a second has stalled.
    let world = World::with(&format!("{OPEN}{ONCE}")).await;
    for (fault, code) in [
        ("cut-after-5", "stream_interrupted"),
        ("no-done", "stream_interrupted"),
        ("stall-after-4", "stream_interrupted"),
        ("error-event:after=4", "provider_error"),
    ] {
        let mut body = asks(&format!("sim/fault/{fault}"), "Tell me");
        body["stream"] = true.into();
        let answer = chat(&world, &body).send().await;
        assert_eq!(answer.status, 200, "{fault}");
        let events = events(&answer.text());
        let (last, texts) = events.split_last().unwrap();
        assert!(texts.len() > 2, "{fault}: {events:?}");
        assert!(
            texts.iter().all(|event| event["content"].is_string()),
            "{fault}"
        );
        let error = &last["error"];
        assert_eq!(error["code"], code, "{fault}: {last}");
        assert_eq!(error["retryable"], true, "{fault}: {last}");
        assert!(
            !error["message"].as_str().unwrap().is_empty(),
            "{fault}: {last}"
        );
        let is_done = |event: &Value| event.get("done").is_some();
        assert!(!events.iter().any(is_done), "{fault}: {events:?}");
    }
}

/// Holds, settlement and the request log see it as any other call.
#[tokio::test]
async fn a_call_is_paid_and_logged_as_any_other() {
    let more = format!("{MODELS}{}", team("payer"));
    let world = World::once(&more).await;
    give(&world, "payer", 10_000_000_000_000).await;
    let ask = async |stream: bool| {
        let mut body = asks("money/echo", "one two three");
        body["max_tokens"] = 10.into();
        body["stream"] = stream.into();
        let ask = world.gateway.post("/api/v1/chat", &body);
        ask.header("x-api-key", &key("payer")).send().await
    };
    let (before, _) = standing(&world, "payer").await;
    let plain = ask(false).await;
    let cost = nano(&plain.header("x-tollgate-cost-usd").into());
    let usage = &plain.json()["usage"];
    let count = |name: &str| usage[name].as_u64().unwrap();
    let expected = count("prompt_tokens") * 1_000_000 + count("completion_tokens") * 2_000_000;
    assert_eq!(cost, expected, "{plain:?}");
    assert_eq!(at_rest(&world, "payer").await, before - cost);
    assert_eq!(ask(true).await.status, 200);
    assert_eq!(at_rest(&world, "payer").await, before - 2 * cost);
    fails(&world, "echo", "server-error", 1);
    assert_eq!(ask(false).await.status, 500);
    assert_eq!(at_rest(&world, "payer").await, before - 2 * cost);
    let log = world.gateway.get("/api/account/request-logs");
    let rows = log.key(&key("payer")).send().await.json();
    let text = rows.to_string();
    assert_eq!(
        text.matches("\"endpoint\":\"simple_chat\"").count(),
        3,
        "{rows}"
    );
}
