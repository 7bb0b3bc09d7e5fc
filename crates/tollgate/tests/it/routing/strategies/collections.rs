//! A choice among models: who asks for `auto` gets an answer of any of them.

use crate::routing::scene::{asked, chat, chat_as, fails, heals, key, key_config, times};
use crate::world::World;

/// Two models with a collection over both; prices decide.
const AUTO: &str = r#"
[[models]]
name = "vendor/small"
targets = [{ connection = "sim", model = "a", price = { input = "1", output = "1" } }]
[[models]]
name = "vendor/large"
targets = [{ connection = "sim", model = "b", price = { input = "9", output = "9" } }]

[[collections]]
name = "auto"
aliases = ["any"]
strategy = "cost"
models = ["vendor/large", "vendor/small"]
breaker = { failures = 1 }
attempts = 2
"#;

fn config() -> String {
    let large = key_config("large", "\"vendor/large\"", "");
    let none = key_config("none", "\"gpt-4o\"", "");
    let any = key_config("any", "\"auto\"", "");
    format!("{AUTO}{large}{none}{any}")
}

#[tokio::test]
async fn any_model_of_a_collection_answers_and_is_named() {
    let world = World::with(&config()).await;
    for name in ["auto", "any"] {
        let answer = chat(&world, name).await;
        assert_eq!(answer.header("x-tollgate-model"), "vendor/small");
    }
    assert_eq!(asked(&world), ["a", "a"]);
    fails(&world, "a", "server-error");
    let answer = chat(&world, "auto").await;
    assert_eq!(answer.header("x-tollgate-model"), "vendor/large");
    assert_eq!(answer.header("x-tollgate-attempts"), "2");
}

#[tokio::test]
async fn a_key_gets_only_the_models_that_it_may_use() {
    let world = World::with(&config()).await;
    for (name, model) in [("large", "vendor/large"), ("any", "vendor/small")] {
        let answer = chat_as(&world, &key(name), "auto").await;
        assert_eq!(answer.header("x-tollgate-model"), model, "{name}");
    }
    let answer = chat_as(&world, &key("none"), "auto").await;
    assert_eq!(answer.outcome(), (404, "model_not_found".to_owned()));
    // The other model is no way out for a key that may not use it.
    fails(&world, "b", "server-error");
    let answer = chat_as(&world, &key("large"), "auto").await;
    assert_eq!(answer.header("x-tollgate-error-code"), "provider_error");
    assert_eq!((times(&world, "a"), times(&world, "b")), (1, 2));
}

#[tokio::test]
async fn a_collection_without_a_usable_model_says_so() {
    let world = World::with(&config()).await;
    fails(&world, "a", "server-error");
    fails(&world, "b", "server-error");
    let answer = chat(&world, "auto").await;
    assert_eq!(answer.outcome().1, "route_selection_failed");
    let answer = chat(&world, "auto").await;
    assert_eq!(answer.outcome(), (503, "no_models".to_owned()));
    assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
    assert_eq!(world.simulator.requests().len(), 2);
    heals(&world);
    let list = world
        .gateway
        .get("/v1/models")
        .key(&key("any"))
        .send()
        .await;
    assert!(list.text().contains("\"auto\""), "{}", list.text());
}
