//! Jobs of a gateway that is killed.

use futures_util::StreamExt as _;
use serde_json::json;

use super::scene::{call, complete, create, credits, events, get, messages, team};
use crate::money::scene::{MODELS, ONCE, Store, key, order, read, until, world_on};
use crate::world::{Gateway, World};

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

/// The credits that are set aside under no job: the process died between the two writes. The
/// sweep gives them back a minute later.
async fn orphans(world: &World) -> u64 {
    let path = "/api/credits/teams/payer/transactions?unit=credits&limit=1000";
    let told = read(world, path).await;
    let rows = told["transactions"].as_array().unwrap();
    let holds = rows.iter().filter(|row| row["kind"] == "hold");
    let mut count = 0;
    for hold in holds {
        let is_over = rows.iter().any(|row| row["of"] == hold["id"]);
        count += u64::from(!is_over);
    }
    count
}

#[tokio::test]
async fn many_jobs_with_kills_in_between_cost_exactly_what_the_rule_says() {
    let jobs = 120_u64;
    let config = format!("{MODELS}{}{ONCE}", team("payer", jobs, ""));
    let (mut world, _) = world_on(Store::Sqlite, &config).await;
    let mut made: Vec<(String, bool)> = Vec::new();
    for round in 0..3_u64 {
        let gateway = &world;
        let some = futures_util::stream::iter(0..jobs / 3).map(|number| async move {
            let well = number % 2 == 0;
            let body = json!({"team_id": "payer", "job_type": "test"});
            let answer = gateway
                .gateway
                .post("/api/jobs/create", body)
                .key(&key("payer"));
            let opened = answer.try_open().await?;
            let text = opened.rest().await.ok()?;
            let told: serde_json::Value = serde_json::from_slice(&text).ok()?;
            let id = told["job_id"].as_str()?.to_owned();
            for _ in 0..2 {
                let path = format!("/api/jobs/{id}/llm-call");
                let model = if well {
                    "money/echo"
                } else {
                    "money/fault/server-error"
                };
                let ask = gateway
                    .gateway
                    .post(&path, messages(model))
                    .key(&key("payer"));
                if let Some(opened) = ask.try_open().await {
                    drop(opened.rest().await);
                }
            }
            // The answers of the last ones are lost by the kill.
            let status = if well { "completed" } else { "failed" };
            let path = format!("/api/jobs/{id}/complete");
            let ask = gateway
                .gateway
                .post(&path, json!({"status": status}))
                .key(&key("payer"));
            if let Some(opened) = ask.try_open().await {
                drop(opened.rest().await);
            }
            Some((id, well))
        });
        let mut running = Box::pin(some.buffer_unordered(16));
        let mut seen = 0;
        let mut lost = Vec::new();
        while let Some(ended) = running.next().await {
            lost.extend(ended);
            seen += 1;
            if seen == 20 + round * 5 {
                world.gateway.signal("KILL");
            }
        }
        drop(running);
        made.extend(lost);
        world.gateway.wait_for_end();
        world.gateway = Gateway::start(world.folder.path(), &[]);
    }
    let mut due = 0;
    for (id, well) in &made {
        let status = if *well { "completed" } else { "failed" };
        let ended = complete(&world, "payer", id, status).await.json();
        assert_eq!(ended["status"], status, "{ended}");
        due += u64::from(*well);
    }
    assert!(due > 10, "{due}");
    // Jobs whose answer was lost are open, or nothing became of them: each holds one credit at
    // most, and no job that is not there does.
    let list = get(&world, "payer", "/api/teams/payer/jobs?limit=1000")
        .await
        .json();
    let open = list["jobs"].as_array().unwrap().iter();
    let open: Vec<_> = open
        .filter(|job| ["pending", "in_progress"].contains(&job["status"].as_str().unwrap()))
        .map(|job| job["job_id"].as_str().unwrap().to_owned())
        .collect();
    for id in &open {
        let ended = complete(&world, "payer", id, "failed").await.json();
        assert_eq!(ended["costs"]["credit_applied"], false, "{ended}");
    }
    let held = orphans(&world).await;
    assert_eq!(credits(&world, "payer").await + held, jobs - due);
    let told = order(&world, "/api/ledger/verify", serde_json::Value::Null).await;
    assert_eq!(told["ok"], true, "{told}");
}
