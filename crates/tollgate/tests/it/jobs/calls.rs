//! Calls in jobs: plain, streamed, and with a job of their own.

use serde_json::{Value, json};

use super::scene::{
    call, complete, create, credits, events, get, messages, patch, post, refused, team, world,
};
use crate::money::scene::{asked, key, read, until};

#[tokio::test]
async fn a_job_of_two_calls_tells_what_it_cost() {
    let world = world(&[team("payer", 5, "")]).await;
    let body = json!({"team_id": "payer", "job_type": "resume", "user_id": "ann",
        "metadata": {"file": "a.pdf"}});
    let made = post(&world, "payer", "/api/jobs/create", &body)
        .await
        .json();
    assert_eq!(made["status"], "pending", "{made}");
    assert_eq!(made["team_id"], "payer");
    let id = made["job_id"].as_str().unwrap();
    assert_eq!(id.len(), 36);
    assert_eq!(credits(&world, "payer").await, 4, "one is set aside");
    let path = format!("/api/jobs/{id}/llm-call");
    let mut body = messages("money/echo");
    body["purpose"] = "parse".into();
    body["call_metadata"] = json!({"page": 1});
    let called = post(&world, "payer", &path, &body).await;
    assert_eq!(called.status, 200, "{called:?}");
    let told = called.json();
    let said = told["choices"][0]["message"]["content"].clone();
    assert_eq!(told["response"]["content"], said, "{told}");
    assert_eq!(
        told["response"]["finish_reason"],
        told["choices"][0]["finish_reason"]
    );
    assert_eq!(told["metadata"]["model"], "money/echo");
    assert_eq!(told["metadata"]["model_group"], "money/echo");
    assert_eq!(
        told["metadata"]["tokens_used"],
        told["usage"]["total_tokens"]
    );
    assert!(told["metadata"]["latency_ms"].is_u64(), "{told}");
    assert_eq!(told["object"], "chat.completion");
    let mut body = messages("money/echo");
    body.as_object_mut().unwrap().remove("model");
    body["model_group"] = "money/echo".into();
    assert_eq!(post(&world, "payer", &path, &body).await.status, 200);
    let job = get(&world, "payer", &format!("/api/jobs/{id}"))
        .await
        .json();
    assert_eq!(job["status"], "in_progress", "{job}");
    assert_eq!(job["metadata"], json!({"file": "a.pdf", "page": 1}));
    assert_eq!(job["user_id"], "ann");
    assert_eq!(job["model_groups_used"], json!(["money/echo"]));
    let path = format!("/api/jobs/{id}/metadata");
    let more = json!({"metadata": {"file": "b.pdf", "n": null}});
    let patched = patch(&world, "payer", &path, &more).await.json();
    assert_eq!(
        patched["metadata"],
        json!({"file": "b.pdf", "page": 1, "n": null})
    );
    let ended = complete(&world, "payer", id, "completed").await.json();
    assert_eq!(ended["status"], "completed", "{ended}");
    let costs = &ended["costs"];
    assert_eq!(costs["total_calls"], 2, "{ended}");
    assert_eq!(costs["successful_calls"], 2);
    assert_eq!(costs["failed_calls"], 0);
    assert_eq!(costs["credit_applied"], true);
    assert_eq!(costs["credits_remaining"], 4);
    assert_eq!(ended["credits_remaining"], 4);
    assert_eq!(ended["total_calls"], 2);
    assert_eq!(ended["calls"][0]["purpose"], "parse");
    assert_eq!(ended["calls"][0]["model_group"], "money/echo");
    assert_eq!(ended["calls"][0]["error"], Value::Null);
    let by_call = get(&world, "payer", &format!("/api/jobs/{id}/costs"))
        .await
        .json();
    assert_eq!(by_call["costs"]["total_cost_usd"], costs["total_cost_usd"]);
    assert!(costs["total_cost_usd"].as_f64().unwrap() > 0.0);
    assert_eq!(by_call["costs"]["breakdown"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_cost_of_a_jobs_calls_is_counted_and_no_wallet_in_usd_pays_it() {
    let budget = "budgets = [{ period = \"monthly\", usd = \"0.08\" }]\n[[keys]]";
    let payer =
        team("payer", 5, "").replace("[[keys]]", &format!("credits_usd = \"1.00\"\n{budget}"));
    let world = world(&[payer]).await;
    let job = create(&world, "payer").await;
    let first = call(&world, "payer", &job, "money/echo").await;
    assert_eq!(first.status, 200, "{first:?}");
    let told = read(&world, "/api/credits/teams/payer/balance").await;
    assert_eq!(told["balance_usd"], "1.00", "{told}");
    // What it cost counts for the budget, which is spent by now.
    let second = call(&world, "payer", &job, "money/echo").await;
    let (status, detail) = refused(&second);
    assert_eq!(status, 403, "{second:?}");
    assert_eq!(second.header("x-tollgate-error-code"), "budget_exceeded");
    assert!(
        detail.as_str().unwrap().to_lowercase().contains("credit"),
        "{detail}"
    );
    // The key may still be used outside of jobs only by what the budget leaves: nothing.
    let chat = world
        .gateway
        .post("/v1/chat/completions", messages("money/echo"));
    assert_eq!(chat.key(&key("payer")).send().await.status, 402);
}

#[tokio::test]
async fn a_stream_begins_before_its_provider_ends_and_is_whole_only_with_its_end() {
    let world = world(&[team("payer", 5, "")]).await;
    let job = create(&world, "payer").await;
    let path = format!("/api/jobs/{job}/llm-call-stream");
    let ask = world
        .gateway
        .post(&path, messages("money/fault/stall-after=3"));
    let mut opened = ask.key(&key("payer")).open().await;
    assert_eq!(opened.status, 200);
    assert_eq!(opened.headers["content-type"], "text/event-stream");
    assert_eq!(opened.headers["x-accel-buffering"], "no");
    assert_eq!(opened.headers["x-tollgate-job-id"], job.as_str());
    let first = opened.next().await.unwrap().unwrap();
    assert!(first.starts_with(b"data: {"), "{first:?}");
    let rest = String::from_utf8(opened.rest().await.unwrap().to_vec()).unwrap();
    let last = events(&rest).pop().unwrap();
    assert_eq!(last["error"]["code"], "stream_interrupted", "{rest}");
    assert!(!rest.contains("[DONE]"), "{rest}");
    let whole = post(&world, "payer", &path, &messages("money/echo"))
        .await
        .text();
    assert!(whole.ends_with("data: [DONE]\n\n"), "{whole}");
    let parts = events(&whole);
    assert_eq!(parts[0]["object"], "chat.completion.chunk");
    assert!(
        parts.last().unwrap()["usage"]["total_tokens"].is_u64(),
        "{whole}"
    );
    // What is told behind [DONE] was noted before it.
    let ended = complete(&world, "payer", &job, "completed").await.json();
    assert_eq!(ended["costs"]["successful_calls"], 1, "{ended}");
    assert_eq!(ended["costs"]["failed_calls"], 1, "{ended}");
    assert!(ended["calls"][0]["error"].is_string(), "{ended}");
}

#[tokio::test]
async fn a_job_for_one_call_ends_with_it() {
    let world = world(&[team("payer", 5, "")]).await;
    let mut body = messages("money/echo");
    body["team_id"] = "payer".into();
    body["job_type"] = "one".into();
    body["job_metadata"] = json!({"a": 1});
    let told = post(&world, "payer", "/api/jobs/create-and-call", &body).await;
    assert_eq!(told.status, 200, "{told:?}");
    let told = told.json();
    assert_eq!(told["status"], "completed", "{told}");
    assert!(told["response"]["content"].is_string());
    assert!(told["completed_at"].is_string());
    assert_eq!(told["costs"]["total_calls"], 1);
    assert_eq!(told["costs"]["credit_applied"], true);
    assert_eq!(told["costs"]["credits_remaining"], 4);
    let path = format!("/api/jobs/{}", told["job_id"].as_str().unwrap());
    let job = get(&world, "payer", &path).await.json();
    assert_eq!(
        (&job["status"], &job["metadata"]),
        (&json!("completed"), &json!({"a": 1}))
    );
    body["model"] = "money/fault/server-error".into();
    let failed = post(&world, "payer", "/api/jobs/create-and-call", &body).await;
    let (status, detail) = refused(&failed);
    assert_eq!(status, 500, "{failed:?}");
    assert!(
        detail.as_str().unwrap().starts_with("LLM call failed: "),
        "{detail}"
    );
    assert_eq!(credits(&world, "payer").await, 4);
    let list = get(&world, "payer", "/api/teams/payer/jobs?status=failed")
        .await
        .json();
    assert_eq!(list["jobs"][0]["failed_calls"], 1, "{list}");
    assert_eq!(list["jobs"][0]["credit_applied"], false);
}

#[tokio::test]
async fn a_streamed_job_for_one_call_is_paid_before_its_last_event_and_free_if_it_breaks() {
    let world = world(&[team("payer", 5, "")]).await;
    let mut body = messages("money/echo");
    body["team_id"] = "payer".into();
    body["job_type"] = "one".into();
    let path = "/api/jobs/create-and-call-stream";
    let told = post(&world, "payer", path, &body).await;
    assert!(told.text().ends_with("data: [DONE]\n\n"), "{told:?}");
    let job = told.header("x-tollgate-job-id").to_owned();
    let job = get(&world, "payer", &format!("/api/jobs/{job}"))
        .await
        .json();
    assert_eq!(job["status"], "completed", "{job}");
    assert_eq!(job["credit_applied"], true);
    assert_eq!(credits(&world, "payer").await, 4);
    body["model"] = "money/fault/stall-after=2".into();
    let broken = post(&world, "payer", path, &body).await;
    assert!(!broken.text().contains("[DONE]"));
    let job = format!("/api/jobs/{}", broken.header("x-tollgate-job-id"));
    until("the job has failed", async || {
        get(&world, "payer", &job).await.json()["status"] == "failed"
    })
    .await;
    until("the credit is back", async || {
        credits(&world, "payer").await == 4
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_a_failed_call_and_no_open_job() {
    let world = world(&[team("payer", 5, "")]).await;
    let mut body = messages("money/fault/stall-after=2");
    body["team_id"] = "payer".into();
    body["job_type"] = "one".into();
    let ask = world.gateway.post("/api/jobs/create-and-call-stream", body);
    let mut opened = ask.key(&key("payer")).open().await;
    opened.next().await.unwrap().unwrap();
    let job = opened.headers["x-tollgate-job-id"]
        .to_str()
        .unwrap()
        .to_owned();
    drop(opened);
    let path = format!("/api/jobs/{job}");
    until("the job has failed", async || {
        get(&world, "payer", &path).await.json()["status"] == "failed"
    })
    .await;
    until("the credit is back", async || {
        credits(&world, "payer").await == 5
    })
    .await;
}

#[tokio::test]
async fn a_call_without_a_model_goes_to_the_default_of_its_team() {
    let teams = [
        team("payer", 5, ", default_model = \"money/echo\""),
        team("other", 5, ""),
    ];
    let world = world(&teams).await;
    let job = create(&world, "payer").await;
    let mut body = messages("x");
    body.as_object_mut().unwrap().remove("model");
    let path = format!("/api/jobs/{job}/llm-call");
    let told = post(&world, "payer", &path, &body).await;
    assert_eq!(told.status, 200, "{told:?}");
    assert_eq!(told.json()["metadata"]["model"], "money/echo");
    let job = create(&world, "other").await;
    let path = format!("/api/jobs/{job}/llm-call");
    let (status, detail) = refused(&post(&world, "other", &path, &body).await);
    assert_eq!(
        (status, &detail[0]["loc"]),
        (422, &json!(["body", "model"]))
    );
}

#[tokio::test]
async fn a_request_that_is_sent_again_makes_one_job_and_one_call() {
    let world = world(&[team("payer", 5, "")]).await;
    let send = async |path: &str, body: &Value| {
        let ask = world.gateway.post(path, body).key(&key("payer"));
        ask.header("idempotency-key", "again").send().await
    };
    let body = json!({"team_id": "payer", "job_type": "test"});
    let first = send("/api/jobs/create", &body).await.json();
    let second = send("/api/jobs/create", &body).await;
    assert_eq!(second.json(), first);
    assert_eq!(second.header("idempotent-replayed"), "true");
    assert_eq!(credits(&world, "payer").await, 4);
    let path = format!("/api/jobs/{}/llm-call", first["job_id"].as_str().unwrap());
    let first = send(&path, &messages("money/echo")).await;
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(
        send(&path, &messages("money/echo")).await.json(),
        first.json()
    );
    assert_eq!(asked(&world), 1);
}
