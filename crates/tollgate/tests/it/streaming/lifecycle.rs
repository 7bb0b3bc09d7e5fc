//! Clients that leave, clients that do not read, silence, and many cuts.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::raw::{Raw, chat_request};
use crate::world::{KEY, PATIENCE, World};

/// At once, on a machine that has other things to do.
const SOON: Duration = Duration::from_secs(5);

fn story(model: &str) -> String {
    json!({"model": model, "stream": true,
        "messages": [{"role": "user", "content": "one two three four five six seven eight"}]})
    .to_string()
}

#[tokio::test]
async fn when_the_client_goes_the_provider_is_left_within_a_second() {
    let world = World::once("").await;
    let mut times = Vec::new();
    for reset in [false, true] {
        for chunks in [2, 3, 5] {
            let before = world.simulator.stats().client_gone;
            let mut raw = Raw::open(world.gateway.address).await;
            let model = format!("sim/fault/stall-after={chunks}");
            raw.send(chat_request(KEY, &story(&model), "")).await;
            raw.read_until("data: ").await;
            if reset {
                raw.0.set_zero_linger().unwrap();
            }
            drop(raw);
            let begin = Instant::now();
            let gone = world
                .simulator
                .wait_for(|stats| stats.client_gone > before, PATIENCE)
                .await;
            gone.expect("the provider is left");
            let took = begin.elapsed();
            assert!(took < SOON, "{took:?} after {chunks} chunks");
            times.push(took);
        }
    }
    times.sort_unstable();
    assert!(times[times.len() / 2] < Duration::from_secs(1), "{times:?}");
    // Each is counted as what it was.
    let name = "tollgate_requests_total";
    world
        .gateway
        .metric_becomes(name, &["client_closed"], 6)
        .await;
}

#[tokio::test]
async fn when_the_client_goes_before_the_answer_the_provider_is_left_too() {
    let world = World::once("").await;
    let mut raw = Raw::open(world.gateway.address).await;
    raw.send(chat_request(
        KEY,
        &story("sim/fault/delay-head:ms=60000"),
        "",
    ))
    .await;
    world
        .simulator
        .wait_for(|stats| stats.received > 0, PATIENCE)
        .await
        .unwrap();
    let begin = Instant::now();
    drop(raw);
    world
        .simulator
        .wait_for(|stats| stats.client_gone > 0, PATIENCE)
        .await
        .unwrap();
    assert!(begin.elapsed() < SOON);
    let labels = ["connection=\"sim\"", "class=\"client_closed\""];
    // The provider was asked, and that is counted.
    let name = "tollgate_upstream_attempts_total";
    world.gateway.metric_becomes(name, &labels, 1).await;
}

#[tokio::test]
async fn slow_readers_cost_bounded_memory_and_hinder_nobody() {
    const READERS: usize = 20;
    let world = World::with_server("write_timeout_ms = 60000\n").await;
    // Warm up, so that what is measured is the readers alone.
    let small = json!({"model": "sim/echo", "messages": [{"role": "user", "content": "x"}]});
    assert_eq!(world.chat(&small).send().await.status, 200);
    let before = world.gateway.resident_kib();
    let mut readers = Vec::new();
    for _ in 0..READERS {
        // Some 20 MB, far more than the system's own buffers take in.
        let body = json!({"model": "sim/story-65536", "stream": true,
            "messages": [{"role": "user", "content": "x"}]});
        let mut raw = Raw::open_narrow(world.gateway.address).await;
        raw.send(chat_request(KEY, &body.to_string(), "")).await;
        raw.read_until("data: ").await;
        readers.push(raw);
    }
    let others = Instant::now();
    for _ in 0..50 {
        assert_eq!(world.chat(&small).send().await.status, 200);
    }
    assert!(
        others.elapsed() < Duration::from_secs(10),
        "others are served"
    );
    let grown = world.gateway.resident_kib().saturating_sub(before);
    let each = grown / READERS as u64;
    println!("{each} KiB for each reader that does not read");
    assert!(each < 512, "{each} KiB for each reader that does not read");
}

#[tokio::test]
async fn a_reader_that_never_reads_is_ended() {
    let world = World::with_server("write_timeout_ms = 1000\n").await;
    let body = json!({"model": "sim/story-65536", "stream": true,
        "messages": [{"role": "user", "content": "x"}]});
    let mut raw = Raw::open_narrow(world.gateway.address).await;
    raw.send(chat_request(KEY, &body.to_string(), "")).await;
    raw.read_until("data: ").await;
    let gone = world
        .simulator
        .wait_for(|stats| stats.client_gone > 0, PATIENCE)
        .await;
    gone.expect("the provider is left when the client does not read");
}

#[tokio::test]
async fn silence_is_filled_with_comments_only_after_content() {
    let world = World::with_server("keep_alive_ms = 1000\n").await;
    let mut raw = Raw::open(world.gateway.address).await;
    raw.send(chat_request(KEY, &story("sim/fault/stall-after=3"), ""))
        .await;
    let read = raw.read_until(": keep-alive").await;
    let content = read.find("data: ").expect("content first");
    assert!(content < read.find(": keep-alive").unwrap());
    let mut early = Raw::open(world.gateway.address).await;
    early
        .send(chat_request(
            KEY,
            &story("sim/fault/first-token:ms=2500"),
            "",
        ))
        .await;
    let read = early.read_until("data: ").await;
    assert!(
        !read.contains("keep-alive"),
        "nothing leaves before content: {read}"
    );
}

#[tokio::test]
async fn a_stall_is_an_error_after_the_idle_time() {
    let world = World::once("[routing.timeouts]\nfirst_byte_ms = 5000\nidle_ms = 1000\n").await;
    for chunks in 2..8 {
        let body = story(&format!("sim/fault/stall-after={chunks}"));
        let begin = Instant::now();
        let answer = world
            .gateway
            .post("/v1/chat/completions", body)
            .key(KEY)
            .send()
            .await;
        let took = begin.elapsed();
        assert!(
            answer.text().contains("stream_interrupted"),
            "{}",
            answer.text()
        );
        assert!(!answer.text().contains("[DONE]"));
        assert!(took >= Duration::from_millis(1000), "{took:?}");
        assert!(took < Duration::from_millis(1000) + SOON, "{took:?}");
    }
}
