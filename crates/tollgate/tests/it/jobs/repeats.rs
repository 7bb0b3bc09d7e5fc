//! Calls of jobs that are sent again with their idempotency key.

use serde_json::{Value, json};
use tollgate_store::testing::Standstill;

use super::scene::{credits, get, messages, team, world};
use crate::money::scene::{asked, key, read, until};

#[tokio::test]
async fn a_stream_whose_caller_goes_away_at_its_very_end_is_kept_and_its_job_paid() {
    let world = world(&[team("payer", 9, "")]).await;
    let file = world.folder.path().join("tollgate-data/tollgate.db");
    let url = format!("sqlite://{}", file.display());
    let mut body = messages("money/echo");
    body["team_id"] = "payer".into();
    body["job_type"] = "test".into();
    let path = "/api/jobs/create-and-call-stream";
    let ask = || {
        let ask = world.gateway.post(path, &body).key(&key("payer"));
        ask.header("idempotency-key", "k-1")
    };
    world
        .simulator
        .script(tollgate_simulator::Rule::new("stall-after=1:ms=900").unwrap())
        .unwrap();
    let mut first = ask().open().await;
    assert_eq!(first.status, 200);
    let job = first.headers["x-tollgate-job-id"].to_str().unwrap();
    let job = format!("/api/jobs/{job}");
    let still = Standstill::of(&url);
    // All of the answer is there, and its end waits to be settled.
    until("its settlement waits to be written", async || {
        read(&world, "/api/ledger/verify").await["failing"] == true
    })
    .await;
    drop(first);
    until("its caller has gone", async || {
        world.gateway.metric("tollgate_requests_open", &[]).await == 0
    })
    .await;
    drop(still);
    until("its job has ended", async || {
        let told = get(&world, "payer", &job).await.json();
        told["status"] == "completed" || told["status"] == "failed"
    })
    .await;
    let told = get(&world, "payer", &job).await.json();
    assert_eq!(told["status"], "completed", "{told}");
    let again = ask().send().await;
    assert_eq!(again.header("idempotent-replayed"), "true", "{again:?}");
    assert!(again.text().ends_with("data: [DONE]\n\n"), "{again:?}");
    assert_eq!(asked(&world), 1);
    until("its credit is taken", async || {
        credits(&world, "payer").await == 8
    })
    .await;
}
