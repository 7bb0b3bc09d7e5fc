//! What is refused, in the words of seed 001.

use serde_json::{Value, json};

use super::scene::{call, complete, create, get, messages, patch, post, refused, team, world};
use crate::money::scene::{fails, key, order, until};

const NOBODYS: &str = "01234567-89ab-4def-8123-456789abcdef";

#[tokio::test]
async fn a_key_is_needed_that_is_known() {
    let world = world(&[team("payer", 5, "")]).await;
    let body = json!({"team_id": "payer", "job_type": "test"});
    for shown in ["", "Bearer sk-unknown-0123456789", "Basic abc"] {
        let mut ask = world.gateway.post("/api/jobs/create", &body);
        if !shown.is_empty() {
            ask = ask.header("authorization", shown);
        }
        let refusal = refused(&ask.send().await);
        assert_eq!(
            refusal,
            (401, json!("Invalid or missing API key")),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn what_is_missing_or_of_the_wrong_kind_is_listed() {
    let world = world(&[team("payer", 5, "")]).await;
    let job = create(&world, "payer").await;
    let create = "/api/jobs/create".to_owned();
    let calling = format!("/api/jobs/{job}/llm-call");
    let completing = format!("/api/jobs/{job}/complete");
    let missing = |name: &str| json!({"loc": ["body", name], "msg": "field required", "type": "value_error.missing"});
    for (path, body, expected) in [
        (&create, json!({"team_id": "payer"}), missing("job_type")),
        (&create, json!({"job_type": "x"}), missing("team_id")),
        (
            &calling,
            json!({"model": "money/echo"}),
            missing("messages"),
        ),
        (&completing, json!({}), missing("status")),
        (
            &create,
            json!({"team_id": "payer", "job_type": 7}),
            json!({"loc": ["body", "job_type"], "msg": "str type expected",
                "type": "type_error.str"}),
        ),
        (
            &calling,
            json!({"messages": "hi", "model": "money/echo"}),
            json!({"loc": ["body", "messages"], "msg": "value is not a valid list",
                "type": "type_error.list"}),
        ),
    ] {
        let (status, detail) = refused(&post(&world, "payer", path, &body).await);
        assert_eq!(
            (status, &detail),
            (422, &json!([expected])),
            "{path} {body}"
        );
    }
    let other = refused(&complete(&world, "payer", &job, "done").await);
    assert_eq!(
        (other.0, &other.1[0]["loc"]),
        (422, &json!(["body", "status"]))
    );
    for (body, expected) in [
        (
            json!({"model": "money/echo", "messages": []}),
            "Invalid message format",
        ),
        (
            json!({"model": "money/echo", "messages": [{"content": "x"}]}),
            "Invalid message format",
        ),
        (
            json!({"model": "money/echo", "messages": ["x"]}),
            "Invalid message format",
        ),
    ] {
        let refusal = refused(&post(&world, "payer", &calling, &body).await);
        assert_eq!(refusal, (400, json!(expected)), "{body}");
    }
    let broken = world
        .gateway
        .post(&create, "{\"team_id\": ")
        .key(&key("payer"));
    assert_eq!(broken.send().await.status, 400);
}

#[tokio::test]
async fn what_is_of_another_team_is_not_there_and_naming_it_is_refused() {
    let world = world(&[team("payer", 5, ""), team("other", 5, "")]).await;
    let job = create(&world, "payer").await;
    let absent = (404, json!("Job not found"));
    for id in [job.as_str(), NOBODYS, "nonsense"] {
        let asked = |path: &str| format!("/api/jobs/{id}{path}");
        assert_eq!(
            refused(&get(&world, "other", &asked("")).await),
            absent,
            "{id}"
        );
        assert_eq!(
            refused(&get(&world, "other", &asked("/costs")).await),
            absent
        );
        assert_eq!(
            refused(&call(&world, "other", id, "money/echo").await),
            absent
        );
        let path = asked("/llm-call-stream");
        let stream = post(&world, "other", &path, &messages("money/echo")).await;
        assert_eq!(refused(&stream), absent);
        assert_eq!(
            refused(&complete(&world, "other", id, "failed").await),
            absent
        );
        let metadata = json!({"metadata": {}});
        let patched = patch(&world, "other", &asked("/metadata"), &metadata).await;
        assert_eq!(refused(&patched), absent);
    }
    let mut body = messages("money/echo");
    body["team_id"] = "payer".into();
    body["job_type"] = "x".into();
    let foreign = json!("API key does not belong to team 'payer'");
    for path in ["create", "create-and-call", "create-and-call-stream"] {
        let path = format!("/api/jobs/{path}");
        let refusal = refused(&post(&world, "other", &path, &body).await);
        assert_eq!(refusal, (403, foreign.clone()), "{path}");
    }
    for (path, text) in [
        (
            "/api/teams/payer/usage?period=2026-11",
            "Cannot access usage data for a different team",
        ),
        (
            "/api/teams/payer/jobs",
            "Cannot access jobs for a different team",
        ),
    ] {
        assert_eq!(
            refused(&get(&world, "other", path).await),
            (403, json!(text))
        );
    }
    assert_eq!(crate::money::scene::asked(&world), 0);
}

#[tokio::test]
async fn models_that_are_not_there_or_not_for_the_key_are_refused() {
    let narrow = team("payer", 5, "").replace(
        "team = \"payer\"",
        "team = \"payer\"\nmodels = [\"money/echo\"]",
    );
    let world = world(&[narrow]).await;
    let job = create(&world, "payer").await;
    for (model, text) in [
        (
            "nothing",
            "Team 'payer' does not have access to model group 'nothing'",
        ),
        (
            "sim/echo",
            "Team does not have access to the requested model",
        ),
    ] {
        let refusal = refused(&call(&world, "payer", &job, model).await);
        assert_eq!(refusal, (403, json!(text)), "{model}");
    }
}

#[tokio::test]
async fn failures_of_providers_are_told_as_the_seed_has_them() {
    let world = world(&[team("payer", 5, "")]).await;
    let job = create(&world, "payer").await;
    for (fault, status, text) in [
        ("rate-limit", 429, "Rate limit exceeded"),
        ("server-error", 500, "LLM call failed: "),
        ("close-before-answer", 500, "LLM call failed: "),
        ("invalid-api-key", 500, "LLM call failed: "),
        ("overloaded", 503, ""),
    ] {
        let answer = call(&world, "payer", &job, &format!("money/fault/{fault}")).await;
        let (seen, detail) = refused(&answer);
        assert_eq!(seen, status, "{fault}: {answer:?}");
        assert!(
            detail.as_str().unwrap().starts_with(text),
            "{fault}: {detail}"
        );
    }
    let ended = complete(&world, "payer", &job, "failed").await.json();
    assert_eq!(ended["costs"]["failed_calls"], 5, "{ended}");
}

#[tokio::test]
async fn a_team_that_is_stopped_reads_and_ends_its_jobs_and_begins_nothing() {
    let world = world(&[]).await;
    order(&world, "/api/teams", json!({"id": "mine", "name": "mine"})).await;
    let made = order(&world, "/api/keys", json!({"name": "k", "team": "mine"})).await;
    let secret = made["key"].as_str().unwrap_or_else(|| panic!("{made}"));
    let post = async |path: &str, body: Value| {
        let answer = world.gateway.post(path, body).key(secret).send().await;
        (answer.status.as_u16(), answer.json())
    };
    for (verb, text) in [
        ("suspend", "Team access suspended - contact support"),
        ("pause", "Team access is paused. Please contact support."),
    ] {
        order(&world, "/api/teams/mine/resume", Value::Null).await;
        let body = json!({"team_id": "mine", "job_type": "x"});
        let create = async || {
            let (_, made) = post("/api/jobs/create", body.clone()).await;
            let id = made["job_id"].as_str();
            id.unwrap_or_else(|| panic!("{made}")).to_owned()
        };
        let (job, other) = (create().await, create().await);
        order(&world, &format!("/api/teams/mine/{verb}"), Value::Null).await;
        let refusal = json!({"detail": text});
        let begun = post("/api/jobs/create", body.clone()).await;
        assert_eq!(begun, (403, refusal.clone()));
        let call = post(&format!("/api/jobs/{job}/llm-call"), messages("money/echo")).await;
        assert_eq!(call, (403, refusal));
        let read = world
            .gateway
            .get(&format!("/api/jobs/{job}"))
            .key(secret)
            .send()
            .await;
        assert_eq!(read.json()["status"], "pending", "{verb}");
        let list = world
            .gateway
            .get("/api/teams/mine/jobs")
            .key(secret)
            .send()
            .await;
        assert_eq!(list.status, 200, "{list:?}");
        for (job, end) in [(job, "failed"), (other, "completed")] {
            let path = format!("/api/jobs/{job}/complete");
            let (status, ended) = post(&path, json!({"status": end})).await;
            assert_eq!((status, &ended["status"]), (200, &json!(end)), "{verb}");
        }
    }
}

/// It would end with either: what was paid for would be free, or the other way round.
#[tokio::test]
async fn a_job_for_one_call_takes_no_other() {
    let world = world(&[team("payer", 5, "")]).await;
    fails(&world, "story-50", "stall-after=9", 1);
    let mut body = messages("money/story-50");
    body["team_id"] = "payer".into();
    body["job_type"] = "one".into();
    let path = "/api/jobs/create-and-call-stream";
    let ask = world.gateway.post(path, &body).key(&key("payer"));
    let mut stream = ask.open().await;
    stream.next().await.unwrap().unwrap();
    let list = get(&world, "payer", "/api/teams/payer/jobs").await.json();
    let job = list["jobs"][0]["job_id"].as_str().unwrap();
    for path in ["llm-call", "llm-call-stream"] {
        let path = format!("/api/jobs/{job}/{path}");
        let other = post(&world, "payer", &path, &messages("money/echo")).await;
        let (status, detail) = refused(&other);
        assert_eq!(status, 400, "{other:?}");
        assert_eq!(other.header("x-tollgate-error-code"), "conflict");
        assert_eq!(other.header("x-should-retry"), "false");
        let detail = detail.as_str().unwrap();
        assert!(detail.contains("POST /api/jobs/create."), "{detail}");
    }
    drop(stream);
    let path = format!("/api/jobs/{job}");
    until("the job has ended", async || {
        get(&world, "payer", &path).await.json()["status"] == "failed"
    })
    .await;
    let costs = get(&world, "payer", &format!("{path}/costs")).await.json();
    let calls = costs["costs"]["breakdown"].as_array().unwrap();
    assert_eq!(calls.len(), 1, "{costs}");
    assert_eq!(crate::money::scene::asked(&world), 1);
    let late = call(&world, "payer", job, "money/echo").await;
    assert_eq!(refused(&late), (400, json!("Job is already failed")));
}

/// A mistake in the address is told as everything else is: callers read `detail`.
#[tokio::test]
async fn an_address_that_nobody_has_is_a_404_with_a_detail() {
    let world = world(&[team("payer", 5, "")]).await;
    let job = create(&world, "payer").await;
    for path in [
        "/api/job/create".to_owned(),
        "/api/jobs".to_owned(),
        format!("/api/jobs/{job}/llm-calls"),
        format!("/api/job/{job}/llm-call"),
    ] {
        let answer = post(&world, "payer", &path, &messages("money/echo")).await;
        let (status, detail) = refused(&answer);
        assert_eq!(status, 404, "{path}: {answer:?}");
        assert!(detail.is_string(), "{path}: {answer:?}");
        assert_eq!(answer.header("x-should-retry"), "false");
    }
}

/// What a job holds in memory and in the store is bounded by how many calls it may have.
#[tokio::test]
async fn a_job_takes_as_many_calls_as_it_may_have_and_is_completed_with_them() {
    const MOST: usize = 3;
    let terms = ", budget_mode = \"consumption_tokens\", tokens_per_credit = 1";
    let bound = format!("[jobs]\nmost_calls = {MOST}\n");
    let world = world(&[team("payer", 500, terms), bound]).await;
    let job = create(&world, "payer").await;
    // A call that fails is one as well.
    let failed = call(&world, "payer", &job, "money/fault/server-error").await;
    assert_eq!(failed.status, 500, "{failed:?}");
    // Also of calls at once no more than that are made.
    let asked_before = crate::money::scene::asked(&world);
    let calls = (0..6).map(|_| call(&world, "payer", &job, "money/echo"));
    let answers = futures_util::future::join_all(calls).await;
    let good = answers.iter().filter(|answer| answer.status == 200);
    assert_eq!(good.count(), MOST - 1, "{answers:?}");
    for path in ["llm-call", "llm-call-stream"] {
        let path = format!("/api/jobs/{job}/{path}");
        let more = post(&world, "payer", &path, &messages("money/echo")).await;
        let said = "Job has 3 calls already, which is the most for one job. Complete it, and make \
                    another one for further calls: POST /api/jobs/create.";
        assert_eq!(refused(&more), (400, json!(said)), "{path}");
        assert_eq!(more.header("x-tollgate-error-code"), "conflict");
        assert_eq!(more.header("x-should-retry"), "false");
    }
    assert_eq!(
        crate::money::scene::asked(&world),
        asked_before + MOST - 1,
        "no other one was sent"
    );
    // What the job has used stays held, and is taken when it ends.
    let ended = complete(&world, "payer", &job, "completed").await.json();
    assert_eq!(ended["costs"]["total_calls"], MOST, "{ended}");
    let tokens = ended["costs"]["total_tokens"].as_u64().unwrap();
    assert_eq!(ended["costs"]["credits_charged"], tokens, "{ended}");
    assert_eq!(ended["costs"]["credits_remaining"], 500 - tokens, "{ended}");
    let late = call(&world, "payer", &job, "money/echo").await;
    assert_eq!(refused(&late), (400, json!("Job is already completed")));
}
