//! What waiting does not mend: such a target is asked after all others.

use crate::routing::scene::chat;
use crate::world::World;
use tollgate_simulator::Rule;

const POOL: &str = r#"
[[connections]]
name = "own"
provider = "openai"
api_key = "sk-pool-own"
base_url = "http://{provider}/v1"
[[connections]]
name = "shared"
provider = "openai"
api_key = "sk-pool-shared"
base_url = "http://{provider}/v1"

[[models]]
name = "m"
targets = [
    { connection = "own", model = "a" },
    { connection = "shared", model = "a", priority = 1 },
]
"#;

fn fails(world: &World, account: &str, fault: &str) {
    let credential = format!("Bearer sk-pool-{account}");
    let rule = Rule::new(fault)
        .unwrap()
        .header("authorization", &credential);
    world.simulator.script(rule).unwrap();
}

fn asked(world: &World) -> Vec<String> {
    let requests = world.simulator.requests().into_iter();
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
async fn r21_a_revoked_credential_makes_only_its_connection_the_last() {
    for fault in ["invalid-api-key", "quota", "permission", "model-not-found"] {
        let world = World::with(POOL).await;
        fails(&world, "own", fault);
        for _ in 0..5 {
            let answer = chat(&world, "m").await;
            assert_eq!(answer.status, 200, "{fault}");
            assert_eq!(answer.header("x-tollgate-connection"), "shared");
        }
        let expected = ["own", "shared", "shared", "shared", "shared", "shared"];
        assert_eq!(asked(&world), expected, "{fault}");
        // It is the last, not out: when the others fail, it is asked again.
        fails(&world, "shared", "server-error");
        let answer = chat(&world, "m").await;
        assert_ne!(answer.status, 401, "our credential is not the caller's");
        assert_eq!(asked(&world)[6..8], ["shared", "own"], "{fault}");
        let opened = "tollgate_breaker_opened_total";
        let labels = ["connection=\"own\""];
        assert_eq!(world.gateway.metric(opened, &labels).await, 0);
    }
}
