use tollgate_engine::port::{JobQuery, JobStore as _};
use tollgate_engine::testing::{NewJobs, counting_entropy};

use super::*;
use crate::access_log::LogFormat;
use crate::testing;
use crate::testing::world::{KEY, Said, Step, World, chat};

async fn world() -> World {
    World::new(vec![testing::model("m", &[("c", "m")])], LogFormat::Off).await
}

fn with(key: &str) -> String {
    format!("idempotency-key: {key}\r\n")
}

fn code(said: &Said) -> Option<&str> {
    said.header("x-tollgate-error-code")
}

/// The data of a body in chunks.
fn events(said: &Said) -> String {
    let lines = said.body.lines();
    lines.filter(|line| line.starts_with("data: ")).collect()
}

#[test]
fn keys_are_quoted_or_bare_and_bounded() {
    let longest = "k".repeat(LONGEST);
    for (value, key) in [
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", None),
        ("stainless-python-retry-8e03978e", None),
        (longest.as_str(), None),
        (" padded ", Some("padded")),
        ("\"quoted\"", Some("quoted")),
        (r#""a\"b\\c""#, Some(r#"a"b\c"#)),
    ] {
        let read = parse(value.as_bytes()).expect(value);
        assert_eq!(&*read, key.unwrap_or(value).as_bytes(), "{value}");
    }
    let too_long = "k".repeat(LONGEST + 1);
    for value in [
        "",
        "\"\"",
        "\"",
        "a b",
        "\"a b\"",
        "\"open",
        "closed\"",
        "\"a\"b\"",
        "\"a\";p=1",
        r#""a\b""#,
        r#""a\"#,
        "caf\u{e9}",
        "a\tb",
        too_long.as_str(),
    ] {
        assert_eq!(parse(value.as_bytes()), None, "{value}");
    }
}

#[test]
fn slots_and_fingerprints_change_with_all_that_they_are_made_of() {
    let key = Key(Box::from(&b"k"[..]));
    let one = testing::request("/v1/a?alt=sse&key=1");
    let slot_of_one = slot(&key, Tenant::Team("t"), &one);
    let same = testing::request("/v1/a?key=2&alt=sse");
    assert_eq!(slot(&key, Tenant::Team("t"), &same), slot_of_one);
    assert_eq!(fingerprint(&same, b"{}"), fingerprint(&one, b"{}"));
    let other = testing::request("/v1/b?alt=sse");
    let mut put = testing::request("/v1/a?alt=sse");
    put.method = Method::PUT;
    for (key, tenant, parts) in [
        (&Key(Box::from(&b"l"[..])), Tenant::Team("t"), &one),
        (&key, Tenant::Team("u"), &one),
        (&key, Tenant::Deployment, &one),
        (&key, Tenant::Team("t"), &other),
        (&key, Tenant::Team("t"), &put),
    ] {
        assert_ne!(slot(key, tenant, parts), slot_of_one);
    }
    let query = testing::request("/v1/a?alt=json");
    for (parts, body) in [(&one, &b"{ }"[..]), (&other, b"{}"), (&query, b"{}")] {
        assert_ne!(fingerprint(parts, body), fingerprint(&one, b"{}"));
    }
}

#[tokio::test]
async fn an_answer_is_given_again_with_its_own_head_and_another_request_id() {
    let world = world().await;
    world.script.then(Step::Answer);
    let first = world.chat("m", &with("k"), false).await;
    let again = world.chat("m", &with("\"k\""), false).await;
    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(first.body, again.body);
    for name in ["content-type", "x-tollgate-model", "x-tollgate-attempts"] {
        assert!(first.header(name).is_some(), "{name}");
        assert_eq!(first.header(name), again.header(name), "{name}");
    }
    assert_eq!(first.header("idempotent-replayed"), None);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let (id, fresh) = (first.header("x-request-id"), again.header("x-request-id"));
    assert_eq!(again.header("x-tollgate-original-request-id"), id);
    assert_ne!(fresh, id);
    assert_eq!(world.script.given().len(), 1);
    world.settle().await;
}

#[tokio::test]
async fn a_stream_is_given_again_as_a_stream() {
    let world = world().await;
    world.script.then(Step::Stream);
    let first = world.chat("m", &with("k"), true).await;
    let again = world.chat("m", &with("k"), true).await;
    assert_eq!(events(&first), "data: {}data: [DONE]");
    assert_eq!(events(&again), events(&first));
    let media_type = again.header("content-type");
    assert_eq!(media_type, Some("text/event-stream"));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    // A plain answer is another request.
    let plain = world.chat("m", &with("k"), false).await;
    assert_eq!(plain.status, 422);
    assert_eq!(code(&plain), Some("idempotency_mismatch"));
}

#[tokio::test]
async fn the_same_request_waits_while_it_runs() {
    let world = world().await;
    world.script.then(Step::Hang);
    let headers = format!("authorization: Bearer {KEY}\r\n{}", with("k"));
    let path = "POST /v1/chat/completions";
    let running = world.send(path, &headers, &chat("m", false)).await;
    world.script.asked.notified().await;
    let early = world.chat("m", &with("k"), false).await;
    assert_eq!((early.status, code(&early)), (409, Some("conflict")));
    assert_eq!(early.header("x-should-retry"), Some("true"));
    assert_eq!(early.header("retry-after"), Some("1"));
    // The caller hangs up: nothing was made, so the key is free.
    drop(running);
    world.settle().await;
    world.script.then(Step::Answer);
    assert_eq!(world.chat("m", &with("k"), false).await.status, 200);
}

#[tokio::test]
async fn of_a_hundred_at_once_one_asks_the_provider() {
    let world = world().await;
    world.script.then(Step::Answer);
    let headers = with("k");
    let all = futures_util::future::join_all((0..100).map(|_| world.chat("m", &headers, false)));
    let said = all.await;
    let given: Vec<_> = said.iter().filter(|said| said.status == 200).collect();
    let first = given
        .iter()
        .filter(|said| said.header("idempotent-replayed").is_none());
    assert_eq!(first.count(), 1);
    assert!(said.iter().all(|said| matches!(said.status, 200 | 409)));
    assert_eq!(world.script.given().len(), 1);
}

#[tokio::test]
async fn failures_are_not_kept() {
    let world = world().await;
    let failure = Failure::provider(Code::ProviderInvalidRequest, "openai");
    world.script.then(Step::Fail(failure));
    assert_eq!(world.chat("m", &with("k"), false).await.status, 400);
    world.script.then(Step::Answer);
    let again = world.chat("m", &with("k"), false).await;
    assert_eq!(
        (again.status, again.header("idempotent-replayed")),
        (200, None)
    );
}

#[tokio::test]
async fn a_malformed_key_is_named() {
    let world = world().await;
    let said = world.chat("m", &with("a b"), false).await;
    assert_eq!((said.status, code(&said)), (400, Some("invalid_request")));
    assert_eq!(said.json()["error"]["param"], "Idempotency-Key");
    let twice = format!("{}{}", with("a"), with("b"));
    assert_eq!(world.chat("m", &twice, false).await.status, 400);
}

#[tokio::test]
async fn what_operators_make_is_made_once() {
    let world = world().await;
    let headers = format!(
        "x-admin-key: {}\r\n{}",
        testing::world::ADMIN_KEY,
        with("k")
    );
    let ask = |body| world.ask("POST /api/keys", &headers, body);
    let first = ask("{\"name\":\"one\"}").await;
    assert_eq!(first.status, 201, "{}", first.body);
    let again = ask("{\"name\":\"one\"}").await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(ask("{\"name\":\"two\"}").await.status, 422);
    let keys = world.manage("GET /api/keys", "").await;
    assert_eq!(keys.body.matches("\"one\"").count(), 1, "{}", keys.body);
    // What only reads takes no notice of the header.
    let list = world.ask("GET /api/keys", &headers, "").await;
    assert_eq!(
        (list.status, list.header("idempotent-replayed")),
        (200, None)
    );
    // Failures are not kept.
    let headers = headers.replace(": k", ": l");
    assert_eq!(
        world.ask("POST /api/keys", &headers, "{}").await.status,
        400
    );
    let good = world
        .ask("POST /api/keys", &headers, "{\"name\":\"two\"}")
        .await;
    assert_eq!(good.status, 201, "{}", good.body);
}

#[tokio::test]
async fn what_may_have_been_made_is_never_made_again_under_its_key() {
    for (what, code_then, status_again, jobs) in [
        (NewJobs::Refused, "database_error", 200, 1),
        (NewJobs::TakenUnsaid, "database_error", 409, 1),
        (NewJobs::RefusedUnsaid, "database_error", 409, 0),
    ] {
        let world = world().await;
        let headers = format!("authorization: Bearer {KEY}\r\n{}", with("k"));
        let body = "{\"team_id\":\"default\",\"job_type\":\"test\"}";
        let ask = || world.ask("POST /api/jobs/create", &headers, body);
        world.store.set_new_jobs(what);
        let first = ask().await;
        assert_eq!((first.status, code(&first)), (500, Some(code_then)));
        world.store.set_new_jobs(NewJobs::Taken);
        let mut again = ask().await;
        // What is known of it is just being kept.
        while again.header("retry-after").is_some() {
            again = ask().await;
        }
        assert_eq!(again.status, status_again, "{what:?}: {}", again.body);
        let list = JobQuery {
            limit: 9,
            ..JobQuery::default()
        };
        let (all, _) = world.store.jobs(&list).await.unwrap();
        assert_eq!(all.len(), jobs, "{what:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_complete_is_kept_though_its_caller_has_gone() {
    let gateway = testing::gateway().await;
    let key = Key(Box::from(&b"k"[..]));
    let parts = testing::request("/v1/a");
    let record = || {
        let id = gateway.ids.make();
        Record::begin(Arc::clone(&gateway), id, "test")
    };
    let mut first = record();
    let begun = begin(&mut first, &key, Tenant::Deployment, &parts, b"{}").await;
    assert!(begun.unwrap().is_none());
    let recording = first.replay.as_mut().unwrap();
    recording.record(b"{\"said\":1}");
    recording.complete();
    drop(first);
    gateway.tasks.close();
    gateway.tasks.wait().await;
    let mut again = record();
    let begun = begin(&mut again, &key, Tenant::Deployment, &parts, b"{}").await;
    let Ok(Some(Given::Again(kept))) = begun else {
        panic!("it is not kept");
    };
    let response = respond(again, *kept);
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    assert_eq!(testing::body(response.into_body()).await, "{\"said\":1}");
}

#[tokio::test]
async fn any_bytes_of_a_kept_head_make_an_answer() {
    let gateway = testing::gateway().await;
    for length in 0..64 {
        let mut head = vec![0; length];
        counting_entropy(&mut head).unwrap();
        let kept = Kept {
            head: head.into(),
            body: Bytes::new(),
        };
        let record = Record::begin(Arc::clone(&gateway), gateway.ids.make(), "test");
        let response = respond(record, kept);
        assert_eq!(response.headers()[&REPLAYED], "true");
    }
}
