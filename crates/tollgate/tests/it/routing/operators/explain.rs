//! What `explain` says is what then happens.

use serde_json::{Value, json};

use super::{order, printed};
use crate::routing::scene::{
    asked, chat, chat_as, fails, heals, hold, key, key_config, plain, stays, tollgate, wait_ms,
};
use crate::world::{NARROW_KEY, World};

const MODELS: &str = r#"
[[models]]
name = "priced"
strategy = "cost"
targets = [
    { connection = "sim", model = "a", price = { input = "2.50", output = "10" } },
    { connection = "sim", model = "b", price = { input = "0.30", output = "40" } },
]
[[models]]
name = "turns"
strategy = "round_robin"
targets = [
    { connection = "sim", model = "a" },
    { connection = "sim", model = "b" },
    { connection = "sim", model = "c" },
]
[[models]]
name = "drawn"
strategy = "weighted"
targets = [
    { connection = "sim", model = "a" },
    { connection = "sim", model = "b" },
    { connection = "sim", model = "c" },
]
[[models]]
name = "sticky"
sticky = "user"
targets = [
    { connection = "sim", model = "a" },
    { connection = "sim", model = "b" },
    { connection = "sim", model = "c" },
]
[[models]]
name = "hindered"
breaker = { failures = 1 }
targets = [
    { connection = "sim", model = "off", enabled = false },
    { connection = "sim", model = "unfit", when = { tags = ["x"] } },
    { connection = "sim", model = "isolated" },
    { connection = "sim", model = "open" },
    { connection = "sim", model = "cooling" },
    { connection = "sim", model = "full", limits = { parallel = 1 } },
    { connection = "sim", model = "fine", priority = 1 },
]
[[models]]
name = "open"
targets = [{ connection = "sim", model = "open" }]
[[models]]
name = "cooling"
queue = { wait_ms = 10 }
targets = [{ connection = "sim", model = "cooling" }]
[[models]]
name = "isolated"
targets = [{ connection = "sim", model = "isolated" }]
[[models]]
name = "full"
targets = [{ connection = "sim", model = "full", limits = { parallel = 1 } }]
[[models]]
name = "chained"
fallbacks = ["hindered"]
targets = [{ connection = "sim", model = "isolated" }]
"#;

async fn world() -> World {
    let app = key_config("other", "\"turns\"", "");
    World::with(&format!("{MODELS}{app}")).await
}

async fn explain(world: &World, body: Value) -> Value {
    let ask = world.gateway.post("/api/routes/explain", &body);
    let answer = ask.admin().send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The provider's models of the asked model, in the order in which they would be asked.
fn order_of(explained: &Value) -> Vec<String> {
    let targets = explained["models"][0]["targets"].as_array().unwrap();
    let models = targets
        .iter()
        .map(|target| target["model"].as_str().unwrap().to_owned());
    models.collect()
}

#[tokio::test]
async fn explain_names_the_target_that_is_then_asked() {
    let world = world().await;
    for model in ["turns", "drawn"] {
        for _ in 0..6 {
            let explained = explain(&world, json!({"model": model})).await;
            let again = explain(&world, json!({"model": model})).await;
            assert_eq!(
                order_of(&explained),
                order_of(&again),
                "it takes nobody's turn"
            );
            assert_eq!(chat(&world, model).await.status, 200);
            let asked = asked(&world).pop().unwrap();
            assert_eq!(explained["outcome"]["target_model"], asked, "{model}");
            assert_eq!(order_of(&explained)[0], asked, "{model}");
        }
    }
    for user in ["ann", "bob", "eve", "joe"] {
        let explained = explain(&world, json!({"model": "sticky", "user": user})).await;
        let mut body = plain("sticky");
        body["user"] = user.into();
        assert_eq!(world.chat(&body).send().await.status, 200);
        assert_eq!(
            explained["outcome"]["target_model"],
            asked(&world).pop().unwrap()
        );
    }
}

#[tokio::test]
async fn explain_tells_the_order_after_failures() {
    let world = world().await;
    let explained = explain(&world, json!({"model": "turns"})).await;
    for model in ["a", "b", "c"] {
        fails(&world, model, "server-error");
    }
    let answer = chat(&world, "turns").await;
    assert_eq!(answer.outcome().1, "route_selection_failed");
    assert_eq!(order_of(&explained), asked(&world));
}

#[tokio::test]
async fn explain_tells_the_price_by_which_a_target_is_chosen() {
    let world = world().await;
    let priced = async |prompt: u64, output: u64| {
        let body = json!({"model": "priced", "prompt_tokens": prompt, "max_output": output});
        let explained = explain(&world, body).await;
        let targets = explained["models"][0]["targets"].as_array().unwrap();
        let cost = |target: &Value| target["estimated_cost_usd"].as_str().unwrap().to_owned();
        (
            order_of(&explained),
            targets.iter().map(cost).collect::<Vec<_>>(),
        )
    };
    let (order, costs) = priced(2000, 500).await;
    assert_eq!(
        (order[0].as_str(), costs),
        ("a", vec!["0.01".to_owned(), "0.0206".to_owned()])
    );
    let (order, costs) = priced(20_000, 10).await;
    assert_eq!(
        (order[0].as_str(), costs),
        ("b", vec!["0.0064".to_owned(), "0.0501".to_owned()])
    );
    let explained = explain(&world, json!({"model": "priced"})).await;
    let price = &explained["models"][0]["targets"][0]["price"];
    assert_eq!(
        (&price["input"], &price["output"]),
        (&json!("2.5"), &json!("10")),
        "{price}"
    );
}

/// Every obstacle that can be told of.
async fn hinder(world: &World) -> crate::world::Opened {
    order(world, "isolate", "sim", Some("isolated")).await;
    order(world, "open", "sim", Some("open")).await;
    fails(world, "cooling", "rate-limit:retry-after=60");
    let ask = world
        .chat(&plain("cooling"))
        .header("x-tollgate-timeout-ms", "2000");
    assert_eq!(ask.send().await.outcome().1, "provider_rate_limited");
    heals(world);
    stays(world, "full");
    hold(world, "full").await
}

#[tokio::test]
async fn explain_tells_what_stands_in_the_way() {
    let world = world().await;
    let _held = hinder(&world).await;
    let explained = explain(&world, json!({"model": "hindered"})).await;
    let targets = explained["models"][0]["targets"].as_array().unwrap();
    for target in targets {
        let obstacle = match target["model"].as_str().unwrap() {
            "off" => json!("disabled"),
            "fine" => Value::Null,
            kind => json!(kind),
        };
        assert_eq!(target["obstacle"]["kind"], obstacle, "{target:#}");
        assert_eq!(target["asked"], obstacle.is_null());
    }
    assert_eq!(explained["outcome"]["target_model"], "fine");
    assert_eq!(chat(&world, "hindered").await.status, 200);
    assert_eq!(asked(&world).last().unwrap(), "fine");
    let text = printed(&tollgate(&world, &["explain", "--model", "hindered"]).await);
    for words in [
        "hindered: asks connection sim for fine first",
        "`enabled = false`",
        "`tags`",
        "isolated",
        "breaker is open",
        "cools down for",
        "All places of the target are taken",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let chained = explain(&world, json!({"model": "chained"})).await;
    assert_eq!(chained["outcome"]["model"], "hindered", "{chained:#}");
    let answer = chat(&world, "chained").await;
    assert_eq!(answer.header("x-tollgate-model"), "hindered");
}

#[tokio::test]
async fn explain_tells_the_error_that_is_then_met() {
    let world = world().await;
    let held = hinder(&world).await;
    for (model, code) in [
        ("open", "circuit_breaker_open"),
        ("cooling", "provider_rate_limited"),
        ("isolated", "no_targets"),
    ] {
        let explained = explain(&world, json!({"model": model})).await;
        let outcome = &explained["outcome"];
        assert_eq!(
            (&outcome["does"], &outcome["code"]),
            (&json!("fails"), &json!(code))
        );
        let answer = chat(&world, model).await;
        assert_eq!(answer.outcome().1, code);
        if let Some(wait) = outcome["retry_after_ms"].as_u64() {
            assert!(
                (wait_ms(&answer)..=wait_ms(&answer) + 5000).contains(&wait),
                "{model}: {wait}"
            );
        }
        let json = printed(&tollgate(&world, &["explain", "--model", model, "--json"]).await);
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["outcome"]["code"], code, "by command, too");
    }
    let explained = explain(&world, json!({"model": "full"})).await;
    assert_eq!(explained["outcome"]["does"], "waits", "{explained:#}");
    let ask = world
        .chat(&plain("full"))
        .header("x-tollgate-timeout-ms", "300");
    assert_eq!(ask.send().await.outcome().1, "route_selection_timeout");
    drop(held);

    let explained = explain(&world, json!({"model": "full", "key": "other"})).await;
    assert_eq!(explained["outcome"]["does"], "refuses");
    assert_eq!(explained["outcome"]["code"], "model_access_denied");
    assert_eq!(chat_as(&world, &key("other"), "full").await.status, 404);
    assert_eq!(chat_as(&world, NARROW_KEY, "full").await.status, 404);
    let body = json!({"model": "nothing"});
    let unknown = world
        .gateway
        .post("/api/routes/explain", &body)
        .admin()
        .send()
        .await;
    assert_eq!(unknown.outcome(), (404, "model_not_found".to_owned()));
}
