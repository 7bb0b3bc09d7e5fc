//! How long a request may take, and what its caller is told of its way.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tollgate_simulator::{Outcome, Rule};

use crate::world::{Answer, PATIENCE, World, printed_until};

/// A model whose provider fails after 1.6 s, others whose providers never say anything, and one
/// that is well.
const CONFIG: &str = r#"
[[models]]
name = "slow"
backoff = { first_ms = 100 }
targets = [{ connection = "sim", model = "slow" }]
[[models]]
name = "silent"
targets = [{ connection = "sim", model = "fault/delay-head" }]
[[models]]
name = "headless"
targets = [{ connection = "sim", model = "fault/delay-body" }]
[[models]]
name = "mute"
targets = [{ connection = "sim", model = "fault/first-token:ms=60000" }]
[[models]]
name = "steady"
targets = [{ connection = "sim", model = "fault/drip:ms=150" }]
[[models]]
name = "bounded"
timeouts = { total_ms = 600 }
targets = [{ connection = "sim", model = "fault/delay-head:ms=50000" }]
[[models]]
name = "well"
targets = [{ connection = "sim", model = "echo" }]
[[models]]
name = "second"
backoff = { first_ms = 10 }
targets = [
    { connection = "sim", model = "fault/server-error:message=second" },
    { connection = "lenient", model = "echo", priority = 1 },
]
[[models]]
name = "down"
backoff = { first_ms = 10 }
breaker = { failures = 0, share_percent = 0 }
targets = [
    { connection = "sim", model = "fault/overloaded:message=down" },
    { connection = "lenient", model = "fault/invalid-api-key:message=down", priority = 1 },
]
[[models]]
name = "helped"
attempts = 2
backoff = { first_ms = 10 }
breaker = { failures = 0, share_percent = 0 }
targets = [{ connection = "sim", model = "fault/quota:message=helped" }]
fallbacks = ["well"]
"#;

/// How much later than it should a busy machine may do something. What is without a bound here
/// lasts far longer.
const SLACK: Duration = Duration::from_secs(5);

fn chat(model: &str, stream: bool) -> Value {
    json!({"model": model, "stream": stream, "max_tokens": 12,
        "messages": [{"role": "user", "content": "all is well"}]})
}

/// How many requests the provider has received.
fn received(world: &World) -> usize {
    world.simulator.requests().len()
}

#[tokio::test]
async fn an_answer_comes_before_its_deadline_and_no_attempt_begins_after_it() {
    let world = World::with(CONFIG).await;
    let rule = Rule::new("delay-head:ms=1600+overloaded").unwrap();
    world.simulator.script(rule.model("slow")).unwrap();
    for stream in [false, true] {
        world.simulator.forget_requests();
        let begin = Instant::now();
        let ask = world.chat(&chat("slow", stream));
        let answer = ask.header("x-tollgate-timeout-ms", "3000").send().await;
        let took = begin.elapsed();
        assert_eq!(answer.outcome(), (504, "provider_timeout".to_owned()));
        assert!(
            took >= Duration::from_millis(2800),
            "given up after {took:?}"
        );
        assert!(
            took <= Duration::from_millis(3000) + SLACK,
            "it took {took:?}"
        );
        // One answered 503, the other was under way when the time was over.
        assert_eq!(answer.header("x-tollgate-attempts"), "2", "{answer:?}");
        assert_eq!(answer.header("x-should-retry"), "false", "{answer:?}");
        let attempts = &answer.json()["error"]["attempts"];
        assert_eq!(attempts[0]["code"], "provider_overloaded", "{attempts}");
        assert_eq!(attempts[1]["code"], "provider_timeout", "{attempts}");
        let gone = |stats: &tollgate_simulator::Stats| stats.open == 0;
        world.simulator.wait_for(gone, PATIENCE).await.unwrap();
        let seen = world.simulator.requests();
        assert_eq!(seen.len(), 2, "{seen:?}");
        assert_eq!(
            seen[1].outcome,
            Outcome::ClientGone,
            "the exchange was given up"
        );
    }
}

#[tokio::test]
async fn a_clients_own_patience_shortens_ours() {
    let world = World::with(CONFIG).await;
    for (header, value) in [
        ("x-tollgate-timeout-ms", "800"),
        ("x-stainless-timeout", "0.8"),
        ("x-stainless-read-timeout", "0.8"),
    ] {
        let calls = [
            ("silent", false),
            ("silent", true),
            ("headless", false),
            ("headless", true),
            ("mute", true),
        ];
        join_all(calls.map(async |(model, stream)| {
            let case = format!("{header} {model} {stream}");
            let begin = Instant::now();
            let ask = world.chat(&chat(model, stream)).header(header, value);
            let answer = ask.send().await;
            let took = begin.elapsed();
            assert_eq!(
                answer.outcome(),
                (504, "provider_timeout".to_owned()),
                "{case}"
            );
            assert!(took >= Duration::from_millis(700), "{case}: {took:?}");
            assert!(
                took <= Duration::from_millis(800) + SLACK,
                "{case}: {took:?}"
            );
            assert_eq!(answer.header("x-tollgate-attempts"), "1", "{case}");
            assert_eq!(answer.header("x-should-retry"), "true", "{case}");
        }))
        .await;
    }
    // That a caller is in a hurry says nothing of the provider: no breaker has opened.
    let opened = world
        .gateway
        .metric("tollgate_breaker_opened_total", &[])
        .await;
    assert_eq!(opened, 0);
    let begin = Instant::now();
    let answer = world.chat(&chat("bounded", false)).send().await;
    assert_eq!(answer.outcome(), (504, "provider_timeout".to_owned()));
    let took = begin.elapsed();
    let bound = Duration::from_millis(600);
    assert!((bound..bound + SLACK).contains(&took), "{took:?}");
}

#[tokio::test]
async fn patience_with_one_read_does_not_bound_a_stream_that_goes_on() {
    let world = World::with(CONFIG).await;
    let calls = [
        ("x-stainless-read-timeout", "1.0", true),
        ("x-stainless-timeout", "1.0", true),
        ("x-tollgate-timeout-ms", "1000", false),
        ("x-tollgate-timeout-ms", "60000", true),
    ];
    join_all(calls.map(async |(header, value, is_whole)| {
        let begin = Instant::now();
        let ask = world.chat(&chat("steady", true)).header(header, value);
        let answer = ask.send().await;
        let text = answer.text();
        assert_eq!(answer.status, 200, "{text}");
        assert!(text.contains("\"content\":"), "{header}: {text}");
        assert_eq!(
            text.ends_with("data: [DONE]\n\n"),
            is_whole,
            "{header}: {text}"
        );
        if !is_whole {
            let took = begin.elapsed();
            let bound = Duration::from_millis(900);
            assert!((bound..bound + SLACK).contains(&took), "{took:?}");
            let last = text.trim_end().rsplit("data: ").next().unwrap();
            let last: Value = serde_json::from_str(last).unwrap();
            assert_eq!(last["error"]["code"], "provider_timeout", "{text}");
        }
    }))
    .await;
}

#[tokio::test]
async fn headers_that_mean_nothing_are_named_and_nobody_is_asked() {
    let world = World::with(CONFIG).await;
    for (header, value) in [
        ("x-tollgate-timeout-ms", "0"),
        ("x-tollgate-timeout-ms", "1.5"),
        ("x-tollgate-timeout-ms", "-1"),
        ("x-tollgate-timeout-ms", "soon"),
        ("x-tollgate-timeout-ms", "86400001"),
        ("x-tollgate-fallbacks", "no"),
        ("x-tollgate-trail", "yes"),
        ("x-tollgate-session", "a b"),
        ("x-tollgate-tags", "a b"),
    ] {
        let answer = world
            .chat(&chat("well", false))
            .header(header, value)
            .send()
            .await;
        assert_eq!(
            answer.outcome(),
            (400, "invalid_request".to_owned()),
            "{header}: {value}"
        );
        assert_eq!(answer.json()["error"]["param"], header);
        assert_eq!(answer.header("x-should-retry"), "false");
    }
    let twice = world.chat(&chat("well", false));
    let twice = twice.header("x-tollgate-timeout-ms", "5000");
    let twice = twice.header("x-tollgate-timeout-ms", "6000").send().await;
    assert_eq!(twice.outcome(), (400, "invalid_request".to_owned()));
    assert_eq!(received(&world), 0);
    // What official clients send of their own accord is no reason to refuse anybody.
    for value in ["", "0", "-1", "None", "inf", "1e300", "soon"] {
        for header in ["x-stainless-timeout", "x-stainless-read-timeout"] {
            let ask = world.chat(&chat("well", false)).header(header, value);
            assert_eq!(ask.send().await.status, 200, "{header}: {value}");
        }
    }
}

/// The attempts of a trail: who was asked, and what is said of it but for the time, which must be
/// there.
fn trail(answer: &Answer) -> Vec<String> {
    let line = answer.header("x-tollgate-trail").split(", ");
    line.map(|attempt| {
        let (said, ms) = attempt.rsplit_once(";ms=").expect(attempt);
        assert!(ms.parse::<u64>().is_ok(), "{attempt}");
        said.to_owned()
    })
    .collect()
}

#[tokio::test]
async fn the_trail_tells_every_attempt_to_who_asks_for_it() {
    let world = World::with(CONFIG).await;
    let failed = "sim/fault/server-error:message=second\";code=provider_error;status=500";
    let down = "sim/fault/overloaded:message=down\";code=provider_error;status=503";
    let refused = "lenient/fault/invalid-api-key:message=down\";code=provider_authentication_failed;status=401";
    for (model, status, attempts) in [
        ("well", 200, vec!["sim/echo;code=ok;status=200"]),
        (
            "second",
            200,
            vec![failed, "lenient/echo;code=ok;status=200"],
        ),
        ("down", 503, vec![down, refused, down]),
        (
            "helped",
            200,
            vec![
                "sim/fault/quota:message=helped\";code=provider_quota_exhausted;status=429",
                "sim/echo;code=ok;status=200",
            ],
        ),
    ] {
        for stream in [false, true] {
            let ask = world.chat(&chat(model, stream));
            let answer = ask.header("x-tollgate-trail", "full").send().await;
            assert_eq!(answer.status, status, "{model}: {answer:?}");
            // What a token cannot hold stands in quotes.
            let told: Vec<_> = trail(&answer)
                .iter()
                .map(|one| one.trim_start_matches('"').to_owned())
                .collect();
            assert_eq!(told, attempts, "{model} {stream}");
            assert_eq!(
                answer.header("x-tollgate-attempts"),
                attempts.len().to_string()
            );
            let named = if model == "helped" { "well" } else { model };
            assert_eq!(answer.header("x-tollgate-model"), named);
            let last = attempts[attempts.len() - 1];
            assert!(last.starts_with(answer.header("x-tollgate-connection")));
        }
        for unasked in [None, Some("off")] {
            let ask = world.chat(&chat(model, false));
            let ask = match unasked {
                Some(value) => ask.header("x-tollgate-trail", value),
                None => ask,
            };
            assert_eq!(ask.send().await.header("x-tollgate-trail"), "", "{model}");
        }
    }
}

#[tokio::test]
async fn the_log_tells_every_attempt_of_a_request() {
    let mut world = World::with(CONFIG).await;
    for (model, stream) in [("second", false), ("second", true), ("down", false)] {
        world.chat(&chat(model, stream)).send().await;
    }
    world.gateway.signal("TERM");
    world.gateway.wait_for_end();
    let printed = printed_until(world.folder.path(), 3).await;
    let lines: Vec<Value> = printed
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .filter(|line: &Value| line["message"] == "request")
        .collect();
    let failed = (
        "sim",
        "fault/server-error:message=second",
        "provider_error",
        500,
    );
    let well = ("lenient", "echo", "ok", 200);
    let down = (
        "sim",
        "fault/overloaded:message=down",
        "provider_error",
        503,
    );
    let refused = (
        "lenient",
        "fault/invalid-api-key:message=down",
        "provider_authentication_failed",
        401,
    );
    for (line, attempts) in lines.iter().zip([
        vec![failed, well],
        vec![failed, well],
        vec![down, refused, down],
    ]) {
        let told = line["attempts"].as_array().unwrap();
        assert_eq!(told.len(), attempts.len(), "{line}");
        for (told, (connection, model, code, status)) in told.iter().zip(attempts) {
            assert_eq!(told["connection"], connection, "{line}");
            assert_eq!(told["model"], model, "{line}");
            assert_eq!(told["code"], code, "{line}");
            assert_eq!(told["status"], status, "{line}");
            assert!(told["duration_ms"].is_u64(), "{line}");
        }
    }
    assert_eq!(lines.len(), 3, "{printed}");
    assert_eq!(lines[2]["code"], "route_selection_failed");
}

#[tokio::test]
async fn a_caller_that_wants_no_fallbacks_gets_the_failure_of_its_model() {
    let world = World::with(CONFIG).await;
    for (wish, status, answered, attempts) in [
        (None, 200, "well", "2"),
        (Some("on"), 200, "well", "2"),
        (Some("off"), 502, "helped", "1"),
        (Some("OFF"), 502, "helped", "1"),
    ] {
        world.simulator.forget_requests();
        let ask = world.chat(&chat("helped", false));
        let ask = match wish {
            Some(wish) => ask.header("x-tollgate-fallbacks", wish),
            None => ask,
        };
        let answer = ask.send().await;
        assert_eq!(answer.status, status, "{wish:?}: {answer:?}");
        assert_eq!(answer.header("x-tollgate-model"), answered, "{wish:?}");
        assert_eq!(answer.header("x-tollgate-attempts"), attempts, "{wish:?}");
        assert_eq!(received(&world).to_string(), attempts, "{wish:?}");
        if status != 200 {
            let code = answer.json()["error"]["code"].clone();
            assert_eq!(code, "provider_quota_exhausted");
        }
    }
}
