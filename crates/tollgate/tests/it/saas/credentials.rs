//! Accounts at providers: of organizations, and of aliases.

use serde_json::{Value, json};

use super::scene::{admin, chat, done};
use crate::access::scene::database;
use crate::world::{Gateway, KEY, World};

const FIRST: &str = "sk-first-account-0123456789";
const SECOND: &str = "sk-second-account-0123456789";
const PATH: &str = "/api/provider-credentials";

/// How often the provider was asked with a key.
fn asked_with(world: &World, key: &str) -> usize {
    let wanted = format!("Bearer {key}");
    let all = world.simulator.requests().into_iter();
    all.filter(|received| received.header("authorization") == Some(&wanted))
        .count()
}

fn base(world: &World) -> String {
    format!("http://{}/v1", world.provider)
}

/// A new credential of `acme` at a provider that nobody else has an account at. It is the
/// simulator.
fn new(world: &World, name: &str, key: &str) -> Value {
    json!({"organization_id": "acme", "provider": "fireworks", "api_key": key,
        "api_base": base(world), "credential_name": name, "created_by": "ann"})
}

async fn use_of(world: &World, id: &str, verb: &str) -> Value {
    let path = format!("{PATH}/{id}/{verb}");
    done(world, "PUT", &path, Value::Null).await
}

#[tokio::test]
async fn a_credential_is_used_put_out_of_use_and_used_again() {
    let mut world = World::start().await;
    let group = json!({"group_name": "all", "display_name": "All"});
    done(&world, "POST", "/api/model-access-groups/create", group).await;
    let key = super::scene::team(&world, &["all"], 5).await;
    // It leads to whatever the organization has there.
    let fast = json!({"model_alias": "fast", "display_name": "Fast", "provider": "fireworks",
        "actual_model": "echo", "access_groups": ["all"]});
    done(&world, "POST", "/api/models/create", fast).await;
    let made = done(
        &world,
        "POST",
        &format!("{PATH}/create"),
        new(&world, "Main", FIRST),
    )
    .await;
    for (member, value) in [
        ("organization_id", json!("acme")),
        ("provider", json!("fireworks")),
        ("credential_name", json!("Main")),
        ("api_base", json!(base(&world))),
        ("is_active", json!(true)),
        ("created_by", json!("ann")),
    ] {
        assert_eq!(made[member], value, "{member}: {made}");
    }
    assert!(made["created_at"].is_string() && made["updated_at"].is_string());
    let first = made["credential_id"].as_str().unwrap().to_owned();
    assert_eq!(chat(&world, &key, "fast").await.status, 200);
    assert_eq!(asked_with(&world, FIRST), 1);
    // Out of use: the key is kept, and nobody is sent there.
    let told = use_of(&world, &first, "deactivate").await;
    assert_eq!(told["is_active"], false, "{told}");
    let answer = chat(&world, &key, "fast").await;
    assert_ne!(answer.status, 200, "{answer:?}");
    assert_eq!(asked_with(&world, FIRST), 1);
    // Another one takes its place.
    let made = done(
        &world,
        "POST",
        &format!("{PATH}/create"),
        new(&world, "Spare", SECOND),
    )
    .await;
    let second = made["credential_id"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    assert_eq!(chat(&world, &key, "fast").await.status, 200);
    assert_eq!(
        (asked_with(&world, FIRST), asked_with(&world, SECOND)),
        (1, 1)
    );
    let answer = admin(
        &world,
        "PUT",
        &format!("{PATH}/{first}/activate"),
        Value::Null,
    )
    .await;
    assert_eq!(answer.status, 400, "{answer:?}");
    use_of(&world, &second, "deactivate").await;
    // That outlives the process.
    world.gateway.signal("KILL");
    world.gateway.wait_for_end();
    world.gateway = Gateway::start(world.folder.path(), &[]);
    assert_ne!(chat(&world, &key, "fast").await.status, 200);
    let told = use_of(&world, &first, "activate").await;
    assert_eq!(told["is_active"], true, "{told}");
    assert_eq!(use_of(&world, &first, "activate").await, told, "once more");
    assert_eq!(chat(&world, &key, "fast").await.status, 200);
    assert_eq!(
        (asked_with(&world, FIRST), asked_with(&world, SECOND)),
        (2, 1)
    );
    // Lists are of those in use, unless more is asked for.
    for (query, ids) in [
        ("", json!([first])),
        ("?active_only=false", json!([first, second])),
        ("?organization_id=acme&provider=fireworks", json!([first])),
        ("?provider=gemini", json!([])),
        ("?organization_id=other&active_only=false", json!([])),
        ("/organization/acme", json!([first])),
        (
            "/organization/acme?active_only=false",
            json!([first, second]),
        ),
    ] {
        let told = done(&world, "GET", &format!("{PATH}{query}"), Value::Null).await;
        let rows = told.as_array().unwrap().iter();
        let found: Value = rows.map(|row| row["credential_id"].clone()).collect();
        assert_eq!(found, ids, "{query}");
    }
    let path = format!("{PATH}/organization/acme/provider/fireworks");
    let told = done(&world, "GET", &path, Value::Null).await;
    assert_eq!(told["credential_id"], json!(first), "{told}");
    // Another key, and then none.
    let change = json!({"api_key": SECOND, "credential_name": "Renamed"});
    let told = done(&world, "PUT", &format!("{PATH}/{first}"), change).await;
    assert_eq!(told["credential_name"], "Renamed", "{told}");
    assert_eq!(chat(&world, &key, "fast").await.status, 200);
    assert_eq!(
        (asked_with(&world, FIRST), asked_with(&world, SECOND)),
        (2, 2)
    );
    for id in [&first, &second] {
        done(&world, "DELETE", &format!("{PATH}/{id}"), Value::Null).await;
    }
    assert_ne!(chat(&world, &key, "fast").await.status, 200);
}

/// What `/api/connections` says of one.
async fn connection(world: &World, name: &str) -> Value {
    let path = format!("/api/connections/{name}");
    done(world, "GET", &path, Value::Null).await
}

#[tokio::test]
async fn a_change_of_a_credential_leaves_what_it_does_not_name() {
    let world = World::start().await;
    super::scene::team(&world, &[], 1).await;
    let create = format!("{PATH}/create");
    let made = done(&world, "POST", &create, new(&world, "Main", FIRST)).await;
    let id = made["credential_id"].as_str().unwrap();
    // It is a connection, which may have more settings than a credential has.
    let more = json!({"provider": "fireworks", "base_url": base(&world), "organization": "acme",
        "limits": {"rpm": 60, "parallel": 3}});
    done(&world, "PUT", &format!("/api/connections/{id}"), more).await;
    let before = connection(&world, id).await;
    assert_eq!(before["limits"]["rpm"], 60, "{before}");
    let path = format!("{PATH}/{id}");
    for (change, name) in [
        (json!({"credential_name": "Renamed"}), "Renamed"),
        (json!({"api_key": SECOND}), "Renamed"),
        (json!({"is_active": true}), "Renamed"),
        (json!({"api_base": base(&world)}), "Renamed"),
        (
            json!({"credential_name": null, "api_key": null, "is_active": null}),
            "Renamed",
        ),
        (json!({}), "Renamed"),
    ] {
        let told = done(&world, "PUT", &path, change.clone()).await;
        assert_eq!(told["credential_name"], name, "{change}: {told}");
        assert_eq!(told["api_base"], base(&world), "{change}: {told}");
        for member in ["organization_id", "provider", "is_active", "created_by"] {
            assert_eq!(told[member], made[member], "{change}: {told}");
        }
        let now = connection(&world, id).await;
        assert_eq!(now["limits"], before["limits"], "{change}: {now}");
    }
    // Without an address of its own it leads to its provider, which needs a key given for that.
    let gone = json!({"api_base": null, "api_key": FIRST});
    let told = done(&world, "PUT", &path, gone).await;
    assert_eq!(told["api_base"], Value::Null, "{told}");
    assert_eq!(connection(&world, id).await["limits"], before["limits"]);
}

#[tokio::test]
async fn a_change_of_an_aliass_own_account_leaves_what_it_does_not_name() {
    let world = World::start().await;
    let own = json!({"model_alias": "own", "display_name": "Own", "provider": "openai",
        "actual_model": "echo", "api_key": FIRST, "api_base": base(&world)});
    done(&world, "POST", "/api/models/create", own).await;
    let more = json!({"provider": "openai", "base_url": base(&world), "limits": {"rpm": 60}});
    done(&world, "PUT", "/api/connections/alias.own", more).await;
    let change = json!({"api_key": SECOND});
    done(&world, "PUT", "/api/models/own", change).await;
    let now = connection(&world, "alias.own").await;
    assert_eq!(now["limits"]["rpm"], 60, "{now}");
}

#[tokio::test]
async fn what_is_wrong_with_a_credential_is_said_in_the_words_of_the_seed() {
    let world = World::start().await;
    super::scene::team(&world, &[], 1).await;
    let create = format!("{PATH}/create");
    let made = done(&world, "POST", &create, new(&world, "One", FIRST)).await;
    let one = made["credential_id"].as_str().unwrap().to_owned();
    use_of(&world, &one, "deactivate").await;
    done(&world, "POST", &create, new(&world, "Two", SECOND)).await;
    let with = |change: Value| {
        let mut body = new(&world, "Three", FIRST);
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    let unknown = format!("{PATH}/none");
    let missing = "Provider credential 'none' not found";
    for (method, path, body, status, detail) in [
        (
            "POST",
            create.clone(),
            with(json!({"provider": "azure"})),
            400,
            "Invalid provider: azure. Must be one of: openai, anthropic, gemini, fireworks",
        ),
        (
            "GET",
            format!("{PATH}/organization/acme/provider/azure"),
            Value::Null,
            400,
            "Invalid provider: azure. Must be one of: openai, anthropic, gemini, fireworks",
        ),
        (
            "POST",
            create.clone(),
            with(json!({"organization_id": "none"})),
            404,
            "Organization 'none' not found",
        ),
        (
            "POST",
            create.clone(),
            with(json!({})),
            400,
            "Organization 'acme' already has an active credential for provider 'fireworks'. \
             Deactivate the existing one first or update it.",
        ),
        (
            "PUT",
            format!("{PATH}/{one}"),
            json!({"is_active": true}),
            400,
            "Update would violate unique constraint. Organization can only have one active \
             credential per provider.",
        ),
        (
            "PUT",
            format!("{PATH}/{one}/activate"),
            Value::Null,
            400,
            "Cannot activate: organization already has an active credential for this provider. \
             Deactivate the other one first.",
        ),
        ("GET", unknown.clone(), Value::Null, 404, missing),
        (
            "PUT",
            unknown.clone(),
            json!({"is_active": true}),
            404,
            missing,
        ),
        ("DELETE", unknown.clone(), Value::Null, 404, missing),
        (
            "PUT",
            format!("{unknown}/activate"),
            Value::Null,
            404,
            missing,
        ),
        (
            "PUT",
            format!("{unknown}/deactivate"),
            Value::Null,
            404,
            missing,
        ),
        (
            "GET",
            format!("{PATH}/organization/acme/provider/gemini"),
            Value::Null,
            404,
            "No active credential found for organization 'acme' and provider 'gemini'",
        ),
        (
            "GET",
            format!("{PATH}/organization/none/provider/openai"),
            Value::Null,
            404,
            "No active credential found for organization 'none' and provider 'openai'",
        ),
    ] {
        let answer = admin(&world, method, &path, body.clone()).await;
        let seen = format!("{method} {path} {body}: {answer:?}");
        assert_eq!(answer.status, status, "{seen}");
        assert_eq!(answer.json(), json!({"detail": detail}), "{seen}");
    }
    let answer = admin(&world, "POST", &create, json!({"api_base": 7})).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    let faults = answer.json()["detail"].clone();
    let at: Vec<&Value> = faults
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["loc"][1])
        .collect();
    let required = ["organization_id", "provider", "api_key", "credential_name"];
    for name in required.iter().chain(&["api_base"]) {
        assert!(at.iter().any(|found| *found == name), "{name}: {faults}");
    }
}

/// Nobody is ever shown a key, and the store holds none in clear.
#[tokio::test]
async fn keys_of_providers_never_come_out() {
    let mut world = World::start().await;
    super::scene::team(&world, &[], 1).await;
    let create = format!("{PATH}/create");
    let made = done(&world, "POST", &create, new(&world, "One", FIRST)).await;
    let id = made["credential_id"].as_str().unwrap().to_owned();
    let own = json!({"model_alias": "own", "display_name": "Own", "provider": "openai",
        "actual_model": "echo", "api_key": SECOND, "api_base": base(&world)});
    let made_alias = done(&world, "POST", "/api/models/create", own).await;
    let mut told = vec![made.to_string(), made_alias.to_string()];
    for path in [
        PATH.to_owned(),
        format!("{PATH}?include_api_key=true"),
        format!("{PATH}/{id}?include_api_key=true"),
        format!("{PATH}/organization/acme"),
        format!("{PATH}/organization/acme/provider/fireworks"),
        "/api/models".to_owned(),
        "/api/models/own".to_owned(),
        "/api/connections".to_owned(),
        "/api/audit?limit=100".to_owned(),
    ] {
        told.push(done(&world, "GET", &path, Value::Null).await.to_string());
    }
    use_of(&world, &id, "deactivate").await;
    world.gateway.signal("TERM");
    world.gateway.wait_for_end();
    told.push(std::fs::read_to_string(&world.gateway.log).unwrap());
    let file = database(&world);
    for end in ["", "-wal"] {
        let mut file = file.clone().into_os_string();
        file.push(end);
        let bytes = std::fs::read(file).unwrap_or_default();
        told.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    for text in told {
        for key in [FIRST, SECOND] {
            assert!(!text.contains(key), "{key} in {text}");
        }
    }
}

#[tokio::test]
async fn an_alias_with_a_key_of_its_own_is_called_with_it() {
    let mut world = World::start().await;
    let group = json!({"group_name": "all", "display_name": "All"});
    done(&world, "POST", "/api/model-access-groups/create", group).await;
    let key = super::scene::team(&world, &["all"], 5).await;
    // Two whose names differ by a letter that names of connections cannot have.
    for (name, own) in [("own/a", FIRST), ("own-a", SECOND)] {
        let new = json!({"model_alias": name, "display_name": name, "provider": "openai",
            "actual_model": "echo", "access_groups": ["all"], "api_key": own,
            "api_base": base(&world)});
        done(&world, "POST", "/api/models/create", new).await;
        assert_eq!(chat(&world, &key, name).await.status, 200, "{name}");
        assert_eq!(asked_with(&world, own), 1, "{name}");
    }
    // Nothing but the alias leads there, not even for those who may call every model.
    let told = done(&world, "GET", "/api/connections", Value::Null).await;
    let rows = told["connections"].as_array().unwrap().iter();
    let accounts = rows.filter_map(|row| row["name"].as_str());
    let accounts: Vec<&str> = accounts.filter(|name| name.starts_with("alias.")).collect();
    assert_eq!(accounts.len(), 2, "{told}");
    for account in accounts {
        let answer = chat(&world, KEY, &format!("{account}/echo")).await;
        assert_eq!(answer.status, 404, "{account}: {answer:?}");
    }
    world.gateway.signal("TERM");
    world.gateway.wait_for_end();
    world.gateway = Gateway::start(world.folder.path(), &[]);
    assert_eq!(chat(&world, &key, "own/a").await.status, 200);
    assert_eq!(asked_with(&world, FIRST), 2, "after a restart");
    // Another key, at the same place.
    let path = "/api/models/own%2Fa";
    done(&world, "PUT", path, json!({"api_key": SECOND})).await;
    assert_eq!(chat(&world, &key, "own/a").await.status, 200);
    assert_eq!(asked_with(&world, SECOND), 2);
    // It goes with the alias, and its name is free again.
    done(&world, "DELETE", path, Value::Null).await;
    let told = done(&world, "GET", "/api/connections", Value::Null).await;
    let rows = told["connections"].as_array().unwrap().iter();
    let names: Vec<&str> = rows
        .filter_map(|row| row["name"].as_str())
        .filter(|name| name.starts_with("alias."))
        .collect();
    assert_eq!(names.len(), 1, "{names:?}");
    // Where the alias cannot be made, no account is left.
    let bad = json!({"model_alias": "bad", "display_name": "Bad", "provider": "openai",
        "actual_model": "echo", "access_groups": ["none"], "api_key": FIRST});
    let answer = admin(&world, "POST", "/api/models/create", bad).await;
    assert_eq!(answer.status, 404, "{answer:?}");
    let told = done(&world, "GET", "/api/connections", Value::Null).await;
    assert!(!told.to_string().contains("alias.bad"), "{told}");
}
