use std::time::Duration;

use futures_util::future::join_all;
use tollgate_core::secret::Secret;
use tollgate_core::time::Timestamp;
use tollgate_core::webhook::sign;

use crate::access_log::LogFormat;
use crate::gateway::Settings;
use crate::testing::world::{Said, World};

const PATH: &str = "POST /api/webhooks/credits";
const EVENT: &str = r#"{"event":"evt_1","team":"default","amount_usd":"10.00","type":"payment"}"#;

async fn world() -> World {
    let world = World::new(Vec::new(), LogFormat::Off).await;
    let settings = Settings {
        webhook_secret: Some(secret()),
        ..Settings::clone(&world.gateway.settings())
    };
    world.gateway.set_settings(settings);
    world
}

fn secret() -> Secret {
    Secret::new("whsec-0123456789")
}

async fn send(world: &World, body: &str) -> Said {
    send_signed(
        world,
        &sign(&secret(), world.gateway.now(), body.as_bytes()),
        body,
    )
    .await
}

async fn send_signed(world: &World, signature: &str, body: &str) -> Said {
    let headers = format!("tollgate-signature: {signature}\r\n");
    world.ask(PATH, &headers, body).await
}

async fn balance(world: &World) -> String {
    let said = world
        .manage("GET /api/credits/teams/default/balance", "")
        .await;
    said.json()["balance_usd"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_event_adds_credits_once_however_often_it_comes() {
    let world = world().await;
    let said = send(&world, EVENT).await;
    assert_eq!(said.status, 200, "{}", said.body);
    assert_eq!(said.json()["transaction"]["reference"], "evt_1");
    let replays = join_all((0..100).map(|_| send(&world, EVENT))).await;
    assert!(
        replays
            .iter()
            .all(|it| it.status == 200 && it.body == said.body)
    );
    assert_eq!(balance(&world).await, "10.00");
    // Events may come in any order, and others are others.
    let other = EVENT.replace("evt_1", "evt_0");
    assert_eq!(send(&world, &other).await.status, 200);
    assert_eq!(balance(&world).await, "20.00");
    // The same event with another amount is not the same event.
    let changed = EVENT.replace("10.00", "99.00");
    assert_eq!(send(&world, &changed).await.status, 409);
    assert_eq!(balance(&world).await, "20.00");
    let audit = world.manage("GET /api/audit?object=team", "").await.json();
    assert_eq!(audit["entries"].as_array().unwrap().len(), 2);
    assert_eq!(audit["entries"][0]["actor"], "webhook");
}

#[tokio::test]
async fn what_is_forged_stale_or_unsigned_adds_nothing() {
    let world = world().await;
    let now = world.gateway.now();
    let good = sign(&secret(), now, EVENT.as_bytes());
    let old = Timestamp::from_millis(now.as_millis() - 301_000);
    let future = now.after(Duration::from_secs(301));
    let other = EVENT.replace("10.00", "10000.00");
    for (signature, body) in [
        (sign(&Secret::new("guess"), now, EVENT.as_bytes()), EVENT),
        (sign(&secret(), old, EVENT.as_bytes()), EVENT),
        (sign(&secret(), future, EVENT.as_bytes()), EVENT),
        (good.clone(), &other),
        (good.clone(), ""),
        (good.replace("v1=", "v0="), EVENT),
        ("nonsense".to_owned(), EVENT),
        (String::new(), EVENT),
    ] {
        let said = send_signed(&world, &signature, body).await;
        let code = said.json()["error"]["code"].clone();
        assert_eq!(
            (said.status, code),
            (401, "invalid_api_key".into()),
            "{signature}"
        );
    }
    assert_eq!(world.ask(PATH, "", EVENT).await.status, 401);
    let twice = format!("tollgate-signature: {good}\r\ntollgate-signature: {good}\r\n");
    assert_eq!(world.ask(PATH, &twice, EVENT).await.status, 401);
    assert_eq!(balance(&world).await, "0.00");
}

#[tokio::test]
async fn without_a_secret_there_is_no_such_route() {
    let world = World::new(Vec::new(), LogFormat::Off).await;
    for method in ["POST", "GET", "PUT"] {
        let said = world
            .ask(&format!("{method} /api/webhooks/credits"), "", "")
            .await;
        assert_eq!(
            (said.status, &said.json()["error"]["code"]),
            (404, &"unknown_url".into())
        );
    }
    let empty = Settings {
        webhook_secret: Some(Secret::new("")),
        ..Settings::clone(&world.gateway.settings())
    };
    world.gateway.set_settings(empty);
    let signed = sign(&Secret::new(""), world.gateway.now(), EVENT.as_bytes());
    assert_eq!(send_signed(&world, &signed, EVENT).await.status, 404);
}

#[tokio::test]
async fn a_body_that_cannot_be_meant_is_refused() {
    let world = world().await;
    let big = format!("{{\"event\":\"{}\"}}", "x".repeat(65 * 1024));
    for (body, status) in [
        ("not json", 400),
        ("[]", 400),
        ("{}", 400),
        (r#"{"event":"e","amount_usd":"1.00"}"#, 400),
        (
            r#"{"event":"e","team":"default","organization":"default","amount_usd":"1.00"}"#,
            400,
        ),
        (r#"{"event":"e","team":"default"}"#, 400),
        (r#"{"event":"e","team":"default","amount_usd":"0"}"#, 400),
        (r#"{"event":"e","team":"default","amount_usd":1}"#, 400),
        (r#"{"event":"","team":"default","amount_usd":"1.00"}"#, 400),
        (r#"{"event":"e","team":"nobody","amount_usd":"1.00"}"#, 404),
        (&big, 413),
    ] {
        let said = send(&world, body).await;
        assert_eq!(said.status, status, "{}", said.body);
    }
    assert_eq!(balance(&world).await, "0.00");
}

#[tokio::test]
async fn an_event_with_a_reference_of_the_gateways_own_adds_nothing() {
    let world = world().await;
    for name in [
        "configuration",
        "auto-refill:daily:1",
        "job:1",
        "tollgate:1",
    ] {
        let said = send(&world, &EVENT.replace("evt_1", name)).await;
        assert_eq!(said.status, 400, "{}", said.body);
        assert!(said.body.contains("`event` must not be"), "{}", said.body);
    }
    assert_eq!(balance(&world).await, "0.00");
}
