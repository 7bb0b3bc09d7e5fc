//! `GET /v1/models`, `/v1/models/{id}` and `/v1/auth/validate`.

use crate::world::{KEY, NARROW_KEY, World};

#[tokio::test]
async fn a_key_sees_only_the_models_that_it_may_use() {
    let world = World::once("").await;
    let names = async |key: &str, path: &str| {
        let answer = world.gateway.get(path).key(key).send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let list = answer.json();
        assert_eq!(list["object"], "list");
        let data = list["data"].as_array().unwrap().clone();
        data.iter()
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let all = names(KEY, "/v1/models").await;
    assert!(all.contains(&"openai/gpt-4o".to_owned()) && all.contains(&"gpt-4o".to_owned()));
    assert!(all.contains(&"sim/*".to_owned()), "{all:?}");
    assert_eq!(names(NARROW_KEY, "/models").await, ["gpt-4o"]);
}

#[tokio::test]
async fn one_model_is_found_by_its_id_with_slashes() {
    let world = World::once("").await;
    for path in [
        "/v1/models/openai/gpt-4o",
        "/v1/models/openai%2Fgpt-4o",
        "/models/openai/gpt-4o",
    ] {
        let answer = world.gateway.get(path).key(KEY).send().await;
        assert_eq!(answer.json()["id"], "openai/gpt-4o", "{path}");
    }
    let hidden = world
        .gateway
        .get("/v1/models/openai/gpt-4o")
        .key(NARROW_KEY)
        .send()
        .await;
    let missing = world
        .gateway
        .get("/v1/models/openai/gpt-9")
        .key(NARROW_KEY)
        .send()
        .await;
    assert_eq!(
        hidden.outcome(),
        missing.outcome(),
        "a hidden model looks like a missing one"
    );
    assert_eq!(
        hidden.header("x-tollgate-error-code"),
        missing.header("x-tollgate-error-code")
    );
    assert_eq!(missing.outcome(), (404, "model_not_found".to_owned()));
}

#[tokio::test]
async fn a_key_can_be_validated() {
    let world = World::once("").await;
    let answer = world
        .gateway
        .get("/v1/auth/validate")
        .key(KEY)
        .send()
        .await
        .json();
    assert_eq!(answer["valid"], true);
    assert!(answer["user"]["id"].is_string());
    assert!(!answer.to_string().contains(KEY));
    let wrong = world
        .gateway
        .get("/v1/auth/validate")
        .key("sk-wrong-key")
        .send()
        .await;
    assert_eq!(wrong.outcome(), (401, "invalid_api_key".to_owned()));
}

#[tokio::test]
async fn head_is_answered_where_get_is() {
    let world = World::once("").await;
    for path in ["/v1/models", "/health", "/v1/errors"] {
        let ask = world
            .gateway
            .ask(http::Method::HEAD, path, bytes::Bytes::new());
        let answer = ask.key(KEY).send().await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body.is_empty());
    }
}
