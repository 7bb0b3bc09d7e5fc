//! A provider is down, and comes back.

use std::time::{Duration, Instant};

use crate::routing::scene::{chat, fails, heals, until_breaker, wait_ms};
use crate::world::{PATIENCE, World};

const TARGETS: &str = r#"
[[models]]
name = "single"
attempts = 1
breaker = { open_s = 4 }
targets = [{ connection = "sim", model = "a" }]

[[models]]
name = "double"
breaker = { open_s = 4 }
targets = [
    { connection = "sim", model = "b" },
    { connection = "sim", model = "c", priority = 1 },
]
"#;

/// Everything that serves a model is down: callers are told at once, and the provider has peace.
async fn goes_down(world: &World, model: &str, targets: &[&str]) {
    for target in targets {
        fails(world, target, "server-error");
    }
    for _ in 0..5 {
        chat(world, model).await;
    }
    for target in targets {
        until_breaker(world, target, 3).await;
    }
    let before = world.simulator.requests().len();
    for _ in 0..10 {
        let answer = chat(world, model).await;
        assert_eq!(answer.outcome(), (503, "circuit_breaker_open".to_owned()));
        assert!(!answer.header("retry-after").is_empty());
        assert!(wait_ms(&answer) <= 4000);
    }
    assert_eq!(world.simulator.requests().len(), before);
}

/// The provider is well again: within one interval of probes, so are the callers.
async fn comes_back(world: &World, model: &str) {
    heals(world);
    let begin = Instant::now();
    while chat(world, model).await.status != 200 {
        assert!(begin.elapsed() < PATIENCE, "it stays away");
    }
    let took = begin.elapsed();
    // Four seconds, and what a busy machine takes: after another interval it would be twelve.
    assert!(took < Duration::from_secs(9), "{took:?}");
    for _ in 0..5 {
        assert_eq!(chat(world, model).await.status, 200);
    }
}

#[tokio::test]
async fn r22_a_single_target_that_is_down_is_told_at_once_and_back_within_one_probe() {
    let world = World::with(TARGETS).await;
    goes_down(&world, "single", &["a"]).await;
    comes_back(&world, "single").await;
}

#[tokio::test]
async fn r22_when_all_targets_are_down_it_is_the_same() {
    let world = World::with(TARGETS).await;
    goes_down(&world, "double", &["b", "c"]).await;
    comes_back(&world, "double").await;
}
