//! Every level of limits with every kind: the refusal names it, the wait that it tells is true,
//! and a changed limit holds for the next request.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tollgate_simulator::Rule;

use super::scene::{self, Tenant, pass, until};
use crate::world::{Answer, Opened, World};

/// The levels that are limited over the API.
const LEVELS: [&str; 4] = ["key", "user", "team", "organization"];
/// Nothing changes by lifting these.
const LIFTED: &str = r#"{"limits": {"rpm": null, "burst": null, "tpm": null, "parallel": null}}"#;

/// A user's key for calls, of which one level has limits.
struct Limited {
    /// Where the limits are changed.
    path: String,
    key: String,
}

async fn limited(world: &World, name: &str, level: &str, limits: Value) -> Limited {
    let Tenant { team, owner, .. } = scene::tenant(world, name).await;
    let made = scene::key(world, json!({"team": team, "user": owner})).await;
    let path = match level {
        "key" => format!("/api/keys/{}", scene::text(&made, "id")),
        "user" => format!("/api/organizations/{name}/members/{owner}"),
        "team" => format!("/api/teams/{team}"),
        _ => format!("/api/organizations/{name}"),
    };
    scene::change(world, &path, json!({ "limits": limits })).await;
    let key = scene::text(&made, "key");
    Limited { path, key }
}

async fn lift(world: &World, tenant: &Limited) {
    let nothing = serde_json::from_str(LIFTED).unwrap();
    scene::change(world, &tenant.path, nothing).await;
}

/// A refusal by this limit.
fn check(answer: &Answer, level: &str, what: &str, limit: u64) {
    let code = "rate_limit_exceeded".to_owned();
    assert_eq!(answer.outcome(), (429, code), "{level}");
    let error = &answer.json()["error"];
    assert_eq!(error["message"], "Rate limit exceeded");
    assert_eq!(error["details"]["level"], level, "{error}");
    assert_eq!(error["details"]["what"], what, "{error}");
    assert_eq!(error["details"]["limit"], limit, "{error}");
    assert_eq!(answer.header("x-should-retry"), "true", "{level} {what}");
    let seconds: u128 = answer.header("retry-after").parse().unwrap();
    let rounded_up = wait(answer).as_millis().div_ceil(1000).max(1);
    assert_eq!(seconds, rounded_up, "{answer:?}");
    assert_eq!(answer.header("x-tollgate-attempts"), "", "nobody was asked");
}

fn wait(answer: &Answer) -> Duration {
    Duration::from_millis(answer.header("retry-after-ms").parse().unwrap())
}

/// Asks until it is refused: with 2 requests at once and one a second, as every test here has it.
async fn refused(world: &World, key: &str, model: &str) -> Answer {
    let ask = async || scene::chat(world, key, model).await;
    refused_after(2, 200, ask).await
}

/// The same with so many requests at once, whose answers have this status.
async fn refused_after(burst: u32, status: u16, mut ask: impl AsyncFnMut() -> Answer) -> Answer {
    let begin = Instant::now();
    for granted in 0_u32.. {
        let answer = ask().await;
        let most = f64::from(burst + 1) + begin.elapsed().as_secs_f64();
        let is_right = f64::from(granted) <= most;
        assert!(is_right, "{granted} of {most} were granted");
        if answer.status == 429 {
            assert!(granted >= burst, "{granted} of {burst} were granted");
            return answer;
        }
        assert_eq!(answer.status, status, "{answer:?}");
    }
    unreachable!("it is refused at some time")
}

/// A stream that stays open until it is dropped.
async fn hold(world: &World, key: &str, max_tokens: u64) -> Opened {
    let mut body = scene::streamed("sim/stays");
    body["max_tokens"] = max_tokens.into();
    let opened = scene::chat_of(world, &body).key(key).open().await;
    assert_eq!(opened.status, 200, "{:?}", opened.headers);
    opened
}

/// A world whose model `sim/stays` begins streams and never ends them.
async fn staying(more: &str) -> World {
    let world = World::with(more).await;
    let rule = Rule::new("stall-after=2").unwrap();
    let rule = rule.model("stays").stream(true);
    world.simulator.script(rule).unwrap();
    world
}

#[tokio::test]
async fn requests_are_refused_by_the_level_that_limits_them_and_granted_after_the_wait() {
    let world = World::start().await;
    let checks = LEVELS.map(async |level| {
        let limits = json!({"rpm": 60, "burst": 2});
        let tenant = limited(&world, &format!("requests-{level}"), level, limits).await;
        let answer = refused(&world, &tenant.key, "sim/echo").await;
        check(&answer, level, "requests", 60);
        assert_eq!(answer.header("x-ratelimit-limit-requests"), "60");
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), "0");
        pass(wait(&answer)).await;
        let answer = scene::chat(&world, &tenant.key, "sim/echo").await;
        assert_eq!(answer.status, 200, "{level}: {answer:?}");
        lift(&world, &tenant).await;
        for _ in 0..5 {
            let answer = scene::chat(&world, &tenant.key, "sim/echo").await;
            assert_eq!(answer.status, 200, "{level}: {answer:?}");
            assert_eq!(answer.header("x-ratelimit-limit-requests"), "");
        }
        // Whoever is limited again has what was used before, not more.
        let limits = json!({"limits": {"rpm": 60, "burst": 1}});
        scene::change(&world, &tenant.path, limits).await;
        until("it is refused again", async || {
            scene::chat(&world, &tenant.key, "sim/echo").await.status == 429
        })
        .await;
    });
    join_all(checks).await;
    for level in LEVELS {
        let label = format!("level=\"{level}\"");
        let labels = [&*label, "kind=\"requests\""];
        let count = world
            .gateway
            .metric("tollgate_rate_limited_total", &labels)
            .await;
        assert!(count >= 2, "{level}: {count}");
    }
}

#[tokio::test]
async fn parallel_calls_are_refused_without_waiting_and_streams_keep_their_places() {
    let world = staying("").await;
    let checks = LEVELS.map(async |level| {
        let limits = json!({"parallel": 10});
        let tenant = limited(&world, &format!("parallel-{level}"), level, limits).await;
        let mut held = Vec::new();
        for _ in 0..10 {
            held.push(hold(&world, &tenant.key, 20).await);
        }
        let begin = Instant::now();
        let answer = scene::chat(&world, &tenant.key, "sim/echo").await;
        assert!(begin.elapsed() < Duration::from_secs(2), "it waited");
        check(&answer, level, "parallel", 10);
        // The caller goes, and the place is free.
        drop(held.pop());
        until("a place is free", async || {
            scene::chat(&world, &tenant.key, "sim/echo").await.status == 200
        })
        .await;
        held.push(hold(&world, &tenant.key, 20).await);
        let answer = scene::chat(&world, &tenant.key, "sim/echo").await;
        check(&answer, level, "parallel", 10);
        // More places are there at once, and fewer hold for those that come.
        let limits = |parallel: u32| json!({"limits": {"parallel": parallel}});
        scene::change(&world, &tenant.path, limits(11)).await;
        assert_eq!(
            scene::chat(&world, &tenant.key, "sim/echo").await.status,
            200
        );
        scene::change(&world, &tenant.path, limits(3)).await;
        let answer = scene::chat(&world, &tenant.key, "sim/echo").await;
        check(&answer, level, "parallel", 3);
        lift(&world, &tenant).await;
        assert_eq!(
            scene::chat(&world, &tenant.key, "sim/echo").await.status,
            200
        );
    });
    join_all(checks).await;
}

#[tokio::test]
async fn tokens_are_reserved_at_every_level_and_corrected_when_the_call_is_over() {
    let world = staying("").await;
    let checks = LEVELS.map(async |level| {
        // 10,000 a second.
        let limits = json!({"tpm": 600_000});
        let tenant = limited(&world, &format!("tokens-{level}"), level, limits).await;
        let mut large = scene::talk("sim/echo");
        large["max_tokens"] = 590_000.into();
        // What these do not use comes back.
        for _ in 0..4 {
            let answer = scene::chat_of(&world, &large).key(&tenant.key).send().await;
            assert_eq!(answer.status, 200, "{level}: {answer:?}");
            let remaining = answer.header("x-ratelimit-remaining-tokens");
            assert!(remaining.parse::<u64>().unwrap() > 599_000, "{remaining}");
        }
        let held = hold(&world, &tenant.key, 599_000).await;
        large["max_tokens"] = 50_000.into();
        let answer = scene::chat_of(&world, &large).key(&tenant.key).send().await;
        check(&answer, level, "tokens", 600_000);
        let told = wait(&answer);
        assert!(
            told > Duration::from_secs(1) && told < Duration::from_secs(6),
            "{told:?}"
        );
        pass(told).await;
        let answer = scene::chat_of(&world, &large).key(&tenant.key).send().await;
        assert_eq!(answer.status, 200, "{level}: {answer:?}");
        drop(held);
    });
    join_all(checks).await;
}

/// The limits of models and addresses are declared.
const DECLARED: &str = r#"
[[models]]
name = "few"
aliases = ["some"]
targets = [{ connection = "sim", model = "echo" }]
limits = { rpm = 60, burst = 2 }

[[models]]
name = "narrow"
targets = [{ connection = "sim", model = "stays" }]
limits = { parallel = 2 }

[[models]]
name = "short"
targets = [{ connection = "sim", model = "stays" }]
limits = { tpm = 600000 }
"#;

#[tokio::test]
async fn the_limits_of_a_model_are_those_of_all_its_callers_together() {
    let world = staying(DECLARED).await;
    let (one, other) = (
        scene::tenant(&world, "one").await,
        scene::tenant(&world, "other").await,
    );
    let answer = refused(&world, &one.calling, "few").await;
    check(&answer, "model", "requests", 60);
    let others = async || scene::chat(&world, &other.calling, "some").await;
    let answer = refused_after(0, 200, others).await;
    check(&answer, "model", "requests", 60);
    pass(wait(&answer)).await;
    assert_eq!(scene::chat(&world, &other.calling, "few").await.status, 200);

    let open = async |tenant: &Tenant, model: &str, max_tokens: u64| {
        let mut body = scene::streamed(model);
        body["max_tokens"] = max_tokens.into();
        scene::chat_of(&world, &body)
            .key(&tenant.calling)
            .open()
            .await
    };
    let held = [
        open(&one, "narrow", 20).await,
        open(&other, "narrow", 20).await,
    ];
    assert!(held.iter().all(|opened| opened.status == 200));
    for tenant in [&one, &other] {
        let answer = scene::chat(&world, &tenant.calling, "narrow").await;
        check(&answer, "model", "parallel", 2);
    }
    drop(held);

    let held = open(&one, "short", 599_000).await;
    assert_eq!(held.status, 200);
    let mut body = scene::talk("short");
    body["max_tokens"] = 100_000.into();
    let answer = scene::chat_of(&world, &body)
        .key(&other.calling)
        .send()
        .await;
    check(&answer, "model", "tokens", 600_000);
    // Other models are not meant.
    assert_eq!(
        scene::chat(&world, &other.calling, "sim/echo").await.status,
        200
    );
}

#[tokio::test]
async fn an_address_is_limited_whoever_asks_and_before_the_key_is_looked_at() {
    let config = "[limits]\nip = { rpm = 60, burst = 4, parallel = 2 }\n";
    let world = World::with_both("trusted_proxies = [\"127.0.0.0/8\"]", config).await;
    let rule = Rule::new("stall-after=2").unwrap();
    world
        .simulator
        .script(rule.model("stays").stream(true))
        .unwrap();
    let from = async |address: &str, key: &str| {
        let ask = scene::chat_of(&world, &scene::talk("sim/echo")).key(key);
        ask.header("x-forwarded-for", address).send().await
    };
    let key = crate::world::KEY;
    // Whoever guesses keys is slowed down, too, and nobody else is.
    let guesses = async || from("192.0.2.1", "sk-tg-guessed").await;
    let answer = refused_after(4, 401, guesses).await;
    check(&answer, "ip", "requests", 60);
    let answer = refused_after(0, 200, async || from("192.0.2.1", key).await).await;
    check(&answer, "ip", "requests", 60);
    assert_eq!(from("192.0.2.2", key).await.status, 200);
    pass(wait(&answer)).await;
    assert_eq!(from("192.0.2.1", key).await.status, 200);
    // The addresses of one network of IPv6 are one.
    let mut host = 0;
    let neighbours = async || {
        host += 1;
        from(&format!("2001:db8::{host}"), key).await
    };
    let answer = refused_after(4, 200, neighbours).await;
    check(&answer, "ip", "requests", 60);
    let with_port = async || from("[2001:db8::ffff]:4711", key).await;
    let answer = refused_after(0, 200, with_port).await;
    check(&answer, "ip", "requests", 60);
    assert_eq!(from("2001:db8:0:1::5", key).await.status, 200);

    let requests_begun = async || {
        let body = scene::streamed("sim/stays");
        let ask = scene::chat_of(&world, &body).key(key);
        ask.header("x-forwarded-for", "192.0.2.9").open().await
    };
    let held = [requests_begun().await, requests_begun().await];
    assert!(held.iter().all(|opened| opened.status == 200));
    check(&from("192.0.2.9", key).await, "ip", "parallel", 2);
}

#[tokio::test]
async fn a_wait_of_minutes_is_told_as_a_time_and_not_waited_for() {
    let world = World::start().await;
    let tenant = limited(&world, "acme", "team", json!({"tpm": 30})).await;
    // Nobody knew how long the answer would be: 200 tokens.
    let body = json!({"model": "sim/story", "messages": [{"role": "user", "content": "x"}]});
    let answer = scene::chat_of(&world, &body).key(&tenant.key).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("x-ratelimit-remaining-tokens"), "0");
    let answer = scene::chat(&world, &tenant.key, "sim/echo").await;
    assert_eq!(answer.outcome(), (429, "rate_limit_exceeded".to_owned()));
    assert_eq!(answer.header("x-should-retry"), "false");
    assert_eq!(answer.header("retry-after"), "");
    assert_eq!(answer.header("retry-after-ms"), "");
    let details = &answer.json()["error"]["details"];
    assert_eq!(details["what"], "tokens", "{details}");
    let at: jiff::Timestamp = details["resets_at"].as_str().unwrap().parse().unwrap();
    let ahead = (at - jiff::Timestamp::now())
        .total(jiff::Unit::Second)
        .unwrap();
    assert!((300.0..=500.0).contains(&ahead), "{ahead}");
}
