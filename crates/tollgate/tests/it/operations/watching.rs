//! Health, metrics and the log.

use serde_json::{Value, json};

use crate::world::{KEY, PROVIDER_KEY, World};

#[tokio::test]
async fn health_is_told_under_every_usual_name() {
    let world = World::start().await;
    let health = world.gateway.get("/health").send().await;
    assert_eq!(
        health.json(),
        json!({"status": "healthy", "service": "saas-llm-api"})
    );
    for path in [
        "/health/live",
        "/health/ready",
        "/healthz",
        "/readyz",
        "/health/liveliness",
        "/health/readiness",
    ] {
        let answer = world.gateway.get(path).send().await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn requests_are_counted_by_surface_model_and_outcome() {
    let world = World::start().await;
    let call =
        |model: &str| json!({"model": model, "messages": [{"role": "user", "content": "x"}]});
    for model in [
        "sim/echo",
        "sim/story",
        "openai/gpt-4o",
        "nobody/nothing",
        "sim/fault/quota",
    ] {
        world.chat(&call(model)).send().await;
    }
    for (labels, count) in [
        (
            vec!["surface=\"openai_chat\"", "model=\"sim/*\"", "code=\"ok\""],
            2,
        ),
        (vec!["model=\"openai/gpt-4o\"", "code=\"ok\""], 1),
        (vec!["model=\"\"", "code=\"model_not_found\""], 1),
        (
            vec!["model=\"sim/*\"", "code=\"provider_quota_exhausted\""],
            1,
        ),
    ] {
        let seen = world
            .gateway
            .metric("tollgate_requests_total", &labels)
            .await;
        assert_eq!(seen, count, "{labels:?}");
    }
    let text = world.gateway.get("/metrics").send().await.text();
    for name in [
        "tollgate_upstream_attempts_total{connection=\"sim\"",
        "tollgate_request_duration_seconds_bucket",
        "tollgate_overhead_seconds_bucket",
        "tollgate_streams_open",
        "tollgate_connections_open",
    ] {
        assert!(text.contains(name), "{name}: {text}");
    }
}

#[tokio::test]
async fn each_request_has_one_line_in_the_log_without_secrets() {
    let mut world = World::start().await;
    let body = json!({"model": "sim/echo", "messages": [{"role": "user", "content": "x"}]});
    world
        .chat(&body)
        .header("x-request-id", "line-1")
        .send()
        .await;
    let stream = json!({"model": "sim/echo", "stream": true, "messages": body["messages"]});
    world
        .chat(&stream)
        .header("x-request-id", "line-2")
        .send()
        .await;
    let hostile = json!({"model": "sim/a\u{1b}[31m\r\nb", "messages": body["messages"]});
    world
        .chat(&hostile)
        .header("x-request-id", "line-3")
        .send()
        .await;
    world
        .chat(&json!({"model": "sim/fault/quota", "messages": body["messages"]}))
        .send()
        .await;
    world.gateway.signal("TERM");
    world.gateway.wait_for_end();
    let begin = std::time::Instant::now();
    let printed = loop {
        let printed = world.printed();
        if printed.lines().count() >= 4 || begin.elapsed() > crate::world::PATIENCE {
            break printed;
        }
        tokio::task::yield_now().await;
    };
    let lines: Vec<Value> = printed
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    assert_eq!(lines.len(), 4, "{printed}");
    let line = |id: &str| lines.iter().find(|line| line["request_id"] == id).unwrap();
    let plain = line("line-1");
    assert_eq!(plain["model"], "sim/echo");
    assert_eq!(plain["connection"], "sim");
    assert_eq!(plain["status"], 200);
    assert_eq!(plain["code"], "ok");
    assert_eq!(plain["key_name"], "app");
    assert_eq!(plain["key"], "sk-test-ap...6789");
    assert!(plain["prompt_tokens"].as_u64().unwrap() > 0);
    assert!(plain["duration_us"].as_u64().unwrap() > 0);
    assert_eq!(line("line-2")["stream"], true);
    assert!(line("line-2")["completion_tokens"].as_u64().unwrap() > 0);
    let errors = std::fs::read_to_string(&world.gateway.log).unwrap();
    for secret in [KEY, PROVIDER_KEY] {
        assert!(
            !printed.contains(secret) && !errors.contains(secret),
            "a secret is in the log"
        );
    }
    assert!(!printed.contains('\u{1b}') && !errors.contains('\u{1b}'));
}
