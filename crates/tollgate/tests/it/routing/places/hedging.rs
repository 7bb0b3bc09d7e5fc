//! A second attempt beside a slow one.

use futures_util::future::join_all;

use crate::routing::operators::target;
use crate::routing::scene::{breaker, fails, plain, streamed, times, until_under_way};
use crate::surface::Surface;
use crate::world::{KEY, PATIENCE, World};

fn config(share: u32) -> String {
    format!(
        "[[models]]\nname = \"m\"\nhedge = {{ after_ms = 50, share_percent = {share} }}\n\
         targets = [\n    {{ connection = \"sim\", model = \"a\" }},\n    \
         {{ connection = \"sim\", model = \"b\", priority = 1 }},\n]\n"
    )
}

#[tokio::test]
async fn hedging_lets_a_faster_target_answer_and_gives_the_slow_one_up() {
    let world = World::with(&config(100)).await;
    fails(&world, "a", "delay-head");
    for surface in [Surface::Chat, Surface::Anthropic, Surface::Gemini] {
        let body = surface.body("m", "one two three", true);
        let ask = world.gateway.post(&surface.path("m", true), &body).key(KEY);
        let answer = ask.header("x-tollgate-trail", "full").send().await;
        assert_eq!(answer.status, 200);
        let events = surface.events(&answer);
        assert_eq!(surface.streamed(&events), "one two three");
        assert!(surface.ended_well(&events), "{}", answer.text());
        assert_eq!(answer.header("x-tollgate-attempts"), "2");
        let trail = answer.header("x-tollgate-trail");
        let (slow, fast) = trail.split_once(", ").unwrap();
        assert!(slow.starts_with("sim/a;code=cancelled;"), "{trail}");
        assert!(fast.starts_with("sim/b;code=ok;"), "{trail}");
    }
    // The exchanges with the slow target are closed at the provider.
    let gone = world
        .simulator
        .wait_for(|stats| stats.client_gone == 3 && stats.open == 0, PATIENCE);
    gone.await.unwrap();
    until_under_way(&world.gateway, "a", 0).await;
    assert_eq!(world.gateway.metric("tollgate_hedges_total", &[]).await, 3);
    let labels = ["connection=\"sim\"", "class=\"cancelled\""];
    let attempts = "tollgate_upstream_attempts_total";
    world.gateway.metric_becomes(attempts, &labels, 3).await;
    assert_eq!(breaker(&world, "a").await, 0, "being slower is no failure");
}

#[tokio::test]
async fn a_target_that_begins_in_time_has_no_second_one_beside_it() {
    let world = World::with(&config(100).replace("after_ms = 50", "after_ms = 15000")).await;
    let answer = world.chat(&streamed("m")).send().await;
    assert_eq!(answer.header("x-tollgate-attempts"), "1");
    // Nor have plain calls, unless that is declared: they are paid for twice.
    let world = World::with(&config(100)).await;
    fails(&world, "a", "delay-head:ms=300");
    let answer = world.chat(&plain("m")).send().await;
    assert_eq!(answer.header("x-tollgate-attempts"), "1");
    assert_eq!(times(&world, "b"), 0);
}

#[tokio::test]
async fn hedging_of_plain_calls_is_declared() {
    let config = config(100).replace("after_ms = 50", "after_ms = 500, plain = true");
    let world = World::with(&config).await;
    fails(&world, "a", "delay-head");
    let ask = world.chat(&plain("m")).header("x-tollgate-trail", "full");
    let answer = ask.send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("x-tollgate-attempts"), "2");
    let trail = answer.header("x-tollgate-trail");
    let (slow, fast) = trail.split_once(", ").unwrap();
    assert!(slow.starts_with("sim/a;code=cancelled;"), "{trail}");
    assert!(fast.starts_with("sim/b;code=ok;"), "{trail}");
    let gone = world
        .simulator
        .wait_for(|stats| stats.client_gone == 1 && stats.open == 0, PATIENCE);
    gone.await.unwrap();
    until_under_way(&world.gateway, "a", 0).await;
    assert_eq!(world.gateway.metric("tollgate_hedges_total", &[]).await, 1);
    // The one that was given up is known to be slow.
    let shown = target(&world, "sim", "a").await;
    let known = shown["latency"]["answer_ms"].as_u64();
    assert!(known >= Some(500), "{shown:#}");
    // A good answer of the first one is enough, however slow it is allowed to be.
    crate::routing::scene::heals(&world);
    let answer = world.chat(&plain("m")).send().await;
    assert_eq!(answer.header("x-tollgate-attempts"), "1");
}

#[tokio::test]
async fn hedges_never_exceed_their_share() {
    let world = World::with(&config(20)).await;
    fails(&world, "a", "delay-head:ms=1500");
    let body = streamed("m");
    let asks = (0..20).map(|_| world.chat(&body).send());
    for answer in join_all(asks).await {
        assert_eq!(answer.status, 200);
    }
    assert_eq!((times(&world, "a"), times(&world, "b")), (20, 4));
}

#[tokio::test]
async fn a_hedge_saves_the_request_when_the_slow_target_fails() {
    let world = World::with(&config(100)).await;
    fails(&world, "a", "delay-head:ms=300+server-error");
    fails(&world, "b", "delay-head:ms=600");
    let ask = world
        .chat(&streamed("m"))
        .header("x-tollgate-trail", "full");
    let answer = ask.send().await;
    assert_eq!(answer.status, 200);
    let trail = answer.header("x-tollgate-trail");
    assert!(
        trail.contains("sim/a;code=provider_error;status=500"),
        "{trail}"
    );
    assert!(trail.contains("sim/b;code=ok"), "{trail}");
    assert_eq!((times(&world, "a"), times(&world, "b")), (1, 1));
}
