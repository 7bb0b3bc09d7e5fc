//! What is paid is answered, and what is not answered is not charged.

use serde_json::{Value, json};
use tokio::task::block_in_place;
use tollgate_store::testing::run_on_sqlite;

use super::scene::{
    call, complete, create, credits, get, messages, patch, post, refused, team, world,
};
use crate::money::scene::{MODELS, ONCE, ask, asked, fails, key, plain, read, until};
use crate::world::World;

/// Seed 001's longest metadata are these bytes; two of the half do not fit.
const HALF: usize = 40 * 1024;

/// A world whose answers wait so long for their settlements.
async fn patient(milliseconds: u32, terms: &str) -> World {
    let billing = format!("[billing]\nsettle_wait_ms = {milliseconds}\n");
    World::with(&format!(
        "{MODELS}{billing}{}{ONCE}",
        team("payer", 900, terms)
    ))
    .await
}

fn run(world: &World, sql: &str) {
    let file = world.folder.path().join("tollgate-data/tollgate.db");
    block_in_place(|| run_on_sqlite(&file, sql));
}

/// Each of these writes fails from now on.
fn refuse(world: &World, what: &str) {
    run(
        world,
        &format!("CREATE TRIGGER refuses BEFORE {what} BEGIN SELECT RAISE(ABORT, 'full'); END"),
    );
}

fn heal(world: &World) {
    run(world, "DROP TRIGGER refuses");
}

fn with_metadata(bytes: usize) -> Value {
    let mut call = messages("money/echo");
    call["call_metadata"] = json!({"text": "x".repeat(bytes)});
    call
}

#[tokio::test]
async fn metadata_that_do_not_fit_are_refused_before_anything_is_paid() {
    let world = world(&[team("payer", 5, "")]).await;
    let mut single = with_metadata(2 * HALF);
    single["team_id"] = "payer".into();
    single["job_type"] = "one".into();
    for path in [
        "/api/jobs/create-and-call",
        "/api/jobs/create-and-call-stream",
    ] {
        let answer = post(&world, "payer", path, &single).await;
        let (status, detail) = refused(&answer);
        assert_eq!(status, 422, "{answer:?}");
        assert_eq!(
            detail[0]["loc"],
            json!(["body", "call_metadata"]),
            "{detail}"
        );
    }
    let job = create(&world, "payer").await;
    let more = json!({"metadata": {"other": "y".repeat(HALF)}});
    let path = format!("/api/jobs/{job}/metadata");
    assert_eq!(patch(&world, "payer", &path, &more).await.status, 200);
    for end in ["llm-call", "llm-call-stream"] {
        let path = format!("/api/jobs/{job}/{end}");
        let answer = post(&world, "payer", &path, &with_metadata(HALF)).await;
        assert_eq!(answer.status, 422, "{answer:?}");
    }
    assert_eq!(asked(&world), 0);
    let list = get(&world, "payer", "/api/teams/payer/jobs").await.json();
    assert_eq!(list["total"], 1, "{list}");
    assert_eq!(credits(&world, "payer").await, 4);
}

#[tokio::test]
async fn metadata_that_two_calls_fill_at_once_keep_no_answer_back() {
    let world = world(&[team("payer", 5, "")]).await;
    let job = create(&world, "payer").await;
    let path = format!("/api/jobs/{job}/llm-call");
    let other = {
        let mut other = with_metadata(0);
        other["call_metadata"] = json!({"other": "y".repeat(HALF)});
        other["model"] = "money/fault/delay-head=200".into();
        other
    };
    let first = with_metadata(HALF);
    let (first, other) = tokio::join!(
        post(&world, "payer", &path, &first),
        post(&world, "payer", &path, &other)
    );
    assert_eq!((first.status.as_u16(), other.status.as_u16()), (200, 200));
    let ended = complete(&world, "payer", &job, "completed").await.json();
    assert_eq!(ended["costs"]["successful_calls"], 2, "{ended}");
}

#[tokio::test]
async fn what_a_provider_says_of_the_operators_key_reaches_no_team() {
    let world = world(&[team("payer", 5, "")]).await;
    let model = "money/echo";
    fails(
        &world,
        "echo",
        "invalid-api-key:message=incorrect sk-secret-1234",
        2,
    );
    let job = create(&world, "payer").await;
    assert_eq!(call(&world, "payer", &job, model).await.status, 500);
    let ended = complete(&world, "payer", &job, "completed").await;
    let told = ended.json();
    assert!(told["calls"][0]["error"].is_string(), "{told}");
    let mut single = messages(model);
    single["team_id"] = "payer".into();
    single["job_type"] = "one".into();
    let failed = post(&world, "payer", "/api/jobs/create-and-call", &single).await;
    assert_eq!(failed.status, 500, "{failed:?}");
    let list = get(&world, "payer", "/api/teams/payer/jobs").await;
    let stats = read(&world, "/api/jobs/teams/payer").await;
    for text in [told.to_string(), list.json().to_string(), stats.to_string()] {
        assert!(!text.contains("sk-secret"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withheld_answer_costs_no_credits() {
    let terms = ", budget_mode = \"consumption_tokens\", tokens_per_credit = 4";
    let world = patient(1000, terms).await;
    let job = create(&world, "payer").await;
    for path in ["llm-call", "llm-call-stream"] {
        refuse(&world, "INSERT ON pages");
        let path = format!("/api/jobs/{job}/{path}");
        let withheld = world.gateway.post(&path, messages("money/echo"));
        let answer = withheld.key(&key("payer")).send().await;
        let is_whole = answer.status == 200 && answer.text().contains("[DONE]");
        assert!(!is_whole, "{answer:?}");
        heal(&world);
        until("calls are settled again", async || {
            ask(&world, "payer", &plain("money/echo")).await.status == 200
        })
        .await;
    }
    let ended = complete(&world, "payer", &job, "completed").await.json();
    assert_eq!(ended["costs"]["failed_calls"], 2, "{ended}");
    assert_eq!(ended["costs"]["total_tokens"], 0, "{ended}");
    assert_eq!(ended["costs"]["total_cost_usd"], 0.0, "{ended}");
    assert_eq!(ended["costs"]["credits_charged"], 1, "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_paid_is_given_though_it_cannot_be_noted_at_once() {
    let world = patient(1000, "").await;
    let job = create(&world, "payer").await;
    refuse(&world, "UPDATE ON job_calls");
    let answer = call(&world, "payer", &job, "money/echo").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.json()["metadata"]["tokens_used"].as_u64() > Some(0));
    let mut single = messages("money/echo");
    single["team_id"] = "payer".into();
    single["job_type"] = "one".into();
    let other = post(&world, "payer", "/api/jobs/create-and-call", &single).await;
    assert_eq!(other.status, 200, "{other:?}");
    assert_eq!(other.json()["status"], "in_progress", "{other:?}");
    heal(&world);
    let ended = complete(&world, "payer", &job, "completed").await.json();
    assert_eq!(ended["costs"]["successful_calls"], 1, "{ended}");
    let tokens = answer.json()["metadata"]["tokens_used"].clone();
    assert_eq!(ended["costs"]["total_tokens"], tokens, "{ended}");
    let path = format!("/api/jobs/{}", other.json()["job_id"].as_str().unwrap());
    until("the job for one call has ended", async || {
        get(&world, "payer", &path).await.json()["status"] == "completed"
    })
    .await;
    assert_eq!(credits(&world, "payer").await, 898);
}
