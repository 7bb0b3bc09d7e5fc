//! The request log and what is told of use: one row for each call, for those whose it is.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tollgate_simulator::Rule;
use tollgate_store::testing::run_on_sqlite;

use super::scene::{self, Tenant, tenant, until};
use crate::world::World;

const PRICED: &str = r#"
[billing]
unpriced = { input = "1", output = "1" }

[[models]]
name = "priced"
price = { input = "1000", output = "1000" }
targets = [{ connection = "sim", model = "echo" }]

[[models]]
name = "tried"
attempts = 3
backoff = { first_ms = 10 }
targets = [{ connection = "sim", model = "tried" }]
"#;

async fn told(world: &World, key: &str, path: &str) -> Value {
    let answer = world.gateway.get(path).key(key).send().await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

async fn rows(world: &World, key: &str, query: &str) -> Vec<Value> {
    let path = format!("/api/account/request-logs?{query}");
    told(world, key, &path).await["logs"]
        .as_array()
        .unwrap()
        .clone()
}

/// The calls of a tenant, each with its request id and the code that the log has to have.
async fn calls(world: &World, tenant: &Tenant) -> Vec<(String, u16, &'static str)> {
    let limited = scene::key(
        world,
        json!({"team": tenant.team, "limits": {"parallel": 1, "rpm": 1, "burst": 1}}),
    )
    .await;
    let limited = scene::text(&limited, "key");
    let mut all = Vec::new();
    let chats = [
        (&tenant.calling, scene::talk("priced"), 200, "ok"),
        (&tenant.calling, scene::streamed("priced"), 200, "ok"),
        (&tenant.calling, scene::talk("tried"), 200, "ok"),
        (
            &tenant.calling,
            scene::talk("sim/fault/invalid-request"),
            400,
            "provider_invalid_request",
        ),
        (
            &tenant.calling,
            scene::talk("nobody/nothing"),
            404,
            "model_not_found",
        ),
        (
            &tenant.calling,
            json!({"model": "priced"}),
            400,
            "invalid_request",
        ),
        (
            &tenant.calling,
            scene::streamed("sim/fault/cut-after-3"),
            200,
            "stream_interrupted",
        ),
        (&limited, scene::talk("priced"), 200, "ok"),
        (&limited, scene::talk("priced"), 429, "rate_limit_exceeded"),
    ];
    for (key, body, status, code) in chats {
        let answer = scene::chat_of(world, &body).key(key).send().await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        all.push((answer.header("x-request-id").to_owned(), status, code));
    }
    all
}

#[tokio::test]
async fn every_call_has_one_row_for_its_own_team_alone() {
    let world = World::with(PRICED).await;
    let (acme, other) = (tenant(&world, "acme").await, tenant(&world, "other").await);
    let add = "/api/credits/teams/acme-team/add";
    scene::make(&world, add, json!({"amount_usd": "10.00"})).await;
    world
        .simulator
        .script(Rule::new("server-error").unwrap().model("tried").times(2))
        .unwrap();
    let calls = calls(&world, &acme).await;
    scene::chat(&world, &other.calling, "sim/echo").await;
    // Whoever is nobody leaves no row, nor does what is no call.
    scene::chat(&world, "sk-tg-nobody", "sim/echo").await;
    told(&world, &acme.calling, "/v1/models").await;
    until("all rows are there", async || {
        rows(&world, &acme.calling, "").await.len() >= calls.len()
            && !rows(&world, &other.calling, "").await.is_empty()
    })
    .await;
    let mine = rows(&world, &acme.calling, "limit=100").await;
    assert_eq!(mine.len(), calls.len());
    assert_eq!(rows(&world, &other.calling, "").await.len(), 1);
    for (id, status, code) in &calls {
        let found: Vec<_> = mine
            .iter()
            .filter(|row| row["request_id"] == id.as_str())
            .collect();
        assert_eq!(found.len(), 1, "{id} {code}");
        let row = found[0];
        assert_eq!(row["status_code"], *status, "{row}");
        let expected = if *code == "ok" {
            Value::Null
        } else {
            (*code).into()
        };
        assert_eq!(row["error_code"], expected, "{row}");
        assert_eq!(row["team"], "acme-team");
        let one = told(
            &world,
            &acme.calling,
            &format!("/api/account/request-logs/{id}"),
        )
        .await;
        assert_eq!(one["body_kept"], false);
        assert!(
            !one.to_string().contains("one two"),
            "a text was kept: {one}"
        );
        // Nobody else finds it.
        let path = format!("/api/account/request-logs/{id}");
        let foreign = world.gateway.get(&path).key(&other.calling).send().await;
        assert_eq!(foreign.outcome(), (404, "resource_not_found".to_owned()));
    }
    let by = |index: usize| {
        let id = calls[index].0.as_str();
        mine.iter()
            .find(|row| row["request_id"] == id)
            .unwrap()
            .clone()
    };
    assert!(by(0)["total_tokens"].as_u64().unwrap() > 0);
    assert_eq!(by(2)["attempts"], 3);
    assert_eq!(by(4)["attempts"], 0);
    // What the log says was paid is what the wallet lacks.
    let cost: f64 = mine
        .iter()
        .map(|row| scene::text(row, "cost_usd").parse::<f64>().unwrap())
        .sum();
    let balance = scene::read(&world, "/api/credits/teams/acme-team/balance").await;
    let balance: f64 = scene::text(&balance, "balance_usd").parse().unwrap();
    assert!((10.0 - balance - cost).abs() < 1e-9, "{balance} {cost}");

    let errors = told(&world, &acme.calling, "/api/account/errors").await;
    assert_eq!(errors["summary"]["total_requests"], calls.len());
    assert_eq!(errors["summary"]["total_errors"], 5, "{errors}");
    let codes: BTreeSet<_> = errors["breakdown"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| scene::text(row, "error_code"))
        .collect();
    let expected = calls
        .iter()
        .map(|(_, _, code)| (*code).to_owned())
        .filter(|code| code != "ok");
    assert_eq!(codes, expected.collect());
    let stats = told(&world, &acme.calling, "/api/account/request-logs/stats").await;
    assert_eq!(stats["total_requests"], calls.len());
    assert_eq!(stats["successful_requests"], 4);
    filters(&world, &acme, calls.len()).await;
}

/// Filters give what they say, and pages give everything once.
async fn filters(world: &World, acme: &Tenant, all: usize) {
    let count = async |query: &str| rows(world, &acme.calling, query).await.len();
    for (query, expected) in [
        ("status=success", 4),
        ("status=error", all - 4),
        ("code=model_not_found", 1),
        ("code=ok&model=priced", 3),
        ("endpoint=openai_chat", all),
        ("endpoint=/v1/chat/completions", all),
        ("endpoint=/v1/messages", 0),
        ("team=other-team", 0),
        ("organization=other", 0),
        ("min_latency=100000", 0),
        ("period=hour", all),
        ("start_date=2020-01-01&end_date=2020-01-02", 0),
    ] {
        assert_eq!(count(query).await, expected, "{query}");
    }
    let key = format!("api_key_id={}", acme.calling_id);
    assert_eq!(count(&key).await, all - 2);
    let mut seen = BTreeSet::new();
    for offset in (0..all + 2).step_by(2) {
        let path = format!("/api/account/request-logs?limit=2&offset={offset}");
        let page = told(world, &acme.calling, &path).await;
        let pagination = &page["pagination"];
        assert_eq!(pagination["total"], all, "{pagination}");
        assert_eq!(pagination["hasMore"], offset + 2 < all, "{pagination}");
        for row in page["logs"].as_array().unwrap() {
            assert!(seen.insert(scene::text(row, "id")), "a row is on two pages");
        }
    }
    assert_eq!(seen.len(), all);
    for query in [
        "limit=101",
        "status=odd",
        "periods=day",
        "code=nothing",
        "offset=-1",
        "endpoint=chat",
    ] {
        let path = format!("/api/account/request-logs?{query}");
        let answer = world.gateway.get(&path).key(&acme.calling).send().await;
        assert_eq!(
            answer.outcome(),
            (400, "invalid_request".to_owned()),
            "{query}"
        );
    }
}

#[tokio::test]
async fn owners_see_their_organization_and_texts_are_kept_where_it_wants_them() {
    let world = World::with("[request_log]\nlongest_body = \"1KiB\"\n").await;
    let (acme, other) = (tenant(&world, "acme").await, tenant(&world, "other").await);
    let wanted = json!({"id": "second", "name": "second", "organization": "acme"});
    scene::make(&world, "/api/teams", wanted).await;
    let second = scene::text(&scene::key(&world, json!({"team": "second"})).await, "key");
    // The owner opts in, for the next call.
    let call = async |key: &str| {
        let answer = scene::chat(&world, key, "sim/echo").await;
        assert_eq!(answer.status, 200);
        answer.header("x-request-id").to_owned()
    };
    let before = call(&acme.calling).await;
    let ask = scene::asked(
        &world,
        http::Method::PATCH,
        "/api/organizations/acme",
        &json!({"keep_bodies": true}),
    );
    assert_eq!(ask.key(&acme.managing).send().await.status, 200);
    let mut body = scene::talk("sim/echo");
    body["messages"][0]["content"] = format!("needle {}", "x".repeat(5000)).into();
    let long = scene::chat_of(&world, &body)
        .key(&acme.calling)
        .send()
        .await;
    let long = long.header("x-request-id").to_owned();
    let (of_second, of_other) = (call(&second).await, call(&other.calling).await);
    until("the rows are there", async || {
        rows(&world, &acme.managing, "").await.len() == 3
            && rows(&world, &other.calling, "").await.len() == 1
    })
    .await;
    assert_eq!(
        rows(&world, &acme.calling, "").await.len(),
        2,
        "a key sees its team's"
    );
    for (key, id, kept) in [
        (&acme.managing, &before, false),
        (&acme.managing, &long, true),
        (&acme.managing, &of_second, true),
        (&other.managing, &of_other, false),
    ] {
        let path = format!("/api/account/request-logs/{id}");
        let one = told(&world, key, &path).await;
        assert_eq!(one["body_kept"], kept, "{one}");
        assert_eq!(one["request_body"].is_string(), kept, "{one}");
        if id == &long {
            let full = told(&world, key, &format!("{path}?show_full_body=true")).await;
            assert_eq!(scene::text(&full, "request_body").len(), 1024);
            assert_eq!(scene::text(&one, "request_body").len(), 1000);
            assert!(scene::text(&one, "request_body").contains("needle"));
        }
        let list = told(&world, key, "/api/account/request-logs/enhanced").await;
        assert!(!list.to_string().contains("needle"), "lists have no texts");
    }
}

#[tokio::test]
async fn use_is_told_as_the_ledger_has_it() {
    let world = World::with(PRICED).await;
    let (acme, other) = (tenant(&world, "acme").await, tenant(&world, "other").await);
    let add = "/api/credits/teams/acme-team/add";
    scene::make(&world, add, json!({"amount_usd": "10.00"})).await;
    for _ in 0..3 {
        assert_eq!(
            scene::chat(&world, &acme.calling, "priced").await.status,
            200
        );
    }
    assert_eq!(
        scene::chat(&world, &other.calling, "sim/echo").await.status,
        200
    );
    let balance = scene::read(&world, "/api/credits/teams/acme-team/balance").await;
    let spent = 10.0 - scene::text(&balance, "balance_usd").parse::<f64>().unwrap();
    let path = "/api/billing/usage/breakdown?group_by=model";
    until("the usage is there", async || {
        told(&world, &acme.calling, path)
            .await
            .to_string()
            .contains("priced")
    })
    .await;
    let told = async |path: &str, key: &str| told(&world, key, path).await;
    let mine = told(path, &acme.calling).await;
    assert!(!mine.to_string().contains("sim/"), "{mine}");
    let rows = mine["breakdown"].as_array().or(mine["usage"].as_array());
    let rows = rows.unwrap_or_else(|| panic!("{mine}"));
    assert_eq!(rows.len(), 1, "{mine}");
    let cost = rows[0]["cost"].as_f64().or(rows[0]["total_cost"].as_f64());
    assert!(
        (cost.unwrap_or_else(|| panic!("{mine}")) - spent).abs() < 1e-9,
        "{mine} {spent}"
    );
    let theirs = told(path, &other.calling).await;
    assert!(!theirs.to_string().contains("priced"), "{theirs}");
    let usage = told(
        "/api/account/analytics/usage?granularity=all",
        &acme.calling,
    )
    .await;
    assert!(usage.to_string().contains("priced"), "{usage}");
}

#[tokio::test]
async fn a_store_that_takes_no_rows_slows_no_call_and_what_is_lost_is_said() {
    let mut world = World::start().await;
    let acme = tenant(&world, "acme").await;
    let file = scene::database(&world);
    run_on_sqlite(
        &file,
        "CREATE TRIGGER no_rows BEFORE INSERT ON segments BEGIN \
         SELECT RAISE(ABORT, 'refused by a trigger'); END",
    );
    let first = scene::chat(&world, &acme.calling, "sim/echo").await;
    assert_eq!(first.status, 200);
    until("writing fails", async || {
        world
            .gateway
            .metric("tollgate_request_log_failures_total", &[])
            .await
            > 0
    })
    .await;
    let begin = Instant::now();
    let crowd = (0..50).map(|_| scene::chat(&world, &acme.calling, "sim/echo"));
    assert!(
        join_all(crowd)
            .await
            .iter()
            .all(|answer| answer.status == 200)
    );
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "calls wait for the log"
    );
    run_on_sqlite(&file, "DROP TRIGGER no_rows");
    // What failed for a while only is there afterwards.
    until("all rows are written", async || {
        world
            .gateway
            .metric("tollgate_request_log_written_total", &[])
            .await
            == 51
    })
    .await;
    assert_eq!(
        world
            .gateway
            .metric("tollgate_request_log_dropped_total", &[])
            .await,
        0
    );
    assert_eq!(rows(&world, &acme.calling, "limit=100").await.len(), 51);

    // At the end there is no time to wait: it is said how many are lost.
    run_on_sqlite(
        &file,
        "CREATE TRIGGER no_rows BEFORE INSERT ON segments BEGIN \
         SELECT RAISE(ABORT, 'refused by a trigger'); END",
    );
    for _ in 0..3 {
        scene::chat(&world, &acme.calling, "sim/echo").await;
    }
    world.gateway.signal("TERM");
    world.gateway.wait_for_end();
    let log = std::fs::read_to_string(&world.gateway.log).unwrap_or_default();
    let printed = log + &world.printed();
    let line = printed
        .lines()
        .find(|line| line.contains("request log") && line.contains("lost"));
    let line = line.unwrap_or_else(|| panic!("no word of the loss: {printed}"));
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["rows"], 3, "{line}");
}

#[tokio::test]
async fn an_admin_header_without_a_key_in_it_shows_nobody_more() {
    let world = World::start().await;
    let (acme, other) = (tenant(&world, "acme").await, tenant(&world, "other").await);
    scene::chat(&world, &other.calling, "sim/echo").await;
    until("the call is in the log", async || {
        !rows(&world, &other.calling, "").await.is_empty()
    })
    .await;
    let mut keys = vec![acme.managing.clone(), acme.calling.clone()];
    for role in ["admin", "developer", "viewer", "member"] {
        let user = scene::member(&world, "acme", role).await;
        let wanted = json!({"team": acme.team, "user": user, "permissions": scene::ALL});
        keys.push(scene::text(&scene::key(&world, wanted).await, "key"));
    }
    for key in &keys {
        for path in [
            "/api/account/request-logs",
            "/api/account/request-logs/enhanced",
            "/api/account/request-logs/stats",
            "/api/account/errors",
            "/api/account/analytics/usage",
            "/api/billing/usage/breakdown?group_by=team",
            "/api/keys",
            "/api/teams/acme-team",
        ] {
            for empty in [&[""][..], &["  "], &["", ""]] {
                let ask = world.gateway.get(path).key(key);
                let ask = empty
                    .iter()
                    .fold(ask, |ask, value| ask.header("x-admin-key", value));
                let answer = ask.send().await;
                assert_eq!(answer.status, 401, "{path} {empty:?}: {answer:?}");
                let code = answer.header("x-tollgate-error-code");
                assert_eq!(code, "invalid_api_key", "{path} {empty:?}");
            }
        }
    }
    // Beside the admin key, an empty one says nothing either way: nobody can tell what is meant.
    let ask = world.gateway.get("/api/account/request-logs").admin();
    let answer = ask.header("x-admin-key", "").send().await;
    assert_eq!(answer.outcome(), (401, "invalid_api_key".to_owned()));
    // Where no manager is asked for, the header is none of ours.
    let ask = world.gateway.get("/v1/models").key(&acme.calling);
    assert_eq!(ask.header("x-admin-key", "").send().await.status, 200);
}
