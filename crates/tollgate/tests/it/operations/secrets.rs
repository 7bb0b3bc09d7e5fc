//! What is encrypted in the store: master keys that change, and connections that operators make.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Instant;

use http::Method;
use serde_json::{Value, json};

use crate::world::{Answer, Gateway, KEY, PATIENCE, World};

const OLD: &str = "0101010101010101010101010101010101010101010101010101010101010101";
const NEW: &str = "0202020202020202020202020202020202020202020202020202020202020202";
const CANARY: &str = "sk-stored-canary-0123456789";

fn under(current: &str, previous: &[&str]) -> String {
    format!("[secrets]\nmaster_key = \"{current}\"\nprevious_master_keys = {previous:?}\n")
}

async fn make(world: &World, body: &Value) -> Answer {
    let made = world.gateway.post("/api/connections", body).admin();
    made.send().await
}

/// A connection to the simulated provider of the world.
fn stored(world: &World, name: &str) -> Value {
    let base_url = format!("http://{}/v1", world.provider);
    json!({"name": name, "provider": "openai", "base_url": base_url, "api_key": CANARY})
}

fn ask(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "hi"}]})
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "{what}");
        tokio::task::yield_now().await;
    }
}

/// What files of the store hold this text, the configuration left out.
fn found_in(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(found_in(&path, text));
        } else if path.extension().is_none_or(|end| end != "toml") {
            let bytes = std::fs::read(&path).unwrap();
            if bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
            {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

/// What a gateway says that does not start.
fn refusal(folder: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .arg("serve")
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn restart(world: &mut World) {
    world.gateway.signal("TERM");
    assert!(world.gateway.wait_for_end().success());
    world.gateway = Gateway::start(world.folder.path(), &[]);
}

#[tokio::test]
async fn a_new_master_key_fails_no_request() {
    let mut world = World::with(&under(OLD, &[])).await;
    assert_eq!(make(&world, &stored(&world, "mine")).await.status, 201);
    let made = world
        .gateway
        .post("/api/keys", json!({"name": "kept"}))
        .admin();
    let key = made.send().await.json()["key"].as_str().unwrap().to_owned();

    let (ends, served) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU32::new(0)),
    );
    let load = async {
        while !ends.load(Ordering::Relaxed) {
            let body = ask("mine/gpt-4o");
            let calls = (0..8).map(|_| {
                world
                    .gateway
                    .post("/v1/chat/completions", &body)
                    .key(&key)
                    .send()
            });
            for answer in futures_util::future::join_all(calls).await {
                assert_eq!(answer.status, 200, "{}", answer.text());
                served.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    let rotation = async {
        let log =
            || std::fs::read_to_string(&world.gateway.log).unwrap_or_default() + &world.printed();
        until("calls are served", || served.load(Ordering::Relaxed) > 20).await;
        world.rewrite_config(&under(NEW, &[OLD]));
        world.gateway.signal("HUP");
        until("secrets are sealed anew", || {
            log().contains("sealed under the new master key")
        })
        .await;
        let before = served.load(Ordering::Relaxed);
        until("calls are served", || {
            served.load(Ordering::Relaxed) > before + 20
        })
        .await;
        ends.store(true, Ordering::Relaxed);
    };
    tokio::join!(load, rotation);

    // The old key has done its part.
    world.rewrite_config(&under(NEW, &[]));
    restart(&mut world);
    let body = ask("mine/gpt-4o");
    let answer = world
        .gateway
        .post("/v1/chat/completions", &body)
        .key(&key)
        .send()
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn a_wrong_master_key_is_told_at_the_start_and_destroys_nothing() {
    let mut world = World::with(&under(OLD, &[])).await;
    assert_eq!(make(&world, &stored(&world, "mine")).await.status, 201);
    // A reload is refused, and everything goes on.
    world.rewrite_config(&under(NEW, &[]));
    world.gateway.signal("HUP");
    let log = || std::fs::read_to_string(&world.gateway.log).unwrap_or_default() + &world.printed();
    until("the reload is refused", || {
        log().contains("the old one stays")
    })
    .await;
    assert_eq!(world.chat(&ask("mine/gpt-4o")).send().await.status, 200);

    world.gateway.signal("TERM");
    world.gateway.wait_for_end();
    let said = refusal(world.folder.path());
    assert!(
        said.contains("previous_master_keys") && said.contains("master key"),
        "{said}"
    );
    assert!(!said.contains(OLD) && !said.contains(NEW), "{said}");
    world.rewrite_config(&under(OLD, &[]));
    world.gateway = Gateway::start(world.folder.path(), &[]);
    let answer = world.chat(&ask("mine/gpt-4o")).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn a_connection_is_made_used_changed_and_deleted_while_the_gateway_runs() {
    let mut world = World::start().await;
    let made = make(&world, &stored(&world, "mine")).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.json()["has_credential"], true);
    assert_eq!(world.chat(&ask("mine/gpt-4o")).send().await.status, 200);
    assert_eq!(make(&world, &stored(&world, "mine")).await.status, 409);
    assert_eq!(
        make(&world, &stored(&world, "sim")).await.status,
        409,
        "a declared one"
    );
    restart(&mut world);
    assert_eq!(world.chat(&ask("mine/gpt-4o")).send().await.status, 200);

    let at = |method, path: &str, body: Value| {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        world.gateway.ask(method, path, body.into()).admin()
    };
    let path = "/api/connections/mine";
    // Elsewhere the old credential is not taken along.
    let elsewhere = json!({"provider": "openai", "base_url": "http://127.0.0.1:9/v1"});
    let answer = at(Method::PUT, path, elsewhere).send().await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("api_key"));
    let mut limited = stored(&world, "mine");
    limited["limits"] = json!({"rpm": 77});
    for member in ["name", "api_key"] {
        limited.as_object_mut().unwrap().remove(member);
    }
    let answer = at(Method::PUT, path, limited).send().await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["rate_limits"]["rpm"]),
        (200, &json!(77))
    );
    let key = json!({"api_key": format!("{CANARY}-2")});
    let answer = at(Method::POST, &format!("{path}/update-key"), key)
        .send()
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(world.chat(&ask("mine/gpt-4o")).send().await.status, 200);
    for (body, field) in [
        (json!({"name": "x", "provider": "nobody"}), "provider"),
        (
            json!({"name": "x", "provider": "openai", "api_key": "k", "base_url": "file:///etc"}),
            "base_url",
        ),
        (
            json!({"name": "x", "provider": "openai", "api_key": "${HOME}"}),
            "api_key",
        ),
        (
            json!({"name": "x", "provider": "openai", "api_key": "k", "organization": "none"}),
            "organization",
        ),
    ] {
        let answer = make(&world, &body).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.text().contains(field), "{}", answer.text());
    }
    let declared = at(Method::DELETE, "/api/connections/sim", Value::Null)
        .send()
        .await;
    assert_eq!(declared.status, 409);
    let shown = at(Method::GET, "/api/connections", Value::Null)
        .send()
        .await
        .text();
    let audit = at(Method::GET, "/api/audit", Value::Null)
        .send()
        .await
        .text();
    assert!(audit.contains("connection.update_key"), "{audit}");
    assert!(!shown.contains("canary") && !audit.contains("canary"));
    assert_eq!(found_in(world.folder.path(), CANARY), [""; 0]);

    assert_eq!(
        at(Method::DELETE, path, Value::Null).send().await.status,
        200
    );
    assert_eq!(world.chat(&ask("mine/gpt-4o")).send().await.status, 404);
    assert_eq!(
        at(Method::DELETE, path, Value::Null).send().await.status,
        404
    );
}

#[tokio::test]
async fn an_account_of_an_organization_serves_and_ails_nobody_else() {
    let world = World::start().await;
    let post = |path: &str, body: Value| world.gateway.post(path, body).admin();
    let made = post("/api/organizations", json!({"name": "acme"}))
        .send()
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    let organization = made.json()["id"].clone();
    let team = json!({"name": "acme-team", "organization": organization});
    let made = post("/api/teams", team).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
    let team = made.json()["id"].clone();
    let made = post("/api/keys", json!({"name": "acme", "team": team}))
        .send()
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    let theirs = made.json()["key"].as_str().unwrap().to_owned();

    let mut connection = stored(&world, "acme");
    connection["organization"] = organization;
    assert_eq!(make(&world, &connection).await.status, 201);
    let call = |model: &str, key: &str| {
        let body = ask(model);
        world
            .gateway
            .post("/v1/chat/completions", &body)
            .key(key)
            .send()
    };
    assert_eq!(call("acme/gpt-4o", &theirs).await.status, 200);
    let refused = call("acme/gpt-4o", KEY).await;
    assert_eq!(
        refused.outcome().1,
        call("nowhere/gpt-4o", KEY).await.outcome().1
    );
    assert_eq!(refused.status, 404);
    let list = |key: String| async {
        world
            .gateway
            .get("/v1/models")
            .key(&{ key })
            .send()
            .await
            .text()
    };
    assert!(list(theirs.clone()).await.contains("acme/"));
    assert!(!list(KEY.to_owned()).await.contains("acme/"));

    // Their provider refuses their key: only their account ails.
    for _ in 0..20 {
        call("acme/fault/401", &theirs).await;
    }
    assert_eq!(call("sim/gpt-4o", KEY).await.status, 200);
    assert_eq!(call("sim/gpt-4o", &theirs).await.status, 200);
}

#[tokio::test]
async fn answers_are_given_again_after_a_restart_and_cannot_be_read_in_the_store() {
    let mut world = World::start().await;
    let keys = json!({"name": "once"});
    let mut seen: Vec<(Answer, Answer)> = Vec::new();
    let body = |stream: bool| {
        json!({"model": "sim/gpt-4o", "stream": stream,
        "messages": [{"role": "user", "content": "say canary-answer"}]})
    };
    let mut rounds = Vec::new();
    for _ in 0..2 {
        let chat = |stream: bool| {
            let key = format!("it-{stream}");
            let ask = world
                .gateway
                .post("/v1/chat/completions", body(stream))
                .key(KEY);
            async move { ask.header("idempotency-key", &key).send().await }
        };
        let made = world
            .gateway
            .post("/api/keys", &keys)
            .admin()
            .header("idempotency-key", "it");
        rounds.push([chat(false).await, chat(true).await, made.send().await]);
        restart(&mut world);
    }
    let (again, first) = (rounds.pop().unwrap(), rounds.pop().unwrap());
    seen.extend(first.into_iter().zip(again));
    for (first, again) in &seen {
        assert!(first.status.is_success(), "{}", first.text());
        assert_eq!(first.status, again.status);
        assert_eq!(first.body, again.body);
        assert_eq!(first.header("content-type"), again.header("content-type"));
        assert_eq!(again.header("idempotent-replayed"), "true");
        let original = again.header("x-tollgate-original-request-id");
        assert_eq!(original, first.header("x-request-id"));
    }
    let secret = seen[2].0.json()["key"].as_str().unwrap().to_owned();
    assert_eq!(found_in(world.folder.path(), &secret), [""; 0]);
}
