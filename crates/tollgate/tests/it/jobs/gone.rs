//! Jobs whose team is gone.

use serde_json::{Value, json};
use tokio::task::block_in_place;
use tollgate_store::testing::run_on_sqlite;

use super::scene::{complete, create, credits, messages, team, world};
use crate::money::scene::{MODELS, ONCE, key, order, read, reload, until};
use crate::saas::admin;
use crate::world::Gateway;

const SOON: &str = "[jobs]\nlongest_s = 1\n";

#[tokio::test]
async fn a_team_that_leaves_the_configuration_keeps_no_jobs_and_no_start_waiting() {
    let mut world = world(&[team("gone", 5, ""), team("payer", 5, "")]).await;
    create(&world, "gone").await;
    create(&world, "payer").await;
    let mut single = messages("money/fault/stall-after=2");
    single["team_id"] = "gone".into();
    single["job_type"] = "one".into();
    let path = "/api/jobs/create-and-call-stream";
    let ask = world.gateway.post(path, &single).key(&key("gone"));
    let mut stream = ask.open().await;
    stream.next().await.unwrap().unwrap();
    world.gateway.signal("KILL");
    world.gateway.wait_for_end();
    let config = |gone: &str| format!("{MODELS}{SOON}{}{gone}{ONCE}", team("payer", 5, ""));
    world.rewrite_config(&config(""));
    world.gateway = Gateway::start(world.folder.path(), &[]);
    until("the jobs of both teams were abandoned", async || {
        let jobs = read(&world, "/api/jobs/organizations/default/stats").await;
        credits(&world, "payer").await == 5 && jobs["failed_jobs"] == 3
    })
    .await;
    // What belongs to the team is there when it is.
    reload(&world, &config(&team("gone", 5, ""))).await;
    assert_eq!(credits(&world, "gone").await, 5);
    let told = order(&world, "/api/ledger/verify", Value::Null).await;
    assert_eq!(told["ok"], true, "{told}");
}

#[tokio::test]
async fn a_team_that_is_deleted_leaves_no_open_job() {
    let world = world(&[team("payer", 5, "")]).await;
    let new = json!({"id": "gone", "name": "gone"});
    admin(&world, "POST", "/api/teams", new).await;
    order(&world, "/api/credits/teams/gone/add", json!({"credits": 3})).await;
    let new = json!({"name": "gone", "team": "gone"});
    let made = admin(&world, "POST", "/api/keys", new).await;
    let gone = made.json()["key"].as_str().unwrap().to_owned();
    let body = json!({"team_id": "gone", "job_type": "test"});
    let ask = world.gateway.post("/api/jobs/create", body).key(&gone);
    assert_eq!(ask.send().await.status, 200);
    let stats = "/api/jobs/organizations/default/stats";
    let before = read(&world, stats).await;
    let told = admin(&world, "DELETE", "/api/teams/gone", Value::Null).await;
    assert_eq!(told.status, 200, "{told:?}");
    let after = read(&world, stats).await;
    assert_eq!(before["failed_jobs"], 0, "{before}");
    assert_eq!(after["failed_jobs"], 1, "{after}");
    let job = create(&world, "payer").await;
    assert_eq!(
        complete(&world, "payer", &job, "completed").await.status,
        200
    );
}

/// Nobody can ask for the deletion again, and the sweep comes by in half a minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_jobs_of_a_deleted_team_end_also_if_nobody_waits_for_it() {
    const JOBS: usize = 20;
    let world = world(&[]).await;
    order(&world, "/api/teams", json!({"id": "gone", "name": "gone"})).await;
    let made = order(&world, "/api/keys", json!({"name": "gone", "team": "gone"})).await;
    let gone = made["key"].as_str().unwrap();
    for _ in 0..JOBS {
        let body = json!({"team_id": "gone", "job_type": "test"});
        let ask = world.gateway.post("/api/jobs/create", body).key(gone);
        assert_eq!(ask.send().await.status, 200);
    }
    // To end a job takes a while.
    let slowly = "CREATE TRIGGER slow BEFORE UPDATE ON jobs BEGIN \
         SELECT count(*) FROM (WITH RECURSIVE n(i) AS \
         (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT i FROM n); END";
    let file = world.folder.path().join("tollgate-data/tollgate.db");
    block_in_place(|| run_on_sqlite(&file, slowly));
    let failed = async || {
        let stats = read(&world, "/api/jobs/organizations/default/stats").await;
        stats["failed_jobs"].as_u64().unwrap()
    };
    tokio::select! {
        told = admin(&world, "DELETE", "/api/teams/gone", Value::Null) => panic!("{told:?}"),
        () = until("a job has ended", async || failed().await > 0) => {}
    }
    until("all have ended", async || {
        failed().await == u64::try_from(JOBS).unwrap()
    })
    .await;
}
