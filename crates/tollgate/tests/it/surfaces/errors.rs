//! Every surface fails in the words of its own clients.

use http::Method;
use serde_json::{Value, json};

use crate::world::{Answer, KEY, World};

/// What the dialect of an answer is, by its form alone.
fn dialect(answer: &Answer) -> &'static str {
    let body = answer.json();
    let error = &body["error"];
    if body["type"] == "error" && error["details"]["error_code"].is_string() {
        "anthropic"
    } else if error["status"].is_string() && error["code"].is_number() {
        "gemini"
    } else if error["code"].is_string() && error["doc_url"].is_string() {
        "openai"
    } else {
        "none"
    }
}

#[tokio::test]
async fn each_surface_refuses_in_its_own_dialect() {
    let world = World::once("").await;
    let gateway = &world.gateway;
    for (path, expected) in [
        ("/v1/responses", "openai"),
        ("/responses", "openai"),
        ("/v1/completions", "openai"),
        ("/completions", "openai"),
        ("/v1/messages", "anthropic"),
        ("/v1/messages?beta=true", "anthropic"),
        ("/v1/messages/count_tokens", "anthropic"),
        ("/v1/messages/batches", "anthropic"),
        ("/v1beta/models/sim/echo:generateContent", "gemini"),
        ("/v1beta/models/sim%2Fecho%3AgenerateContent", "gemini"),
        ("/v1beta/models/x:streamGenerateContent?alt=sse", "gemini"),
        ("/v1beta/models/x:countTokens", "gemini"),
        ("/v1beta/models/x:embedContent", "gemini"),
        ("/v1beta/nowhere", "gemini"),
        ("/v1/models/sim/echo:generateContent", "gemini"),
        ("/v1/models/sim/echo%3astreamGenerateContent", "gemini"),
    ] {
        let answer = gateway.post(path, json!({})).send().await;
        assert_eq!(dialect(&answer), expected, "{path}: {answer:?}");
        assert_eq!(answer.header("x-should-retry"), "false", "{path}");
        let id = answer.header("request-id");
        assert!(
            !id.is_empty() && id == answer.header("x-request-id"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_list_of_models_refuses_in_the_dialect_of_who_asks() {
    let world = World::once("").await;
    let gateway = &world.gateway;
    for (name, value, path, expected) in [
        ("accept", "*/*", "/v1/models", "openai"),
        ("anthropic-version", "2023-06-01", "/v1/models", "anthropic"),
        (
            "anthropic-version",
            "2023-06-01",
            "/v1/models/x",
            "anthropic",
        ),
        ("x-goog-api-key", "sk-wrong", "/v1/models", "gemini"),
        ("accept", "*/*", "/v1/models?key=sk-wrong", "gemini"),
        ("x-api-key", "sk-wrong", "/v1beta/models", "gemini"),
    ] {
        let answer = gateway.get(path).header(name, value).send().await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(dialect(&answer), expected, "{path} {name}: {answer:?}");
    }
    let page = gateway.get("/v1/models?limit=0").key(KEY);
    let page = page.header("anthropic-version", "2023-06-01").send().await;
    assert_eq!(page.status, 400);
    let message = page.json()["error"]["message"].to_string();
    assert!(message.contains("`limit` must be an integer"), "{message}");
    let page = gateway.get("/v1beta/models?pageToken=none").key(KEY);
    let page = page.send().await.json();
    let fields = page["error"]["details"].as_array().unwrap().iter();
    let fields: Vec<&Value> = fields
        .map(|one| &one["fieldViolations"][0]["field"])
        .collect();
    assert!(fields.contains(&&json!("pageToken")), "{page}");
}

#[tokio::test]
async fn unknown_methods_and_addresses_are_told_apart() {
    let world = World::once("").await;
    let gateway = &world.gateway;
    for (method, path, status, code) in [
        (Method::GET, "/v1/messages", 405, "method_not_allowed"),
        (Method::GET, "/v1/responses", 405, "method_not_allowed"),
        (Method::POST, "/v1beta/models", 405, "method_not_allowed"),
        (
            Method::GET,
            "/v1beta/models/x:generateContent",
            405,
            "method_not_allowed",
        ),
        (
            Method::POST,
            "/v1beta/models/x:embedContent",
            404,
            "unknown_url",
        ),
        (Method::POST, "/v1/messages/batches", 404, "unknown_url"),
        (Method::POST, "/v1beta/models/", 404, "unknown_url"),
    ] {
        let answer = gateway.ask(method.clone(), path, "{}".into()).key(KEY);
        let answer = answer.send().await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.header("x-tollgate-error-code"), code, "{path}");
        let told = answer.headers.contains_key("allow");
        assert_eq!(told, status == 405, "{method} {path}");
    }
}

#[tokio::test]
async fn a_request_may_choose_another_dialect_on_every_surface() {
    let world = World::once("").await;
    for path in [
        "/v1/messages",
        "/v1beta/models/x:generateContent",
        "/v1/responses",
    ] {
        for wish in ["openai", "anthropic", "gemini"] {
            let ask = world.gateway.post(path, "{}");
            let answer = ask.header("x-tollgate-error-dialect", wish).send().await;
            assert_eq!(dialect(&answer), wish, "{path}");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused_on_every_surface() {
    let world = World::once("").await;
    for path in [
        "/v1/messages",
        "/v1beta/models/sim/echo:generateContent",
        "/v1/responses",
    ] {
        let ask = world.gateway.ask(Method::POST, path, "x".into()).key(KEY);
        let answer = ask.header("content-type", "text/plain").send().await;
        assert_eq!(answer.status, 415, "{path}: {answer:?}");
    }
}
