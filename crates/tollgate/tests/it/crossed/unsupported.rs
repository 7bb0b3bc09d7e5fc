//! What a provider's format has no words for: said, dropped or refused.

use serde_json::{Value, json};

use crate::surface::{FAMILIES_CONFIG, Surface};
use crate::world::World;

/// A caller, the provider's family, a body with more than that provider can be told, and the
/// paths of what it cannot.
fn cases() -> Vec<(Surface, &'static str, Value, Vec<&'static str>)> {
    let messages = json!([{"role": "user", "content": "x"}]);
    vec![
        (
            Surface::Anthropic,
            "chat",
            json!({"max_tokens": 9, "top_k": 5, "messages": messages}),
            vec!["top_k"],
        ),
        (
            Surface::Chat,
            "anthropic",
            json!({"messages": messages, "seed": 7, "logit_bias": {"50256": -100}}),
            vec!["logit_bias", "seed"],
        ),
        (
            Surface::Gemini,
            "responses",
            json!({"contents": [{"parts": [{"text": "x"}]}],
                "generationConfig": {"topK": 4, "seed": 1}}),
            vec!["seed", "top_k"],
        ),
        (
            Surface::Responses,
            "google",
            json!({"input": "x", "store": false, "tools": [{"type": "file_search",
                "vector_store_ids": ["v"]}]}),
            vec!["tools[0]"],
        ),
    ]
}

fn config(value: &str) -> String {
    format!("[routing]\nunsupported = \"{value}\"\n{FAMILIES_CONFIG}")
}

#[tokio::test]
async fn unsupported_is_warned_of() {
    for more in [FAMILIES_CONFIG.to_owned(), config("warn")] {
        let world = World::with(&more).await;
        for (surface, family, body, paths) in cases() {
            let answer = ask(&world, surface, family, &body).await;
            assert_eq!(answer.status, 200, "{surface:?} {family}: {answer:?}");
            let told = answer.header("x-tollgate-unsupported");
            let mut told: Vec<&str> = told.split(", ").collect();
            told.sort_unstable();
            assert_eq!(told, paths, "{surface:?} {family}");
        }
    }
}

#[tokio::test]
async fn unsupported_is_dropped() {
    let world = World::with(&config("drop")).await;
    for (surface, family, body, _) in cases() {
        let answer = ask(&world, surface, family, &body).await;
        assert_eq!(answer.status, 200, "{surface:?} {family}: {answer:?}");
        assert_eq!(answer.header("x-tollgate-unsupported"), "");
    }
}

#[tokio::test]
async fn unsupported_is_refused_with_the_names_of_the_fields() {
    let world = World::with(&config("refuse")).await;
    for (surface, family, body, paths) in cases() {
        let before = world.simulator.requests().len();
        let answer = ask(&world, surface, family, &body).await;
        assert_eq!(answer.status, 400, "{surface:?} {family}: {answer:?}");
        assert_eq!(answer.header("x-tollgate-error-code"), "invalid_request");
        assert_eq!(answer.header("x-should-retry"), "false");
        let message = answer.json()["error"]["message"]
            .as_str()
            .unwrap()
            .to_owned();
        for path in paths {
            assert!(message.contains(path), "{path}: {message}");
        }
        let after = world.simulator.requests().len();
        assert_eq!(after, before, "nothing was asked for");
    }
    let fine = Surface::Anthropic
        .ask(&world, "chat/echo", "hi", false)
        .await;
    assert_eq!(fine.status, 200);
}

#[tokio::test]
async fn a_model_decides_for_itself() {
    let more = format!(
        "{}[[models]]\nname = \"lax\"\nunsupported = \"drop\"\n\
         targets = [{{ connection = \"chat\", model = \"echo\" }}]\n",
        config("refuse")
    );
    let world = World::with(&more).await;
    let (surface, _, mut body, _) = cases().remove(0);
    body["model"] = "lax".into();
    let answer = surface.send(&world, "lax", &body, false).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("x-tollgate-unsupported"), "");
}

async fn ask(world: &World, surface: Surface, family: &str, body: &Value) -> crate::world::Answer {
    let model = format!("{family}/echo");
    let mut body = body.clone();
    if surface != Surface::Gemini {
        body["model"] = model.as_str().into();
    }
    surface.send(world, &model, &body, false).await
}
