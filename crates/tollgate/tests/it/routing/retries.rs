//! What is tried again, when, how often, and what never is.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tollgate_simulator::{Received, Rule, Simulator};

use crate::world::{Answer, KEY, PATIENCE, World, provider};

/// What keeps breakers out of a test that is not about them.
const NO_BREAKER: &str = "breaker = { failures = 0, share_percent = 0 }";

fn chat(model: &str, stream: bool) -> Value {
    json!({"model": model, "stream": stream, "max_tokens": 8,
        "messages": [{"role": "user", "content": "well"}]})
}

/// A model with these targets at `sim`, in this order, and more lines.
fn model(name: &str, targets: &[&str], more: &str) -> String {
    let targets = targets.iter().enumerate().map(|(priority, target)| {
        let (connection, model) = target.split_once(' ').unwrap_or(("sim", target));
        format!("{{ connection = \"{connection}\", model = \"{model}\", priority = {priority} }}, ")
    });
    let targets: String = targets.collect();
    format!("[[models]]\nname = \"{name}\"\ntargets = [{targets}]\n{more}\n")
}

/// A connection to a place that is not `sim`.
fn connection(name: &str, address: &str) -> String {
    format!(
        "[[connections]]\nname = \"{name}\"\nprovider = \"openai-compatible\"\n\
         base_url = \"{address}\"\n"
    )
}

fn script(world: &World, rule: &str, model: &str) {
    let rule = Rule::new(rule).unwrap().model(model);
    world.simulator.script(rule).unwrap();
}

/// What the provider received for a model.
fn received(simulator: &Simulator, model: &str) -> Vec<Received> {
    let requests = simulator.requests().into_iter();
    requests.filter(|request| request.model == model).collect()
}

fn is_whole(answer: &Answer, stream: bool) -> bool {
    let text = answer.text();
    answer.status == 200 && (!stream || text.ends_with("data: [DONE]\n\n"))
}

#[tokio::test]
async fn a_limited_request_waits_as_long_as_the_provider_says_and_is_answered() {
    let world = World::with(&model("m", &["limited"], "")).await;
    let rule = Rule::new("rate-limit:retry-after=1").unwrap();
    world
        .simulator
        .script(rule.model("limited").times(2))
        .unwrap();
    let answer = world.chat(&chat("m", false)).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("x-tollgate-attempts"), "3");
    let seen = received(&world.simulator, "limited");
    assert_eq!(seen.len(), 3);
    for pair in seen.windows(2) {
        let wait = pair[1].received_ms - pair[0].received_ms;
        assert!((1000..6000).contains(&wait), "waited {wait} ms");
    }
}

#[tokio::test]
async fn an_overloaded_provider_that_names_a_wait_is_left_alone_for_it() {
    let world = World::with(&model("m", &["busy"], "backoff = { first_ms = 10 }")).await;
    let rule = Rule::new("overloaded:retry-after=1").unwrap();
    world.simulator.script(rule.model("busy").times(1)).unwrap();
    let answer = world.chat(&chat("m", false)).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let seen = received(&world.simulator, "busy");
    let wait = seen[1].received_ms - seen[0].received_ms;
    assert!((1000..6000).contains(&wait), "waited {wait} ms");
}

#[tokio::test]
async fn a_wait_that_does_not_fit_the_time_left_is_not_begun() {
    let world = World::with(&model("m", &["busy"], "")).await;
    for fault in ["overloaded:retry-after=60", "rate-limit:retry-after=60"] {
        world
            .simulator
            .set_script(tollgate_simulator::Script::default());
        script(&world, fault, "busy");
        world.simulator.forget_requests();
        let begin = Instant::now();
        let ask = world.chat(&chat("m", false));
        let answer = ask.header("x-tollgate-timeout-ms", "5000").send().await;
        assert!(
            begin.elapsed() < Duration::from_secs(3),
            "{fault}: it waited in vain"
        );
        assert_eq!(answer.header("x-tollgate-attempts"), "1", "{fault}");
        assert_eq!(
            answer.header("x-should-retry"),
            "true",
            "{fault}: {answer:?}"
        );
        assert_eq!(answer.header("retry-after"), "60", "{fault}: {answer:?}");
        assert_eq!(received(&world.simulator, "busy").len(), 1);
    }
}

#[tokio::test]
async fn requests_that_fail_together_come_back_apart() {
    const CALLS: usize = 100;
    const BIN_MS: u64 = 100;
    let backoff = format!("backoff = {{ first_ms = 2000 }}\n{NO_BREAKER}");
    let overload = "[overload]\nlag_ms = 0\n";
    let world = World::with(&(model("m", &["burst"], &backoff) + overload)).await;
    let rule = Rule::new("server-error").unwrap();
    world
        .simulator
        .script(rule.model("burst").times(CALLS as u64))
        .unwrap();
    let call = chat("m", false);
    let answers = join_all((0..CALLS).map(|_| world.chat(&call).send())).await;
    for answer in answers {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("x-tollgate-attempts"), "2");
    }
    let seen = received(&world.simulator, "burst");
    assert_eq!(seen.len(), 2 * CALLS);
    let failed = seen[0].received_ms;
    let mut bins = [0_usize; 100];
    for retry in &seen[CALLS..] {
        let wait = retry.received_ms - failed;
        assert!(wait >= 1500, "one came back after {wait} ms");
        bins[usize::try_from(wait / BIN_MS).unwrap().min(99)] += 1;
    }
    // 2 s ± 25 % are ten bins.
    let mean = CALLS / 10;
    assert!(bins.iter().all(|bin| *bin <= 3 * mean), "{bins:?}");
    let filled = bins.iter().filter(|bin| **bin > 0).count();
    assert!(filled >= 8, "they come back together: {bins:?}");
}

/// Fault, code, and whether another target may answer.
const NOT_AGAIN: [(&str, &str, bool); 7] = [
    ("invalid-request", "provider_invalid_request", false),
    ("context-length", "context_length_exceeded", false),
    ("invalid-api-key", "provider_authentication_failed", true),
    ("permission", "provider_permission_denied", true),
    ("model-not-found", "provider_model_not_found", true),
    ("too-large", "provider_request_too_large", false),
    ("unprocessable", "provider_invalid_request", false),
];

#[tokio::test]
async fn what_no_repetition_mends_is_tried_once_at_each_target() {
    let mut config = String::new();
    for (fault, _, _) in NOT_AGAIN {
        config += &model(&format!("alone-{fault}"), &[&format!("fault/{fault}")], "");
        let targets = [
            &*format!("fault/{fault}:message=1"),
            &*format!("well-{fault}"),
        ];
        config += &model(&format!("both-{fault}"), &targets, "");
    }
    let world = World::with(&config).await;
    for (fault, code, elsewhere) in NOT_AGAIN {
        for stream in [false, true] {
            world.simulator.forget_requests();
            let answer = world
                .chat(&chat(&format!("alone-{fault}"), stream))
                .send()
                .await;
            assert_eq!(answer.header("x-tollgate-error-code"), code);
            assert_eq!(answer.header("x-tollgate-attempts"), "1", "{fault}");
            assert_eq!(answer.header("x-should-retry"), "false", "{fault}");
            assert_eq!(world.simulator.requests().len(), 1, "{fault}");
        }
        world.simulator.forget_requests();
        let answer = world
            .chat(&chat(&format!("both-{fault}"), false))
            .send()
            .await;
        assert_eq!(answer.status == 200, elsewhere, "{fault}: {answer:?}");
        let first = received(&world.simulator, &format!("fault/{fault}:message=1"));
        let second = received(&world.simulator, &format!("well-{fault}"));
        assert_eq!(
            (first.len(), second.len()),
            (1, usize::from(elsewhere)),
            "{fault}"
        );
    }
}

/// A connection that never gives an answer, and whether all of a request may have left before it
/// breaks.
const DEAD: [(&str, bool); 5] = [
    ("refused", false),
    ("nameless", false),
    ("no-tls", false),
    ("fin-at-accept", true),
    ("rst-at-accept", true),
];

/// The calls of each kind of such connection.
const OF_EACH: usize = 200;

/// The rule of repeating and the kind of call under which a connection that breaks is repeated by
/// itself. What may have left is not sent again unasked; that it had not all left is chance.
fn repeated(may_have_left: bool) -> Vec<(&'static str, bool)> {
    let rules = ["never", "streams", "always"];
    let all = rules
        .into_iter()
        .flat_map(|rule| [(rule, false), (rule, true)]);
    all.filter(|(rule, stream)| match *rule {
        "never" => !may_have_left,
        "streams" => !may_have_left || *stream,
        _ => true,
    })
    .collect()
}

#[tokio::test]
async fn connections_that_break_before_an_answer_cost_the_caller_nothing() {
    let (fin, fin_at, _fin_stops) = provider().await;
    let (rst, rst_at, _rst_stops) = provider().await;
    for (dead, how) in [(&fin, "fin"), (&rst, "rst")] {
        let rule = format!("close-on-accept:how={how}");
        dead.script(Rule::new(&rule).unwrap()).unwrap();
    }
    let mut config = String::new();
    for (name, address) in [
        ("refused", "http://127.0.0.1:1/v1".to_owned()),
        ("nameless", "http://no-such-host.invalid/v1".to_owned()),
        ("no-tls", "https://{provider}/v1".to_owned()),
        ("fin-at-accept", format!("http://{fin_at}/v1")),
        ("rst-at-accept", format!("http://{rst_at}/v1")),
    ] {
        config += &connection(name, &address);
        for (repeat, stream) in repeated(false) {
            // Each has a retry budget of its own.
            let id = format!("{name}-{repeat}-{stream}");
            let (dead, well) = (format!("{name} m-{repeat}"), format!("well-{id}"));
            let more =
                format!("repeat = \"{repeat}\"\ntimeouts = {{ connect_ms = 300 }}\n{NO_BREAKER}");
            config += &model(&id, &[&dead, &well], &more);
        }
    }
    let world = World::with(&config).await;
    for (name, may_have_left) in DEAD {
        let ways = repeated(may_have_left);
        let count = OF_EACH.div_ceil(ways.len());
        for (repeat, stream) in ways {
            let asked = chat(&format!("{name}-{repeat}-{stream}"), stream);
            let calls = (0..count).map(|_| world.chat(&asked).send());
            for answer in join_all(calls).await {
                assert!(
                    is_whole(&answer, stream),
                    "{name} {repeat} {stream}: {answer:?}"
                );
                assert_eq!(answer.header("x-tollgate-attempts"), "2");
                assert_eq!(answer.header("x-tollgate-connection"), "sim");
            }
        }
    }
}

#[tokio::test]
async fn what_has_not_left_as_a_whole_is_sent_again_whatever_the_rule() {
    let (dead, address, _stops) = provider().await;
    dead.script(Rule::new("close-on-accept:how=rst").unwrap())
        .unwrap();
    let connection = connection("dead", &format!("http://{address}/v1"));
    let more = "repeat = \"never\"";
    let world = World::with(&(connection + &model("m", &["dead m", "echo"], more))).await;
    // More than the buffers of a connection hold.
    let long = "x".repeat(12 << 20);
    let body = json!({"model": "m", "max_tokens": 8,
        "messages": [{"role": "system", "content": long}, {"role": "user", "content": "hi"}]});
    let answer = world.chat(&body).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-tollgate-attempts"), "2");
}

/// So many providers at once, each with one connection: with several connections to one provider,
/// an end may cross a request, which is another case.
const LANES: usize = 20;

#[tokio::test]
async fn connections_that_the_provider_closed_while_they_were_idle_are_not_noticed() {
    let lanes = join_all((0..LANES).map(|_| provider())).await;
    let mut config = String::new();
    for (lane, (_, address, _)) in lanes.iter().enumerate() {
        let name = format!("lane-{lane}");
        config += &connection(&name, &format!("http://{address}/v1"));
        let target = format!("{name} fault/close-idle");
        config += &model(&name, &[&target], "repeat = \"never\"");
    }
    let world = World::with(&config).await;
    let calls = lanes
        .iter()
        .enumerate()
        .map(async |(lane, (provider, _, _))| {
            for number in 0..OF_EACH / LANES {
                let stream = number % 2 == 0;
                let asked = chat(&format!("lane-{lane}"), stream);
                let answer = world.chat(&asked).send().await;
                assert!(is_whole(&answer, stream), "{number}: {answer:?}");
                assert_eq!(answer.header("x-tollgate-attempts"), "1", "{number}");
                // It is dead by now, and nobody has looked at it since.
                let closed = provider.wait_for(|stats| stats.open_connections == 0, PATIENCE);
                closed.await.unwrap();
            }
        });
    join_all(calls).await;
}

#[tokio::test]
async fn an_end_that_crosses_the_next_request_costs_the_caller_nothing() {
    let more = format!("repeat = \"always\"\nbackoff = {{ first_ms = 10 }}\n{NO_BREAKER}");
    let world = World::with(&model("m", &["fault/close-idle:ms=2"], &more)).await;
    for number in 0..60 {
        let answer = world.chat(&chat("m", false)).send().await;
        assert!(is_whole(&answer, false), "{number}: {answer:?}");
        let pause = Duration::from_micros(number % 6 * 500);
        tokio::time::sleep_until(tokio::time::Instant::now() + pause).await;
    }
}

#[tokio::test]
async fn what_a_provider_may_have_worked_on_is_repeated_by_the_rule_alone() {
    let breaks = [
        "close-before-answer:how=rst",
        "close-before-answer",
        "delay-head",
    ];
    let mut config = String::new();
    let mut cases = Vec::new();
    for repeat in ["never", "streams", "always"] {
        for (number, fault) in breaks.iter().enumerate() {
            let more = format!(
                "repeat = \"{repeat}\"\ntimeouts = {{ answer_ms = 1500, first_byte_ms = 1500 }}\n\
                 {NO_BREAKER}"
            );
            for stream in [false, true] {
                let name = format!("{repeat}-{number}-{stream}");
                let (broken, well) = (format!("broken-{name}"), format!("well-{name}"));
                config += &model(&name, &[&broken, &well], &more);
                cases.push((repeat, *fault, stream, name));
            }
        }
    }
    config += "[overload]\nlag_ms = 0\n";
    let world = World::with(&config).await;
    join_all(cases.iter().map(async |(repeat, fault, stream, name)| {
        let (repeat, fault, stream) = (*repeat, *fault, *stream);
        script(&world, fault, &format!("broken-{name}"));
        let body = chat(name, stream);
        let answer = world.chat(&body).send().await;
        let well = received(&world.simulator, &format!("well-{name}"));
        let broken = received(&world.simulator, &format!("broken-{name}"));
        let case = format!("{fault} {repeat} {stream}: {answer:?}");
        assert_eq!(broken.len(), 1, "{case}");
        let is_repeated = repeat == "always" || repeat == "streams" && stream;
        let keys: Vec<_> = [&broken[..], &well[..]]
            .concat()
            .iter()
            .map(|one| one.header("idempotency-key").map(str::to_owned))
            .collect();
        if is_repeated {
            assert!(is_whole(&answer, stream), "{case}");
            assert_eq!(answer.header("x-tollgate-attempts"), "2", "{case}");
            assert_eq!(keys.len(), 2, "{case}");
        } else {
            let (status, code) = if fault == "delay-head" {
                (504, "provider_timeout")
            } else {
                (502, "provider_unreachable")
            };
            assert_eq!(answer.outcome(), (status, code.to_owned()), "{case}");
            assert_eq!(answer.header("x-tollgate-attempts"), "1", "{case}");
            assert_eq!(well.len(), 0, "{case}");
        }
        // The one id by which a provider sees that it is the same request.
        let is_named = repeat == "always";
        assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
        assert_eq!(keys[0].is_some(), is_named, "{case}");
    }))
    .await;
}

#[tokio::test]
async fn two_requests_never_share_an_idempotency_key() {
    let world = World::with(&model("m", &["echo"], "repeat = \"always\"")).await;
    for _ in 0..2 {
        let ask = world.chat(&chat("m", false));
        let answer = ask.header("x-request-id", "the-same").send().await;
        assert_eq!(answer.header("x-request-id"), "the-same");
    }
    let seen = received(&world.simulator, "echo");
    let keys: Vec<_> = seen
        .iter()
        .map(|one| one.header("idempotency-key"))
        .collect();
    assert!(keys[0].is_some() && keys[0] != keys[1], "{keys:?}");
}

#[tokio::test]
async fn a_caller_that_retries_by_itself_is_told_not_to_multiply_our_attempts() {
    let more = format!("backoff = {{ first_ms = 10 }}\n{NO_BREAKER}");
    let world = World::with(&model("m", &["down"], &more)).await;
    script(&world, "overloaded", "down");
    let mut calls = 0;
    // As the official clients do it: up to two retries, unless they are told otherwise.
    for _ in 0..3 {
        calls += 1;
        let answer = world.chat(&chat("m", false)).send().await;
        assert_eq!(answer.outcome(), (503, "retry_limit_exceeded".to_owned()));
        assert_eq!(answer.header("retry-after"), "");
        if answer.header("x-should-retry") == "false" {
            break;
        }
    }
    assert_eq!(calls, 1);
    assert_eq!(received(&world.simulator, "down").len(), 3);
}

/// The content of all chunks of a stream, and whether it ended as a whole.
fn content(answer: &Answer) -> (String, bool) {
    let text = answer.text();
    let events = text
        .split("\n\n")
        .filter_map(|event| event.strip_prefix("data: "));
    let parts = events.filter_map(|event| {
        let event: Value = serde_json::from_str(event).ok()?;
        let content = &event["choices"][0]["delta"]["content"];
        Some(content.as_str().unwrap_or_default().to_owned())
    });
    (parts.collect(), text.ends_with("data: [DONE]\n\n"))
}

#[tokio::test]
async fn nothing_is_repeated_once_content_has_reached_the_caller() {
    let more = format!(
        "repeat = \"always\"\ntimeouts = {{ first_byte_ms = 1500, idle_ms = 1500 }}\n{NO_BREAKER}"
    );
    let mut config = model("whole", &["story"], "");
    let mut cuts = Vec::new();
    for chunks in 0..12 {
        for fault in [
            "cut-after",
            "cut-after:how=rst",
            "cut-after:how=clean",
            "stall-after",
        ] {
            let (name, parameters) = fault.split_once(':').unwrap_or((fault, "ms=60000"));
            let fault = match name {
                "cut-after" if parameters == "ms=60000" => format!("{name}-{chunks}"),
                _ => format!("{name}-{chunks}:{parameters}"),
            };
            let number = cuts.len();
            let targets = [
                &*format!("fault/{fault}"),
                &*format!("story-{}", 300 + number),
            ];
            config += &model(&format!("cut-{number}"), &targets, &more);
            cuts.push((chunks, fault));
        }
    }
    config += "[overload]\nlag_ms = 0\n";
    let world = World::with(&config).await;
    let whole = world.chat(&chat("whole", true)).send().await;
    let (whole, is_whole) = content(&whole);
    assert!(is_whole && whole.len() > 8, "{whole}");
    let (mut repeated, mut broken) = (0, 0);
    let bodies: Vec<_> = (0..cuts.len())
        .map(|number| chat(&format!("cut-{number}"), true))
        .collect();
    let mut answers = Vec::new();
    // Those that stall take the longest: some of them do so at the same time.
    for bodies in bodies.chunks(16) {
        answers.extend(join_all(bodies.iter().map(|body| world.chat(body).send())).await);
    }
    for (number, ((chunks, fault), answer)) in cuts.iter().zip(&answers).enumerate() {
        assert_eq!(answer.status, 200, "{fault}: {answer:?}");
        let (said, is_whole) = content(answer);
        let asked = |model: &str| received(&world.simulator, model).len();
        let attempts = asked(&format!("fault/{fault}")) + asked(&format!("story-{}", 300 + number));
        if *chunks < 2 {
            // The first chunk holds no content yet.
            assert_eq!((attempts, is_whole), (2, true), "{fault}: {answer:?}");
            assert!(!said.is_empty());
            repeated += 1;
        } else {
            assert_eq!(attempts, 1, "{fault}: {answer:?}");
            assert!(whole.starts_with(&said), "{fault}: {said}");
            assert_eq!(
                is_whole,
                said == whole && !answer.text().contains("\"error\"")
            );
            broken += u32::from(!is_whole);
        }
    }
    assert!(repeated == 8 && broken > 24, "{repeated} {broken}");
}

/// Asks so many times a second for so long; gives how long each answer took.
async fn ask_steadily(
    world: &World,
    model: &str,
    per_second: u32,
    lasting: Duration,
) -> Vec<Duration> {
    let begin = tokio::time::Instant::now();
    let count = u32::try_from(lasting.as_millis()).unwrap() * per_second / 1000;
    let calls = (0..count).map(|number| async move {
        let due = begin + Duration::from_secs(1) * number / per_second;
        tokio::time::sleep_until(due).await;
        let body = json!({"model": model,
            "messages": [{"role": "user", "content": format!("call {number}.")}]});
        let sent = Instant::now();
        let answer = world
            .gateway
            .post("/v1/chat/completions", &body)
            .key(KEY)
            .send()
            .await;
        assert!(answer.status.is_server_error(), "{answer:?}");
        sent.elapsed()
    });
    join_all(calls).await
}

#[tokio::test]
async fn a_total_outage_is_not_made_worse_by_retries() {
    const WINDOW_MS: u64 = 10_000;
    let more = format!("backoff = {{ first_ms = 20 }}\n{NO_BREAKER}");
    let overload = "[overload]\nlag_ms = 0\n";
    let world = World::with(&(model("m", &["down"], &more) + overload)).await;
    script(&world, "server-error", "down");
    ask_steadily(&world, "m", 50, Duration::from_secs(12)).await;
    let seen = received(&world.simulator, "down");
    let mut known = std::collections::HashSet::new();
    let times: Vec<(u64, bool)> = seen
        .iter()
        .map(|one| (one.received_ms, known.insert(one.body.clone())))
        .collect();
    let requests = known.len();
    assert_eq!(requests, 600);
    for (end, (now, _)) in times.iter().enumerate() {
        let window: Vec<_> = times[..=end]
            .iter()
            .filter(|(then, _)| now - then < WINDOW_MS)
            .collect();
        let first = window.iter().filter(|(_, first)| *first).count();
        // Some for what is on its way between our clock and the provider's.
        let most = first + first / 5 + 100 + 25;
        assert!(
            window.len() <= most,
            "{} attempts, {first} requests",
            window.len()
        );
    }
    assert!(
        seen.len() > requests + 150,
        "the budget is used: {}",
        seen.len()
    );
    let labels = ["model=\"down\""];
    let refused = world
        .gateway
        .metric("tollgate_retries_refused_total", &labels)
        .await;
    assert!(refused > 0, "refused retries are counted");
}

#[tokio::test]
async fn a_dead_target_gets_nothing_but_probes_and_callers_hear_of_it_at_once() {
    let more = "backoff = { first_ms = 10 }\nbreaker = { open_s = 1 }";
    let world = World::with(&model("m", &["down"], more)).await;
    script(&world, "overloaded", "down");
    let took = ask_steadily(&world, "m", 50, Duration::from_secs(5)).await;
    let seen = received(&world.simulator, "down");
    let first = seen[0].received_ms;
    // Open for 1 s, then 2 s, then 4 s: two probes in five seconds, and the calls before it opened.
    let late = seen
        .iter()
        .filter(|one| one.received_ms > first + 900)
        .count();
    assert!((1..=3).contains(&late), "{late} probes");
    assert!(seen.len() < 30, "{} attempts", seen.len());
    let mut took = took[50..].to_vec();
    took.sort();
    assert!(
        took[took.len() / 2] < Duration::from_millis(250),
        "{took:?}"
    );
}
