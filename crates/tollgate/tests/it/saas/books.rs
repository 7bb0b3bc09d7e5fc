//! What a team was given and what it used, whoever changes it at the same moment.

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
