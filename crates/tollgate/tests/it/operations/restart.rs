//! `kill -9` in the middle of work, and again.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::raw::{Raw, chat_request};
use crate::world::{Gateway, KEY, World};

#[tokio::test]
async fn after_a_kill_during_200_streams_it_serves_again_within_seconds() {
    let mut world = World::start().await;
    let body = json!({"model": "sim/fault/stall-after=3", "stream": true,
        "messages": [{"role": "user", "content": "one two three four five"}]})
    .to_string();
    let mut streams = Vec::new();
    for _ in 0..200 {
        let mut raw = Raw::open(world.gateway.address).await;
        raw.send(chat_request(KEY, &body, "")).await;
        raw.read_until("data: ").await;
        streams.push(raw);
    }
    world.gateway.signal("KILL");
    world.gateway.wait_for_end();
    let begin = Instant::now();
    let again = Gateway::start(world.folder.path(), &[]);
    let call = json!({"model": "sim/echo", "messages": [{"role": "user", "content": "x"}]});
    let answer = again
        .post("/v1/chat/completions", &call)
        .key(KEY)
        .send()
        .await;
    let took = begin.elapsed();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
}
