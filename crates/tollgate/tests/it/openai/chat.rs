//! `POST /v1/chat/completions`.

use serde_json::json;

use crate::world::{KEY, PROVIDER_KEY, World};

#[tokio::test]
async fn a_plain_call_gets_the_providers_answer_and_our_headers() {
    let world = World::once("").await;
    let body = json!({"model": "sim/echo", "messages": [{"role": "user", "content": "Hello"}]});
    let answer = world.chat(&body).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "Hello");
    assert_eq!(answer.json()["model"], "sim/echo");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("x-tollgate-attempts"), "1");
    assert_eq!(answer.header("x-tollgate-model"), "sim/echo");
    assert_eq!(answer.header("x-tollgate-connection"), "sim");
    assert!(answer.header("x-request-id").starts_with("req_"));
    assert_eq!(answer.header("x-request-id"), answer.header("request-id"));
    assert!(
        answer
            .header("x-tollgate-provider-request-id")
            .starts_with("req_sim")
    );
    for leaked in [
        "set-cookie",
        "x-ratelimit-limit-requests",
        "openai-organization",
    ] {
        assert!(
            !answer.headers.contains_key(leaked),
            "{leaked} is the provider's own business"
        );
    }
}

#[tokio::test]
async fn the_root_path_serves_too_and_an_alias_is_told_by_its_name() {
    let world = World::once("").await;
    let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]});
    let answer = world
        .gateway
        .post("/chat/completions", &body)
        .key(KEY)
        .send()
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("x-tollgate-model"), "openai/gpt-4o");
    let sent = world.simulator.requests().pop().unwrap();
    let body: serde_json::Value = serde_json::from_str(&sent.body).unwrap();
    assert_eq!(body["model"], "story");
}

#[tokio::test]
async fn unknown_fields_reach_the_provider_byte_for_byte() {
    let world = World::once("").await;
    let body = concat!(
        r#"{ "x-new":{"b":1,"a":[1.0,2e3,"\u00e9\ud83d\ude00"]} , "model":"sim/echo","#,
        r#""messages":[{"role":"user","content":"Hi","odd":null}],  "tail" : 1E40 }"#,
    );
    let answer = world
        .gateway
        .post("/v1/chat/completions", body)
        .key(KEY)
        .send()
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let sent = world.simulator.requests().pop().unwrap();
    assert_eq!(sent.body, body.replace("\"sim/echo\"", "\"echo\""));
}

#[tokio::test]
async fn the_provider_gets_its_own_credential_and_nothing_of_the_callers() {
    let world = World::once("").await;
    let body = json!({"model": "sim/echo", "messages": [{"role": "user", "content": "Hi"}]});
    let answer = world
        .chat(&body)
        .header("cookie", "session=canary")
        .header("x-api-key", KEY)
        .header("forwarded", "for=10.1.2.3")
        .header("x-forwarded-for", "10.1.2.3")
        .header("openai-organization", "org-canary")
        .header("x-private", "canary")
        .header("user-agent", "tester/1.0")
        .header("openai-beta", "assistants=v2")
        .header(
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        )
        .send()
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let sent = world.simulator.requests().pop().unwrap();
    let text = format!("{:?}", sent.headers);
    for canary in [KEY, "canary", "10.1.2.3"] {
        assert!(
            !text.replace(PROVIDER_KEY, "").contains(canary),
            "{canary}: {text}"
        );
    }
    for kept in [
        PROVIDER_KEY,
        "tester/1.0",
        "assistants=v2",
        "0af7651916cd43dd8448eb211c80319c",
    ] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    assert!(
        text.contains("identity"),
        "answers have to come as they are: {text}"
    );
}

#[tokio::test]
async fn tool_calls_come_through() {
    let world = World::once("").await;
    let tool = json!({"type": "function", "function": {"name": "look_up", "parameters":
        {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}});
    let body = json!({"model": "sim/echo", "tools": [tool], "tool_choice": "required",
        "messages": [{"role": "user", "content": "call the tool"}]});
    let answer = world.chat(&body).send().await.json();
    let call = &answer["choices"][0]["message"]["tool_calls"][0];
    assert_eq!(call["function"]["name"], "look_up");
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
}

#[tokio::test]
async fn compressed_bodies_are_read_within_the_limit() {
    use std::io::Write as _;
    let world = World::once("").await;
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let send = async |encoding: &str, body: Vec<u8>| {
        world
            .gateway
            .ask(http::Method::POST, "/v1/chat/completions", body.into())
            .header("content-type", "application/json")
            .header("content-encoding", encoding)
            .key(KEY)
            .send()
            .await
    };
    let body = json!({"model": "sim/echo", "messages": [{"role": "user", "content": "Hi"}]});
    let good = send("gzip", gzip(&body.to_string())).await;
    assert_eq!(good.json()["choices"][0]["message"]["content"], "Hi");
    let bomb = send("gzip", gzip(&" ".repeat(64 * 1024 * 1024))).await;
    assert_eq!(bomb.outcome(), (413, "request_too_large".to_owned()));
    let broken = send("gzip", b"not gzip at all".to_vec()).await;
    assert_eq!(broken.outcome(), (400, "invalid_request".to_owned()));
    let unknown = send("compress", b"x".to_vec()).await;
    assert_eq!(
        unknown.outcome(),
        (415, "unsupported_media_type".to_owned())
    );
}
