use serde_json::{Value, json};

use super::client::{Seen, exchange, get, post, simulator};

async fn embed(more: Value) -> Seen {
    let mut body = json!({"model": "embed", "input": "one two"});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    exchange(&simulator(), &post("/v1/embeddings", "", &body)).await
}

#[tokio::test]
async fn an_embedding_is_an_array_of_floats() {
    let answer = embed(json!({"dimensions": 8})).await.json();
    assert_eq!(answer["data"][0]["embedding"].as_array().unwrap().len(), 8);
    assert_eq!(
        answer["usage"],
        json!({"prompt_tokens": 2, "total_tokens": 2})
    );
    assert_eq!(answer["model"], "sim/embed");
}

#[tokio::test]
async fn base64_has_four_bytes_for_each_float() {
    let answer = embed(json!({"dimensions": 3, "encoding_format": "base64"}))
        .await
        .json();
    assert_eq!(answer["data"][0]["embedding"].as_str().unwrap().len(), 16);
}

#[tokio::test]
async fn inputs_are_texts_or_tokens_one_or_many() {
    for (input, vectors, tokens) in [
        (json!("a"), 1, 1),
        (json!(["a", "b c"]), 2, 3),
        (json!([1, 2, 3]), 1, 3),
        (json!([[1, 2], [3]]), 2, 3),
    ] {
        let answer = embed(json!({"input": input})).await.json();
        assert_eq!(answer["data"].as_array().unwrap().len(), vectors);
        assert_eq!(answer["usage"]["total_tokens"], tokens);
    }
}

#[tokio::test]
async fn what_cannot_be_embedded_is_refused() {
    for (more, param) in [
        (json!({"input": []}), "input"),
        (json!({"input": ""}), "input"),
        (json!({"input": [1, "a"]}), "input"),
        (json!({"dimensions": 0}), "dimensions"),
        (json!({"encoding_format": "hex"}), "encoding_format"),
    ] {
        let seen = embed(more).await;
        assert_eq!(
            (seen.status(), &seen.json()["error"]["param"]),
            (400, &json!(param))
        );
    }
}

#[tokio::test]
async fn the_models_are_listed_and_found() {
    let simulator = simulator();
    let list = get(&simulator, "/v1/models").await.json();
    let names: Vec<&str> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["id"].as_str().unwrap())
        .collect();
    assert_eq!(names[..3], ["echo", "story", "embed"]);
    assert!(names.contains(&"fault/cut-after"));
    assert!(!names.contains(&"fault/close-on-accept"));
    let one = get(&simulator, "/v1/models/fault/cut-after-3").await;
    assert_eq!(one.json()["id"], "fault/cut-after-3");
    let none = get(&simulator, "/v1/models/nothing").await;
    assert_eq!(
        (none.status(), &none.json()["error"]["code"]),
        (404, &json!("model_not_found"))
    );
}
