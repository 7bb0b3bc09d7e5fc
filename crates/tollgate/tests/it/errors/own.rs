//! Failures that Tollgate finds itself, each raised by its real cause.

use bytes::Bytes;
use http::Method;
use serde_json::json;

use crate::raw::{Raw, chat_request};
use crate::world::{KEY, NARROW_KEY, World};

#[tokio::test]
async fn each_cause_has_its_row() {
    let world = World::once("").await;
    let gateway = &world.gateway;
    let chat = json!({"model": "sim/echo", "messages": [{"role": "user", "content": "x"}]});
    let other = json!({"model": "sim/none-such/x", "messages": chat["messages"]});
    let unknown = json!({"model": "nobody/nothing", "messages": chat["messages"]});
    let path = "/v1/chat/completions";
    let cases = [
        (gateway.post(path, &chat), 401, "missing_api_key"),
        (
            gateway.post(path, &chat).key("sk-no-such-key"),
            401,
            "invalid_api_key",
        ),
        (
            gateway.post(path, &chat).key(&"x".repeat(20_000)),
            401,
            "invalid_api_key",
        ),
        (
            gateway
                .post(path, &chat)
                .key(KEY)
                .header("x-api-key", "sk-2"),
            401,
            "invalid_api_key",
        ),
        (
            gateway.post(path, &chat).key("sk-tg-test-abcdefgh"),
            401,
            "invalid_api_key",
        ),
        (
            gateway.post(path, &chat).key(NARROW_KEY),
            404,
            "model_not_found",
        ),
        (
            gateway.post(path, &unknown).key(KEY),
            404,
            "model_not_found",
        ),
        (gateway.post(path, &other).key(KEY), 200, "none"),
        (gateway.get("/v1/nowhere").key(KEY), 404, "unknown_url"),
        (gateway.get("/v1//models").key(KEY), 404, "unknown_url"),
        (gateway.get(path).key(KEY), 405, "method_not_allowed"),
        (
            gateway.post("/v1/models", "{}").key(KEY),
            405,
            "method_not_allowed",
        ),
        (gateway.post(path, "{").key(KEY), 400, "malformed_json"),
        (gateway.post(path, "[]").key(KEY), 400, "invalid_request"),
        (gateway.post(path, "{}").key(KEY), 400, "invalid_request"),
        (
            gateway.post(path, " ".repeat(21 << 20)).key(KEY),
            413,
            "request_too_large",
        ),
        (gateway.get("/api/keys"), 401, "missing_api_key"),
        (
            gateway.get("/api/keys").key("sk-no-such-key"),
            401,
            "invalid_api_key",
        ),
        (
            gateway
                .get("/api/keys")
                .admin()
                .header("x-admin-key", "another"),
            401,
            "invalid_api_key",
        ),
        (gateway.get("/api/keys").key(KEY), 403, "permission_denied"),
        (
            gateway.get("/api/keys").header("x-admin-key", "wrong"),
            401,
            "invalid_api_key",
        ),
        (
            gateway.get("/api/keys/key_none").admin(),
            404,
            "resource_not_found",
        ),
    ];
    for (number, (ask, status, code)) in cases.into_iter().enumerate() {
        let answer = ask.send().await;
        assert_eq!(
            answer.outcome(),
            (status, code.to_owned()),
            "case {number}: {answer:?}"
        );
        if status != 200 {
            assert!(
                !answer.json()["error"]["message"]
                    .as_str()
                    .unwrap()
                    .is_empty()
            );
            assert_eq!(
                answer.json()["error"]["request_id"],
                answer.header("x-request-id")
            );
            assert_eq!(answer.header("x-should-retry"), "false");
            assert!(!answer.headers.contains_key("retry-after"));
        }
    }
    let form = gateway.ask(Method::POST, path, Bytes::from_static(b"a=b"));
    let form = form
        .key(KEY)
        .header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(
        form.send().await.outcome(),
        (415, "unsupported_media_type".to_owned())
    );
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let world = World::once("").await;
    let answer = world
        .gateway
        .get("/v1/chat/completions")
        .key(KEY)
        .send()
        .await;
    assert_eq!(answer.header("allow"), "POST");
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_a_request_timeout() {
    let world = World::with_server("body_timeout_ms = 1000\n").await;
    let mut raw = Raw::open(world.gateway.address).await;
    raw.send(
        chat_request(KEY, "{\"model\"", "").replace("content-length: 8", "content-length: 80"),
    )
    .await;
    let answer = raw.rest().await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("request_timeout") && answer.contains("x-should-retry: true"));
}

#[tokio::test]
async fn a_head_that_does_not_arrive_in_time_ends_the_connection() {
    let world = World::with_server("header_timeout_ms = 1000\n").await;
    let mut raw = Raw::open(world.gateway.address).await;
    raw.send("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n")
        .await;
    // The test's patience is longer than the bound on a head.
    raw.rest().await;
}

#[tokio::test]
async fn a_large_body_that_is_refused_early_still_gets_its_answer() {
    let world = World::once("").await;
    let body = " ".repeat(8 << 20);
    let mut raw = Raw::open(world.gateway.address).await;
    raw.send(chat_request(
        "sk-no-such-key",
        &body,
        "connection: close\r\n",
    ))
    .await;
    let answer = raw.rest().await;
    assert!(
        answer.starts_with("HTTP/1.1 401 "),
        "{}",
        &answer[..answer.len().min(300)]
    );
    assert!(answer.contains("invalid_api_key"));
}

#[tokio::test]
async fn ids_of_requests_are_kept_when_well_formed_and_never_reflected_otherwise() {
    let world = World::once("").await;
    let send = async |id: &str| {
        let answer = world
            .gateway
            .get("/v1/models")
            .header("x-request-id", id)
            .send()
            .await;
        answer.header("x-request-id").to_owned()
    };
    assert_eq!(send("my-id-1").await, "my-id-1");
    for bad in ["with space", "q\"uote", &"x".repeat(10_000)] {
        assert!(send(bad).await.starts_with("req_"), "{bad}");
    }
}
