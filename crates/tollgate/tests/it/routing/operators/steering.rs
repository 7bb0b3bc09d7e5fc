//! Breakers by hand.

use super::{order, printed, target};
use crate::routing::scene::{
    breaker, chat, fails, heals, hold, stays, times, tollgate, until_under_way, until_waiting,
    wait_ms,
};
use crate::world::World;

const TARGETS: &str = r#"
[[models]]
name = "pair"
breaker = { open_s = 1 }
targets = [
    { connection = "sim", model = "a" },
    { connection = "lenient", model = "b", priority = 1 },
]
[[models]]
name = "single"
breaker = { open_s = 1 }
targets = [{ connection = "sim", model = "a" }]
"#;

#[tokio::test]
async fn operator_isolation_keeps_all_calls_from_a_target_until_it_is_closed_by_hand() {
    let world = World::with(TARGETS).await;
    stays(&world, "a");
    let mut stream = hold(&world, "single").await;
    let shown = order(&world, "isolate", "sim", Some("a")).await;
    for one in shown["targets"].as_array().unwrap() {
        let is_isolated = one["breaker"]["state"] == "isolated";
        assert_eq!(is_isolated, one["model"] == "a", "{shown:#}");
    }
    stream.next().await.unwrap().unwrap();
    assert_eq!(times(&world, "a"), 1, "what is under way goes on");
    for _ in 0..3 {
        let answer = chat(&world, "pair").await;
        assert_eq!(answer.header("x-tollgate-connection"), "lenient");
        assert_eq!(answer.header("x-tollgate-attempts"), "1");
    }
    let answer = chat(&world, "single").await;
    assert_eq!(answer.outcome(), (503, "no_healthy_targets".to_owned()));
    // Neither time, nor an answer, nor another order lets calls through but the one that closes.
    drop(stream);
    until_under_way(&world.gateway, "a", 0).await;
    order(&world, "open", "sim", Some("a")).await;
    crate::routing::scene::rest(std::time::Duration::from_millis(1100)).await;
    assert_eq!(breaker(&world, "a").await, 4);
    assert_eq!(
        chat(&world, "single").await.outcome().1,
        "no_healthy_targets"
    );
    assert_eq!(times(&world, "a"), 1);
    order(&world, "close", "sim", Some("a")).await;
    heals(&world);
    assert_eq!(chat(&world, "single").await.status, 200);
    assert_eq!(
        chat(&world, "pair").await.header("x-tollgate-connection"),
        "sim"
    );
}

#[tokio::test]
async fn a_model_whose_targets_are_all_taken_out_says_how() {
    let target = |model: &str, enabled: bool| {
        format!("{{ connection = \"sim\", model = \"{model}\", enabled = {enabled} }}")
    };
    let mut config = String::new();
    for (name, targets) in [
        ("off", [target("x", false), target("y", false)]),
        ("mixed", [target("a", true), target("y", false)]),
        ("isolated", [target("a", true), target("b", true)]),
        ("remaining", [target("a", true), target("c", true)]),
    ] {
        let targets = targets.join(", ");
        config.push_str(
            &[
                "[[models]]\nname = \"",
                name,
                "\"\ntargets = [",
                &targets,
                "]\n",
            ]
            .concat(),
        );
    }
    config += "[[collections]]\nname = \"some\"\nmodels = [\"off\", \"isolated\"]\n";
    let world = World::with(&config).await;
    for model in ["a", "b"] {
        order(&world, "isolate", "sim", Some(model)).await;
    }
    order(&world, "open", "sim", Some("c")).await;
    for (model, code) in [
        ("off", "no_targets"),
        ("mixed", "no_healthy_targets"),
        ("isolated", "no_healthy_targets"),
        // Every breaker that remains is open.
        ("remaining", "circuit_breaker_open"),
        ("some", "no_models"),
    ] {
        let answer = chat(&world, model).await;
        assert_eq!(answer.outcome(), (503, code.to_owned()), "{model}");
    }
    assert!(world.simulator.requests().is_empty());
}

#[tokio::test]
async fn who_waits_for_a_target_that_is_isolated_meanwhile_is_told_so_at_once() {
    let world = World::with(
        "[[models]]\nname = \"m\"\nqueue = { wait_ms = 15000 }\n\
         targets = [{ connection = \"sim\", model = \"a\", limits = { parallel = 1 } }]\n",
    )
    .await;
    stays(&world, "a");
    let _held = hold(&world, "m").await;
    let isolate = async {
        until_waiting(&world.gateway, 1).await;
        order(&world, "isolate", "sim", Some("a")).await;
    };
    let begin = std::time::Instant::now();
    let (answer, ()) = tokio::join!(chat(&world, "m"), isolate);
    assert_eq!(answer.outcome(), (503, "no_healthy_targets".to_owned()));
    assert!(begin.elapsed() < std::time::Duration::from_secs(10));
}

#[tokio::test]
async fn an_operator_opens_and_probes_follow() {
    let world = World::with(&TARGETS.replace("open_s = 1", "open_s = 4")).await;
    let text = printed(&tollgate(&world, &["connection", "open", "sim", "--model", "a"]).await);
    assert!(text.contains("open"), "{text}");
    let answer = chat(&world, "single").await;
    assert_eq!(answer.outcome(), (503, "circuit_breaker_open".to_owned()));
    assert!(wait_ms(&answer) <= 4000);
    let shown = target(&world, "sim", "a").await;
    assert!(
        shown["breaker"]["remaining_ms"].as_u64().unwrap() <= 4000,
        "{shown:#}"
    );
    assert_eq!(
        chat(&world, "pair").await.header("x-tollgate-connection"),
        "lenient"
    );
    crate::routing::scene::until_breaker(&world, "a", 2).await;
    assert_eq!(chat(&world, "single").await.status, 200);
    assert_eq!(breaker(&world, "a").await, 0);
}

#[tokio::test]
async fn an_operator_closes_what_failures_opened() {
    let world = World::with(&TARGETS.replace("open_s = 1", "open_s = 600")).await;
    fails(&world, "a", "overloaded");
    for _ in 0..5 {
        chat(&world, "pair").await;
    }
    let shown = target(&world, "sim", "a").await;
    let open = &shown["breaker"];
    assert_eq!(open["state"], "open", "{shown:#}");
    assert_eq!(open["reason"], "provider_overloaded");
    assert_eq!(open["failures_in_a_row"], 5);
    assert_eq!(open["opened"], 1);
    assert!(
        open["remaining_ms"].as_u64().unwrap() > 500_000,
        "{shown:#}"
    );
    crate::routing::scene::until("the log says why, and for how long", async || {
        let log = std::fs::read_to_string(&world.gateway.log).unwrap_or_default();
        let mut lines = log.lines();
        lines.any(|line| {
            let words = [
                "a target changed its state",
                "provider_overloaded",
                "for_ms",
            ];
            words.iter().all(|word| line.contains(word))
        })
    })
    .await;
    let list = printed(&tollgate(&world, &["connection", "list"]).await);
    assert!(
        list.contains("open") && list.contains("provider_overloaded"),
        "{list}"
    );
    heals(&world);
    assert_eq!(
        chat(&world, "single").await.outcome().1,
        "circuit_breaker_open"
    );
    // Without a model, all targets of the connection obey.
    printed(&tollgate(&world, &["connection", "close", "sim"]).await);
    assert_eq!(chat(&world, "single").await.status, 200);
    let shown = target(&world, "sim", "a").await;
    assert_eq!(shown["breaker"]["failures_in_a_row"], 0, "{shown:#}");
    // A target that cools down is closed by hand, too.
    fails(&world, "a", "rate-limit:retry-after=100");
    chat(&world, "pair").await;
    assert_eq!(
        target(&world, "sim", "a").await["breaker"]["state"],
        "cooling"
    );
    heals(&world);
    order(&world, "close", "sim", None).await;
    assert_eq!(chat(&world, "single").await.status, 200);
}
