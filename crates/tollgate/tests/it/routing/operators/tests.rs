//! Tests of connections, asked for by hand.

use serde_json::{Value, json};
use tollgate_simulator::Rule;

use super::{connection, order, printed};
use crate::routing::scene::{breaker, chat, fails, heals, tollgate};
use crate::world::World;

const SINGLE: &str = r#"
[[models]]
name = "m"
breaker = { failures = 1 }
targets = [{ connection = "sim", model = "a" }]
"#;

async fn test(world: &World, body: Value) -> Value {
    let ask = world.gateway.post("/api/connections/sim/test", body);
    let answer = ask.admin().send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn a_test_says_what_the_provider_says_and_changes_nothing() {
    let world = World::with(SINGLE).await;
    let good = test(&world, json!({})).await;
    assert_eq!(good["success"], true, "{good:#}");
    assert!(good["latency_ms"].is_u64(), "{good:#}");
    assert_eq!(test(&world, json!({"model": "a"})).await["success"], true);

    for (fault, code, status) in [
        (
            "invalid-api-key",
            "provider_authentication_failed",
            json!(401),
        ),
        ("server-error", "provider_error", json!(500)),
        ("rate-limit", "provider_rate_limited", json!(429)),
        ("close-before-answer", "provider_unreachable", Value::Null),
        ("html-200", "provider_invalid_response", json!(200)),
    ] {
        heals(&world);
        world.simulator.script(Rule::new(fault).unwrap()).unwrap();
        for body in [json!({}), json!({"model": "a"})] {
            let bad = test(&world, body).await;
            assert_eq!(bad["success"], false, "{fault}: {bad:#}");
            assert_eq!(bad["code"], code, "{fault}: {bad:#}");
            assert_eq!(bad["provider_status"], status, "{fault}: {bad:#}");
            assert!(!bad["message"].as_str().unwrap().is_empty(), "{bad:#}");
        }
        let shown = connection(&world, "sim").await;
        assert_eq!(shown["last_test"]["code"], code, "{shown:#}");
        let output = tollgate(&world, &["connection", "test", "sim"]).await;
        assert_eq!(output.status.code(), Some(1));
        assert!(
            String::from_utf8_lossy(&output.stdout).contains(code),
            "{fault}"
        );
    }
    heals(&world);
    assert_eq!(breaker(&world, "a").await, 0, "a test is no call");
    assert_eq!(chat(&world, "m").await.status, 200);
}

#[tokio::test]
async fn a_test_reaches_a_target_that_callers_do_not() {
    let world = World::with(SINGLE).await;
    order(&world, "isolate", "sim", Some("a")).await;
    assert_eq!(test(&world, json!({"model": "a"})).await["success"], true);
    let text = printed(&tollgate(&world, &["connection", "test", "sim", "--model", "a"]).await);
    assert!(text.starts_with("sim: ok"), "{text}");
    assert_eq!(breaker(&world, "a").await, 4, "it is isolated as before");
    fails(&world, "a", "server-error");
    assert_eq!(test(&world, json!({"model": "a"})).await["success"], false);
    let path = "/api/connections/nobody/test";
    let answer = world.gateway.post(path, "{}").admin().send().await;
    assert_eq!(answer.outcome(), (404, "resource_not_found".to_owned()));
}
