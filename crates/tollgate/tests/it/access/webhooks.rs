//! Credits by signed webhook: once for each event, and nothing for whoever cannot sign.

use futures_util::future::join_all;
use http::{HeaderValue, Method};
use serde_json::{Value, json};
use tollgate_core::secret::Secret;
use tollgate_core::time::Timestamp;
use tollgate_core::webhook::sign;

use super::scene::{self, tenant};
use crate::world::{Answer, Gateway, World};

const SECRET: &str = "webhook-canary-0123456789-abcdefghij";
const PATH: &str = "/api/webhooks/credits";

async fn world() -> World {
    let world = World::with(&format!("[billing]\nwebhook_secret = \"{SECRET}\"\n")).await;
    tenant(&world, "acme").await;
    world
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// The header for a body under a secret, so many seconds from now.
fn signed(secret: &str, ahead: i64, body: &[u8]) -> String {
    let at = Timestamp::from_millis((now() + ahead) * 1000);
    sign(&Secret::new(secret), at, body)
}

fn event(name: &str, amount: &str) -> Value {
    json!({"event": name, "team": "acme-team", "amount_usd": amount, "type": "paid"})
}

async fn deliver(world: &World, body: &[u8], signature: &str) -> Answer {
    let body = body.to_vec().into();
    let ask = world.gateway.ask(Method::POST, PATH, body);
    let ask = ask.header("content-type", "application/json");
    ask.header("tollgate-signature", signature).send().await
}

async fn tell(world: &World, event: &Value) -> Answer {
    let body = event.to_string();
    deliver(world, body.as_bytes(), &signed(SECRET, 0, body.as_bytes())).await
}

async fn balance(world: &World) -> String {
    let told = scene::read(world, "/api/credits/teams/acme-team/balance").await;
    scene::text(&told, "balance_usd")
}

#[tokio::test]
async fn an_event_adds_its_credits_once_however_often_and_in_whatever_order() {
    let mut world = world().await;
    let (one, two, three) = (
        event("e1", "1.00"),
        event("e2", "0.25"),
        event("e3", "0.05"),
    );
    // The later one comes first, all of them many times, and several at once.
    for told in [&three, &one] {
        assert_eq!(tell(&world, told).await.status, 200);
    }
    let crowd = (0..100).map(async |number: usize| {
        let told = [&one, &two, &three][number % 3];
        tell(&world, told).await
    });
    let answers = join_all(crowd).await;
    assert!(
        answers.iter().all(|answer| answer.status == 200),
        "{answers:?}"
    );
    assert_eq!(balance(&world).await, "1.30");
    // And after a kill.
    world.gateway.signal("KILL");
    world.gateway.wait_for_end();
    world.gateway = Gateway::start(world.folder.path(), &[]);
    for told in [&two, &one, &three] {
        assert_eq!(tell(&world, told).await.status, 200);
    }
    assert_eq!(balance(&world).await, "1.30");
    // The same event about another amount or another team is not the same.
    let other = tell(&world, &event("e1", "2.00")).await;
    assert_eq!(other.outcome(), (409, "conflict".to_owned()));
    assert_eq!(balance(&world).await, "1.30");
    let audit = scene::read(&world, "/api/audit?object=team&object_id=acme-team").await;
    let rows = audit["entries"].as_array().unwrap();
    let by = rows.iter().filter(|row| row["actor"] == "webhook");
    assert_eq!(by.count(), 3, "{rows:?}");
    assert!(!audit.to_string().contains(SECRET));
}

#[tokio::test]
async fn what_is_forged_stale_or_unsigned_gives_nothing_and_says_nothing() {
    let world = world().await;
    let body = event("forged", "5.00").to_string();
    let body = body.as_bytes();
    let good = signed(SECRET, 0, body);
    let (time, code) = good.split_once(",v1=").unwrap();
    let mut altered = body.to_vec();
    altered.push(b' ');
    let flipped = if code.starts_with('0') { "1" } else { "0" };
    for (what, header, sent) in [
        (
            "another secret",
            signed("webhook-canary-0123456789-abcdefghik", 0, body),
            body,
        ),
        ("an empty secret", signed("", 0, body), body),
        ("too old", signed(SECRET, -302, body), body),
        ("too new", signed(SECRET, 302, body), body),
        ("another body", good.clone(), &altered),
        ("a body that is gone", good.clone(), b""),
        (
            "one digit",
            format!("{time},v1={flipped}{}", &code[1..]),
            body,
        ),
        ("cut short", format!("{time},v1={}", &code[..62]), body),
        ("an empty code", format!("{time},v1="), body),
        ("no code", time.to_owned(), body),
        ("another time", format!("t={},v1={code}", now() - 1), body),
        ("no time", format!("v1={code}"), body),
        (
            "a time beyond all",
            format!("t=99999999999999999999,v1={code}"),
            body,
        ),
        ("a negative time", format!("t=-1,v1={code}"), body),
        ("the version before", format!("{time},v0={code}"), body),
        ("nothing", String::new(), body),
    ] {
        let answer = deliver(&world, sent, &header).await;
        assert_eq!(
            answer.outcome(),
            (401, "invalid_api_key".to_owned()),
            "{what}: {answer:?}"
        );
        assert!(
            !answer.text().contains(code),
            "{what} is told what would be right"
        );
        assert!(!answer.text().contains(SECRET));
    }
    // Neither the admin key nor another method is a signature.
    let ask = world
        .gateway
        .post(PATH, event("forged", "5.00"))
        .admin()
        .send()
        .await;
    assert_eq!(ask.outcome(), (401, "invalid_api_key".to_owned()));
    let twice = world.gateway.ask(Method::POST, PATH, body.to_vec().into());
    let twice = twice
        .header("tollgate-signature", &good)
        .header("tollgate-signature", &good);
    assert_eq!(twice.send().await.status, 401);
    let strange = HeaderValue::from_bytes(b"t=1,v1=\xff").unwrap();
    let ask = world.gateway.ask(Method::POST, PATH, body.to_vec().into());
    assert_eq!(
        ask.header_of("tollgate-signature", strange)
            .send()
            .await
            .status,
        401
    );
    let get = world.gateway.get(PATH).send().await;
    assert_eq!(get.outcome(), (405, "method_not_allowed".to_owned()));
    assert_eq!(balance(&world).await, "0.00");

    // And what is good goes through, also with a second code beside it.
    let both = format!("{time},v1={},v1={code}", "0".repeat(64));
    assert_eq!(deliver(&world, body, &both).await.status, 200);
    assert_eq!(balance(&world).await, "5.00");
    let log = std::fs::read_to_string(&world.gateway.log).unwrap_or_default() + &world.printed();
    assert!(
        !log.contains(SECRET) && !log.contains(code),
        "a secret is in the log"
    );
}

#[tokio::test]
async fn a_signed_body_that_makes_no_sense_is_refused_and_a_long_one_is_cut() {
    let world = world().await;
    for (body, code) in [
        (
            json!({"event": "e", "team": "nobody", "amount_usd": "1.00"}),
            "resource_not_found",
        ),
        (
            json!({"event": "e", "team": "acme-team", "organization": "acme", "amount_usd": "1"}),
            "invalid_request",
        ),
        (
            json!({"event": "e", "team": "acme-team"}),
            "invalid_request",
        ),
        (
            json!({"event": "", "team": "acme-team", "amount_usd": "1.00"}),
            "invalid_request",
        ),
        (
            json!({"event": "e", "team": "acme-team", "amount_usd": "0.00"}),
            "invalid_request",
        ),
        (
            json!({"event": "e", "team": "acme-team", "amount_usd": "-1.00"}),
            "invalid_request",
        ),
        (
            json!({"event": "e", "team": "acme-team", "amount_usd": "1e3"}),
            "invalid_request",
        ),
        (
            json!({"event": "e", "team": "acme-team", "amount_usd": 1.0}),
            "invalid_request",
        ),
        (
            json!({"event": "e", "team": "acme-team", "amount_usd": "10000000.01"}),
            "invalid_request",
        ),
        (
            json!({"event": "e", "team": "acme-team", "credits": -1}),
            "invalid_request",
        ),
        (json!([]), "invalid_request"),
    ] {
        let answer = tell(&world, &body).await;
        assert_eq!(
            answer.header("x-tollgate-error-code"),
            code,
            "{body}: {answer:?}"
        );
    }
    let text = b"{\"event\": ";
    let answer = deliver(&world, text, &signed(SECRET, 0, text)).await;
    assert_eq!(answer.outcome(), (400, "malformed_json".to_owned()));
    let mut long = event("long", "1.00");
    long["filler"] = "x".repeat(1024 * 1024).into();
    let answer = tell(&world, &long).await;
    assert_eq!(answer.outcome(), (413, "request_too_large".to_owned()));
    assert_eq!(balance(&world).await, "0.00");
    assert_eq!(tell(&world, &event("good", "1.00")).await.status, 200);
}

#[tokio::test]
async fn without_a_secret_there_is_no_such_address() {
    for config in ["", "[billing]\nminimum_balance_usd = \"0.10\"\n"] {
        let world = World::with(config).await;
        tenant(&world, "acme").await;
        let body = event("e", "1.00").to_string();
        for secret in ["", SECRET] {
            let header = signed(secret, 0, body.as_bytes());
            let answer = deliver(&world, body.as_bytes(), &header).await;
            assert_eq!(answer.outcome(), (404, "unknown_url".to_owned()));
        }
        let nothing = world.gateway.get(PATH).send().await;
        assert_eq!(nothing.outcome(), (404, "unknown_url".to_owned()));
        assert_eq!(balance(&world).await, "0.00");
    }
}
