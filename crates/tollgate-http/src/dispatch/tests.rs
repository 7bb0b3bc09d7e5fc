//! Whole requests at a gateway on a port: what callers may wish for, what they are told of the
//! attempts, and who is let in.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tollgate_core::error::{Code, Failure};

use super::*;
use crate::access_log::LogFormat;
use crate::testing::world::{KEY, Said, Step, World, chat};
use crate::testing::{lines, model};

/// `m` has two targets, `n` one; `f` falls back to `n`.
async fn world(format: LogFormat) -> World {
    let mut falling = model("f", &[("c", "f1")]);
    falling.fallbacks = Arc::new(tollgate_core::route::fallback::Fallbacks {
        general: vec!["n".into()],
        by_class: Vec::new(),
    });
    let models = vec![
        model("m", &[("a", "m1"), ("b", "m2")]),
        model("n", &[("a", "n1")]),
        falling,
    ];
    World::new(models, format).await
}

/// A failure of a provider after which another target is asked.
fn broken() -> Step {
    let mut failure = Failure::provider(Code::ProviderError, "openai");
    failure.provider_status = Some(503);
    Step::Fail(failure)
}

/// The text with every number of milliseconds replaced by `N`.
fn without_times(trail: &str) -> String {
    let mut parts = trail.split(";ms=");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|digit: char| digit.is_ascii_digit());
        assert_ne!(rest.len(), part.len(), "{trail}");
        text.push_str(";ms=N");
        text.push_str(rest);
    }
    text
}

fn trail(said: &Said) -> Option<String> {
    said.header("x-tollgate-trail").map(without_times)
}

#[tokio::test]
async fn who_asks_for_the_trail_is_told_every_attempt() {
    let world = world(LogFormat::Off).await;
    for step in [Step::Answer, Step::Stream] {
        let stream = matches!(step, Step::Stream);
        world.script.then(broken());
        world.script.then(step);
        let said = world.chat("m", "x-tollgate-trail: full\r\n", stream).await;
        assert_eq!(said.status, 200);
        assert_eq!(said.header("x-tollgate-attempts"), Some("2"));
        let told = "a/m1;code=provider_error;status=503;ms=N, b/m2;code=ok;status=200;ms=N";
        assert_eq!(trail(&said).as_deref(), Some(told));
    }
    world.script.then(Step::Answer);
    let said = world.chat("m", "", false).await;
    assert_eq!(said.header("x-tollgate-attempts"), Some("1"));
    assert_eq!(trail(&said), None);
}

#[tokio::test]
async fn a_failure_tells_the_attempts_in_its_body_and_in_the_header_that_was_asked_for() {
    let world = world(LogFormat::Off).await;
    // Neither is worth another attempt at the same target.
    let mut spent = Failure::provider(Code::ProviderQuotaExhausted, "openai");
    spent.provider_status = Some(429);
    let spent = Step::Fail(spent);
    let refused = Failure::provider(Code::ProviderAuthenticationFailed, "openai");
    let refused = Step::Fail(refused);
    world.script.then(spent);
    world.script.then(refused);
    let said = world.chat("m", "x-tollgate-trail: full\r\n", false).await;
    assert!(said.status >= 500, "{}", said.body);
    assert_eq!(said.header("x-tollgate-attempts"), Some("2"));
    assert_eq!(said.header("x-should-retry"), Some("false"));
    let told = "a/m1;code=provider_quota_exhausted;status=429;ms=N, \
                b/m2;code=provider_authentication_failed;ms=N";
    assert_eq!(trail(&said).as_deref(), Some(told));
    let attempts = said.json()["error"]["attempts"].take();
    assert_eq!(attempts[0]["connection"], "a");
    assert_eq!(attempts[0]["status"], 429);
    assert_eq!(attempts[1]["code"], "provider_authentication_failed");
    assert_eq!(attempts.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_request_that_another_model_answered_is_counted_unless_it_wished_for_none() {
    let world = world(LogFormat::Off).await;
    world.script.then(broken());
    world.script.then(Step::Answer);
    let said = world.chat("f", "", false).await;
    assert_eq!(
        (said.status, said.header("x-tollgate-model")),
        (200, Some("n"))
    );
    world.settle().await;
    assert_eq!(world.figure("fallbacks_total{model=\"f\"}"), Some(1.0));
    // Nobody else may answer: the one target is not asked again before its caller gives up.
    world.script.then(broken());
    let wishes = "x-tollgate-fallbacks: off\r\nx-tollgate-timeout-ms: 300\r\n";
    let said = world.chat("f", wishes, false).await;
    assert!(said.status >= 500, "{}", said.body);
    assert_eq!(said.header("x-tollgate-attempts"), Some("1"));
    world.settle().await;
    assert_eq!(world.figure("fallbacks_total{model=\"f\"}"), Some(1.0));
}

#[tokio::test]
async fn a_callers_patience_shortens_what_providers_are_given() {
    let world = world(LogFormat::Off).await;
    for (headers, stream, least, most) in [
        ("", false, 590_000, 600_000),
        ("x-tollgate-timeout-ms: 8000\r\n", false, 5000, 7750),
        ("x-tollgate-timeout-ms: 8000\r\n", true, 5000, 7750),
        ("x-stainless-timeout: 6.5\r\n", false, 4000, 6250),
        // A stream that has begun may take its time.
        ("x-stainless-timeout: 6.5\r\n", true, 590_000, 600_000),
        (
            "x-stainless-timeout: 600\r\nx-stainless-read-timeout: 10\r\n",
            false,
            7000,
            9750,
        ),
        ("x-stainless-timeout: soon\r\n", false, 590_000, 600_000),
    ] {
        world
            .script
            .then(if stream { Step::Stream } else { Step::Answer });
        assert_eq!(world.chat("n", headers, stream).await.status, 200);
        let given = world.script.given().pop().unwrap();
        let bounds = Duration::from_millis(least)..=Duration::from_millis(most);
        assert!(bounds.contains(&given), "{headers} {stream}: {given:?}");
    }
}

#[tokio::test]
async fn a_wish_that_cannot_be_read_is_refused_before_the_body_is_taken_in() {
    let world = world(LogFormat::Off).await;
    let headers = format!(
        "authorization: Bearer {KEY}\r\nx-tollgate-timeout-ms: soon\r\nx-tollgate-tags: a b\r\n"
    );
    let said = world
        .ask_without_body("POST /v1/chat/completions", &headers)
        .await;
    assert_eq!(said.status, 400);
    let error = said.json()["error"].take();
    assert_eq!(error["code"], "invalid_request");
    assert_eq!(error["param"], "x-tollgate-timeout-ms");
    assert_eq!(error["details"]["fields"][1]["path"], "x-tollgate-tags");
    let said = world.ask_without_body("POST /v1/messages", &headers).await;
    assert!(said.body.contains("x-tollgate-tags"), "{}", said.body);
}

#[tokio::test]
async fn the_log_tells_the_attempts_as_text() {
    let world = world(LogFormat::Text).await;
    world.script.then(Step::Answer);
    world.chat("n", "", false).await;
    world.script.then(broken());
    world.script.then(Step::Answer);
    world.chat("m", "", false).await;
    world.settle().await;
    world.ask("GET /v1/models", "", "").await;
    world.settle().await;
    let lines = lines(&world.log);
    assert!(
        lines[0].contains(" attempts=1 stream=false"),
        "{}",
        lines[0]
    );
    let (_, told) = lines[1].split_once(" attempts=2 trail=").unwrap();
    let told: String = told.chars().filter(|it| !it.is_ascii_digit()).collect();
    assert_eq!(told, "a/m:provider_error:ms,b/m:ok:ms stream=false");
    assert!(!lines[2].contains("attempts"), "{}", lines[2]);
}

#[tokio::test]
async fn the_log_tells_the_attempts_as_json_also_those_of_callers_who_hang_up() {
    let world = world(LogFormat::Json).await;
    world.script.then(broken());
    world.script.then(Step::Hang);
    let headers = format!("authorization: Bearer {KEY}\r\n");
    let body = chat("m", false);
    let mut stream = world
        .send("POST /v1/chat/completions", &headers, &body)
        .await;
    world.script.asked.notified().await;
    while world.script.given().len() < 2 {
        tokio::task::yield_now().await;
    }
    stream.shutdown().await.unwrap();
    drop(stream);
    world.settle().await;
    let figure = "upstream_attempts_total{connection=\"b\",class=\"client_closed\"}";
    assert_eq!(world.figure(figure), Some(1.0));
    let line: Value = serde_json::from_str(&lines(&world.log)[0]).unwrap();
    assert_eq!(
        (&line["code"], &line["connection"]),
        (&json!("client_closed"), &json!("b"))
    );
    let [first, second] = &line["attempts"].as_array().unwrap()[..] else {
        panic!("{line}");
    };
    assert_eq!(first["code"], "provider_error");
    assert!(first["duration_ms"].is_u64());
    assert_eq!(
        *second,
        json!({"connection": "b", "model": "m2", "code": "client_closed"})
    );
    assert!(line.get("provider_us").is_none(), "nobody has measured it");
}

#[tokio::test]
async fn maintenance_refuses_calls_and_nothing_else() {
    let world = world(LogFormat::Off).await;
    world.script.then(Step::Hang);
    let headers = format!("authorization: Bearer {KEY}\r\n");
    let under_way = world
        .send("POST /v1/chat/completions", &headers, &chat("n", false))
        .await;
    world.script.asked.notified().await;
    let off = json!({"enabled": false, "declared": false, "message": null, "retry_after_s": null});
    assert_eq!(world.manage("GET /api/maintenance", "").await.json(), off);
    let body = "{\"enabled\":true,\"message\":\"We move house.\",\"retry_after_s\":90}";
    let said = world.manage("PUT /api/maintenance", body).await;
    let on = json!({
        "enabled": true, "declared": false, "message": "We move house.", "retry_after_s": 90,
    });
    assert_eq!((said.status, said.json()), (200, on.clone()));
    assert_eq!(world.manage("GET /api/maintenance", "").await.json(), on);
    let said = world
        .ask_without_body("POST /v1/chat/completions", &headers)
        .await;
    assert_eq!(said.status, 503);
    assert_eq!(said.header("x-tollgate-error-code"), Some("maintenance"));
    assert_eq!(said.header("retry-after"), Some("90"));
    assert_eq!(said.json()["error"]["message"], "We move house.");
    let said = world.ask("POST /v1/messages", &headers, "{}").await;
    assert_eq!(said.status, 529);
    assert_eq!(said.json()["error"]["type"], "overloaded_error");
    for (request, status) in [
        ("GET /v1/models", 200),
        ("GET /health/live", 200),
        ("GET /health", 200),
        ("GET /health/ready", 503),
    ] {
        assert_eq!(
            world.ask(request, &headers, "").await.status,
            status,
            "{request}"
        );
    }
    assert_eq!(world.manage("GET /api/keys", "").await.status, 200);
    // Strangers are told that they are strangers.
    let said = world
        .ask("POST /v1/chat/completions", "", &chat("n", false))
        .await;
    assert_eq!(said.status, 401);
    assert!(world.gateway.metrics.requests_open.get() > 0, "it goes on");
    drop(under_way);
    let said = world
        .manage("PUT /api/maintenance", "{\"enabled\":false}")
        .await;
    assert_eq!(said.json(), off);
    world.script.then(Step::Answer);
    assert_eq!(world.chat("n", "", false).await.status, 200);
    assert_eq!(world.ask("GET /health/ready", "", "").await.status, 200);
}

#[tokio::test]
async fn maintenance_is_for_operators_and_its_orders_are_read_strictly() {
    let world = world(LogFormat::Off).await;
    let headers = format!("authorization: Bearer {KEY}\r\n");
    for request in ["GET /api/maintenance", "PUT /api/maintenance"] {
        let said = world.ask(request, &headers, "{\"enabled\":true}").await;
        assert_eq!(said.status, 403, "{request}");
        let said = world.ask(request, "", "{\"enabled\":true}").await;
        assert_eq!(said.status, 401, "{request}");
    }
    for (body, fields) in [
        ("{}", &["enabled"][..]),
        ("{\"enabled\":\"yes\"}", &["enabled"]),
        (
            "{\"enabled\":true,\"retry_after_s\":0,\"message\":\"\"}",
            &["message", "retry_after_s"],
        ),
        ("{\"enabled\":true,\"declared\":false}", &["declared"]),
    ] {
        let said = world.manage("PUT /api/maintenance", body).await;
        assert_eq!(said.status, 400, "{body}");
        let told = said.json()["error"]["details"]["fields"].take();
        let told = told.as_array().unwrap().iter();
        let told: Vec<_> = told.map(|field| field["path"].as_str().unwrap()).collect();
        assert_eq!(told, fields, "{body}");
    }
    assert!(!world.gateway.engine.maintenance.is_on());
    world.gateway.engine.maintenance.set_declared(true);
    let said = world
        .manage("PUT /api/maintenance", "{\"enabled\":false}")
        .await;
    assert_eq!(said.status, 409, "{}", said.body);
    let told = world.manage("GET /api/maintenance", "").await.json();
    assert_eq!(
        (&told["enabled"], &told["declared"]),
        (&json!(true), &json!(true))
    );
    let said = world.manage("POST /api/maintenance", "{}").await;
    assert_eq!(
        (said.status, said.header("allow")),
        (405, Some("GET, HEAD, PUT"))
    );
}

#[tokio::test]
async fn who_finds_no_place_is_told_at_once_and_places_come_back() {
    let world = world(LogFormat::Off).await;
    let overload = &world.gateway.engine.overload;
    overload.set_rules(tollgate_core::overload::Rules {
        parallel: Some(1),
        ..tollgate_core::overload::Rules::NONE
    });
    world.script.then(Step::Hang);
    let headers = format!("authorization: Bearer {KEY}\r\n");
    let under_way = world
        .send("POST /v1/chat/completions", &headers, &chat("n", false))
        .await;
    world.script.asked.notified().await;
    let said = world
        .ask_without_body("POST /v1/chat/completions", &headers)
        .await;
    assert_eq!(
        (said.status, said.header("x-should-retry")),
        (503, Some("true"))
    );
    assert_eq!(said.header("x-tollgate-error-code"), Some("overloaded"));
    assert!(said.header("retry-after").is_some());
    assert_eq!(world.figure("shed_total{priority=\"low\"}"), Some(1.0));
    assert_eq!(world.figure("shed_total{priority=\"high\"}"), Some(0.0));
    assert_eq!(world.figure("parallel_limit"), Some(1.0));
    // Lists take no place, and management neither.
    assert_eq!(world.ask("GET /v1/models", &headers, "").await.status, 200);
    assert_eq!(world.manage("GET /api/keys", "").await.status, 200);
    drop(under_way);
    world.settle().await;
    for step in [Step::Answer, Step::Stream, Step::Answer] {
        let stream = matches!(step, Step::Stream);
        world.script.then(step);
        assert_eq!(world.chat("n", "", stream).await.status, 200);
        world.settle().await;
    }
    assert_eq!(overload.reading().under_way, 0);
}
