//! What callers and operators see of calls.

use serde_json::Value;
use tollgate_core::error::{Code, Failure};
use tollgate_engine::accounts::OrganizationEdit;
use tollgate_engine::authority::Manager;

use crate::access_log::LogFormat;
use crate::testing::world::{KEY, Said, Step, World, chat};

async fn world() -> World {
    let models = vec![crate::testing::model("m", &[("c", "m")])];
    World::new(models, LogFormat::Off).await
}

async fn ask(world: &World, path: &str) -> Said {
    let headers = format!("authorization: Bearer {KEY}\r\n");
    world.ask(&format!("GET {path}"), &headers, "").await
}

async fn logs(world: &World, query: &str) -> Vec<Value> {
    let said = ask(world, &format!("/api/account/request-logs{query}")).await;
    assert_eq!(said.status, 200, "{}", said.body);
    said.json()["logs"].as_array().unwrap().clone()
}

/// Makes a call whose body can be told from all others.
async fn call(world: &World, step: Step, stream: bool) -> Said {
    world.script.then(step);
    let said = world.chat("m", "", stream).await;
    world.settle().await;
    said
}

#[tokio::test]
async fn every_call_has_one_row_however_it_ended() {
    let world = world().await;
    call(&world, Step::Answer, false).await;
    call(&world, Step::Stream, true).await;
    let failure = Failure::client(Code::ProviderInvalidRequest);
    call(&world, Step::Fail(failure), false).await;
    world.chat("unknown\u{e9}", "", false).await;
    // What is no call leaves no row, and neither does a stranger.
    ask(&world, "/v1/models").await;
    let stranger = "authorization: Bearer sk-nobody\r\n";
    world
        .ask("POST /v1/chat/completions", stranger, &chat("m", false))
        .await;
    world.settle().await;
    let rows = logs(&world, "").await;
    let told: Vec<String> = rows
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap_or("-").to_owned();
            format!(
                "{} {} {} {} {}",
                text("requested_model"),
                text("status"),
                text("error_code"),
                row["status_code"],
                row["stream"],
            )
        })
        .collect();
    let expected = [
        "unknown\u{e9} error model_not_found 404 false",
        "m error provider_invalid_request 400 false",
        "m success - 200 true",
        "m success - 200 false",
    ];
    assert_eq!(told, expected);
    assert_eq!(rows[3]["connection"], "c");
    assert_eq!(rows[3]["attempts"], 1);
    assert_eq!(rows[3]["team"], "default");
    assert_eq!(
        rows[3]["latency_ms"].as_u64().map(|ms| ms < 60_000),
        Some(true)
    );
}

#[tokio::test]
async fn a_caller_who_goes_away_leaves_a_row() {
    let world = world().await;
    world.script.then(Step::Hang);
    let headers = format!("authorization: Bearer {KEY}\r\n");
    let request = "POST /v1/chat/completions";
    let stream = world.send(request, &headers, &chat("m", false)).await;
    world.script.asked.notified().await;
    drop(stream);
    world.settle().await;
    let rows = logs(&world, "?code=client_closed").await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["connection"], "c");
}

#[tokio::test]
async fn texts_are_kept_for_organizations_that_want_it_and_for_no_other() {
    let world = world().await;
    call(&world, Step::Answer, false).await;
    let edit = |keeps| OrganizationEdit {
        keeps_bodies: Some(keeps),
        ..OrganizationEdit::default()
    };
    let accounts = &world.gateway.engine.accounts;
    let by = Manager::command();
    accounts
        .change_organization(&by, "default", &edit(true))
        .await
        .unwrap();
    call(&world, Step::Answer, false).await;
    call(&world, Step::Stream, true).await;
    accounts
        .change_organization(&by, "default", &edit(false))
        .await
        .unwrap();
    call(&world, Step::Answer, false).await;
    let mut details = Vec::new();
    for row in logs(&world, "").await {
        assert!(!row.to_string().contains("\"hi\""), "{row}");
        let id = row["id"].as_str().unwrap();
        let path = format!("/api/account/request-logs/{id}?show_full_body=true");
        details.push(ask(&world, &path).await.json());
    }
    let kept: Vec<_> = details.iter().map(|row| row["body_kept"] == true).collect();
    assert_eq!(kept, [false, true, true, false]);
    for hidden in [&details[0], &details[3]] {
        assert_eq!(hidden.get("request_body"), None);
        assert_eq!(hidden.get("response_body"), None);
    }
    assert_eq!(details[2]["request_body"], chat("m", false));
    assert_eq!(details[2]["response_body"], "{\"said\":1}");
    assert_eq!(details[1]["request_body"], chat("m", true));
    assert_eq!(details[1]["response_body"], "data: {}\n\ndata: [DONE]\n\n");
}

#[tokio::test]
async fn kept_texts_are_bounded() {
    let world = world().await;
    let log = &world.gateway.engine.request_log;
    log.set_settings(tollgate_engine::request_log::Settings {
        longest_body: 9,
        ..Default::default()
    });
    let edit = OrganizationEdit {
        keeps_bodies: Some(true),
        ..OrganizationEdit::default()
    };
    let accounts = &world.gateway.engine.accounts;
    let by = Manager::command();
    accounts
        .change_organization(&by, "default", &edit)
        .await
        .unwrap();
    call(&world, Step::Stream, true).await;
    let rows = logs(&world, "").await;
    let id = rows[0]["request_id"].as_str().unwrap();
    let path = format!("/api/account/request-logs/{id}/details?show_full_body=true");
    let row = ask(&world, &path).await.json();
    assert_eq!(row["request_body"], chat("m", true).get(..9).unwrap());
    assert_eq!(row["response_body"], "data: {}\n");
}

#[tokio::test]
async fn a_team_sees_its_own_calls_and_the_administrator_all() {
    let world = world().await;
    let made = world
        .manage("POST /api/teams", r#"{"id":"other","name":"other"}"#)
        .await;
    assert_eq!(made.status, 201, "{}", made.body);
    let made = world
        .manage("POST /api/keys", r#"{"name":"b","team":"other"}"#)
        .await;
    assert_eq!(made.status, 201, "{}", made.body);
    let key = made.json()["key"].as_str().unwrap().to_owned();
    call(&world, Step::Answer, false).await;
    let own = logs(&world, "").await;
    assert_eq!(own.len(), 1);
    let id = own[0]["id"].as_str().unwrap().to_owned();
    let request_id = own[0]["request_id"].as_str().unwrap().to_owned();
    let headers = format!("authorization: Bearer {key}\r\n");
    for (query, count) in [("", 0), ("?team=default", 0), ("?organization=default", 0)] {
        let path = format!("GET /api/account/request-logs{query}");
        let said = world.ask(&path, &headers, "").await;
        assert_eq!(said.json()["pagination"]["total"], count, "{query}");
    }
    for id in [&id, &request_id, &"log_0".to_owned()] {
        let path = format!("GET /api/account/request-logs/{id}");
        let said = world.ask(&path, &headers, "").await;
        assert_eq!(
            (said.status, said.header("x-tollgate-error-code")),
            (404, Some("resource_not_found"))
        );
    }
    for path in ["/api/account/errors", "/api/account/request-logs/stats"] {
        let said = world.ask(&format!("GET {path}"), &headers, "").await;
        let said = said.json();
        let all = said["summary"]["total_requests"].as_u64();
        assert_eq!(all.or(said["total_requests"].as_u64()), Some(0), "{path}");
    }
    for (query, count) in [("", 1), ("?team=default", 1), ("?team=other", 0)] {
        let said = world
            .manage(&format!("GET /api/account/request-logs{query}"), "")
            .await;
        assert_eq!(said.json()["pagination"]["total"], count, "{query}");
    }
    let said = world
        .manage(&format!("GET /api/account/request-logs/{id}"), "")
        .await;
    assert_eq!(said.json()["request_id"], request_id);
}

#[tokio::test]
async fn faults_in_parameters_are_named_all_at_once() {
    let world = world().await;
    for (query, named) in [
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("offset=-1", "offset"),
        ("status=maybe", "status"),
        ("start_date=yesterday", "start_date"),
        ("start_date=2026-11-21&end_date=2026-11-20", "end_date"),
        ("period=7x", "period"),
        ("period=7d&start_date=2026-11-21", "period"),
        ("min_latency=1.5", "min_latency"),
        ("endpoint=/v1/nothing", "endpoint"),
        ("modle=x", "modle"),
        ("model=a&model=b", "model"),
    ] {
        let said = ask(&world, &format!("/api/account/request-logs?{query}")).await;
        assert_eq!(said.status, 400, "{query}: {}", said.body);
        assert_eq!(
            said.json()["error"]["param"],
            named,
            "{query}: {}",
            said.body
        );
    }
    let said = ask(&world, "/api/account/request-logs?limit=x&offset=x&x=x").await;
    for named in ["`limit`", "`offset`", "`x`"] {
        assert!(said.body.contains(named), "{}", said.body);
    }
    let none = world.ask("GET /api/account/request-logs", "", "").await;
    assert_eq!(none.status, 401);
}

#[tokio::test]
async fn filters_and_pages_are_those_that_were_asked_for() {
    let world = world().await;
    for _ in 0..3 {
        call(&world, Step::Answer, false).await;
    }
    let failure = Failure::client(Code::ProviderInvalidRequest);
    call(&world, Step::Fail(failure), false).await;
    for (query, count) in [
        ("status=success", 3),
        ("status=error", 1),
        ("code=provider_invalid_request", 1),
        ("model=m", 4),
        ("model=x", 0),
        ("endpoint=/v1/chat/completions", 4),
        ("endpoint=/v1/messages", 0),
        ("period=1h", 4),
        ("end_date=2020-01-01", 0),
        ("start_date=2020-01-01&end_date=2100-01-01T00:00:00Z", 4),
        ("min_latency=600000", 0),
        ("limit=2&offset=3", 1),
        ("limit=0", 0),
    ] {
        assert_eq!(
            logs(&world, &format!("?{query}")).await.len(),
            count,
            "{query}"
        );
    }
    let said = ask(&world, "/api/account/request-logs?limit=2&offset=1")
        .await
        .json();
    let page = &said["pagination"];
    assert_eq!(
        (&page["total"], &page["hasMore"]),
        (&4.into(), &true.into())
    );
    let errors = ask(&world, "/api/account/errors?period=24h").await.json();
    assert_eq!(errors["summary"]["total_errors"], 1);
    assert_eq!(errors["summary"]["client_errors"], 1);
    assert_eq!(errors["summary"]["error_rate"], 25.0);
    assert_eq!(
        errors["breakdown"][0]["error_type"],
        "invalid_request_error"
    );
    let stats = ask(&world, "/api/account/request-logs/stats").await.json();
    assert_eq!(stats["total_requests"], 4);
    assert_eq!(stats["models"][0]["model"], "m");
    let enhanced = ask(&world, "/api/account/request-logs/enhanced?limit=1")
        .await
        .json();
    let tried = &enhanced["logs"][0]["resolution_attempts"];
    assert_eq!(tried["summary"]["totalCandidatesTried"], 1);
    for path in [
        "/api/account/analytics/usage?granularity=hour",
        "/api/billing/usage/breakdown?group_by=day",
    ] {
        assert_eq!(ask(&world, path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn rows_are_counted_in_the_metrics() {
    let world = world().await;
    call(&world, Step::Answer, false).await;
    logs(&world, "").await;
    assert_eq!(world.figure("request_log_dropped_total"), Some(0.0));
    let waiting = world.figure("request_log_waiting").unwrap();
    let written = world.figure("request_log_written_total").unwrap();
    assert!((waiting + written - 1.0).abs() < 0.1, "{waiting} {written}");
}
