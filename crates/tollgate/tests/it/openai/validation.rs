//! Requests that cannot work are refused before a provider is asked, and every fault is named.

use serde_json::json;

use crate::world::{KEY, World};

#[tokio::test]
async fn every_faulty_field_is_named_at_once() {
    let world = World::once("").await;
    let body = json!({"messages": [{"content": "x"}, 5], "stream": "yes", "max_tokens": 0,
        "temperature": "hot"});
    let answer = world.chat(&body).send().await;
    assert_eq!(answer.outcome(), (400, "invalid_request".to_owned()));
    let text = answer.text();
    for field in [
        "model",
        "messages[0].role",
        "messages[1]",
        "stream",
        "max_tokens",
        "temperature",
    ] {
        assert!(text.contains(&format!("\"{field}\"")), "{field}: {text}");
    }
    assert_eq!(
        answer.json()["error"]["param"],
        "messages[0].role",
        "the first one found"
    );
    assert_eq!(answer.header("x-should-retry"), "false");
    assert!(
        world.simulator.requests().is_empty(),
        "the provider was not asked"
    );
}

#[tokio::test]
async fn broken_json_is_told_with_line_and_column() {
    let world = World::once("").await;
    let body = "{\n  \"model\": \"sim/echo\",\n  oops\n}";
    let answer = world
        .gateway
        .post("/v1/chat/completions", body)
        .key(KEY)
        .send()
        .await;
    assert_eq!(answer.outcome(), (400, "malformed_json".to_owned()));
    let message = answer.json()["error"]["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        message.contains("line 3") && message.contains("column 3"),
        "{message}"
    );
}

#[tokio::test]
async fn a_member_that_occurs_twice_is_refused() {
    let world = World::once("").await;
    let messages = r#""messages":[{"role":"user","content":"x"}]"#;
    for body in [
        format!(r#"{{"model":"sim/echo","model":"sim/story",{messages}}}"#),
        format!(r#"{{"model":"sim/echo","mod\u0065l":"sim/story",{messages}}}"#),
        format!(r#"{{"model":"sim/echo","stream":false,"stream":true,{messages}}}"#),
        format!(r#"{{"model":"sim/echo",{messages},{messages}}}"#),
        format!(r#"{{"model":"sim/echo","max_tokens":1,"max\u005ftokens":9,{messages}}}"#),
        r#"{"model":"sim/echo","messages":[{"role":"user","role":"system","content":"x"}]}"#.into(),
    ] {
        let answer = world
            .gateway
            .post("/v1/chat/completions", &body)
            .key(KEY)
            .send()
            .await;
        assert_eq!(
            answer.outcome(),
            (400, "invalid_request".to_owned()),
            "{body}"
        );
        assert!(answer.text().contains("twice"), "{}", answer.text());
    }
    assert!(
        world.simulator.requests().is_empty(),
        "the provider was not asked"
    );
}

#[tokio::test]
async fn deep_nesting_is_refused() {
    let world = World::once("").await;
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let body = format!(r#"{{"model":"sim/echo","messages":[],"x":{deep}}}"#);
    let answer = world
        .gateway
        .post("/v1/chat/completions", body)
        .key(KEY)
        .send()
        .await;
    assert_eq!(answer.status, 400, "{answer:?}");
}

#[tokio::test]
async fn a_large_conversation_arrives_whole() {
    let world = World::once("").await;
    let long = "0123456789abcdef ".repeat(60_000);
    let body = json!({"model": "sim/echo", "messages": [{"role": "user", "content": long}]});
    let answer = world.chat(&body).send().await;
    assert_eq!(answer.status, 200, "{}", &answer.text()[..200]);
    let sent = world.simulator.requests().pop().unwrap();
    assert_eq!(sent.body_bytes, body.to_string().len() - "sim/".len());
}
