//! What models can do, as far as it is declared.

use serde_json::json;

use crate::routing::scene::{asked, plain};
use crate::world::World;

const ABLE: &str = r#"
[[models]]
name = "m"
abilities = ["tools"]
targets = [
    { connection = "sim", model = "plain" },
    { connection = "sim", model = "able", priority = 1, abilities = ["tools", "schema"] },
    { connection = "sim", model = "wide", priority = 2, abilities = ["schema", "tools", "vision"] },
]

[[models]]
name = "short"
context_window = 1000
targets = [
    { connection = "sim", model = "small" },
    { connection = "sim", model = "large", priority = 1, context_window = 100000 },
]
"#;

#[tokio::test]
async fn requests_go_to_targets_that_can_do_what_they_need() {
    let world = World::with(ABLE).await;
    let schema = json!({"type": "object", "properties": {}, "additionalProperties": false});
    let form = json!({"type": "json_schema", "json_schema": {"name": "s", "schema": schema}});
    let tools = json!([{"type": "function", "function": {"name": "f", "parameters": schema}}]);
    for (member, value, target) in [
        ("seed", json!(1), "plain"),
        ("tools", tools, "plain"),
        ("response_format", json!({"type": "json_object"}), "plain"),
        ("response_format", form, "able"),
    ] {
        let mut body = plain("m");
        body[member] = value;
        let answer = world.chat(&body).send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(asked(&world).last().unwrap(), target, "{body}");
    }
    let mut body = plain("m");
    let image = json!({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}});
    body["messages"][0]["content"] = json!([image]);
    assert_eq!(world.chat(&body).send().await.status, 200);
    assert_eq!(asked(&world).last().unwrap(), "wide");
}

#[tokio::test]
async fn a_prompt_that_is_surely_too_long_goes_to_a_longer_window() {
    let world = World::with(ABLE).await;
    for (words, target) in [(500, "small"), (6000, "large")] {
        let mut body = plain("short");
        body["messages"][0]["content"] = "word ".repeat(words).into();
        assert_eq!(world.chat(&body).send().await.status, 200);
        assert_eq!(asked(&world).last().unwrap(), target);
    }
}
