//! Many requests and streams with faults mixed in: every one ends in exactly one outcome, counted
//! on both sides, and nothing is left behind.
//!
//! `TOLLGATE_SOAK_REQUESTS` and `TOLLGATE_SOAK_STREAMS` make it longer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use crate::world::{PATIENCE, World};

const WORKERS: usize = 32;
/// Met in turn; the plain ones are most of them.
const PLAIN: &[&str] = &[
    "echo",
    "story",
    "echo",
    "fault/rate-limit",
    "echo",
    "fault/server-error",
    "echo",
    "fault/short-body",
    "echo",
    "fault/close-before-answer:how=rst",
    "echo",
    "fault/html-200",
    "echo",
    "fault/invalid-request",
];
const STREAMS: &[&str] = &[
    "echo",
    "story",
    "echo",
    "fault/cut-after=3",
    "echo",
    "fault/cut-after=3:how=rst",
    "echo",
    "fault/cut-after=3:how=clean",
    "echo",
    "fault/error-event",
    "echo",
    "fault/malformed",
    "echo",
    "fault/error-first",
    LEFT,
];
/// The client leaves this one after its first event.
const LEFT: &str = "fault/stall-after=3";

fn amount(name: &str, usual: usize) -> usize {
    #[expect(
        clippy::disallowed_methods,
        reason = "the length of a test is no configuration"
    )]
    let given = std::env::var(name);
    given
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

/// The outcome as a client sees it, in the words of the metrics.
async fn ask(world: &World, model: &str, stream: bool) -> String {
    let body = json!({"model": format!("sim/{model}"), "stream": stream,
        "messages": [{"role": "user", "content": "one two three four five six"}]});
    let mut opened = world.chat(&body).open().await;
    if stream && model == LEFT && opened.status == 200 {
        opened.next().await.unwrap().unwrap();
        return "client_closed".to_owned();
    }
    let status = opened.status;
    let told = opened.headers.get("x-tollgate-error-code").cloned();
    let body = opened.rest().await.expect("every answer is whole as HTTP");
    if let Some(code) = told {
        return code.to_str().unwrap().to_owned();
    }
    assert_eq!(status, 200);
    if !stream {
        serde_json::from_slice::<Value>(&body).expect("a plain answer is whole");
        return "ok".to_owned();
    }
    let text = String::from_utf8(body.to_vec()).unwrap();
    let last = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .next_back()
        .unwrap();
    if last == "[DONE]" {
        return "ok".to_owned();
    }
    let event: Value = serde_json::from_str(last).unwrap();
    event["error"]["code"]
        .as_str()
        .expect("a broken stream ends in an error")
        .to_owned()
}

async fn run(
    world: &Arc<World>,
    count: usize,
    models: &'static [&str],
    stream: bool,
) -> BTreeMap<String, u64> {
    let next = Arc::new(AtomicUsize::new(0));
    let tasks = TaskTracker::new();
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let (world, next) = (Arc::clone(world), Arc::clone(&next));
            tasks.spawn(async move {
                let mut seen = BTreeMap::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return seen;
                    }
                    let model = models[number % models.len()];
                    *seen.entry(ask(&world, model, stream).await).or_insert(0) += 1;
                }
            })
        })
        .collect();
    let mut all = BTreeMap::new();
    for worker in workers {
        for (outcome, count) in worker.await.unwrap() {
            *all.entry(outcome).or_insert(0) += count;
        }
    }
    all
}

async fn settle(world: &World) {
    let begin = std::time::Instant::now();
    while world.gateway.metric("tollgate_requests_open", &[]).await > 0 {
        assert!(begin.elapsed() < PATIENCE, "a request is stuck");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_ends_in_exactly_one_outcome() {
    let requests = amount("TOLLGATE_SOAK_REQUESTS", 2_000);
    let streams = amount("TOLLGATE_SOAK_STREAMS", 500);
    let world = Arc::new(World::once("").await);
    // A first tenth brings memory to where it stays.
    let mut outcomes = run(&world, requests / 10, PLAIN, false).await;
    merge(
        &mut outcomes,
        run(&world, streams / 10, STREAMS, true).await,
    );
    settle(&world).await;
    let before = world.gateway.resident_kib();
    merge(
        &mut outcomes,
        run(&world, requests - requests / 10, PLAIN, false).await,
    );
    merge(
        &mut outcomes,
        run(&world, streams - streams / 10, STREAMS, true).await,
    );
    settle(&world).await;
    let after = world.gateway.resident_kib();
    println!("resident KiB: {before} after a tenth, {after} at the end");
    for (outcome, count) in &outcomes {
        let code = format!("code=\"{outcome}\"");
        let labels = ["surface=\"openai_chat\"", &code];
        let name = "tollgate_requests_total";
        world.gateway.metric_becomes(name, &labels, *count).await;
        println!("{outcome}: {count} seen by clients and counted by the gateway");
    }
    let labels = ["surface=\"openai_chat\""];
    let (name, all) = ("tollgate_requests_total", (requests + streams) as u64);
    world.gateway.metric_becomes(name, &labels, all).await;
    assert_eq!(outcomes.values().sum::<u64>(), (requests + streams) as u64);
    let name = "tollgate_streams_open";
    world.gateway.metric_becomes(name, &[], 0).await;
    assert!(
        after < before + 16 * 1024,
        "memory grew from {before} to {after} KiB"
    );
    let log = std::fs::read_to_string(&world.gateway.log).unwrap();
    assert!(!log.contains("panicked"), "{log}");
}

fn merge(all: &mut BTreeMap<String, u64>, more: BTreeMap<String, u64>) {
    for (outcome, count) in more {
        *all.entry(outcome).or_insert(0) += count;
    }
}
