//! The lists of seed 001 are arrays, and what is noted of something comes back.

use serde_json::{Value, json};

use super::scene::{admin, alias, done, team};
use crate::access;
use crate::world::World;

#[tokio::test]
async fn teams_are_an_array_and_a_page_where_a_page_is_asked_for() {
    let world = World::start().await;
    alias(&world, "fast", "echo", &["all"]).await;
    let key = team(&world, &["all"], 7).await;
    let told = done(&world, "GET", "/api/teams", Value::Null).await;
    let rows = told.as_array().unwrap();
    let row = rows.iter().find(|row| row["team_id"] == "acme-team");
    let row = row.unwrap();
    for (member, value) in [
        ("organization_id", json!("acme")),
        ("credits_allocated", json!(7)),
        ("credits_remaining", json!(7)),
        ("credits_used", json!(0)),
        ("access_groups", json!(["all"])),
        ("budget_mode", json!("job_based")),
        ("credits_per_dollar", json!(10.0)),
        ("status", json!("active")),
        // What it has here.
        ("id", json!("acme-team")),
    ] {
        assert_eq!(row[member], value, "{member}: {row}");
    }
    assert!(row["created_at"].is_string(), "{row}");
    // A key is shown when it is made, and never again.
    assert!(!told.to_string().contains(&key), "{told}");
    let (start, end) = (&key[..6], &key[key.len() - 4..]);
    let shown = row["virtual_key"].as_str().unwrap();
    assert!(shown.starts_with(start) && shown.ends_with(end), "{shown}");
    // Each row is what the team itself is told as.
    let one = done(&world, "GET", "/api/teams/acme-team", Value::Null).await;
    assert_eq!(*row, one);
    for query in ["limit=1", "offset=0", "organization=acme"] {
        let path = format!("/api/teams?{query}");
        let page = done(&world, "GET", &path, Value::Null).await;
        assert!(page["teams"].is_array(), "{query}: {page}");
        assert!(page["pagination"]["total"].is_u64(), "{query}: {page}");
    }
}

#[tokio::test]
async fn organizations_are_an_array_of_those_that_are_active() {
    let world = World::start().await;
    for id in ["acme", "gone"] {
        let new = json!({"organization_id": id, "name": id, "metadata": {"plan": id}});
        done(&world, "POST", "/api/organizations/create", new).await;
    }
    let state = json!({"status": "suspended"});
    done(&world, "PUT", "/api/organizations/gone/status", state).await;
    let told = done(&world, "GET", "/api/organizations", Value::Null).await;
    let rows = told.as_array().unwrap();
    let ids: Vec<&Value> = rows.iter().map(|row| &row["organization_id"]).collect();
    assert_eq!(ids, ["acme", "default"], "{told}");
    let row = &rows[0];
    for (member, value) in [
        ("name", json!("acme")),
        ("status", json!("active")),
        ("metadata", json!({"plan": "acme"})),
        ("id", json!("acme")),
    ] {
        assert_eq!(row[member], value, "{member}: {row}");
    }
    assert_eq!(row["created_at"], row["updated_at"], "{row}");
    assert_eq!(row["default_team"]["team_id"], "acme_default", "{row}");
    let page = done(&world, "GET", "/api/organizations?limit=9", Value::Null).await;
    assert_eq!(page["pagination"]["total"], 3, "{page}");
}

/// A manager sees what is their own in both shapes, and no key where they may see none.
#[tokio::test]
async fn a_manager_is_told_what_is_theirs() {
    let world = World::start().await;
    let own = access::scene::tenant(&world, "mine").await;
    access::scene::tenant(&world, "them").await;
    for (path, member, ids) in [
        ("/api/teams", "team_id", json!(["mine-team"])),
        ("/api/organizations", "organization_id", json!(["mine"])),
    ] {
        let answer = world.gateway.get(path).key(&own.managing).send().await;
        let rows = answer.json();
        let rows: Value = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row[member].clone())
            .collect();
        assert_eq!(rows, ids, "{answer:?}");
    }
}

#[tokio::test]
async fn metadata_is_kept_and_given_back_as_it_came() {
    let world = World::start().await;
    let noted = json!({"plan": "pro", "seats": 5, "deep": {"a": [1, null, "ü"]}});
    let new = json!({"organization_id": "acme", "name": "ACME", "metadata": noted});
    done(&world, "POST", "/api/organizations/create", new).await;
    let new = json!({"organization_id": "acme", "team_id": "t", "access_groups": [],
        "metadata": noted});
    let made = done(&world, "POST", "/api/teams/create", new).await;
    assert_eq!(made["metadata"], noted, "{made}");
    for path in ["/api/organizations/acme", "/api/teams/t"] {
        let told = done(&world, "GET", path, Value::Null).await;
        assert_eq!(told["metadata"], noted, "{path}");
        let other = json!({"metadata": {"plan": "free"}});
        let told = done(&world, "PUT", path, other.clone()).await;
        assert_eq!(told["metadata"], other["metadata"], "{path}");
        // What is not named stays; nothing is an empty object.
        let told = done(&world, "PATCH", path, json!({"name": "N"})).await;
        assert_eq!(told["metadata"], other["metadata"], "{path}");
        let told = done(&world, "PATCH", path, json!({"metadata": null})).await;
        assert_eq!(told["metadata"], json!({}), "{path}");
        let mut large = json!({});
        large["text"] = "x".repeat(20_000).into();
        for bad in [json!([]), json!("x"), large] {
            let answer = admin(&world, "PATCH", path, json!({"metadata": bad})).await;
            assert!([400, 422].contains(&answer.status.as_u16()), "{answer:?}");
        }
    }
    let audit = done(
        &world,
        "GET",
        "/api/audit?object=team&object_id=t",
        Value::Null,
    )
    .await;
    assert!(audit.to_string().contains("seats"), "{audit}");
}

#[tokio::test]
async fn credits_used_can_be_set_and_the_books_stay_right() {
    let world = World::start().await;
    team(&world, &[], 10).await;
    let path = "/api/teams/acme-team";
    for (change, [allocated, used, remaining]) in [
        (json!({"credits_used": 4}), [10, 4, 6]),
        (json!({"credits_used": 1}), [10, 1, 9]),
        (
            json!({"credits_allocated": 20, "credits_used": 15}),
            [20, 15, 5],
        ),
        (json!({"credits_allocated": 30}), [30, 15, 15]),
        (json!({"credits_used": 0}), [30, 0, 30]),
        (
            json!({"credits_allocated": 0, "credits_used": 0}),
            [0, 0, 0],
        ),
        (
            json!({"credits_allocated": 3, "credits_used": 3}),
            [3, 3, 0],
        ),
    ] {
        let told = done(&world, "PUT", path, change.clone()).await;
        let found = ["credits_allocated", "credits_used", "credits_remaining"]
            .map(|member| told[member].as_u64().unwrap());
        assert_eq!(found, [allocated, used, remaining], "{change}");
    }
    let before = done(&world, "GET", path, Value::Null).await;
    for bad in [
        json!({"credits_used": 4}),
        json!({"credits_used": -1}),
        json!({"credits_allocated": 2}),
    ] {
        let answer = admin(&world, "PUT", path, bad.clone()).await;
        assert_eq!(answer.status, 400, "{bad}: {answer:?}");
    }
    assert_eq!(done(&world, "GET", path, Value::Null).await, before);
    let told = done(&world, "GET", "/api/stats/dashboard", Value::Null).await;
    let found = ["totalCredits", "creditsUsed", "creditsRemaining"].map(|name| &told[name]);
    assert_eq!(found, [3, 3, 0], "{told}");
    let verified = done(&world, "POST", "/api/ledger/verify", Value::Null).await;
    assert_eq!(verified["ok"], true, "{verified}");
}
