//! What is known of targets outlives a reload of the configuration, but not another account.

use super::{order, reload, target};
use crate::routing::scene::{breaker, chat, fails, heals, times};
use crate::world::World;

const ACCOUNT: &str = r#"
[[connections]]
name = "account"
provider = "openai"
api_key = "sk-first"
base_url = "http://{provider}/v1"

[[models]]
name = "m"
attempts = 1
breaker = { failures = 2 }
targets = [{ connection = "account", model = "a" }]
[[models]]
name = "n"
targets = [{ connection = "account", model = "b" }]
[[models]]
name = "o"
queue = { wait_ms = 10 }
targets = [{ connection = "account", model = "c", limits = { rpm = 2 } }]
"#;

#[tokio::test]
async fn breakers_orders_and_limits_outlive_a_reload_and_not_another_key() {
    let world = World::with(ACCOUNT).await;
    fails(&world, "a", "server-error");
    for _ in 0..2 {
        chat(&world, "m").await;
    }
    order(&world, "isolate", "account", Some("b")).await;
    for _ in 0..2 {
        assert_eq!(chat(&world, "o").await.status, 200);
    }
    heals(&world);
    // The same account with another model, another header of ours, and other rules.
    let more = ACCOUNT.replace("failures = 2", "failures = 3")
        + "[[models]]\nname = \"new\"\ntargets = [{ connection = \"account\", model = \"d\" }]\n";
    reload(&world, &more).await;
    assert_eq!(chat(&world, "new").await.status, 200);
    assert_eq!(chat(&world, "m").await.outcome().1, "circuit_breaker_open");
    assert_eq!(chat(&world, "n").await.outcome().1, "no_healthy_targets");
    assert_eq!(
        chat(&world, "o").await.outcome().1,
        "route_selection_timeout"
    );
    let shown = target(&world, "account", "a").await;
    assert_eq!(shown["breaker"]["reason"], "provider_error", "{shown:#}");
    assert_eq!(
        (times(&world, "a"), times(&world, "b"), times(&world, "c")),
        (2, 0, 2)
    );

    // Another key is another account: nothing is known of it.
    reload(&world, &ACCOUNT.replace("sk-first", "sk-second")).await;
    assert_eq!(breaker(&world, "a").await, 0);
    for model in ["m", "o"] {
        assert_eq!(chat(&world, model).await.status, 200, "{model}");
    }
    let requests = world.simulator.requests();
    let last = requests.last().unwrap().header("authorization");
    assert_eq!(last, Some("Bearer sk-second"));
}

#[tokio::test]
async fn limits_and_targets_of_a_reload_hold_at_once() {
    let world = World::with(ACCOUNT).await;
    assert_eq!(chat(&world, "o").await.status, 200);
    reload(&world, &ACCOUNT.replace("rpm = 2", "rpm = 1")).await;
    let answer = chat(&world, "o").await;
    assert_eq!(
        answer.outcome().1,
        "route_selection_timeout",
        "the one before counts"
    );
    reload(&world, &ACCOUNT.replace("rpm = 2", "rpm = 3")).await;
    assert_eq!(chat(&world, "o").await.status, 200);
    let off = ACCOUNT.replace("model = \"c\"", "model = \"c\", enabled = false");
    reload(&world, &off).await;
    assert_eq!(chat(&world, "o").await.outcome().1, "no_targets");
}
