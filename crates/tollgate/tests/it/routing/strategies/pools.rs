//! Several keys of one provider, and whole connections behind one pattern.

use std::collections::BTreeSet;

use crate::routing::scene::{chat, fails_times};
use crate::world::World;
use tollgate_simulator::Rule;

/// Three accounts at one provider, as a pool for one model and for all of them.
const POOL: &str = r#"
[[connections]]
name = "one"
provider = "openai"
api_key = "sk-pool-one"
base_url = "http://{provider}/v1"
[[connections]]
name = "two"
provider = "openai"
api_key = "sk-pool-two"
base_url = "http://{provider}/v1"
[[connections]]
name = "three"
provider = "openai"
api_key = "sk-pool-three"
base_url = "http://{provider}/v1"

[[models]]
name = "m"
strategy = "round_robin"
targets = [
    { connection = "one", model = "a" },
    { connection = "two", model = "a" },
    { connection = "three", model = "a" },
]

[[models]]
name = "pool/*"
strategy = "round_robin"
breaker = { failures = 2 }
attempts = 2
targets = [{ connection = "one" }, { connection = "two" }]
"#;

/// The accounts that were asked, in order, from the request of this number on.
fn accounts(world: &World, from: usize) -> Vec<String> {
    let requests = world.simulator.requests().into_iter().skip(from);
    let account = |received: tollgate_simulator::Received| {
        let credential = received.header("authorization").unwrap();
        credential
            .strip_prefix("Bearer sk-pool-")
            .unwrap()
            .to_owned()
    };
    requests.map(account).collect()
}

#[tokio::test]
async fn several_keys_of_one_provider_are_a_pool() {
    let world = World::with(POOL).await;
    for _ in 0..6 {
        let answer = chat(&world, "m").await;
        let asked = accounts(&world, 0).pop().unwrap();
        assert_eq!(answer.header("x-tollgate-connection"), asked);
    }
    let first: BTreeSet<_> = accounts(&world, 0).drain(..3).collect();
    assert_eq!(first.len(), 3, "in turn");

    // One account is limited: the same request goes to the next one at once, and no other goes to
    // the first.
    let limited = Rule::new("rate-limit:retry-after=30").unwrap();
    let limited = limited.header("authorization", "Bearer sk-pool-two");
    world.simulator.script(limited).unwrap();
    for _ in 0..9 {
        assert_eq!(chat(&world, "m").await.status, 200);
    }
    let asked = accounts(&world, 6);
    let limited = asked.iter().filter(|account| *account == "two").count();
    assert_eq!((asked.len(), limited), (10, 1), "{asked:?}");
}

#[tokio::test]
async fn a_pattern_of_several_connections_shares_every_name_and_knows_each_by_itself() {
    let world = World::with(POOL).await;
    for model in ["pool/alpha", "pool/beta"] {
        for _ in 0..2 {
            let answer = chat(&world, model).await;
            assert_eq!(answer.header("x-tollgate-model"), model);
        }
    }
    let models: Vec<_> = world
        .simulator
        .requests()
        .into_iter()
        .map(|received| received.model)
        .collect();
    assert_eq!(models, ["alpha", "alpha", "beta", "beta"]);

    // Both accounts fail for one name until their breakers are open: the other name goes on.
    fails_times(&world, "alpha", "server-error", 4);
    for _ in 0..2 {
        let answer = chat(&world, "pool/alpha").await;
        assert_eq!(answer.outcome().1, "route_selection_failed");
    }
    let answer = chat(&world, "pool/alpha").await;
    assert_eq!(answer.outcome(), (503, "circuit_breaker_open".to_owned()));
    let before = world.simulator.requests().len();
    for _ in 0..2 {
        assert_eq!(chat(&world, "pool/beta").await.status, 200);
    }
    let asked: BTreeSet<_> = accounts(&world, before).into_iter().collect();
    assert_eq!(asked.len(), 2, "{asked:?}");
}
