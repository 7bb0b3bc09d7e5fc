//! Jobs of a gateway that is killed.

use super::scene::{call, complete, create, credits, events, get, messages, team};
use super::storm;
use crate::money::scene::{MODELS, ONCE, Store, key, order, until, world_on};
use crate::world::Gateway;

async fn survives(store: Store) {
    let (mut world, _database) =
        world_on(store, &format!("{MODELS}{}{ONCE}", team("payer", 20, ""))).await;
    let [open, done, failed] = [
        create(&world, "payer").await,
        create(&world, "payer").await,
        create(&world, "payer").await,
    ];
    for job in [&open, &done, &failed] {
        assert_eq!(call(&world, "payer", job, "money/echo").await.status, 200);
    }
    let first = complete(&world, "payer", &done, "completed").await.json();
    complete(&world, "payer", &failed, "failed").await;
    // Two calls are under way when it ends: one of a job for it alone.
    let path = format!("/api/jobs/{open}/llm-call-stream");
    let stalled = messages("money/fault/stall-after=2");
    let ask = world.gateway.post(&path, &stalled).key(&key("payer"));
    let mut under_way = ask.open().await;
    let begun = under_way.next().await.unwrap().unwrap();
    assert!(!events(std::str::from_utf8(&begun).unwrap()).is_empty());
    let mut single = stalled.clone();
    single["team_id"] = "payer".into();
    single["job_type"] = "one".into();
    let path = "/api/jobs/create-and-call-stream";
    let ask = world.gateway.post(path, &single).key(&key("payer"));
    let mut other = ask.open().await;
    other.next().await.unwrap().unwrap();
    let single = other.headers["x-tollgate-job-id"]
        .to_str()
        .unwrap()
        .to_owned();
    world.gateway.signal("KILL");
    world.gateway.wait_for_end();
    world.gateway = Gateway::start(world.folder.path(), &[]);
    let path = format!("/api/jobs/{single}");
    let job = get(&world, "payer", &path).await.json();
    assert_eq!(job["status"], "failed", "nobody knows of it: {job}");
    until("its credit is back", async || {
        credits(&world, "payer").await == 18
    })
    .await;
    let again = complete(&world, "payer", &done, "completed").await.json();
    assert_eq!(again["calls"], first["calls"]);
    assert_eq!(again["completed_at"], first["completed_at"]);
    let ended = complete(&world, "payer", &open, "completed").await.json();
    assert_eq!(ended["costs"]["successful_calls"], 1, "{ended}");
    assert_eq!(ended["costs"]["failed_calls"], 1, "{ended}");
    assert_eq!(credits(&world, "payer").await, 18);
    let told = order(&world, "/api/ledger/verify", serde_json::Value::Null).await;
    assert_eq!(told["ok"], true, "{told}");
}

#[tokio::test]
async fn jobs_survive_a_kill_each_paid_once() {
    survives(Store::Sqlite).await;
}

#[tokio::test]
async fn jobs_survive_a_kill_with_postgres() {
    survives(Store::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_jobs_with_kills_in_between_cost_exactly_what_the_rule_says() {
    storm::run(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_jobs_with_kills_in_between_cost_exactly_what_the_rule_says_with_postgres() {
    storm::run(Store::Postgres).await;
}
