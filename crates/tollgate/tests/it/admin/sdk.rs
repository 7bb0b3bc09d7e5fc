//! The Rust client against the real gateway.

use serde::Deserialize;
use serde_json::{Map, json};
use tollgate_client::{ChatRequest, Client, Ending, Jobs, Kind, RetryPolicy};

use crate::world::{ADMIN_KEY, KEY, World};

const TEAM: &str = r#"
[[teams]]
name = "acme-corp"
jobs = { default_model = "sim/echo", credits = 10 }

[[keys]]
name = "acme"
team = "acme-corp"
key = "sk-test-acme-0123456789"
"#;

#[derive(Deserialize)]
struct Person {
    name: String,
    age: u8,
}

fn address(world: &World) -> String {
    format!("http://{}", world.gateway.address)
}

fn jobs(world: &World) -> Jobs {
    Jobs::connect(&address(world), "acme-corp", "sk-test-acme-0123456789").unwrap()
}

#[tokio::test]
async fn models_answer_plain_and_streamed() {
    let world = World::start().await;
    let client = Client::new(&address(&world), KEY).unwrap();
    let hello = ChatRequest::user("hello").model("sim/echo");
    assert_eq!(client.chat(&hello).await.unwrap().text(), "hello");
    let stream = client.chat_stream(&hello).await.unwrap();
    assert_eq!(stream.rest().await.unwrap(), "hello");
    let models = client.models().await.unwrap();
    assert!(models.iter().any(|model| model.id == "openai/gpt-4o"));
    assert_eq!(client.metrics().stats().total_requests, 3);
}

#[tokio::test]
async fn a_job_is_made_called_and_paid_once() {
    let world = World::with(TEAM).await;
    let jobs = jobs(&world);
    let job = jobs.create_job("test", Map::new()).await.unwrap();
    let hello = ChatRequest::user("hello");
    assert_eq!(jobs.chat(&job, &hello).await.unwrap().text(), "hello");
    let stream = jobs.chat_stream(&job, &hello).await.unwrap();
    assert_eq!(stream.rest().await.unwrap(), "hello");
    // The simulated provider answers with the smallest object of the schema that it is sent.
    let schema = json!({
        "type": "object",
        "properties": { "name": { "type": "string" }, "age": { "type": "integer" } },
        "required": ["name", "age"],
    });
    let form = ("Person", schema);
    let person: Person = jobs.structured_output(&job, &hello, form).await.unwrap();
    assert!(person.age < 200 && person.name.len() < 200);
    assert_eq!(jobs.get_job(&job).await.unwrap().status, "in_progress");
    for _ in 0..2 {
        let done = jobs.complete_job(&job, Ending::Completed).await.unwrap();
        assert_eq!(
            (done.status.as_str(), done.costs.total_calls),
            ("completed", 3)
        );
        assert_eq!(done.costs.credits_remaining, Some(9.0), "paid once");
    }
    let refused = jobs.chat(&job, &hello).await.unwrap_err();
    assert_eq!(refused.kind, Kind::BadRequest);
    assert_eq!(refused.message, "Job is already completed");
    let single = jobs.create_and_call("test", &hello).await.unwrap();
    assert_eq!(single.text(), "hello");
}

#[tokio::test]
async fn what_is_kept_of_jobs_is_told() {
    let world = World::with(TEAM).await;
    let jobs = jobs(&world);
    let hello = ChatRequest::user("hello");
    let metadata = |n: u64| Map::from_iter([(format!("n{n}"), n.into())]);
    let job = jobs.create_job_for("u-1", "test", metadata(1)).await;
    let job = job.unwrap();
    jobs.chat(&job, &hello).await.unwrap();
    let changed = jobs.update_metadata(&job, &metadata(2)).await.unwrap();
    assert_eq!(json!(changed.metadata), json!({"n1": 1, "n2": 2}));
    let ending = Ending::Completed;
    let done = jobs.complete_job_with(&job, ending, metadata(3)).await;
    assert_eq!(done.unwrap().costs.total_calls, 1);
    let read = jobs.get_job(&job).await.unwrap();
    assert_eq!(json!(read.metadata), json!({"n1": 1, "n2": 2, "n3": 3}));
    assert_eq!(read.more["user_id"], "u-1");
    let costs = jobs.job_costs(&job).await.unwrap();
    assert_eq!(
        (costs.status.as_str(), costs.costs.breakdown.len()),
        ("completed", 1)
    );
    assert_eq!(costs.costs.breakdown[0].model.as_deref(), Some("sim/echo"));

    let stream = jobs.create_and_call_stream("single", &hello).await.unwrap();
    let single = stream.job_id().unwrap().to_owned();
    assert!(stream.call_id().is_some());
    assert_eq!(stream.rest().await.unwrap(), "hello");
    assert_eq!(jobs.get_job(&single).await.unwrap().status, "completed");

    let all = jobs.list_jobs(&[]).await.unwrap();
    let ids: Vec<&str> = all.jobs.iter().map(|job| &*job.job_id).collect();
    assert_eq!((all.total, ids), (2, vec![&*single, &*job]));
    let some = jobs
        .list_jobs(&[("status", "failed"), ("limit", "1")])
        .await;
    assert_eq!(some.unwrap().total, 0);
    let period = jiff::Zoned::now().strftime("%Y-%m").to_string();
    let used = jobs.team_usage(&period).await.unwrap();
    assert_eq!((used.summary.total_jobs, used.summary.credits_used), (2, 2));
    assert_eq!(used.job_types["test"].count, 1);
}

#[tokio::test]
async fn managers_are_told_of_jobs() {
    let world = World::with(TEAM).await;
    let hello = ChatRequest::user("hello");
    let made = jobs(&world).create_and_call("test", &hello).await.unwrap();
    let manager = Client::builder(&address(&world), ADMIN_KEY).admin().build();
    let manager = manager.unwrap();
    let page = manager
        .jobs_of_team("acme-corp", &[("page_size", "5")])
        .await;
    let page = page.unwrap();
    assert_eq!((page.total, page.page_size), (1, 5));
    assert_eq!(page.jobs[0].job_id, made.job_id);
    let told = manager
        .job_of_team("acme-corp", &made.job_id)
        .await
        .unwrap();
    assert_eq!(
        (told.job.status.as_str(), told.calls.len()),
        ("completed", 1)
    );
    let stats = manager.organization_stats("default", &[]).await.unwrap();
    assert_eq!((stats.total_jobs, stats.completed_jobs), (1, 1));
    let spent = manager
        .organization_analytics("default", &[])
        .await
        .unwrap();
    assert_eq!((spent.total_requests, spent.top_models.len()), (1, 1));
    // A key of the team is none of a manager.
    let refused = jobs(&world).client().jobs_of_team("acme-corp", &[]).await;
    assert!(matches!(refused.unwrap_err().status, Some(401 | 403)));
}

#[tokio::test]
async fn what_fails_has_kind_code_and_request_id() {
    let world = World::once(TEAM).await;
    let builder = Client::builder(&address(&world), "sk-test-acme-0123456789");
    let client = builder.retry(RetryPolicy::never()).build().unwrap();
    let jobs = client.jobs("acme-corp");
    let unknown = jobs.get_job("00000000-0000-4000-8000-000000000000").await;
    let job = jobs.create_job("test", Map::new()).await.unwrap();
    let hello = ChatRequest::user("hello");
    let failed = jobs
        .chat(&job, &hello.clone().model("sim/fault/server-error"))
        .await;
    let cut = ChatRequest::user("hello").model("sim/fault/cut-after-3");
    let cut = jobs.chat_stream(&job, &cut).await.unwrap().rest().await;
    let wrong = Client::new(&address(&world), "sk-wrong-0123456789").unwrap();
    let wrong = wrong.chat(&hello.model("sim/echo")).await;
    for (error, kind, code) in [
        (unknown.unwrap_err(), Kind::NotFound, "resource_not_found"),
        (failed.unwrap_err(), Kind::Server, "provider_error"),
        (wrong.unwrap_err(), Kind::Authentication, "invalid_api_key"),
    ] {
        assert_eq!((error.kind, error.code.as_deref()), (kind, Some(code)));
        assert!(error.request_id.is_some(), "{error:?}");
    }
    let cut = cut.unwrap_err();
    assert!(cut.kind.is_interruption(), "{cut:?}");
    assert!(!cut.partial.as_deref().unwrap_or("").is_empty(), "{cut:?}");
}
