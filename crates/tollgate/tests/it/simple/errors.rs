//! Every error of the seed by its real cause, word for word, and those of which it has no word.

use serde_json::{Value, json};

use super::{OPEN, asks, chat, says};
use crate::money::scene::{MODELS, fails, give, key, team};
use crate::world::{KEY, NARROW_KEY, World};

const UNAUTHORIZED: &str = "Invalid or missing API Key";
const INTERNAL: &str = "Internal server error occurred while processing your request";

#[tokio::test]
async fn a_key_that_is_missing_unknown_or_revoked_is_one_case() {
    let world = World::once(OPEN).await;
    let made = world
        .gateway
        .post("/api/keys", json!({"name": "gone"}))
        .admin();
    let made = made.send().await.json();
    let path = format!("/api/keys/{}", made["id"].as_str().unwrap());
    let delete = world
        .gateway
        .ask(http::Method::DELETE, &path, bytes::Bytes::new());
    assert_eq!(delete.admin().send().await.status, 200);
    for path in ["/v1/chat", "/api/v1/chat"] {
        let ask = || world.gateway.post(path, says("Hi"));
        for answer in [
            ask().send().await,
            ask().header("x-api-key", "").send().await,
            ask().header("x-api-key", "sk-gateway-123").send().await,
            ask()
                .header("x-api-key", made["key"].as_str().unwrap())
                .send()
                .await,
            ask().header("x-api-key", KEY).key(NARROW_KEY).send().await,
        ] {
            assert_eq!(answer.status, 401, "{answer:?}");
            assert_eq!(answer.json(), json!({ "detail": UNAUTHORIZED }));
        }
    }
}

/// A good key that may not is told that, so that nobody looks for a typing error in it.
#[tokio::test]
async fn a_key_that_may_not_use_this_surface_is_told_so() {
    let elsewhere = "[[keys]]\nname = \"elsewhere\"\nkey = \"sk-elsewhere-0123456789\"\n\
                     models = [\"*\"]\nsurfaces = [\"openai_chat\"]\n";
    let world = World::once(&format!("{elsewhere}{OPEN}")).await;
    let ask = world.gateway.post("/v1/chat", says("Hi"));
    let answer = ask
        .header("x-api-key", "sk-elsewhere-0123456789")
        .send()
        .await;
    assert_eq!(answer.status, 403, "{answer:?}");
    let told = answer.json();
    let detail = told["detail"].as_str().unwrap();
    assert!(
        detail.contains("may not be used at this address"),
        "{detail}"
    );
    assert_eq!(answer.header("x-tollgate-error-code"), "permission_denied");
    assert_eq!(answer.header("x-should-retry"), "false");
}

#[tokio::test]
async fn whatever_fails_on_our_side_is_the_printed_500() {
    let world = World::once(OPEN).await;
    for fault in [
        "server-error",
        "overloaded",
        "bad-gateway",
        "invalid-api-key",
        "quota",
        "model-not-found",
        "permission",
        "html-200",
        "json-cut",
        "close-before-answer",
    ] {
        let answer = chat(&world, &asks(&format!("sim/fault/{fault}"), "Hi"))
            .send()
            .await;
        assert_eq!(answer.status, 500, "{fault}: {answer:?}");
        assert_eq!(answer.json(), json!({ "detail": INTERNAL }), "{fault}");
        assert!(!answer.header("x-tollgate-error-code").is_empty());
    }
}

#[tokio::test]
async fn a_limit_of_the_provider_is_the_printed_429() {
    let world = World::once(OPEN).await;
    let answer = chat(&world, &asks("sim/fault/rate-limit:retry-after=7", "Hi"))
        .send()
        .await;
    assert_eq!(answer.status, 429, "{answer:?}");
    let text = "Too many requests. Please wait before trying again.";
    assert_eq!(answer.json(), json!({ "detail": text }));
    assert_eq!(answer.header("retry-after"), "7");
}

#[tokio::test]
async fn bodies_that_ask_nothing_are_told_field_by_field() {
    let world = World::once(OPEN).await;
    let good = || json!([{"role": "user", "content": "Hi"}]);
    let missing = "value_error.missing";
    for (body, places) in [
        (json!({}), vec![(json!(["body", "messages"]), missing)]),
        (
            json!({"messages": []}),
            vec![(json!(["body", "messages"]), "value_error.list.min_items")],
        ),
        (
            json!({"messages": [{"role": "user"}, {"content": 3, "role": "user"}]}),
            vec![
                (json!(["body", "messages", 0, "content"]), missing),
                (json!(["body", "messages", 1, "content"]), "type_error.str"),
            ],
        ),
        (
            json!({"messages": good(), "max_tokens": 0, "temperature": 3, "stream": "no"}),
            vec![
                (json!(["body", "max_tokens"]), "value_error.number.not_ge"),
                (json!(["body", "temperature"]), "value_error.number.not_le"),
                (json!(["body", "stream"]), "type_error.bool"),
            ],
        ),
    ] {
        let answer = chat(&world, &body).send().await;
        assert_eq!(answer.status, 422, "{body}: {answer:?}");
        let told = answer.json()["detail"].clone();
        let seen: Vec<(Value, String)> = told
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (row["loc"].clone(), row["type"].as_str().unwrap().to_owned()))
            .collect();
        let places: Vec<_> = places
            .into_iter()
            .map(|(place, kind)| (place, kind.to_owned()))
            .collect();
        assert_eq!(seen, places, "{body}");
        assert!(told[0]["msg"].is_string());
    }
    let ask = world.gateway.post("/v1/chat", "{\"messages\": [");
    let answer = ask.header("x-api-key", KEY).send().await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.json()["detail"].as_str().unwrap().contains("line 1"));
    assert!(world.simulator.requests().is_empty());
}

#[tokio::test]
async fn rows_of_which_the_seed_has_no_word_are_details_too() {
    let more = format!("{OPEN}{MODELS}{}{}", team("poor"), team("capped"));
    let world = World::once(&more).await;
    give(&world, "poor", 1_000).await;
    let ask = world.gateway.post("/v1/chat", asks("money/echo", "Hi"));
    let answer = ask.header("x-api-key", &key("poor")).send().await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(answer.json(), json!({"detail": "Insufficient credits"}));
    let ask = world.gateway.post("/v1/chat", asks("sim/echo", "Hi"));
    let answer = ask.header("x-api-key", NARROW_KEY).send().await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.json()["detail"].is_string());
    let answer = world
        .gateway
        .get("/v1/chat")
        .header("x-api-key", KEY)
        .send()
        .await;
    assert_eq!(answer.status, 405);
    assert!(answer.json()["detail"].is_string());
    assert_eq!(answer.header("allow"), "POST");
    fails(&world, "echo", "context-length", 1);
    let answer = chat(&world, &says("Hi")).send().await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.json()["detail"].is_string());
}
