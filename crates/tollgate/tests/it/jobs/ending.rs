//! How jobs end, and that they end once.

use serde_json::json;

use super::scene::{call, complete, create, credits, get, messages, post, refused, team, world};
use crate::money::scene::{MODELS, ONCE, fails, key, until};
use crate::world::World;

#[tokio::test]
async fn completing_twice_changes_nothing_and_answers_the_same() {
    let world = world(&[team("payer", 5, "")]).await;
    let job = create(&world, "payer").await;
    assert_eq!(call(&world, "payer", &job, "money/echo").await.status, 200);
    let first = complete(&world, "payer", &job, "completed").await;
    assert_eq!(first.status, 200, "{first:?}");
    for status in ["completed", "failed", "completed"] {
        let again = complete(&world, "payer", &job, status).await;
        assert_eq!(again.json(), first.json(), "{status}");
        assert_eq!(credits(&world, "payer").await, 4);
    }
    let both = tokio::join!(
        complete(&world, "payer", &job, "completed"),
        complete(&world, "payer", &job, "completed")
    );
    assert_eq!(both.0.json(), both.1.json());
}

#[tokio::test]
async fn of_many_who_complete_a_job_at_once_one_pays() {
    let world = world(&[team("payer", 50, "")]).await;
    let job = create(&world, "payer").await;
    let path = format!("/api/jobs/{job}/complete");
    let body = json!({"status": "completed"});
    let one = async || post(&world, "payer", &path, &body).await.json();
    let (a, b, c, d) = tokio::join!(one(), one(), one(), one());
    assert!(a == b && b == c && c == d, "{a} {b} {c} {d}");
    assert_eq!(credits(&world, "payer").await, 49);
}

#[tokio::test]
async fn a_failed_job_costs_nothing_and_says_why() {
    let world = world(&[team("payer", 5, "")]).await;
    let job = create(&world, "payer").await;
    assert_eq!(call(&world, "payer", &job, "money/echo").await.status, 200);
    let path = format!("/api/jobs/{job}/complete");
    let body = json!({"status": "failed", "error_message": "no use",
        "metadata": {"step": 2}});
    let ended = post(&world, "payer", &path, &body).await.json();
    assert_eq!(ended["status"], "failed", "{ended}");
    assert_eq!(ended["costs"]["credit_applied"], false);
    assert_eq!(ended["costs"]["credits_remaining"], 5);
    let job = get(&world, "payer", &format!("/api/jobs/{job}"))
        .await
        .json();
    assert_eq!(job["error_message"], "no use");
    assert_eq!(job["metadata"], json!({"step": 2}));
}

#[tokio::test]
async fn a_finished_job_takes_no_more_calls() {
    let world = world(&[team("payer", 5, "")]).await;
    for status in ["completed", "failed"] {
        let job = create(&world, "payer").await;
        complete(&world, "payer", &job, status).await;
        for path in ["llm-call", "llm-call-stream"] {
            let path = format!("/api/jobs/{job}/{path}");
            let late = post(&world, "payer", &path, &messages("money/echo")).await;
            let expected = json!(format!("Job is already {status}"));
            assert_eq!(refused(&late), (400, expected));
            assert_eq!(late.header("x-tollgate-error-code"), "conflict");
        }
        let ask = world
            .gateway
            .post(&format!("/api/jobs/{job}/llm-call"), messages("money/echo"));
        let ask = ask.header("x-tollgate-error-dialect", "openai");
        assert_eq!(
            ask.key(&key("payer")).send().await.outcome(),
            (409, "conflict".to_owned())
        );
    }
    assert_eq!(crate::money::scene::asked(&world), 0);
}

#[tokio::test]
async fn a_failed_call_does_not_keep_its_job_from_being_charged_unless_that_is_declared() {
    for (declared, left) in [("", 4), ("[jobs]\nrequire_no_failed_calls = true\n", 5)] {
        let teams = team("payer", 5, "");
        let world = World::with(&format!("{MODELS}{teams}{ONCE}{declared}")).await;
        let job = create(&world, "payer").await;
        let failed = call(&world, "payer", &job, "money/fault/server-error").await;
        assert_eq!(failed.status, 500, "{failed:?}");
        assert_eq!(call(&world, "payer", &job, "money/echo").await.status, 200);
        let ended = complete(&world, "payer", &job, "completed").await.json();
        assert_eq!(ended["costs"]["failed_calls"], 1, "{ended}");
        assert_eq!(ended["costs"]["credits_remaining"], left, "{declared}");
    }
}

#[tokio::test]
async fn a_job_that_was_abandoned_fails_and_its_credit_goes_back() {
    let teams = team("payer", 5, "");
    let world = World::with(&format!("{MODELS}{teams}{ONCE}[jobs]\nlongest_s = 1\n")).await;
    let job = create(&world, "payer").await;
    assert_eq!(credits(&world, "payer").await, 4);
    let path = format!("/api/jobs/{job}");
    until("the job has failed", async || {
        get(&world, "payer", &path).await.json()["status"] == "failed"
    })
    .await;
    until("the credit is back", async || {
        credits(&world, "payer").await == 5
    })
    .await;
    let ended = complete(&world, "payer", &job, "completed").await.json();
    assert_eq!(ended["status"], "failed", "{ended}");
    let told = ended["error_message"].as_str().unwrap();
    assert!(told.contains("was not completed within the time"), "{told}");
}

#[tokio::test]
async fn completing_waits_for_calls_under_way_and_counts_them() {
    let world = world(&[team("payer", 5, "")]).await;
    fails(&world, "echo", "delay-head:ms=400", 1);
    let job = create(&world, "payer").await;
    let calling = call(&world, "payer", &job, "money/echo");
    let completing = async {
        let path = format!("/api/jobs/{job}");
        until("the call has begun", async || {
            get(&world, "payer", &path).await.json()["status"] == "in_progress"
        })
        .await;
        complete(&world, "payer", &job, "completed").await
    };
    let (called, ended) = tokio::join!(calling, completing);
    assert_eq!(called.status, 200, "{called:?}");
    assert_eq!(ended.json()["costs"]["successful_calls"], 1, "{ended:?}");
}
