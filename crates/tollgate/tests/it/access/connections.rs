//! Accounts at providers that belong to one organization, and fallbacks to models that a key may
//! not use.

use serde_json::json;
use tollgate_simulator::Rule;

use super::scene::{self, tenant};
use crate::world::World;

const OWN_KEY: &str = "sk-provider-own-0123456789";

/// A model with the account of `acme` and everybody's, and one with that of `acme` alone.
const OWNED: &str = r#"
[[organizations]]
name = "acme"

[[organizations]]
name = "other"

[[teams]]
name = "acme-team"
organization = "acme"

[[teams]]
name = "other-team"
organization = "other"

[[connections]]
name = "own"
provider = "openai"
api_key = "sk-provider-own-0123456789"
base_url = "http://{provider}/v1"
owner = "acme"

[[models]]
name = "shared"
strategy = "priority"
targets = [{ connection = "own", model = "echo" }, { connection = "sim", model = "echo", priority = 1 }]

[[models]]
name = "private"
targets = [{ connection = "own", model = "echo" }]
"#;

#[tokio::test]
async fn a_revoked_key_of_one_tenants_own_account_ails_that_account_alone() {
    let world = World::with(OWNED).await;
    let acme = scene::text(
        &scene::key(&world, json!({"team": "acme-team"})).await,
        "key",
    );
    let other = scene::text(
        &scene::key(&world, json!({"team": "other-team"})).await,
        "key",
    );
    let by = |answer: &crate::world::Answer| answer.header("x-tollgate-connection").to_owned();

    let answer = scene::chat(&world, &acme, "shared").await;
    assert_eq!(
        (answer.status.as_u16(), by(&answer)),
        (200, "own".to_owned())
    );
    // What only the account of somebody else serves is not there.
    let (hidden, missing) = (
        scene::chat(&world, &other, "private").await,
        scene::chat(&world, &other, "pryvate").await,
    );
    let plain = |answer: &crate::world::Answer| {
        let text = answer.text().replace("pryvate", "private");
        (
            answer.status,
            text.replace(answer.header("x-request-id"), ""),
        )
    };
    assert_eq!(hidden.outcome(), (404, "model_not_found".to_owned()));
    assert_eq!(plain(&hidden), plain(&missing));
    let list = world
        .gateway
        .get("/v1/models")
        .key(&other)
        .send()
        .await
        .text();
    assert!(
        list.contains("shared") && !list.contains("private"),
        "{list}"
    );

    let rule = Rule::new("invalid-api-key").unwrap();
    let rule = rule.header("authorization", &format!("Bearer {OWN_KEY}"));
    world.simulator.script(rule).unwrap();
    for _ in 0..20 {
        let answer = scene::chat(&world, &other, "shared").await;
        assert_eq!(
            (answer.status.as_u16(), by(&answer)),
            (200, "sim".to_owned())
        );
        assert_eq!(answer.header("x-tollgate-attempts"), "1");
        // The next target is asked for whom the account belongs to.
        let answer = scene::chat(&world, &acme, "shared").await;
        assert_eq!(
            (answer.status.as_u16(), by(&answer)),
            (200, "sim".to_owned())
        );
        let answer = scene::chat(&world, &acme, "private").await;
        assert!(answer.status.is_server_error(), "{answer:?}");
        assert_ne!(answer.status, 401, "the caller's own key is good");
    }
    let of_others =
        world.simulator.requests().into_iter().filter(|received| {
            received.header("authorization") == Some(&format!("Bearer {OWN_KEY}"))
        });
    assert!(of_others.count() >= 1);
    for (name, ails) in [("own", true), ("sim", false)] {
        let told = scene::read(&world, &format!("/api/connections/{name}")).await;
        let targets = told["targets"].as_array().unwrap();
        let ailing = targets.iter().any(|target| !target["ailing"].is_null());
        assert_eq!(ailing, ails, "{told}");
        let opened = targets
            .iter()
            .any(|target| target["breaker"]["state"] != "closed");
        assert!(ails || !opened, "{told}");
    }
}

const DEARER: &str = r#"
[[models]]
name = "cheap"
price = { input = "1", output = "1" }
targets = [{ connection = "sim", model = "cheap" }]
fallbacks = ["dear"]
backoff = { first_ms = 10 }

[[models]]
name = "dear"
price = { input = "100", output = "100" }
targets = [{ connection = "sim", model = "dear" }]
"#;

#[tokio::test]
async fn a_dearer_fallback_is_used_by_right_alone_and_paid_at_its_own_price() {
    let world = World::with(DEARER).await;
    let tenant = tenant(&world, "acme").await;
    let add = format!("/api/credits/teams/{}/add", tenant.team);
    scene::make(&world, &add, json!({"amount_usd": "1.00"})).await;
    world
        .simulator
        .script(Rule::new("server-error").unwrap().model("cheap"))
        .unwrap();
    let keyed = async |models: &[&str]| {
        let wanted = json!({"team": tenant.team, "models": models});
        scene::text(&scene::key(&world, wanted).await, "key")
    };
    let (narrow, wide) = (keyed(&["cheap"]).await, keyed(&["cheap", "dear"]).await);
    let answer = scene::chat(&world, &narrow, "cheap").await;
    assert!(answer.status.is_server_error(), "{answer:?}");
    assert!(!answer.text().contains("dear"), "{answer:?}");
    let asked = |model: &str| {
        let all = world.simulator.requests();
        all.iter()
            .filter(|received| received.model == model)
            .count()
    };
    assert_eq!(asked("dear"), 0);

    let answer = scene::chat(&world, &wide, "cheap").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("x-tollgate-model"), "dear");
    let usage = answer.json()["usage"].clone();
    let tokens = usage["total_tokens"].as_u64().unwrap();
    // 100 USD a million: 100,000 nano-USD a token.
    let cost: f64 = answer.header("x-tollgate-cost-usd").parse().unwrap();
    let expected = tokens as f64 / 10_000.0;
    assert!((cost - expected).abs() < 1e-9, "{cost} is not {expected}");
    // Who is not allowed the dearer one is not refused for what it would cost.
    let path = format!("/api/credits/teams/{}/balance", tenant.team);
    let balance = scene::read(&world, &path).await;
    assert_eq!(balance["held_usd"], "0.00", "{balance}");
}
