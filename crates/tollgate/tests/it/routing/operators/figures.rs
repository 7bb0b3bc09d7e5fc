//! The figures of breakers, lines and budgets.

use std::time::Instant;

use futures_util::future::join_all;

use crate::routing::scene::{
    breaker, chat, fails, fails_times, hold, stays, times, until_under_way, until_waiting,
};
use crate::world::World;

const TARGETS: &str = r#"
[overload]
lag_ms = 0

[[models]]
name = "m"
attempts = 2
breaker = { failures = 2, share_percent = 0 }
backoff = { first_ms = 10, longest_ms = 10 }
targets = [{ connection = "sim", model = "a" }]
[[models]]
name = "narrow"
targets = [{ connection = "sim", model = "b", limits = { parallel = 1 } }]
[[models]]
name = "pair"
attempts = 2
breaker = { failures = 0, share_percent = 0 }
targets = [
    { connection = "sim", model = "c" },
    { connection = "sim", model = "d", priority = 1 },
]
"#;

#[tokio::test]
async fn breakers_and_lines_are_counted() {
    let world = World::with(TARGETS).await;
    let figure = async |name: &str, model: &str| {
        let label = format!("model=\"{model}\"");
        world
            .gateway
            .metric(name, &[&label, "connection=\"sim\""])
            .await
    };
    fails_times(
        &world,
        "a",
        "rate-limit:retry-after-ms=50,retry-after=none",
        1,
    );
    assert_eq!(chat(&world, "m").await.status, 200);
    assert_eq!(figure("tollgate_cooldowns_total", "a").await, 1);
    fails(&world, "a", "server-error");
    assert_eq!(chat(&world, "m").await.outcome().1, "retry_limit_exceeded");
    assert_eq!(figure("tollgate_breaker_opened_total", "a").await, 1);
    assert_eq!(figure("tollgate_breaker_state", "a").await, 3);
    assert_eq!(breaker(&world, "b").await, 0);

    stays(&world, "b");
    let held = hold(&world, "narrow").await;
    until_under_way(&world.gateway, "b", 1).await;
    let waiting = join_all((0..3).map(|_| chat(&world, "narrow")));
    let free = async {
        until_waiting(&world.gateway, 3).await;
        let label = ["model=\"narrow\""];
        assert_eq!(
            world.gateway.metric("tollgate_queue_waiting", &label).await,
            3
        );
        drop(held);
    };
    let (answers, ()) = tokio::join!(waiting, free);
    assert!(answers.iter().all(|answer| answer.status == 200));
    until_waiting(&world.gateway, 0).await;
    until_under_way(&world.gateway, "b", 0).await;
}

#[tokio::test]
async fn the_budget_of_retries_is_kept_and_refusals_are_counted() {
    let world = World::with(TARGETS).await;
    fails(&world, "c", "server-error");
    let requests = 150;
    let begin = Instant::now();
    let asks = (0..requests).map(|_| chat(&world, "pair"));
    let answers = join_all(asks).await;
    let late = begin.elapsed().as_secs().saturating_sub(9);
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    // Ten a second over ten seconds, and some more for each second if it took that long.
    let most = 130 + 15 * usize::try_from(late).unwrap();
    assert!((100..=most).contains(&good), "{good} of at most {most}");
    assert_eq!(times(&world, "d"), good, "only retries come here");
    let label = ["model=\"d\""];
    let name = "tollgate_retries_refused_total";
    let refused = world.gateway.metric(name, &label).await;
    assert!(refused >= requests as u64 - good as u64, "{refused}");
    let attempts = world.simulator.requests().len();
    let most = requests + requests / 5 + 2 * most;
    assert!(attempts <= most, "{attempts} of at most {most}");
}
