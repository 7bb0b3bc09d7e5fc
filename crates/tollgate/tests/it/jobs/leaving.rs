//! Callers that hang up: at each moment of a job it is clear what becomes of it, of its call and
//! of its credits.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::task::block_in_place;
use tollgate_store::testing::{Standstill, run_on_sqlite};

use super::scene::{complete, create, credits, get, messages, team, world};
use crate::money::scene::{asked, fails, key, until};
use crate::world::{PATIENCE, World};

const GONE: &str = "The caller went away before the end.";

fn database(world: &World) -> PathBuf {
    world.folder.path().join("tollgate-data/tollgate.db")
}

/// As long as this lives nothing is written.
fn standstill(world: &World) -> Standstill {
    block_in_place(|| Standstill::of(&format!("sqlite://{}", database(world).display())))
}

/// Sends something, and hangs up once something holds. `false`: the store gave up before, which is
/// as good a reason for an answer as any.
async fn hang_up(world: &World, path: &str, body: &Value, when: impl AsyncFnMut() -> bool) -> bool {
    let sending = world.gateway.post(path, body).key(&key("payer")).send();
    tokio::select! {
        answer = sending => {
            assert_eq!(answer.header("x-tollgate-error-code"), "database_error", "{answer:?}");
            return false;
        }
        () = until("the moment to hang up", when) => {}
    }
    until("the gateway has noticed", async || open(world).await == 0).await;
    true
}

/// Waits until something holds that the store has to take first, however busy its disk is.
async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !holds().await {
        assert!(begin.elapsed() < 3 * PATIENCE, "in vain: {what}");
        tokio::task::yield_now().await;
    }
}

/// Has something shown. On a machine whose disk is very busy the store may give up in the middle
/// of it; then it is tried again.
async fn shown(mut attempt: impl AsyncFnMut() -> bool) {
    for _ in 0..5 {
        if attempt().await {
            return;
        }
    }
    panic!("the store always gave up");
}

/// Whether the store failed, as the log says.
fn gave_up(world: &World) -> bool {
    let log = std::fs::read_to_string(&world.gateway.log).unwrap_or_default();
    log.contains("database_error") || log.contains("the store failed")
}

async fn open(world: &World) -> u64 {
    world.gateway.metric("tollgate_requests_open", &[]).await
}

async fn jobs(world: &World) -> Vec<Value> {
    let list = get(world, "payer", "/api/teams/payer/jobs").await.json();
    list["jobs"].as_array().unwrap().clone()
}

/// Waits until the only job has failed because its caller went away, and its credit is back.
/// `false`: the store gave up before it was made.
async fn has_failed(world: &World, calls: u64) -> bool {
    eventually("no job is open, and the credit is back", async || {
        let jobs = jobs(world).await;
        let is_over = jobs.iter().all(|job| job["status"] == "failed");
        is_over && credits(world, "payer").await == 5
    })
    .await;
    if gave_up(world) {
        return false;
    }
    let job = &jobs(world).await[0];
    assert_eq!(job["error_message"], GONE, "{job}");
    assert_eq!(job["total_calls"], calls, "{job}");
    assert_eq!(job["failed_calls"], calls, "{job}");
    assert_eq!(asked(world), 0, "no provider was asked");
    true
}

fn single() -> Value {
    let mut body = messages("money/echo");
    body["team_id"] = "payer".into();
    body["job_type"] = "one".into();
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_whose_caller_leaves_while_it_is_made_fails_at_once() {
    let only = json!({"team_id": "payer", "job_type": "test"});
    for (path, body, calls) in [
        ("create", only, 0),
        ("create-and-call", single(), 1),
        ("create-and-call-stream", single(), 1),
    ] {
        shown(async || {
            let world = world(&[team("payer", 5, "")]).await;
            let still = standstill(&world);
            let path = format!("/api/jobs/{path}");
            let is_held = async || credits(&world, "payer").await == 4;
            let has_left = hang_up(&world, &path, &body, is_held).await;
            drop(still);
            has_left && has_failed(&world, calls).await
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_for_one_call_whose_caller_leaves_before_the_call_begins_fails_at_once() {
    // To note that a call begins takes a while.
    let slowly = "CREATE TRIGGER slow BEFORE INSERT ON job_calls BEGIN \
         SELECT count(*) FROM (WITH RECURSIVE n(i) AS \
         (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000) SELECT i FROM n); END";
    for path in ["create-and-call", "create-and-call-stream"] {
        shown(async || {
            let world = world(&[team("payer", 5, "")]).await;
            block_in_place(|| run_on_sqlite(&database(&world), slowly));
            let path = format!("/api/jobs/{path}");
            // The job is there, and no call in it.
            let is_made = async || {
                let jobs = jobs(&world).await;
                jobs.first().is_some_and(|job| job["status"] == "pending")
            };
            hang_up(&world, &path, &single(), is_made).await && has_failed(&world, 1).await
        })
        .await;
    }
}

#[tokio::test]
async fn a_call_whose_caller_leaves_has_failed_and_its_job_goes_on() {
    let world = world(&[team("payer", 5, "")]).await;
    fails(&world, "echo", "delay-head:ms=60000", 1);
    let job = create(&world, "payer").await;
    let path = format!("/api/jobs/{job}/llm-call");
    let body = messages("money/echo");
    let is_asked = async || asked(&world) == 1;
    assert!(hang_up(&world, &path, &body, is_asked).await);
    let calls = async || {
        let told = get(&world, "payer", "/api/teams/payer/jobs").await.json();
        told["jobs"][0]["failed_calls"].clone()
    };
    until("the call is noted", async || calls().await == 1).await;
    let told = get(&world, "payer", &format!("/api/jobs/{job}")).await;
    assert_eq!(told.json()["status"], "in_progress", "{told:?}");
    let again = super::scene::call(&world, "payer", &job, "money/echo").await;
    assert_eq!(again.status, 200, "{again:?}");
    let ended = complete(&world, "payer", &job, "completed").await.json();
    assert_eq!(ended["calls"][0]["error"], GONE, "{ended}");
    assert_eq!(ended["calls"][0]["tokens"], 0, "{ended}");
    assert_eq!(ended["costs"]["successful_calls"], 1, "{ended}");
    assert_eq!(ended["costs"]["credits_remaining"], 4, "{ended}");
}

#[tokio::test]
async fn of_a_stream_whose_caller_leaves_what_came_counts() {
    let terms = ", budget_mode = \"consumption_tokens\", tokens_per_credit = 1";
    let world = world(&[team("payer", 500, terms)]).await;
    fails(&world, "story-50", "stall-after=9", 1);
    let job = create(&world, "payer").await;
    let path = format!("/api/jobs/{job}/llm-call-stream");
    let mut body = messages("money/story-50");
    body["max_tokens"] = 100.into();
    let ask = world.gateway.post(&path, &body).key(&key("payer"));
    let mut opened = ask.open().await;
    opened.next().await.unwrap().unwrap();
    drop(opened);
    until("the gateway has noticed", async || open(&world).await == 0).await;
    let ended = complete(&world, "payer", &job, "completed").await.json();
    let call = &ended["calls"][0];
    assert_eq!(call["error"], GONE, "{ended}");
    let tokens = call["tokens"].as_u64().unwrap();
    // The prompt, and no more of the answer than came.
    assert!((1..50).contains(&tokens), "{ended}");
    assert_eq!(ended["costs"]["credits_charged"], tokens, "{ended}");
    assert_eq!(credits(&world, "payer").await, 500 - tokens);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_whose_caller_leaves_while_it_is_completed_is_completed_and_paid() {
    for (status, left) in [("completed", 4), ("failed", 5)] {
        shown(async || {
            let world = world(&[team("payer", 5, "")]).await;
            let job = create(&world, "payer").await;
            let still = standstill(&world);
            let path = format!("/api/jobs/{job}");
            let body = json!({"status": status});
            let mut looks = 0;
            // The request comes to where it has to wait long before it was looked for this often.
            let waits = async || {
                looks += u64::from(open(&world).await == 1);
                looks == 200
            };
            let ending = format!("{path}/complete");
            let has_left = hang_up(&world, &ending, &body, waits).await;
            drop(still);
            // Not by the sweep, which comes by in half a minute.
            eventually("the job has ended and is settled", async || {
                let job = get(&world, "payer", &path).await.json();
                let is_paid = job["credit_applied"] == (status == "completed");
                let has_ended = job["status"] == status && is_paid;
                gave_up(&world) || (has_ended && credits(&world, "payer").await == left)
            })
            .await;
            has_left && !gave_up(&world)
        })
        .await;
    }
}

/// A store that fails is no reason for a job to stay open that nobody else ends: it ends when the
/// store is there again, as it was to end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_for_one_call_ends_also_where_the_store_failed() {
    let briefly = "[billing]\nsettle_wait_ms = 1000\n".to_owned();
    let world = world(&[team("payer", 5, ""), briefly]).await;
    let refuses = "CREATE TRIGGER refuses BEFORE UPDATE ON jobs \
         WHEN NEW.state IN ('completed', 'failed') \
         BEGIN SELECT RAISE(ABORT, 'the disk is full'); END";
    for (model, told, status, left) in [
        ("money/echo", 200, "completed", 4),
        ("money/fault/server-error", 500, "failed", 4),
    ] {
        block_in_place(|| run_on_sqlite(&database(&world), refuses));
        let mut body = single();
        body["model"] = model.into();
        let ask = world.gateway.post("/api/jobs/create-and-call", &body);
        let answer = ask.key(&key("payer")).send().await;
        // What was answered is not withheld.
        assert_eq!(answer.status, told, "{answer:?}");
        assert_eq!(jobs(&world).await[0]["status"], "in_progress");
        block_in_place(|| run_on_sqlite(&database(&world), "DROP TRIGGER refuses"));
        eventually("the job has ended", async || {
            jobs(&world).await[0]["status"] == status
        })
        .await;
        eventually("it is settled", async || {
            credits(&world, "payer").await == left
        })
        .await;
    }
}
