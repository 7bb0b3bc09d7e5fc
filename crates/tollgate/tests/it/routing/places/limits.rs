//! Limits are obeyed before the provider has to say 429.

use futures_util::future::join_all;
use serde_json::Value;

use crate::routing::scene::{
    asked, chat, fails, hold, most_at_once, plain, stays, streamed, times, until_under_way,
    until_waiting, wait_ms,
};
use crate::world::World;

const LIMITED: &str = r#"
[[connections]]
name = "account"
provider = "openai"
api_key = "sk-account"
base_url = "http://{provider}/v1"
limits = { parallel = 2 }

[[models]]
name = "narrow"
targets = [{ connection = "sim", model = "a", limits = { parallel = 3 } }]

[[models]]
name = "one"
targets = [{ connection = "account", model = "a" }]
[[models]]
name = "two"
targets = [{ connection = "account", model = "b" }]

[[models]]
name = "minute"
targets = [
    { connection = "sim", model = "a", limits = { rpm = 5 } },
    { connection = "sim", model = "b", priority = 1 },
]

[[models]]
name = "spent"
queue = { wait_ms = 50 }
targets = [{ connection = "sim", model = "a", limits = { rpm = 2 } }]

[[models]]
name = "tokens"
targets = [
    { connection = "sim", model = "a", limits = { tpm = 1000 } },
    { connection = "sim", model = "b", priority = 1 },
]
"#;

async fn all_answered(world: &World, model: &str, count: usize) {
    let asks = (0..count).map(|_| chat(world, model));
    for answer in join_all(asks).await {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[tokio::test]
async fn a_target_has_no_more_requests_at_once_than_its_limit() {
    let world = World::with(LIMITED).await;
    fails(&world, "a", "delay-head:ms=30");
    all_answered(&world, "narrow", 15).await;
    let requests = world.simulator.requests();
    assert_eq!((requests.len(), most_at_once(&requests)), (15, 3));
}

#[tokio::test]
async fn the_models_of_a_connection_share_its_limit() {
    let world = World::with(LIMITED).await;
    fails(&world, "a", "delay-head:ms=30");
    fails(&world, "b", "delay-head:ms=30");
    tokio::join!(
        all_answered(&world, "one", 6),
        all_answered(&world, "two", 6)
    );
    let requests = world.simulator.requests();
    assert_eq!((requests.len(), most_at_once(&requests)), (12, 2));
    assert_eq!((times(&world, "a"), times(&world, "b")), (6, 6));
}

#[tokio::test]
async fn a_place_at_one_model_of_a_connection_is_a_place_less_at_the_other() {
    let world = World::with(LIMITED).await;
    stays(&world, "a");
    let first = hold(&world, "one").await;
    let _second = hold(&world, "one").await;
    let ask = chat(&world, "two");
    let free = async {
        until_waiting(&world.gateway, 1).await;
        assert_eq!(times(&world, "b"), 0);
        drop(first);
    };
    let (answer, ()) = tokio::join!(ask, free);
    assert_eq!((answer.status.as_u16(), times(&world, "b")), (200, 1));
}

#[tokio::test]
async fn requests_of_a_minute_are_counted() {
    let world = World::with(LIMITED).await;
    for _ in 0..12 {
        assert_eq!(chat(&world, "minute").await.status, 200);
    }
    let asked = asked(&world);
    let expected: Vec<_> = (0..12).map(|n| if n < 5 { "a" } else { "b" }).collect();
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn a_limit_that_is_spent_for_long_is_told_at_once() {
    let world = World::with(LIMITED).await;
    for _ in 0..2 {
        assert_eq!(chat(&world, "spent").await.status, 200);
    }
    let answer = chat(&world, "spent").await;
    assert_eq!(
        answer.outcome(),
        (504, "route_selection_timeout".to_owned())
    );
    let wait = wait_ms(&answer);
    assert!((50_000..=61_000).contains(&wait), "{wait}");
    assert_eq!(times(&world, "a"), 2);
}

fn with_answer(mut body: Value, tokens: u64) -> Value {
    body["max_tokens"] = tokens.into();
    body
}

#[tokio::test]
async fn tokens_of_a_minute_are_counted_as_they_turn_out_to_be() {
    let world = World::with(LIMITED).await;
    stays(&world, "a");
    // Two large ones fill the minute while nobody knows how long their answers are.
    let large = with_answer(streamed("tokens"), 450);
    let mut held = Vec::new();
    for expected in ["a", "a", "b"] {
        let opened = world.chat(&large).open().await;
        assert_eq!(opened.status, 200);
        held.push(opened);
        assert_eq!(asked(&world).last().unwrap(), expected);
    }
    // What was promised to streams that broke off stays counted.
    drop(held);
    until_under_way(&world.gateway, "a", 0).await;
    let answer = world.chat(&with_answer(plain("tokens"), 450)).send().await;
    assert_eq!(answer.status, 200);
    assert_eq!(asked(&world).last().unwrap(), "b");

    let world = World::with(LIMITED).await;
    // Answers that turn out short leave room for more.
    for _ in 0..8 {
        let answer = world.chat(&with_answer(plain("tokens"), 450)).send().await;
        assert_eq!(answer.status, 200);
    }
    assert_eq!(times(&world, "a"), 8);
}
