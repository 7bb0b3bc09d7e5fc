//! The strategies, seen by the provider.

use futures_util::future::join_all;

use crate::routing::scene::{
    asked, chat, fails, hold, plain, stays, times, until, until_under_way,
};
use crate::world::World;

/// A model whose targets are models of the provider.
fn model(strategy: &str, targets: &[&str]) -> String {
    let targets = targets
        .iter()
        .map(|target| format!("    {{ connection = \"sim\", {target} }},\n"));
    let targets: String = targets.collect();
    format!(
        "[[models]]\nname = \"m\"\nstrategy = \"{strategy}\"\n\
         backoff = {{ first_ms = 20, longest_ms = 50 }}\ntargets = [\n{targets}]\n"
    )
}

/// Asks so many times at once, and says how often each of three models was asked.
async fn shares(world: &World, requests: usize) -> [usize; 3] {
    let asks = (0..requests).map(|_| chat(world, "m"));
    for answer in join_all(asks).await {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    ["a", "b", "c"].map(|model| times(world, model))
}

#[tokio::test]
async fn weights_are_shares() {
    // Six standard deviations around 240, 120 and 40 of 400.
    let expected = [181..=299, 65..=175, 4..=76];
    for (strategy, priority) in [("weighted", "priority = 7, "), ("priority", "")] {
        let first = format!("model = \"a\", {priority}weight = 6");
        let targets = [
            &*first,
            "model = \"b\", weight = 3",
            "model = \"c\", weight = 1",
        ];
        let config = model(strategy, &targets) + "[overload]\nlag_ms = 0\n";
        let world = World::with(&config).await;
        let shares = shares(&world, 400).await;
        for (share, expected) in shares.iter().zip(&expected) {
            assert!(expected.contains(share), "{strategy}: {shares:?}");
        }
    }
}

#[tokio::test]
async fn turns_are_taken_as_often_as_weights_say() {
    let targets = [
        "model = \"a\", weight = 2",
        "model = \"b\"",
        "model = \"c\", priority = 1",
    ];
    let world = World::with(&model("round_robin", &targets)).await;
    for _ in 0..12 {
        assert_eq!(chat(&world, "m").await.status, 200);
    }
    let asked = asked(&world);
    for round in asked.chunks(3) {
        let ours = round.iter().filter(|model| *model == "a").count();
        assert_eq!((ours, times(&world, "c")), (2, 0), "{asked:?}");
    }
}

#[tokio::test]
async fn the_least_busy_target_is_asked() {
    let targets = [
        "model = \"a\", weight = 2",
        "model = \"b\"",
        "model = \"c\"",
    ];
    let world = World::with(&model("least_busy", &targets)).await;
    for model in ["a", "b", "c"] {
        stays(&world, model);
    }
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(hold(&world, "m").await);
    }
    assert_eq!(["a", "b", "c"].map(|model| times(&world, model)), [4, 2, 2]);
    let order = asked(&world);
    for number in (0..8).rev() {
        if order[number] == "b" {
            drop(held.remove(number));
        }
    }
    until_under_way(&world.gateway, "b", 0).await;
    assert_eq!(chat(&world, "m").await.status, 200);
    assert_eq!(asked(&world).last().unwrap(), "b");
}

#[tokio::test]
async fn a_slow_target_is_left() {
    let targets = ["model = \"a\"", "model = \"b\"", "model = \"c\""];
    let world = World::with(&model("latency", &targets)).await;
    fails(&world, "b", "delay-head:ms=1000");
    until("all of them are known", async || {
        assert_eq!(chat(&world, "m").await.status, 200);
        ["a", "b", "c"].map(|model| times(&world, model) > 0) == [true; 3]
    })
    .await;
    for _ in 0..20 {
        assert_eq!(chat(&world, "m").await.status, 200);
    }
    assert_eq!(times(&world, "b"), 1);
    assert!(
        times(&world, "a") > 1 && times(&world, "c") > 1,
        "two by turns"
    );
}

#[tokio::test]
async fn the_cheapest_target_for_the_size_of_the_request_is_asked() {
    let targets = [
        "model = \"a\", price = { input = \"1\", output = \"20\" }",
        "model = \"b\", price = { input = \"4\", output = \"5\" }",
        "model = \"c\", price = { input = \"4\", output = \"6\" }",
    ];
    let world = World::with(&model("cost", &targets)).await;
    for (words, answer, cheapest) in [(4000, 10, "a"), (10, 1000, "b"), (1000, 10, "a")] {
        let mut body = plain("m");
        body["messages"][0]["content"] = "word ".repeat(words).into();
        body["max_tokens"] = answer.into();
        assert_eq!(world.chat(&body).send().await.status, 200);
        assert_eq!(asked(&world).last().unwrap(), cheapest, "{words} {answer}");
    }
    // Of those that are left, the cheapest: prices count after a failure, too.
    fails(&world, "a", "server-error");
    fails(&world, "b", "server-error");
    let mut body = plain("m");
    body["max_tokens"] = 1.into();
    body["messages"][0]["content"] = "word ".repeat(1000).into();
    let answer = world.chat(&body).send().await;
    assert_eq!(answer.header("x-tollgate-attempts"), "3");
    assert_eq!(asked(&world)[3..], ["a", "b", "c"]);
}

#[tokio::test]
async fn priorities_are_tiers() {
    let targets = [
        "model = \"c\", priority = 2",
        "model = \"b\", priority = 1, weight = 1000",
        "model = \"a\", priority = 0",
    ];
    for strategy in ["priority", "round_robin", "least_busy", "latency", "cost"] {
        let world = World::with(&model(strategy, &targets)).await;
        for _ in 0..3 {
            chat(&world, "m").await;
        }
        assert_eq!(asked(&world), ["a", "a", "a"], "{strategy}");
        fails(&world, "a", "server-error");
        fails(&world, "b", "server-error");
        let answer = chat(&world, "m").await;
        assert_eq!(answer.status, 200);
        assert_eq!(asked(&world)[3..], ["a", "b", "c"], "{strategy}");
    }
}

#[tokio::test]
async fn a_target_that_is_switched_off_is_not_asked() {
    let targets = [
        "model = \"a\", enabled = false",
        "model = \"b\", priority = 1",
    ];
    let world = World::with(&model("priority", &targets)).await;
    fails(&world, "b", "server-error");
    let answer = chat(&world, "m").await;
    assert_eq!(answer.outcome().1, "retry_limit_exceeded");
    assert_eq!((times(&world, "a"), times(&world, "b")), (0, 3));

    let world = World::with(&model("priority", &targets[..1])).await;
    let answer = chat(&world, "m").await;
    assert_eq!(answer.outcome(), (503, "no_targets".to_owned()));
    assert_eq!(answer.header("x-should-retry"), "false");
}
