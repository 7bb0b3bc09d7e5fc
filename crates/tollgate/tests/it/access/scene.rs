//! What the tests of tenants share: a gateway with organizations that are made over its API.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::world::{Answer, Ask, PATIENCE, World};

/// An organization with one team, an owner, and the texts of two keys.
pub struct Tenant {
    pub organization: String,
    pub team: String,
    /// The id of the owner.
    pub owner: String,
    /// A key of the owner, by which they manage.
    pub managing: String,
    /// A key of nobody, for calls.
    pub calling: String,
    /// The id of the latter.
    pub calling_id: String,
}

/// Makes a tenant with this name: the team is called `NAME-team`.
pub async fn tenant(world: &World, name: &str) -> Tenant {
    let team = format!("{name}-team");
    make(
        world,
        "/api/organizations",
        json!({"id": name, "name": name}),
    )
    .await;
    let wanted = json!({"id": team, "name": team, "organization": name});
    make(world, "/api/teams", wanted).await;
    let owner = member(world, name, "owner").await;
    let managing = key(
        world,
        json!({"team": team, "user": owner, "permissions": ALL}),
    )
    .await;
    let calling = key(world, json!({"team": team})).await;
    Tenant {
        organization: name.to_owned(),
        team,
        owner,
        managing: text(&managing, "key"),
        calling: text(&calling, "key"),
        calling_id: text(&calling, "id"),
    }
}

/// Every permission that a key can have.
pub const ALL: [&str; 3] = ["read", "write", "admin"];

/// Makes a member of an organization; their id.
pub async fn member(world: &World, organization: &str, role: &str) -> String {
    let path = format!("/api/organizations/{organization}/members");
    let email = format!("{role}@{organization}.example");
    text(
        &make(world, &path, json!({"email": email, "role": role})).await,
        "id",
    )
}

/// Makes a key; its name need not be said.
pub async fn key(world: &World, mut wanted: Value) -> Value {
    if wanted["name"].is_null() {
        wanted["name"] = "app".into();
    }
    make(world, "/api/keys", wanted).await
}

/// Makes something with the admin key.
pub async fn make(world: &World, path: &str, wanted: Value) -> Value {
    let answer = admin(world, Method::POST, path, &wanted).send().await;
    assert!(answer.status.is_success(), "{path}: {answer:?}");
    answer.json()
}

/// Changes something with the admin key.
pub async fn change(world: &World, path: &str, wanted: Value) -> Value {
    let answer = admin(world, Method::PATCH, path, &wanted).send().await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

/// Reads something with the admin key.
pub async fn read(world: &World, path: &str) -> Value {
    let answer = world.gateway.get(path).admin().send().await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

/// A request with the admin key.
pub fn admin<'a>(world: &'a World, method: Method, path: &str, body: &Value) -> Ask<'a> {
    asked(world, method, path, body).admin()
}

/// A request without any key.
pub fn asked<'a>(world: &'a World, method: Method, path: &str, body: &Value) -> Ask<'a> {
    let has_body = !body.is_null();
    let bytes = if has_body {
        Bytes::from(body.to_string())
    } else {
        Bytes::new()
    };
    let ask = world.gateway.ask(method, path, bytes);
    if has_body {
        ask.header("content-type", "application/json")
    } else {
        ask
    }
}

/// A plain chat with a key.
pub async fn chat(world: &World, key: &str, model: &str) -> Answer {
    chat_of(world, &talk(model)).key(key).send().await
}

/// A chat that is still without a key.
pub fn chat_of<'a>(world: &'a World, body: &Value) -> Ask<'a> {
    world.gateway.post("/v1/chat/completions", body)
}

/// A plain chat.
pub fn talk(model: &str) -> Value {
    json!({"model": model, "max_tokens": 20, "messages": [{"role": "user", "content": "one two"}]})
}

/// A streamed chat.
pub fn streamed(model: &str) -> Value {
    let mut body = talk(model);
    body["stream"] = true.into();
    body
}

/// A member that is a text.
pub fn text(value: &Value, name: &str) -> String {
    let text = value[name].as_str();
    text.unwrap_or_else(|| panic!("no {name}: {value}"))
        .to_owned()
}

/// The file of the store.
pub fn database(world: &World) -> PathBuf {
    world.folder.path().join("tollgate-data/tollgate.db")
}

/// Waits until something holds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !holds().await {
        assert!(begin.elapsed() < PATIENCE, "in vain: {what}");
        pass(Duration::from_millis(10)).await;
    }
}

/// Lets a time pass.
pub async fn pass(time: Duration) {
    let never = std::future::pending::<()>();
    tokio::time::timeout(time, never).await.unwrap_err();
}
