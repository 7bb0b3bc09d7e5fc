//! Breakers: when they open, who finds out whether a target is well again, and what comes late.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use crate::routing::scene::{
    breaker, chat, fails, fails_times, heals, plain, times, until, until_breaker, until_under_way,
    wait_ms,
};
use crate::world::{Answer, World};

/// Models with different breakers, each at a target of its own.
const BREAKERS: &str = r#"
[overload]
lag_ms = 0

[[models]]
name = "share"
attempts = 1
breaker = { failures = 0, share_percent = 50, minimum = 10 }
targets = [{ connection = "sim", model = "a" }]

[[models]]
name = "row"
attempts = 1
breaker = { failures = 3, share_percent = 0 }
targets = [{ connection = "sim", model = "b" }]

[[models]]
name = "one"
attempts = 1
breaker = { failures = 1, open_s = 1 }
targets = [{ connection = "sim", model = "c" }]

[[models]]
name = "three"
attempts = 1
breaker = { failures = 1, open_s = 1, probes = 3 }
targets = [{ connection = "sim", model = "d" }]

[[models]]
name = "pair"
attempts = 2
targets = [
    { connection = "sim", model = "e" },
    { connection = "sim", model = "f", priority = 1 },
]
"#;

fn code(answer: &Answer) -> &str {
    answer.header("x-tollgate-error-code")
}

#[tokio::test]
async fn r16_a_share_of_failures_opens_only_with_enough_calls() {
    let world = World::with(BREAKERS).await;
    fails(&world, "a", "server-error");
    for number in 1..=10 {
        assert_eq!(breaker(&world, "a").await, 0, "before call {number}");
        assert_eq!(code(&chat(&world, "share").await), "provider_error");
    }
    assert_eq!(breaker(&world, "a").await, 3);
    let answer = chat(&world, "share").await;
    assert_eq!(answer.outcome(), (503, "circuit_breaker_open".to_owned()));
    assert_eq!(times(&world, "a"), 10);

    // Good calls keep the share below the threshold.
    let world = World::with(BREAKERS).await;
    for _ in 0..6 {
        assert_eq!(chat(&world, "share").await.status, 200);
    }
    fails(&world, "a", "server-error");
    for number in 1..=6 {
        assert_eq!(breaker(&world, "a").await, 0, "before failure {number}");
        chat(&world, "share").await;
    }
    assert_eq!(breaker(&world, "a").await, 3, "six of twelve");
}

#[tokio::test]
async fn r16_failures_in_a_row_open_and_a_good_call_ends_the_row() {
    let world = World::with(BREAKERS).await;
    for _ in 0..3 {
        fails_times(&world, "b", "server-error", 2);
        chat(&world, "row").await;
        chat(&world, "row").await;
        assert_eq!(chat(&world, "row").await.status, 200);
    }
    assert_eq!(breaker(&world, "b").await, 0);
    fails(&world, "b", "overloaded");
    for _ in 0..3 {
        assert_eq!(code(&chat(&world, "row").await), "provider_overloaded");
    }
    assert_eq!(code(&chat(&world, "row").await), "circuit_breaker_open");
}

/// Two hundred callers come at once to a half-open target that does not answer; so many of them
/// may find out, the others are told at once. The callers then give up, which says nothing.
async fn crowd(world: &World, model: &str, target: &str, probes: usize) {
    let before = times(world, target);
    let mut crowd: FuturesUnordered<_> = (0..200).map(|_| chat(world, model)).collect();
    for _ in 0..200 - probes {
        let answer = crowd.next().await.unwrap();
        assert_eq!(answer.outcome(), (503, "circuit_breaker_open".to_owned()));
    }
    until_under_way(&world.gateway, target, u64::try_from(probes).unwrap()).await;
    // The gateway counts a probe before the provider does.
    until("the probes", async || {
        times(world, target) - before >= probes
    })
    .await;
    assert_eq!(times(world, target) - before, probes);
    drop(crowd);
    until_under_way(&world.gateway, target, 0).await;
    assert_eq!(times(world, target) - before, probes);
}

#[tokio::test]
async fn r17_two_hundred_callers_at_the_half_open_moment_are_exactly_as_many_probes_as_declared() {
    let world = World::with(BREAKERS).await;
    let (one, three) = (("one", "c", 1), ("three", "d", 3));
    for (model, target, _) in [one, three] {
        fails_times(&world, target, "server-error", 1);
        fails(&world, target, "delay-head");
        assert_eq!(code(&chat(&world, model).await), "provider_error");
    }
    for (model, target, probes) in [one, three] {
        until_breaker(&world, target, 2).await;
        for _ in 0..6 {
            crowd(&world, model, target, probes).await;
        }
    }
    // Callers that gave up have said nothing; the first answer does.
    heals(&world);
    for (model, target, _) in [one, three] {
        assert_eq!(breaker(&world, target).await, 2);
        assert_eq!(chat(&world, model).await.status, 200);
        assert_eq!(breaker(&world, target).await, 0);
    }
}

#[tokio::test]
async fn r18_a_probe_that_fails_opens_for_longer_and_one_that_goes_well_closes() {
    let world = World::with(BREAKERS).await;
    fails(&world, "c", "server-error");
    let begin = Instant::now();
    assert_eq!(code(&chat(&world, "one").await), "provider_error");
    until_breaker(&world, "c", 2).await;
    assert!(begin.elapsed() >= Duration::from_secs(1));
    let begin = Instant::now();
    assert_eq!(code(&chat(&world, "one").await), "provider_error");
    let answer = chat(&world, "one").await;
    let passed = begin.elapsed();
    assert_eq!(code(&answer), "circuit_breaker_open");
    // Two seconds, of which some may have passed.
    let wait = Duration::from_millis(wait_ms(&answer));
    let twice = Duration::from_secs(2);
    assert!(
        wait <= twice && wait + passed >= twice,
        "{wait:?} after {passed:?}"
    );
    assert_eq!(times(&world, "c"), 2);
    heals(&world);
    until_breaker(&world, "c", 2).await;
    for _ in 0..3 {
        assert_eq!(chat(&world, "one").await.status, 200);
    }
    let labels = ["model=\"c\""];
    let opened = "tollgate_breaker_opened_total";
    assert_eq!(world.gateway.metric(opened, &labels).await, 2);
}

#[tokio::test]
async fn r18_calls_that_began_before_it_opened_change_nothing() {
    let world = World::with(BREAKERS).await;
    fails_times(&world, "b", "delay-head:ms=3000", 1);
    let slow = async { chat(&world, "row").await };
    let others = async {
        // The provider has it, and with it the one slow answer.
        until("the slow call", async || times(&world, "b") == 1).await;
        fails(&world, "b", "server-error");
        for _ in 0..3 {
            assert_eq!(code(&chat(&world, "row").await), "provider_error");
        }
        assert_eq!(breaker(&world, "b").await, 3);
    };
    let (slow, ()) = tokio::join!(slow, others);
    assert_eq!(slow.status, 200, "it ended well");
    assert_eq!(breaker(&world, "b").await, 3, "and says nothing any more");
    let before = times(&world, "b");
    assert_eq!(code(&chat(&world, "row").await), "circuit_breaker_open");
    assert_eq!(times(&world, "b"), before);
}

#[tokio::test]
async fn r19_every_target_of_a_request_that_is_limited_cools_down() {
    let world = World::with(BREAKERS).await;
    fails(&world, "e", "rate-limit:retry-after=40");
    fails(&world, "f", "rate-limit:retry-after=30");
    let answer = world
        .chat(&plain("pair"))
        .header("x-tollgate-trail", "full");
    let answer = answer.send().await;
    assert_eq!(answer.outcome(), (429, "provider_rate_limited".to_owned()));
    assert_eq!(answer.header("x-tollgate-attempts"), "2");
    let trail = answer.header("x-tollgate-trail");
    assert_eq!(
        trail
            .matches("code=provider_rate_limited;status=429")
            .count(),
        2
    );
    heals(&world);
    for target in ["e", "f"] {
        assert_eq!(breaker(&world, target).await, 1, "{target}");
    }
    let answer = chat(&world, "pair").await;
    assert_eq!(answer.outcome(), (429, "provider_rate_limited".to_owned()));
    let wait = wait_ms(&answer);
    assert!(
        (25_000..=30_000).contains(&wait),
        "the shorter of both: {wait}"
    );
    assert_eq!((times(&world, "e"), times(&world, "f")), (1, 1));
    let cooled = world.gateway.metric("tollgate_cooldowns_total", &[]).await;
    assert_eq!(cooled, 2);
}

#[tokio::test]
async fn late_failures_of_streams_open_the_breaker() {
    let world = World::with(BREAKERS).await;
    fails(&world, "b", "cut-after=4");
    let mut body = plain("row");
    body["stream"] = true.into();
    body["messages"][0]["content"] = "one two three four five six seven".into();
    for _ in 0..3 {
        assert_eq!(breaker(&world, "b").await, 0);
        let answer = world.chat(&body).send().await;
        assert_eq!(answer.status, 200, "it had begun well");
        assert!(answer.text().contains("stream_interrupted"));
    }
    assert_eq!(breaker(&world, "b").await, 3);
    assert_eq!(
        code(&world.chat(&body).send().await),
        "circuit_breaker_open"
    );
    // A caller that leaves its stream is no failure of the target.
    heals(&world);
    fails(&world, "c", "drip:ms=20");
    body["model"] = "one".into();
    for _ in 0..3 {
        let mut stream = world.chat(&body).open().await;
        stream.next().await.unwrap().unwrap();
        drop(stream);
        until_under_way(&world.gateway, "c", 0).await;
    }
    assert_eq!(breaker(&world, "c").await, 0);
}
