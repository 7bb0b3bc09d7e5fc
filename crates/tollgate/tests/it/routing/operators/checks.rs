//! Active health checks.

use tollgate_simulator::Rule;

use super::connection;
use crate::routing::scene::{chat, heals, plain, times, until};
use crate::world::World;

/// One connection is asked for its list of models, the other one a model for a token.
const WATCHED: &str = r#"
[[connections]]
name = "listed"
provider = "openai"
api_key = "sk-watched"
base_url = "http://{provider}/v1"
checks = { interval_s = 1, timeout_ms = 2000, unhealthy = 2, healthy = 2 }
[[connections]]
name = "asked"
provider = "openai-compatible"
base_url = "http://{provider}/v1"
checks = { interval_s = 1, timeout_ms = 1000, model = "tiny", unhealthy = 1, healthy = 1 }

[[models]]
name = "m"
targets = [
    { connection = "listed", model = "a" },
    { connection = "sim", model = "b", priority = 1 },
]
[[models]]
name = "single"
targets = [{ connection = "listed", model = "a" }]
[[models]]
name = "slow"
targets = [{ connection = "asked", model = "c" }]
"#;

async fn healthy(world: &World, name: &str) -> bool {
    connection(world, name).await["healthy"] == true
}

/// The checks of the connection that is asked for its list of models.
fn lists(world: &World) -> usize {
    let requests = world.simulator.requests().into_iter();
    let lists =
        requests.filter(|received| received.path == "/v1/models" && received.ended_ms.is_some());
    lists.count()
}

fn list_fails(fault: &str) -> Rule {
    Rule::new(fault).unwrap().path("/v1/models")
}

#[tokio::test]
async fn active_health_checks_take_a_connection_out_and_bring_it_back() {
    let world = World::with(WATCHED).await;
    // One failure is below the threshold.
    world
        .simulator
        .script(list_fails("server-error").times(1))
        .unwrap();
    until("three checks were made", async || lists(&world) >= 3).await;
    assert!(healthy(&world, "listed").await);
    let log = || std::fs::read_to_string(&world.gateway.log).unwrap_or_default();
    assert!(!log().contains("a connection is unhealthy"), "{}", log());
    assert_eq!(
        chat(&world, "m").await.header("x-tollgate-connection"),
        "listed"
    );

    world.simulator.script(list_fails("server-error")).unwrap();
    until("the checks fail", async || !healthy(&world, "listed").await).await;
    let label = ["connection=\"listed\""];
    let name = "tollgate_connection_healthy";
    assert_eq!(world.gateway.metric(name, &label).await, 0);
    let shown = connection(&world, "listed").await;
    assert_eq!(shown["status"], "error", "{shown:#}");
    assert_eq!(shown["last_check"]["code"], "provider_error", "{shown:#}");
    assert_eq!(
        shown["targets"][0]["breaker"]["state"], "closed",
        "checks are not calls"
    );
    let before = times(&world, "a");
    assert_eq!(
        chat(&world, "m").await.header("x-tollgate-connection"),
        "sim"
    );
    let answer = chat(&world, "single").await;
    assert_eq!(answer.outcome(), (503, "no_healthy_targets".to_owned()));
    assert_eq!(times(&world, "a"), before, "nothing is sent there");
    until("it is in the log", async || {
        log().contains("a connection is unhealthy")
    })
    .await;

    heals(&world);
    until("it is back", async || healthy(&world, "listed").await).await;
    assert_eq!(world.gateway.metric(name, &label).await, 1);
    let shown = connection(&world, "listed").await;
    assert!(shown["last_check"]["code"].is_null(), "{shown:#}");
    assert_eq!(shown["status"], "active");
    assert_eq!(
        chat(&world, "m").await.header("x-tollgate-connection"),
        "listed"
    );
    assert_eq!(chat(&world, "single").await.status, 200);
}

#[tokio::test]
async fn a_check_of_a_model_asks_for_one_token_and_has_a_timeout() {
    let world = World::with(WATCHED).await;
    until("a check was made", async || times(&world, "tiny") > 0).await;
    let requests = world.simulator.requests().into_iter();
    let mut checks = requests.filter(|received| received.model == "tiny");
    let body: serde_json::Value = serde_json::from_str(&checks.next().unwrap().body).unwrap();
    let limit = ["max_tokens", "max_completion_tokens"].map(|name| body[name].as_u64());
    assert!(limit.contains(&Some(1)), "{body}");
    world
        .simulator
        .script(Rule::new("delay-head").unwrap().model("tiny"))
        .unwrap();
    until("the checks fail", async || !healthy(&world, "asked").await).await;
    let shown = connection(&world, "asked").await;
    assert_eq!(shown["last_check"]["code"], "provider_timeout", "{shown:#}");
    assert_eq!(chat(&world, "slow").await.outcome().1, "no_healthy_targets");
    assert!(healthy(&world, "listed").await, "each by itself");
    heals(&world);
    until("it is back", async || healthy(&world, "asked").await).await;
    assert_eq!(world.chat(&plain("slow")).send().await.status, 200);
}
