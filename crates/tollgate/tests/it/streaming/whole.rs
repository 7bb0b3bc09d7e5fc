//! Streams without faults.

use serde_json::{Value, json};

use crate::world::{Answer, World};

/// The JSON of every event but the terminator; panics unless the terminator is the last one.
pub fn events(answer: &Answer) -> Vec<Value> {
    let text = answer.text();
    let mut data: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .collect();
    assert_eq!(data.pop(), Some("[DONE]"), "{text}");
    data.into_iter()
        .map(|event| serde_json::from_str(event).unwrap())
        .collect()
}

pub fn text(events: &[Value]) -> String {
    events
        .iter()
        .filter_map(|event| event["choices"][0]["delta"]["content"].as_str())
        .collect()
}

fn body(more: Value) -> Value {
    let mut body = json!({"model": "sim/echo", "stream": true,
        "messages": [{"role": "user", "content": "one two three"}]});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn a_stream_arrives_event_by_event_and_ends_with_its_terminator() {
    let world = World::once("").await;
    let answer = world.chat(&body(json!({}))).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), "text/event-stream");
    let events = events(&answer);
    assert_eq!(text(&events), "one two three");
    assert_eq!(answer.header("x-tollgate-model"), "sim/echo");
}

#[tokio::test]
async fn usage_is_known_to_us_and_shown_only_to_who_asked() {
    let world = World::once("").await;
    let silent = events(&world.chat(&body(json!({}))).send().await);
    assert!(
        silent.iter().all(|event| event["usage"].is_null()),
        "{silent:?}"
    );
    assert!(
        silent
            .iter()
            .all(|event| event["choices"].as_array().is_some_and(|c| !c.is_empty()))
    );
    let sent = world.simulator.requests().pop().unwrap();
    assert!(sent.body.contains("include_usage"), "{}", sent.body);
    let counted = world
        .gateway
        .metric("tollgate_tokens_total", &["completion"])
        .await;
    assert!(counted > 0, "the usage is known");
    let refused = body(json!({"stream_options": {"include_usage": false, "x": 1}}));
    let refused = events(&world.chat(&refused).send().await);
    assert!(refused.iter().all(|event| event["usage"].is_null()));
    let sent = world.simulator.requests().pop().unwrap();
    assert!(sent.body.contains("\"x\":1"), "{}", sent.body);
    let asked = body(json!({"stream_options": {"include_usage": true}}));
    let asked = events(&world.chat(&asked).send().await);
    assert!(
        asked.last().unwrap()["usage"]["completion_tokens"]
            .as_u64()
            .unwrap()
            > 0
    );
}

#[tokio::test]
async fn tool_calls_are_streamed() {
    let world = World::once("").await;
    let tool = json!({"type": "function", "function": {"name": "look_up", "parameters":
        {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}});
    let asked = body(json!({"tools": [tool], "tool_choice": "required"}));
    let events = events(&world.chat(&asked).send().await);
    let arguments: String = events
        .iter()
        .filter_map(|event| {
            event["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str()
        })
        .collect();
    let arguments: Value = serde_json::from_str(&arguments).unwrap();
    assert!(arguments["city"].is_string());
}

#[tokio::test]
async fn a_compatible_provider_may_leave_its_terminator_out() {
    let world = World::once("").await;
    let mut asked = body(json!({}));
    asked["model"] = "lenient/fault/no-done".into();
    let answer = world.chat(&asked).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    events(&answer);
}
