//! Targets that are there for certain requests only.

use serde_json::{Value, json};

use crate::routing::scene::{asked, key, key_config, plain};
use crate::surface::Surface;
use crate::world::{Answer, KEY, World};

/// One target for each kind of request, and one for the rest.
const ROUTED: &str = r#"
[[models]]
name = "m"
targets = [
    { connection = "sim", model = "tagged", when = { tags = ["batch", "night"] } },
    { connection = "sim", model = "ann", when = { users = ["ann", "bob"] } },
    { connection = "sim", model = "keyed", when = { keys = ["special"] } },
    { connection = "sim", model = "long", when = { prompt_tokens_from = 2500 } },
    { connection = "sim", model = "seeing", when = { needs = ["vision"] } },
    { connection = "sim", model = "calling", when = { needs = ["tools"] } },
    { connection = "sim", model = "rest", priority = 1 },
]

[[models]]
name = "picky"
targets = [
    { connection = "sim", model = "a", when = { tags = ["vip"], prompt_tokens_to = 100 } },
    { connection = "sim", model = "b", abilities = ["tools"], when = { needs = ["vision"] } },
    { connection = "sim", model = "c", enabled = false },
]

[[models]]
name = "both"
targets = [{ connection = "sim", model = "a", when = { tags = ["x"], users = ["ann"] } }]
"#;

const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

async fn world() -> World {
    let special = key_config("special", "\"*\"", "");
    World::with(&format!("{ROUTED}{special}")).await
}

async fn tagged(world: &World, tags: &str) -> Answer {
    let ask = world.chat(&plain("m")).header("x-tollgate-tags", tags);
    ask.send().await
}

/// A question with a picture, at a surface.
fn picture(surface: Surface) -> Value {
    let mut body = surface.body("m", "what is this?", false);
    let text = json!({"type": "text", "text": "what is this?"});
    match surface {
        Surface::Chat => {
            let url = format!("data:image/png;base64,{PIXEL}");
            let image = json!({"type": "image_url", "image_url": {"url": url}});
            body["messages"][0]["content"] = json!([text, image]);
        }
        Surface::Anthropic => {
            let source = json!({"type": "base64", "media_type": "image/png", "data": PIXEL});
            body["messages"][0]["content"] = json!([text, {"type": "image", "source": source}]);
        }
        _ => {
            let data = json!({"inlineData": {"mimeType": "image/png", "data": PIXEL}});
            body["contents"][0]["parts"] = json!([{"text": "what is this?"}, data]);
        }
    }
    body
}

/// A question with a tool, at a surface.
fn tool(surface: Surface) -> Value {
    let mut body = surface.body("m", "hello", false);
    let schema = json!({"type": "object", "properties": {}});
    body["tools"] = match surface {
        Surface::Chat => {
            json!([{"type": "function", "function": {"name": "f", "parameters": schema}}])
        }
        Surface::Anthropic => json!([{"name": "f", "input_schema": schema}]),
        _ => json!([{"functionDeclarations": [{"name": "f", "parameters": schema}]}]),
    };
    body
}

#[tokio::test]
async fn conditional_rules_choose_the_target() {
    let world = world().await;
    let answers = |target: &str| {
        let asked = asked(&world);
        assert_eq!(asked.last().unwrap(), target, "{asked:?}");
    };
    for (tags, target) in [
        ("night", "tagged"),
        ("eu, batch", "tagged"),
        ("Night", "rest"),
        ("nightly", "rest"),
    ] {
        assert_eq!(tagged(&world, tags).await.status, 200);
        answers(target);
    }
    for (user, target) in [("ann", "ann"), ("bob", "ann"), ("eve", "rest")] {
        let mut body = plain("m");
        body["user"] = user.into();
        assert_eq!(world.chat(&body).send().await.status, 200);
        answers(target);
        let mut body = Surface::Anthropic.body("m", "hello", false);
        body["metadata"] = json!({"user_id": user});
        let answer = Surface::Anthropic.send(&world, "m", &body, false).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answers(target);
    }
    for (key, target) in [(&*key("special"), "keyed"), (KEY, "rest")] {
        let ask = world.gateway.post("/v1/chat/completions", plain("m"));
        assert_eq!(ask.key(key).send().await.status, 200);
        answers(target);
    }
    for (words, target) in [(3000, "long"), (100, "rest")] {
        for surface in [Surface::Chat, Surface::Anthropic, Surface::Gemini] {
            let answer = surface
                .ask(&world, "m", &"word ".repeat(words), false)
                .await;
            assert_eq!(answer.status, 200, "{answer:?}");
            answers(target);
        }
    }
    for surface in [Surface::Chat, Surface::Anthropic, Surface::Gemini] {
        for (body, target) in [(picture(surface), "seeing"), (tool(surface), "calling")] {
            let answer = surface.send(&world, "m", &body, false).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            answers(target);
        }
    }
}

#[tokio::test]
async fn all_rules_of_a_target_must_hold() {
    let world = world().await;
    let mut body = plain("both");
    let ask = world.chat(&body).header("x-tollgate-tags", "x");
    assert_eq!(ask.send().await.outcome().1, "no_targets");
    body["user"] = "ann".into();
    assert_eq!(world.chat(&body).send().await.outcome().1, "no_targets");
    let ask = world.chat(&body).header("x-tollgate-tags", "x");
    assert_eq!(ask.send().await.status, 200);
}

#[tokio::test]
async fn a_request_that_no_target_takes_is_told_why() {
    let world = world().await;
    let answer = world.chat(&plain("picky")).send().await;
    assert_eq!(answer.outcome(), (503, "no_targets".to_owned()));
    let message = answer.json()["error"]["message"].to_string();
    assert!(message.contains("`tags`"), "{message}");
    assert!(message.contains("`needs`"), "{message}");
    assert!(
        !message.contains("vip"),
        "rules may name what is nobody's business"
    );

    let mut body = picture(Surface::Chat);
    body["model"] = "picky".into();
    let answer = world.chat(&body).send().await;
    let message = answer.json()["error"]["message"].to_string();
    assert!(message.contains("vision"), "{message}");
    assert_eq!(world.simulator.requests().len(), 0);
}
