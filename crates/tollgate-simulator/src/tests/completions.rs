use serde_json::{Value, json};

use super::client::{Seen, exchange, post, simulator};

async fn ask(body: Value) -> Seen {
    exchange(&simulator(), &post("/v1/completions", "", &body)).await
}

#[tokio::test]
async fn a_text_is_completed() {
    let answer = ask(json!({"model": "echo", "prompt": "Say 🍎 twice"}))
        .await
        .json();
    assert_eq!(answer["object"], "text_completion");
    assert_eq!(answer["choices"][0]["text"], "Say 🍎 twice");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert_eq!(answer["model"], "sim/echo");
    assert_eq!(answer["usage"]["total_tokens"], 8);
}

#[tokio::test]
async fn several_prompts_get_several_choices_each() {
    let body = json!({"model": "echo", "prompt": ["one", "two"], "n": 2, "echo": true});
    let answer = ask(body).await.json();
    let texts: Vec<&str> = answer["choices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|choice| choice["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["oneone", "oneone", "twotwo", "twotwo"]);
    assert_eq!(answer["choices"][3]["index"], 3);
}

#[tokio::test]
async fn sixteen_tokens_are_the_most_unless_more_are_asked_for() {
    let answer = ask(json!({"model": "story", "prompt": "x"})).await.json();
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    assert_eq!(answer["usage"]["completion_tokens"], 16);
}

#[tokio::test]
async fn a_stream_ends_with_its_mark() {
    let body = json!({"model": "echo", "prompt": "one two", "stream": true,
        "stream_options": {"include_usage": true}});
    let seen = ask(body).await;
    let chunks = seen.chunks();
    let texts: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["text"].as_str())
        .collect();
    assert_eq!(texts, "one two");
    assert_eq!(chunks[2]["choices"][0]["finish_reason"], "stop");
    assert_eq!(chunks[3]["choices"], json!([]));
    assert_eq!(chunks[3]["usage"]["completion_tokens"], 2);
    assert!(seen.ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn a_prompt_that_is_missing_or_no_text_is_named() {
    for prompt in [Value::Null, json!({}), json!([{}]), json!([])] {
        let seen = ask(json!({"model": "echo", "prompt": prompt})).await;
        let about = seen.text();
        if prompt == json!([]) {
            assert_eq!(seen.status(), 200, "{about}");
            continue;
        }
        assert_eq!(seen.status(), 400, "{about}");
        assert_eq!(seen.json()["error"]["param"], "prompt");
    }
}
