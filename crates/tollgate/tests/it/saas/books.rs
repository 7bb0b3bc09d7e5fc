//! What a team was given and what it used, whoever changes it at the same moment.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::scene::{admin, alias, done, request, team};
use crate::world::World;

const TEAM: &str = "/api/teams/acme-team";
const CREDITS: &str = "/api/credits/teams/acme-team";

/// What was given, what was used, and what is left.
fn standing(told: &Value) -> (i64, i64, i64) {
    let of = |member: &str| told[member].as_i64().unwrap_or_else(|| panic!("{told}"));
    (
        of("credits_allocated"),
        of("credits_used"),
        of("credits_remaining"),
    )
}

#[tokio::test]
async fn credits_that_a_job_spent_are_used_and_do_not_come_back() {
    let world = World::start().await;
    alias(&world, "fast", "echo", &["all"]).await;
    let key = team(&world, &["all"], 100).await;
    let mode = json!({"budget_mode": "consumption_tokens", "tokens_per_credit": 1});
    done(&world, "PATCH", &format!("{CREDITS}/budget-mode"), mode).await;
    let by_key = async |path: String, body: Value| {
        let answer = request(&world, "POST", &path, &body).key(&key).send().await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    };
    let new = json!({"team_id": "acme-team", "job_type": "test"});
    let job = by_key("/api/jobs/create".to_owned(), new).await;
    let job = format!("/api/jobs/{}", job["job_id"].as_str().unwrap());
    let call = json!({"model": "fast", "max_tokens": 10,
        "messages": [{"role": "user", "content": "one two three"}]});
    by_key(format!("{job}/llm-call"), call).await;
    let ended = by_key(format!("{job}/complete"), json!({"status": "completed"})).await;
    let charged = ended["costs"]["credits_charged"].as_i64().unwrap();
    assert!(charged > 1, "{ended}");
    let expected = (100, charged, 100 - charged);
    let told = done(&world, "GET", TEAM, Value::Null).await;
    assert_eq!(standing(&told), expected, "{told}");
    let told = done(&world, "PUT", TEAM, json!({"credits_allocated": 100})).await;
    assert_eq!(standing(&told), expected, "{told}");
    // What operators take away was never given.
    let less = json!({"credits": 5, "direction": "take", "reason": "too many"});
    done(&world, "POST", &format!("{CREDITS}/adjust"), less).await;
    let told = done(&world, "GET", TEAM, Value::Null).await;
    assert_eq!(standing(&told), (95, charged, 95 - charged), "{told}");
}

#[tokio::test]
async fn an_allocation_that_is_sent_several_times_at_once_gives_once() {
    let world = World::start().await;
    team(&world, &[], 10).await;
    for wanted in [100, 20, 1000] {
        let put = || admin(&world, "PUT", TEAM, json!({ "credits_allocated": wanted }));
        for answer in join_all((0..16).map(|_| put())).await {
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        let told = done(&world, "GET", TEAM, Value::Null).await;
        assert_eq!(standing(&told), (wanted, 0, wanted), "{told}");
    }
}

#[tokio::test]
async fn credits_that_were_added_are_told_whatever_else_moves_the_wallet() {
    const ORDERS: u64 = 300;
    let world = World::start().await;
    team(&world, &[], 0).await;
    let add = |number: u64| {
        let (path, kind) = if number.is_multiple_of(2) {
            ("add", json!({"credits": 1}))
        } else {
            let order = json!({"credits": 1, "payment_type": "one_time"});
            ("replenish", order)
        };
        let path = format!("{CREDITS}/{path}");
        let world = &world;
        async move { admin(world, "POST", &path, kind).await }
    };
    let mut balances = BTreeSet::new();
    for answer in join_all((0..ORDERS).map(add)).await {
        assert_eq!(answer.status, 200, "{answer:?}");
        let told = answer.json();
        let transaction = &told["transaction"];
        let (before, after) = (
            transaction["credits_before"].as_u64(),
            transaction["credits_after"].as_u64().unwrap(),
        );
        assert_eq!(before, Some(after - 1), "{told}");
        assert!(balances.insert(after), "{after} twice");
    }
    assert_eq!(balances.last(), Some(&ORDERS));
}

#[tokio::test]
async fn an_order_that_comes_again_later_tells_the_same_balances() {
    let world = World::start().await;
    team(&world, &[], 7).await;
    let add = format!("{CREDITS}/add");
    let order = json!({"credits": 5, "reference": "order-1"});
    let first = done(&world, "POST", &add, order.clone()).await;
    done(&world, "POST", &add, json!({"credits": 3})).await;
    let again = done(&world, "POST", &add, order).await;
    assert_eq!(first["transaction"], again["transaction"]);
    assert_eq!(again["transaction"]["credits_before"], 7, "{again}");
    assert_eq!(again["transaction"]["credits_after"], 12, "{again}");
}
