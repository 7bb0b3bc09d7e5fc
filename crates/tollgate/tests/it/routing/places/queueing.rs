//! The line of those who wait for a free place.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::Value;

use crate::routing::scene::{
    chat, fails, hold, key, key_config, most_at_once, plain, stays, streamed, times, until,
    until_waiting,
};
use crate::world::{Answer, KEY, World};

/// A model with one place, whose line has room for eight.
fn config(queue: &str) -> String {
    let flood = key_config("flood", "\"*\"", "");
    format!(
        "[[models]]\nname = \"m\"\nqueue = {queue}\n\
         targets = [{{ connection = \"sim\", model = \"a\", limits = {{ parallel = 1 }} }}]\n{flood}"
    )
}

/// Asks in the name of somebody.
async fn ask(world: &World, key: &str, name: &str) -> Answer {
    let mut body = plain("m");
    body["messages"][0]["content"] = name.into();
    let ask = world.gateway.post("/v1/chat/completions", body).key(key);
    ask.send().await
}

/// Who was served, in order.
fn served(world: &World) -> Vec<String> {
    let requests = world.simulator.requests().into_iter();
    let name = |body: String| {
        let body: Value = serde_json::from_str(&body).unwrap();
        body["messages"][0]["content"].as_str().unwrap().to_owned()
    };
    requests.map(|received| name(received.body)).collect()
}

#[tokio::test]
async fn queueing_waits_for_the_first_free_place() {
    let world = World::with(&config("{ wait_ms = 15000, length = 8 }")).await;
    stays(&world, "a");
    fails(&world, "a", "delay-head:ms=20");
    let held = hold(&world, "m").await;
    let waiting = join_all((0..3).map(|_| chat(&world, "m")));
    let free = async {
        until_waiting(&world.gateway, 3).await;
        assert_eq!(
            times(&world, "a"),
            1,
            "nobody else has reached the provider"
        );
        drop(held);
    };
    let (answers, ()) = tokio::join!(waiting, free);
    for answer in answers {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("x-tollgate-attempts"), "1");
    }
    assert_eq!(most_at_once(&world.simulator.requests()[1..]), 1);
    until_waiting(&world.gateway, 0).await;
}

#[tokio::test]
async fn a_key_that_floods_the_line_does_not_keep_another_one_back() {
    let world = World::with(&config("{ wait_ms = 15000, length = 50 }")).await;
    stays(&world, "a");
    let held = hold(&world, "m").await;
    let flood = async {
        let names: Vec<_> = (0..10).map(|number| format!("flood-{number}")).collect();
        let key = key("flood");
        let asks = names.iter().map(|name| ask(&world, &key, name));
        join_all(asks).await
    };
    let other = async {
        until_waiting(&world.gateway, 10).await;
        let asks = ["app-0", "app-1"].map(|name| ask(&world, KEY, name));
        let free = async {
            until_waiting(&world.gateway, 12).await;
            drop(held);
        };
        tokio::join!(join_all(asks), free).0
    };
    let (flood, other) = tokio::join!(flood, other);
    assert!(
        flood
            .iter()
            .chain(&other)
            .all(|answer| answer.status == 200)
    );
    let order: Vec<_> = served(&world)
        .into_iter()
        .skip(1)
        .map(|name| name.split('-').next().unwrap().to_owned())
        .collect();
    // The first of the flood was at the head already; from then on the keys take turns.
    let turns = ["flood", "app", "flood", "app", "flood", "flood"];
    assert_eq!(order[..6], turns, "{order:?}");
}

#[tokio::test]
async fn a_team_with_many_keys_does_not_keep_another_one_back() {
    let mut config = config("{ wait_ms = 15000, length = 50 }");
    for (team, keys) in [("crowd", 6), ("pair", 2)] {
        config += "[[teams]]\nname = \"";
        config += team;
        config += "\"\n";
        for number in 0..keys {
            let name = format!("{team}-{number}");
            config += &key_config(&name, "\"*\"", &format!("team = \"{team}\""));
        }
    }
    let world = World::with(&config).await;
    stays(&world, "a");
    let held = hold(&world, "m").await;
    let asks = async |team: &str, keys: usize| {
        let asks = (0..keys).map(async |number| {
            let name = format!("{team}-{number}");
            ask(&world, &key(&name), &name).await
        });
        join_all(asks).await
    };
    let pair = async {
        until_waiting(&world.gateway, 6).await;
        let free = async {
            until_waiting(&world.gateway, 8).await;
            drop(held);
        };
        tokio::join!(asks("pair", 2), free).0
    };
    let (crowd, pair) = tokio::join!(asks("crowd", 6), pair);
    assert!(crowd.iter().chain(&pair).all(|answer| answer.status == 200));
    let order = served(&world).into_iter().skip(1);
    let order: Vec<_> = order
        .map(|name| name.split('-').next().unwrap().to_owned())
        .collect();
    // By keys alone both of the pair would come after all six.
    let turns = ["crowd", "pair", "crowd", "pair", "crowd", "crowd"];
    assert_eq!(order[..6], turns, "{order:?}");
}

#[tokio::test]
async fn a_free_target_does_not_wait_for_those_whom_only_a_busy_one_suits() {
    let models = "[[models]]\nname = \"m\"\nqueue = { wait_ms = 15000 }\n\
         [[models.targets]]\nconnection = \"sim\"\nmodel = \"a\"\n\
         limits = { parallel = 1 }\nwhen = { tags = [\"deep\"] }\n\
         [[models.targets]]\nconnection = \"sim\"\nmodel = \"b\"\npriority = 1\n\
         limits = { parallel = 1 }\nwhen = { tags = [\"quick\"] }\n";
    let world = World::with(models).await;
    stays(&world, "a");
    stays(&world, "b");
    let open = async |tag: &str| {
        let ask = world.chat(&streamed("m")).header("x-tollgate-tags", tag);
        let opened = ask.open().await;
        assert_eq!(opened.status, 200, "{tag}");
        opened
    };
    let tagged = async |tag: &str| {
        let ask = world.chat(&plain("m")).header("x-tollgate-tags", tag);
        ask.send().await
    };
    let busy = open("deep").await;
    let behind = join_all((0..3).map(|_| tagged("deep")));
    let others = async {
        until_waiting(&world.gateway, 3).await;
        // One that comes while its target is free…
        assert_eq!(tagged("quick").await.status, 200);
        // …and one that stands in line behind the others until it is.
        let held = open("quick").await;
        let free = async {
            until_waiting(&world.gateway, 4).await;
            drop(held);
        };
        let (answer, ()) = tokio::join!(tagged("quick"), free);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(
            times(&world, "a"),
            1,
            "meanwhile the others got nowhere: their target is busy"
        );
        assert_eq!(times(&world, "b"), 3);
        drop(busy);
    };
    let (answers, ()) = tokio::join!(behind, others);
    assert!(answers.iter().all(|answer| answer.status == 200));
    until_waiting(&world.gateway, 0).await;
}

#[tokio::test]
async fn the_line_is_bounded() {
    let world = World::with(&config("{ wait_ms = 15000, length = 2 }")).await;
    stays(&world, "a");
    let held = hold(&world, "m").await;
    let waiting = join_all((0..2).map(|_| chat(&world, "m")));
    let third = async {
        until_waiting(&world.gateway, 2).await;
        let begin = Instant::now();
        let answer = chat(&world, "m").await;
        assert_eq!(
            answer.outcome(),
            (504, "route_selection_timeout".to_owned())
        );
        assert_eq!(answer.header("x-should-retry"), "true");
        assert!(begin.elapsed() < Duration::from_secs(10), "at once");
        drop(held);
    };
    let (answers, ()) = tokio::join!(waiting, third);
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(times(&world, "a"), 3);
}

#[tokio::test]
async fn who_waits_in_vain_is_told_when_its_time_is_over() {
    let world = World::with(&config("{ wait_ms = 300, length = 8 }")).await;
    stays(&world, "a");
    let _held = hold(&world, "m").await;
    let begin = Instant::now();
    let answer = chat(&world, "m").await;
    assert_eq!(
        answer.outcome(),
        (504, "route_selection_timeout".to_owned())
    );
    assert!(
        begin.elapsed() >= Duration::from_millis(300),
        "{:?}",
        begin.elapsed()
    );
    // The caller's own patience counts, too.
    let ask = world
        .chat(&plain("m"))
        .header("x-tollgate-timeout-ms", "100");
    let begin = Instant::now();
    let answer = ask.send().await;
    assert_eq!(answer.outcome().1, "route_selection_timeout");
    assert!(
        begin.elapsed() >= Duration::from_millis(90),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(times(&world, "a"), 1);
    until_waiting(&world.gateway, 0).await;
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_the_line() {
    let world = World::with(&config("{ wait_ms = 15000, length = 8 }")).await;
    stays(&world, "a");
    let held = hold(&world, "m").await;
    {
        let gone = ask(&world, KEY, "gone");
        let waits = until_waiting(&world.gateway, 1);
        tokio::pin!(gone, waits);
        tokio::select! {
            answer = &mut gone => panic!("{answer:?}"),
            () = &mut waits => {}
        }
    }
    until_waiting(&world.gateway, 0).await;
    drop(held);
    assert_eq!(ask(&world, KEY, "next").await.status, 200);
    assert!(!served(&world).contains(&"gone".to_owned()));
    let name = "tollgate_requests_open";
    world.gateway.metric_becomes(name, &[], 0).await;
}

#[tokio::test]
async fn a_short_cool_down_is_waited_for() {
    let world = World::with(&config("{ wait_ms = 15000, length = 8 }")).await;
    crate::routing::scene::fails_times(&world, "a", "rate-limit:retry-after=2", 1);
    let ask = world.chat(&plain("m")).header("x-tollgate-trail", "full");
    let first = ask.send();
    let second = async {
        until("the target cools down", async || {
            crate::routing::scene::breaker(&world, "a").await == 1
        })
        .await;
        chat(&world, "m").await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.header("x-tollgate-attempts"), "2");
    assert_eq!(second.header("x-tollgate-attempts"), "1");
    let requests = world.simulator.requests();
    assert_eq!(requests.len(), 3);
    let waited = requests[1].received_ms - requests[0].received_ms;
    assert!(waited >= 2000, "it was asked again after {waited} ms");
    fails(&world, "a", "rate-limit:retry-after=60");
    // One that is longer than the caller's patience is told at once.
    let ask = world
        .chat(&plain("m"))
        .header("x-tollgate-timeout-ms", "5000");
    let begin = Instant::now();
    let answer = ask.send().await;
    assert_eq!(answer.outcome(), (429, "provider_rate_limited".to_owned()));
    assert!(
        begin.elapsed() < Duration::from_secs(4),
        "{:?}",
        begin.elapsed()
    );
}
