//! Answers that are given again: to whom, for how long, what they cost, and what is never kept.

mod flights;
mod keeping;
mod money;
mod stale;

use serde_json::{Value, json};

use crate::world::{Answer, KEY, World};

/// Everything is kept for long.
pub const ON: &str = "[cache]\nmode = \"on\"\nttl_s = 3600\n";

/// A question.
pub fn question(model: &str, text: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}]})
}

/// Asks with the usual key.
pub async fn ask(world: &World, body: &Value) -> Answer {
    ask_as(world, KEY, body).await
}

/// Asks with a key. The answer has to be a good one.
pub async fn ask_as(world: &World, key: &str, body: &Value) -> Answer {
    let ask = world.gateway.post("/v1/chat/completions", body).key(key);
    let answer = ask.send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

/// What the cache had of an answer.
pub fn word(answer: &Answer) -> &str {
    answer.header("x-tollgate-cache")
}
