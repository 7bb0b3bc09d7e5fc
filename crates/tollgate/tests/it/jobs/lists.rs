//! Lists and sums, for teams and for those who manage.

use serde_json::{Value, json};

use super::scene::{call, complete, create, get, messages, post, refused, team, world};
use crate::money::scene::read;
use crate::world::{KEY, World};

/// Three jobs: one completed with two calls, one failed with a failed call, one without calls.
async fn filled() -> (World, [String; 3]) {
    let world = world(&[team("payer", 9, "")]).await;
    let jobs = [
        create(&world, "payer").await,
        create(&world, "payer").await,
        create(&world, "payer").await,
    ];
    for model in ["money/echo", "sim/echo"] {
        assert_eq!(call(&world, "payer", &jobs[0], model).await.status, 200);
    }
    call(&world, "payer", &jobs[1], "money/fault/server-error").await;
    complete(&world, "payer", &jobs[0], "completed").await;
    complete(&world, "payer", &jobs[1], "failed").await;
    (world, jobs)
}

fn month(world_day: &Value) -> String {
    world_day.as_str().unwrap()[..7].to_owned()
}

#[tokio::test]
async fn a_team_sees_its_jobs_and_what_they_used() {
    let (world, jobs) = filled().await;
    let list = get(&world, "payer", "/api/teams/payer/jobs").await.json();
    let ids: Vec<_> = list["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| &job["job_id"])
        .collect();
    assert_eq!(
        ids,
        [&json!(jobs[2]), &json!(jobs[1]), &json!(jobs[0])],
        "{list}"
    );
    assert_eq!(list["total"], 3);
    for (query, count) in [
        ("status=completed", 1),
        ("status=FAILED", 1),
        ("status=cancelled", 0),
        ("limit=2", 2),
        ("limit=2&offset=2", 1),
    ] {
        let path = format!("/api/teams/payer/jobs?{query}");
        let list = get(&world, "payer", &path).await.json();
        assert_eq!(list["jobs"].as_array().unwrap().len(), count, "{query}");
    }
    let wrong = get(&world, "payer", "/api/teams/payer/jobs?status=done").await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
    for (path, parameter) in [
        ("jobs?limit=x", "limit"),
        ("jobs?limit=0", "limit"),
        ("jobs?offset=-1", "offset"),
        ("usage", "period"),
        ("usage?period=soon", "period"),
    ] {
        let wrong = get(&world, "payer", &format!("/api/teams/payer/{path}")).await;
        let (status, detail) = refused(&wrong);
        let place = json!(["query", parameter]);
        assert_eq!((status, &detail[0]["loc"]), (422, &place), "{path}");
    }
    let period = month(&list["jobs"][0]["created_at"]);
    let path = format!("/api/teams/payer/usage?period={period}");
    let usage = get(&world, "payer", &path).await.json();
    assert_eq!(usage["summary"]["total_jobs"], 3, "{usage}");
    assert_eq!(usage["summary"]["successful_jobs"], 1);
    assert_eq!(usage["summary"]["failed_jobs"], 1);
    assert_eq!(usage["summary"]["credits_used"], 1);
    assert_eq!(usage["job_types"]["test"]["count"], 3);
    for query in ["", "?period=", "?period=2026-13"] {
        let path = format!("/api/teams/payer/usage{query}");
        assert_eq!(
            refused(&get(&world, "payer", &path).await).0,
            422,
            "{query}"
        );
    }
    let path = "/api/teams/payer/usage?period=2020-01";
    let none = get(&world, "payer", path).await.json();
    assert_eq!(none["summary"]["total_jobs"], 0, "{none}");
}

#[tokio::test]
async fn managers_see_jobs_with_their_calls_and_sums_of_an_organization() {
    let (world, jobs) = filled().await;
    let list = read(&world, "/api/jobs/teams/payer?page_size=1").await;
    assert_eq!(
        (&list["total"], &list["total_pages"]),
        (&json!(2), &json!(2)),
        "{list}"
    );
    assert_eq!(list["jobs"][0]["job_id"], jobs[1].as_str());
    let path = format!("/api/jobs/teams/payer?job_id_filter={}", &jobs[0][..8]);
    let found = read(&world, &path).await;
    assert_eq!(found["jobs"][0]["total_calls"], 2, "{found}");
    assert_eq!(found["jobs"][0]["retry_count"], 1);
    let one = read(&world, &format!("/api/jobs/teams/payer/{}", jobs[0])).await;
    assert_eq!(one["job"]["status"], "completed", "{one}");
    assert_eq!(one["calls"].as_array().unwrap().len(), 2);
    assert!(one["calls"][0]["request_id"].is_string());
    let stats = read(&world, "/api/jobs/organizations/default/stats").await;
    for (name, value) in [
        ("total_jobs", 3),
        ("completed_jobs", 1),
        ("failed_jobs", 1),
        ("in_progress_jobs", 1),
        ("total_llm_calls", 3),
        ("successful_calls", 2),
        ("failed_calls", 1),
        ("total_credits_used", 1),
    ] {
        assert_eq!(stats[name], value, "{name}: {stats}");
    }
    assert_eq!(stats["top_teams"][0]["team_id"], "payer");
    let told = read(&world, "/api/jobs/organizations/default/analytics").await;
    assert_eq!(told["total_requests"], 3, "{told}");
    assert_eq!(told["spend_per_team"][0]["team_id"], "payer");
    assert_eq!(told["top_models"][0]["model"], "money/echo");
    assert_eq!(told["daily_spend"].as_array().unwrap().len(), 1);
    let providers = told["provider_usage"].as_array().unwrap();
    assert_eq!(providers.len(), 1, "{told}");
    assert_eq!(
        (&providers[0]["provider"], &providers[0]["requests"]),
        (&json!("openai"), &json!(3))
    );
    for (path, status, text) in [
        ("/api/jobs/teams/nobody", 404, "Team 'nobody' not found"),
        (
            "/api/jobs/teams/payer?status=done",
            400,
            "Invalid status: done. Must be one of: pending, in_progress, completed, failed",
        ),
        (
            "/api/jobs/teams/payer?start_date=soon",
            400,
            "Invalid start_date format: soon. Use ISO format (YYYY-MM-DD)",
        ),
        ("/api/jobs/teams/payer/x", 400, "Invalid job_id format: x"),
        (
            "/api/jobs/teams/payer/01234567-89ab-4def-8123-456789abcdef",
            404,
            "Job '01234567-89ab-4def-8123-456789abcdef' not found for team 'payer'",
        ),
        (
            "/api/jobs/organizations/nobody/stats",
            404,
            "Organization 'nobody' not found",
        ),
    ] {
        let answer = world.gateway.get(path).admin().send().await;
        assert_eq!(refused(&answer), (status, json!(text)), "{path}");
    }
    let plain = world
        .gateway
        .get("/api/jobs/teams/payer")
        .key(KEY)
        .send()
        .await;
    assert_eq!(plain.status, 403, "{plain:?}");
    let nobody = world.gateway.get("/api/jobs/teams/payer").send().await;
    assert_eq!(nobody.status, 401, "{nobody:?}");
    let posted = post(&world, "payer", "/api/jobs/teams/payer", &json!({})).await;
    assert_eq!(posted.status, 405, "{posted:?}");
}

/// What was said in calls is shown to managers of organizations that have it kept, and of no
/// others: it comes out of the request log.
#[tokio::test]
async fn what_was_said_in_calls_is_told_where_the_organization_has_it_kept() {
    let acme = "[[organizations]]\nname = \"acme\"\nkeep_bodies = true\n";
    let kept = team("kept", 9, "").replace("jobs =", "organization = \"acme\"\njobs =");
    let world = world(&[acme.to_owned(), kept, team("payer", 9, "")]).await;
    for (name, is_kept) in [("kept", true), ("payer", false)] {
        let job = create(&world, name).await;
        assert_eq!(call(&world, name, &job, "money/echo").await.status, 200);
        let path = format!("/api/jobs/{job}/llm-call-stream");
        let streamed = post(&world, name, &path, &messages("money/echo")).await;
        let failed = call(&world, name, &job, "money/fault/server-error").await;
        assert_eq!(
            (streamed.status.as_u16(), failed.status.as_u16()),
            (200, 500)
        );
        let told = read(&world, &format!("/api/jobs/teams/{name}/{job}")).await;
        let calls = told["calls"].as_array().unwrap();
        assert_eq!(calls.len(), 3, "{told}");
        for call in calls {
            let (asked, answered) = (&call["request_data"], &call["response_data"]);
            if !is_kept {
                assert_eq!((asked, answered), (&Value::Null, &Value::Null), "{told}");
                continue;
            }
            assert_eq!(asked["messages"][0]["content"], "one two three", "{call}");
            assert_eq!(asked["max_tokens"], 10, "{call}");
        }
        if is_kept {
            let said = |index: usize| &calls[index]["response_data"];
            assert_eq!(said(0)["response"]["content"], "one two three", "{told}");
            assert_eq!(*said(1), streamed.text(), "a stream is kept as it came");
            assert_eq!(*said(2), failed.json(), "{told}");
        }
    }
}
