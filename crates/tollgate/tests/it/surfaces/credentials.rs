//! Where the clients of each family put their key.

use serde_json::json;

use crate::world::{KEY, World};

#[tokio::test]
async fn each_familys_place_for_the_key_is_accepted_and_one_in_the_query_only_at_gemini() {
    let world = World::once("").await;
    let gateway = &world.gateway;
    let in_query = |path: &str| format!("{path}?key={KEY}");
    let bearer = format!("Bearer {KEY}");
    for (path, name, value, status) in [
        ("/v1beta/models", "x-goog-api-key", KEY, 200),
        ("/v1beta/models", "authorization", &*bearer, 200),
        (&*in_query("/v1beta/models"), "accept", "*/*", 200),
        (&*in_query("/v1beta/models/gpt-4o"), "accept", "*/*", 200),
        (&*in_query("/v1/models"), "accept", "*/*", 200),
        ("/v1/models", "x-api-key", KEY, 200),
        (&*in_query("/v1/auth/validate"), "accept", "*/*", 401),
        ("/v1beta/models?key=sk-wrong", "accept", "*/*", 401),
        ("/v1beta/models?key=sk-wrong", "x-goog-api-key", KEY, 401),
        (&*in_query("/v1beta/models"), "x-goog-api-key", KEY, 200),
    ] {
        let answer = gateway.get(path).header(name, value).send().await;
        assert_eq!(answer.status, status, "{path} {name}: {answer:?}");
    }
    let body = json!({"model": "sim/echo", "messages": [{"role": "user", "content": "x"}]});
    for (path, code) in [
        ("/v1/chat/completions", "missing_api_key"),
        ("/v1/messages", "missing_api_key"),
        ("/v1/responses", "missing_api_key"),
    ] {
        let answer = gateway.post(&in_query(path), &body).send().await;
        assert_eq!(answer.header("x-tollgate-error-code"), code, "{path}");
    }
}

#[tokio::test]
async fn a_key_in_the_query_is_never_logged() {
    let world = World::once("").await;
    let gateway = &world.gateway;
    let canary = "sk-canary-0123456789";
    for path in ["/v1beta/models", "/v1beta/models/x:generateContent", "/no"] {
        for key in [KEY, canary] {
            let path = format!("{path}?key={key}&alt=sse");
            gateway.get(&path).send().await;
            gateway.post(&path, "{").send().await;
        }
    }
    let end = format!("/v1/models?key={KEY}");
    let last = gateway.get(&end).header("x-request-id", "the-last-one");
    last.send().await;
    let begin = std::time::Instant::now();
    let printed = loop {
        let printed = world.printed();
        if printed.contains("the-last-one") {
            break printed;
        }
        assert!(begin.elapsed() < crate::world::PATIENCE, "{printed}");
        tokio::task::yield_now().await;
    };
    let errors = std::fs::read_to_string(&gateway.log).unwrap();
    for text in [printed, errors] {
        assert!(!text.contains(KEY) && !text.contains(canary), "{text}");
        assert!(!text.contains("alt=sse"), "{text}");
    }
}
