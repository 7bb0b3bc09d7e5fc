//! `POST /v1/embeddings`.

use serde_json::json;

use crate::world::{KEY, World};

#[tokio::test]
async fn vectors_come_as_the_provider_made_them() {
    let world = World::once("").await;
    let body = json!({"model": "sim/embed", "input": ["one", "two"]});
    let answer = world
        .gateway
        .post("/v1/embeddings", &body)
        .key(KEY)
        .send()
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["data"].as_array().unwrap().len(), 2);
    let tokens = world
        .gateway
        .metric("tollgate_tokens_total", &["kind=\"prompt\""])
        .await;
    assert!(tokens > 0, "the usage of embeddings is known");
}

#[tokio::test]
async fn the_faulty_fields_of_a_request_are_named() {
    let world = World::once("").await;
    let body = json!({"model": 5, "dimensions": "many"});
    let answer = world
        .gateway
        .post("/v1/embeddings", &body)
        .key(KEY)
        .send()
        .await;
    assert_eq!(answer.outcome(), (400, "invalid_request".to_owned()));
    for field in ["model", "input", "dimensions"] {
        assert!(
            answer.text().contains(&format!("\"{field}\"")),
            "{field}: {}",
            answer.text()
        );
    }
}
