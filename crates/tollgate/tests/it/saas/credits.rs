//! Job credits: added, told, and how they are charged.

use serde_json::{Value, json};

use super::scene::{admin, by, done, team};
use crate::world::World;

const CREDITS: &str = "/api/credits/teams/acme-team";

#[tokio::test]
async fn credits_are_added_checked_and_told_with_what_was_there_before() {
    let world = World::start().await;
    let key = team(&world, &[], 10).await;
    let added = done(
        &world,
        "POST",
        &format!("{CREDITS}/add"),
        json!({"credits": 5}),
    )
    .await;
    assert_eq!(added["credits_added"], 5, "{added}");
    assert_eq!(added["team_id"], "acme-team", "{added}");
    let transaction = &added["transaction"];
    assert_eq!(transaction["transaction_type"], "allocation", "{added}");
    assert_eq!(transaction["reason"], "Manual credit allocation", "{added}");
    assert_eq!(transaction["credits_before"], 10, "{added}");
    assert_eq!(transaction["credits_after"], 15, "{added}");
    for (kind, word) in [
        ("subscription", "subscription_payment"),
        ("one_time", "one_time_payment"),
    ] {
        let order = json!({"credits": 100, "payment_type": kind, "payment_amount_usd": 29.99});
        let done = done(&world, "POST", &format!("{CREDITS}/replenish"), order).await;
        assert_eq!(done["transaction"]["transaction_type"], word, "{done}");
        assert_eq!(done["credits_added"], 100, "{done}");
        let (before, after) = (&done["credits_before"], &done["credits_after"]);
        assert_eq!(
            after.as_u64().unwrap() - before.as_u64().unwrap(),
            100,
            "{done}"
        );
        assert_eq!(done["payment_amount_usd"], 29.99, "{done}");
    }
    let told = by(&world, &key, "GET", &format!("{CREDITS}/balance"))
        .await
        .json();
    for (member, value) in [
        ("team_id", json!("acme-team")),
        ("organization_id", json!("acme")),
        ("credits_allocated", json!(215)),
        ("credits_used", json!(0)),
        ("credits_remaining", json!(215)),
        ("auto_refill", json!(false)),
        ("budget_mode", json!("job_based")),
        ("status", json!("active")),
    ] {
        assert_eq!(told[member], value, "{member}: {told}");
    }
    let told = by(
        &world,
        &key,
        "GET",
        &format!("{CREDITS}/transactions?limit=3"),
    )
    .await
    .json();
    assert_eq!(told["total"], 3, "{told}");
    let rows = told["transactions"].as_array().unwrap();
    for (row, (before, after)) in rows.iter().zip([(115, 215), (15, 115), (10, 15)]) {
        assert_eq!(row["credits_before"], before, "{told}");
        assert_eq!(row["credits_after"], after, "{told}");
    }
    for (needed, has) in [(215, true), (216, false)] {
        let path = format!("{CREDITS}/check?credits_needed={needed}");
        let told = by(&world, &key, "POST", &path).await;
        assert_eq!(told.status, 200, "{told:?}");
        assert_eq!(told.json()["has_credits"], has, "{told:?}");
        assert_eq!(told.json()["credits_needed"], needed, "{told:?}");
        let error = &told.json()["error"];
        let sentence = "Insufficient credits. Team has 215 credits remaining, but 216 required. \
                        Allocated: 215, Used: 0";
        let expected = if has { Value::Null } else { sentence.into() };
        assert_eq!(*error, expected, "{told:?}");
    }
}

#[tokio::test]
async fn the_administrator_is_told_the_transactions_that_the_team_is_told() {
    let world = World::start().await;
    let key = team(&world, &[], 10).await;
    let add = format!("{CREDITS}/add");
    done(&world, "POST", &add, json!({"credits": 5})).await;
    done(&world, "POST", &add, json!({"amount_usd": "3.00"})).await;
    for (query, amounts, more) in [
        ("", &[5, 10][..], false),
        ("?limit=1", &[5], true),
        ("?limit=1&offset=1", &[10], false),
        ("?offset=2", &[], false),
    ] {
        let path = format!("{CREDITS}/transactions{query}");
        let told = done(&world, "GET", &path, Value::Null).await;
        assert_eq!(told, by(&world, &key, "GET", &path).await.json(), "{query}");
        assert_eq!(told["team_id"], "acme-team", "{query}");
        assert_eq!(told["total"], amounts.len(), "{query}");
        assert_eq!(told["pagination"]["hasMore"], more, "{query}: {told}");
        let rows = told["transactions"].as_array().unwrap();
        let credits: Vec<&Value> = rows.iter().map(|row| &row["credits_amount"]).collect();
        assert_eq!(credits, amounts.iter().collect::<Vec<_>>(), "{query}");
        for row in rows {
            assert_eq!(row["transaction_type"], "allocation", "{query}: {told}");
            let after = if row["credits_amount"] == 5 { 15 } else { 10 };
            assert_eq!(row["credits_after"], after, "{query}: {told}");
        }
    }
    // Whoever names a unit is told those of that wallet.
    let path = format!("{CREDITS}/transactions?unit=usd");
    let told = done(&world, "GET", &path, Value::Null).await;
    assert_eq!(told["transactions"][0]["amount_usd"], "3.00", "{told}");
    assert_eq!(told["transactions"].as_array().unwrap().len(), 1, "{told}");
}

#[tokio::test]
async fn a_payment_that_is_sent_twice_comes_once() {
    let world = World::start().await;
    let key = team(&world, &[], 0).await;
    let order = json!({"credits": 100, "payment_type": "one_time"});
    for _ in 0..2 {
        let path = format!("{CREDITS}/replenish");
        let ask = super::scene::request(&world, "POST", &path, &order).admin();
        let answer = ask.header("idempotency-key", "order-1").send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let told = by(&world, &key, "GET", &format!("{CREDITS}/balance"))
        .await
        .json();
    assert_eq!(told["credits_remaining"], 100, "{told}");
}

#[tokio::test]
async fn the_terms_of_jobs_are_changed_and_written_to_the_audit_log() {
    let world = World::start().await;
    team(&world, &[], 1).await;
    let path = format!("{CREDITS}/conversion-rates");
    let told = done(&world, "GET", &path, Value::Null).await;
    assert_eq!(told["using_defaults"]["tokens_per_credit"], true, "{told}");
    let rates = json!({"tokens_per_credit": 500, "credits_per_dollar": 0.25});
    let told = done(&world, "PATCH", &path, rates).await;
    assert_eq!(told["tokens_per_credit"], 500, "{told}");
    assert_eq!(told["credits_per_dollar"], 0.25, "{told}");
    assert_eq!(
        told["using_defaults"]["credits_per_dollar"], false,
        "{told}"
    );
    let mode = json!({"budget_mode": "consumption_tokens"});
    let told = done(&world, "PATCH", &format!("{CREDITS}/budget-mode"), mode).await;
    assert_eq!(told["budget_mode"], "consumption_tokens", "{told}");
    assert_eq!(told["tokens_per_credit"], 500, "{told}");
    let audit = done(&world, "GET", "/api/audit?object=team", Value::Null).await;
    assert!(audit.to_string().contains("consumption_tokens"), "{audit}");
    let answer = admin(
        &world,
        "PATCH",
        "/api/credits/teams/none/budget-mode",
        json!({}),
    )
    .await;
    assert_eq!(
        answer.json()["detail"],
        "Team 'none' not found",
        "{answer:?}"
    );
}
