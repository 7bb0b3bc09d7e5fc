//! `/api/v1/health` and `/api/v1/metrics`.

use serde_json::json;

use super::{OPEN, asks, chat, says};
use crate::world::World;

#[tokio::test]
async fn health_is_for_everybody() {
    let world = World::once("").await;
    let answer = world.gateway.get("/api/v1/health").send().await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (200, json!({"status": "ok"}))
    );
}

#[tokio::test]
async fn the_metrics_have_the_documented_names_and_count_what_happens() {
    let world = World::once(&format!("{OPEN}[cache]\nmode = \"on\"\n")).await;
    let figure = async |line: &str| {
        let answer = world.gateway.get("/api/v1/metrics").send().await;
        assert_eq!(answer.status, 200);
        let kind = "text/plain; version=0.0.4; charset=utf-8";
        assert_eq!(answer.header("content-type"), kind);
        let text = answer.text();
        let found = text
            .lines()
            .find_map(|one| one.strip_prefix(line)?.strip_prefix(' '));
        found.map(|number| number.parse::<u64>().unwrap())
    };
    assert_eq!(figure("cache_misses_total").await, Some(0));
    assert_eq!(chat(&world, &says("Hi")).send().await.status, 200);
    assert_eq!(chat(&world, &says("Hi")).send().await.status, 200);
    let failing = asks("sim/fault/server-error", "Hi");
    assert_eq!(chat(&world, &failing).send().await.status, 500);
    for (line, expected) in [
        ("rate_limit_allowed_total", 3),
        ("rate_limit_blocked_total", 0),
        ("cache_hits_total", 1),
        ("cache_misses_total", 2),
        ("provider_calls_total{provider=\"openai\"}", 2),
        ("provider_failures_total{provider=\"openai\"}", 1),
        (
            "request_total{surface=\"simple_chat\",model=\"sim/*\",code=\"ok\"}",
            2,
        ),
        ("request_latency_seconds_count{surface=\"simple_chat\"}", 3),
        ("active_requests", 0),
    ] {
        assert_eq!(figure(line).await, Some(expected), "{line}");
    }
    let text = world.gateway.get("/api/v1/metrics").send().await.text();
    for name in ["cache_hits_total", "request_total", "provider_calls_total"] {
        assert!(text.contains(&format!("# TYPE {name} counter\n")), "{text}");
    }
    assert!(!text.contains("# EOF"), "that is of the other form");
}
