//! What a key may do: its models, surfaces, permissions, addresses and its end.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::scene::{self, talk, until};
use crate::world::{Answer, World};

/// What is asked: the method, the path and the body.
type Question = (Method, &'static str, Value);

fn chat(model: &str) -> Question {
    (Method::POST, "/v1/chat/completions", talk(model))
}

fn message() -> Question {
    (Method::POST, "/v1/messages", talk("sim/echo"))
}

fn tokens() -> Question {
    (Method::POST, "/v1/messages/count_tokens", talk("sim/echo"))
}

fn vectors() -> Question {
    (
        Method::POST,
        "/v1/embeddings",
        json!({"model": "sim/echo", "input": "x"}),
    )
}

fn models() -> Question {
    (Method::GET, "/v1/models", Value::Null)
}

fn keys() -> Question {
    (Method::GET, "/api/keys", Value::Null)
}

/// A key → what it is told: `200` or the code.
fn table() -> Vec<(Value, Vec<(Question, &'static str)>)> {
    vec![
        (
            json!({"models": ["sim/echo", "openai/*"]}),
            vec![
                (chat("sim/echo"), "200"),
                (chat("gpt-4o"), "200"),
                (chat("sim/story"), "model_not_found"),
                (chat("sim/echo2"), "model_not_found"),
                (vectors(), "200"),
            ],
        ),
        (
            json!({"permissions": ["read"]}),
            vec![
                (models(), "200"),
                (chat("sim/echo"), "permission_denied"),
                (keys(), "permission_denied"),
            ],
        ),
        (
            json!({"permissions": ["write"]}),
            vec![(chat("sim/echo"), "200"), (models(), "permission_denied")],
        ),
        (
            json!({"surfaces": ["openai_chat", "anthropic_count_tokens"]}),
            vec![
                (chat("sim/echo"), "200"),
                (tokens(), "200"),
                (message(), "permission_denied"),
                (vectors(), "permission_denied"),
            ],
        ),
        (
            json!({"addresses": ["10.0.0.0/8", "2001:db8::/32"]}),
            vec![
                (chat("sim/echo"), "permission_denied"),
                (models(), "permission_denied"),
            ],
        ),
        (
            json!({"addresses": ["10.0.0.0/8", "127.0.0.1"]}),
            vec![(chat("sim/echo"), "200"), (models(), "200")],
        ),
        // What a user of IPv4 is called on a socket of IPv6 changes nothing.
        (
            json!({"addresses": ["127.0.0.0/8"]}),
            vec![(chat("sim/echo"), "200")],
        ),
    ]
}

/// Asks; gives `200` or the code.
async fn told(world: &World, key: &str, (method, path, body): &Question) -> String {
    let ask = scene::asked(world, method.clone(), path, body);
    code(&ask.key(key).send().await)
}

fn code(answer: &Answer) -> String {
    if answer.status == 200 {
        assert_eq!(answer.header("x-tollgate-error-code"), "");
        "200".to_owned()
    } else {
        answer.header("x-tollgate-error-code").to_owned()
    }
}

#[tokio::test]
async fn a_key_does_what_its_scopes_say_and_a_change_of_them_holds_at_once() {
    let world = World::start().await;
    let open = scene::key(&world, json!({})).await;
    let path = format!("/api/keys/{}", scene::text(&open, "id"));
    for (scopes, rows) in table() {
        let made = scene::key(&world, scopes.clone()).await;
        // The second one was made without them, and has them now.
        scene::change(&world, &path, scopes.clone()).await;
        for key in [&made, &open] {
            let key = scene::text(key, "key");
            for (question, expected) in &rows {
                let seen = told(&world, &key, question).await;
                let place = question.1;
                // What a key may not know of is not there, also to whom it hides.
                let seen = seen.replace("model_access_denied", "model_not_found");
                assert_eq!(seen, *expected, "{scopes} {place}");
            }
        }
        let back = json!({"models": ["*"], "permissions": ["read", "write"], "surfaces": null,
            "addresses": null});
        scene::change(&world, &path, back).await;
        assert_eq!(
            told(&world, &scene::text(&open, "key"), &message()).await,
            "200"
        );
    }
}

#[tokio::test]
async fn the_permission_to_manage_is_given_to_users_alone() {
    let world = World::start().await;
    let wanted = json!({"name": "x", "permissions": ["admin"]});
    let answer = scene::admin(&world, Method::POST, "/api/keys", &wanted)
        .send()
        .await;
    assert_eq!(answer.outcome(), (400, "invalid_request".to_owned()));
    assert_eq!(answer.json()["error"]["param"], "user");
}

#[tokio::test]
async fn surfaces_that_say_nothing_about_calls_are_refused() {
    let world = World::start().await;
    for (name, expected) in [
        ("openai_chat", 201),
        ("admin", 201),
        ("models", 400),
        ("", 400),
    ] {
        let wanted = json!({"name": "x", "surfaces": [name]});
        let answer = scene::admin(&world, Method::POST, "/api/keys", &wanted)
            .send()
            .await;
        assert_eq!(answer.status, expected, "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn only_a_trusted_proxy_says_where_a_request_comes_from() {
    let trusting = World::with_server("trusted_proxies = [\"127.0.0.0/8\", \"10.9.0.0/16\"]").await;
    let plain = World::start().await;
    // What the proxy says → whether 10.1.2.3 is believed, behind a proxy that is trusted.
    for (said, expected) in [
        (&["10.1.2.3"][..], "200"),
        (&["192.0.2.1, 10.1.2.3"], "200"),
        (&["10.1.2.3, 10.9.1.1"], "200"),
        (&["10.1.2.3:4711"], "200"),
        (&["192.0.2.1", "10.1.2.3"], "200"),
        // Somebody else wrote the first one.
        (&["10.1.2.3, 192.0.2.1"], "permission_denied"),
        (&["10.1.2.3", "192.0.2.1"], "permission_denied"),
        (&["10.1.2.3, unknown"], "permission_denied"),
        (&["010.1.2.3"], "permission_denied"),
        (&[""], "permission_denied"),
        (&[], "permission_denied"),
    ] {
        for (world, expected) in [(&trusting, expected), (&plain, "permission_denied")] {
            let made = scene::key(world, json!({"addresses": ["10.1.2.3"]})).await;
            let key = scene::text(&made, "key");
            let mut ask = scene::chat_of(world, &talk("sim/echo")).key(&key);
            for value in said {
                ask = ask.header("x-forwarded-for", value);
            }
            let ask = ask
                .header("forwarded", "for=10.1.2.3")
                .header("x-real-ip", "10.1.2.3");
            assert_eq!(code(&ask.send().await), expected, "{said:?}");
        }
    }
}

#[tokio::test]
async fn a_key_ends_at_its_time_and_lives_on_when_that_is_moved() {
    let world = World::start().await;
    let made = scene::key(&world, json!({"expires_at": from_now(4)})).await;
    let (id, key) = (scene::text(&made, "id"), scene::text(&made, "key"));
    let path = format!("/api/keys/{id}");
    let begin = Instant::now();
    assert_eq!(told(&world, &key, &models()).await, "200");
    until("the key has ended", async || {
        told(&world, &key, &models()).await == "expired_api_key"
    })
    .await;
    assert!(
        begin.elapsed() < Duration::from_secs(14),
        "{:?}",
        begin.elapsed()
    );
    for (question, status) in [(chat("sim/echo"), 401), (message(), 401)] {
        let (method, at, body) = question;
        let answer = scene::asked(&world, method, at, &body)
            .key(&key)
            .send()
            .await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("x-tollgate-error-code"), "expired_api_key");
    }
    let row = scene::read(&world, &path).await;
    assert_eq!(row["status"], "expired");
    scene::change(&world, &path, json!({"expires_at": null})).await;
    assert_eq!(told(&world, &key, &chat("sim/echo")).await, "200");
}

/// A time so many seconds from now, as in RFC 3339.
fn from_now(seconds: i64) -> String {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    at.to_string()
}

#[tokio::test]
async fn a_revoked_or_rotated_key_is_dead_for_the_next_request_on_every_surface() {
    let world = World::start().await;
    for deed in ["revoke", "rotate"] {
        let made = scene::key(&world, json!({})).await;
        let (id, key) = (scene::text(&made, "id"), scene::text(&made, "key"));
        assert_eq!(told(&world, &key, &chat("sim/echo")).await, "200");
        let path = format!("/api/keys/{id}");
        let ask = match deed {
            "revoke" => world.gateway.ask(Method::DELETE, &path, Bytes::new()),
            _ => world
                .gateway
                .ask(Method::POST, &format!("{path}/rotate"), Bytes::new()),
        };
        assert_eq!(ask.admin().send().await.status, 200);
        for question in [chat("sim/echo"), message(), vectors(), models()] {
            assert_eq!(
                told(&world, &key, &question).await,
                "invalid_api_key",
                "{deed}"
            );
        }
    }
}
