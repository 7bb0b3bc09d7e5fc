//! Calls of jobs that are sent again with their idempotency key.

use serde_json::{Value, json};
use tollgate_store::testing::Standstill;

use super::scene::{credits, get, messages, team, world};
use crate::money::scene::{asked, fails, key, read, until};

#[tokio::test]
async fn a_stream_whose_caller_goes_away_at_its_very_end_is_kept_and_its_job_paid() {
    let patient = "[[models]]\nname = \"patient/*\"\ntargets = [{ connection = \"sim\" }]\n\
                   price = { input = \"1\", output = \"1\" }\ntimeouts = { idle_ms = 4000 }\n";
    let world = world(&[team("payer", 9, ""), patient.to_owned()]).await;
    let file = world.folder.path().join("tollgate-data/tollgate.db");
    let url = format!("sqlite://{}", file.display());
    let mut body = messages("patient/echo");
    body["team_id"] = "payer".into();
    body["job_type"] = "test".into();
    let path = "/api/jobs/create-and-call-stream";
    let ask = || {
        let ask = world.gateway.post(path, &body).key(&key("payer"));
        ask.header("idempotency-key", "k-1")
    };
    world
        .simulator
        .script(tollgate_simulator::Rule::new("pause-after=2:ms=1700").unwrap())
        .unwrap();
    let first = ask().open().await;
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

#[tokio::test]
async fn an_answer_whose_caller_goes_away_while_it_is_settled_is_kept_and_its_job_paid() {
    let world = world(&[team("payer", 9, "")]).await;
    let file = world.folder.path().join("tollgate-data/tollgate.db");
    let url = format!("sqlite://{}", file.display());
    fails(&world, "echo", "delay-head:ms=1700", 1);
    let mut body = messages("money/echo");
    body["team_id"] = "payer".into();
    body["job_type"] = "test".into();
    let path = "/api/jobs/create-and-call";
    let ask = || {
        let ask = world.gateway.post(path, &body).key(&key("payer"));
        ask.header("idempotency-key", "k-1").send()
    };
    let waits = async {
        until("the provider is asked", async || asked(&world) == 1).await;
        let still = Standstill::of(&url);
        until("its settlement waits to be written", async || {
            read(&world, "/api/ledger/verify").await["failing"] == true
        })
        .await;
        still
    };
    let still = tokio::select! {
        answer = ask() => panic!("it was answered: {answer:?}"),
        still = waits => still,
    };
    until("its caller has gone", async || {
        world.gateway.metric("tollgate_requests_open", &[]).await == 0
    })
    .await;
    drop(still);
    until("its job has ended", async || {
        let jobs = get(&world, "payer", "/api/teams/payer/jobs").await.json();
        jobs["jobs"][0]["status"] == "completed"
    })
    .await;
    let mut again = ask().await;
    until("its answer is kept", async || {
        if again.status != 200 {
            again = ask().await;
        }
        again.status == 200
    })
    .await;
    assert_eq!(again.header("idempotent-replayed"), "true", "{again:?}");
    assert_eq!(again.json()["response"]["finish_reason"], "stop");
    assert_eq!(asked(&world), 1);
    until("its credit is taken", async || {
        credits(&world, "payer").await == 8
    })
    .await;
}

#[tokio::test]
async fn requests_for_jobs_count_under_the_limits_of_their_caller() {
    let limited = team("payer", 9, "").replace("jobs =", "limits = { rpm = 4 }\njobs =");
    let world = world(&[limited, team("other", 9, "")]).await;
    for name in ["payer", "other"] {
        let new = json!({"team_id": name, "job_type": "test"});
        let made = super::scene::post(&world, name, "/api/jobs/create", &new).await;
        assert_eq!(made.status, 200, "{made:?}");
        let job = made.json()["job_id"].as_str().unwrap().to_owned();
        let mut refused = std::collections::BTreeSet::new();
        let paths = [
            format!("/api/jobs/{job}"),
            format!("/api/jobs/{job}/costs"),
            format!("/api/teams/{name}/jobs"),
            format!("/api/teams/{name}/usage?period=2026-11"),
            // What a team sees of itself as an object of its operators.
            format!("/api/teams/{name}"),
            format!("/api/credits/teams/{name}/balance"),
            format!("/api/credits/teams/{name}/transactions"),
        ];
        for path in paths.iter().cycle().take(4 * paths.len()) {
            let told = get(&world, name, path).await;
            if told.status == 429 {
                let code = told.header("x-tollgate-error-code");
                assert_eq!(code, "rate_limit_exceeded", "{told:?}");
                assert!(!told.header("retry-after").is_empty(), "{told:?}");
                refused.insert(path);
            } else {
                assert_eq!(told.status, 200, "{path}: {told:?}");
            }
        }
        let most = if name == "payer" { paths.len() } else { 0 };
        assert_eq!(refused.len(), most, "{name}: {refused:?}");
    }
}

#[tokio::test]
async fn a_list_of_jobs_is_as_large_as_a_list_may_be_and_no_larger() {
    const JOBS: usize = 150;
    let world = world(&[team("payer", 1000, "")]).await;
    let large = "x".repeat(60_000);
    for _ in 0..JOBS {
        let new = json!({"team_id": "payer", "job_type": "test", "metadata": {"is": large}});
        let made = super::scene::post(&world, "payer", "/api/jobs/create", &new).await;
        assert_eq!(made.status, 200, "{made:?}");
    }
    let list = async |offset: usize| {
        let path = format!("/api/teams/payer/jobs?limit=1000&offset={offset}");
        let told = get(&world, "payer", &path).await;
        assert_eq!(told.status, 200);
        assert!(told.body.len() < 6_000_000, "{}", told.body.len());
        told.json()
    };
    let (mut seen, mut offset) = (std::collections::BTreeSet::new(), 0);
    loop {
        let told = list(offset).await;
        assert_eq!(told["total"], JOBS);
        let jobs = told["jobs"].as_array().unwrap();
        if jobs.is_empty() {
            break;
        }
        offset += jobs.len();
        let id = |job: &Value| job["job_id"].as_str().unwrap().to_owned();
        seen.extend(jobs.iter().map(id));
        assert_eq!(told["has_more"], offset < JOBS, "{offset}");
    }
    assert_eq!(seen.len(), JOBS);
}
