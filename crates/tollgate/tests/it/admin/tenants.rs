//! Organizations, teams and users of a running gateway.

use serde_json::{Value, json};

use crate::world::{Answer, World};

async fn made(world: &World, path: &str, body: Value) -> Value {
    let answer = world.gateway.post(path, &body).admin().send().await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// A team with a user of this role, and a key of theirs that manages.
async fn tenant(world: &World, id: &str, role: &str) -> (String, String) {
    let organization = json!({"id": id, "name": id, "limits": {"parallel": 50}});
    made(world, "/api/organizations", organization).await;
    let team = json!({"id": format!("{id}-team"), "name": "Team", "organization": id});
    made(world, "/api/teams", team).await;
    let member = json!({"email": "ann@example.com", "role": role});
    let path = format!("/api/organizations/{id}/members");
    let user = text(&made(world, &path, member).await["id"]);
    let key = json!({
        "name": "ann", "team": format!("{id}-team"), "user": user,
        "permissions": ["read", "write", "admin"],
    });
    let key = made(world, "/api/keys", key).await;
    (user, text(&key["key"]))
}

async fn chat(world: &World, key: &str) -> Answer {
    let body = json!({
        "model": "sim/echo", "messages": [{"role": "user", "content": "hi"}],
    });
    let ask = world.gateway.post("/v1/chat/completions", &body);
    ask.key(key).send().await
}

#[tokio::test]
async fn an_owner_manages_their_organization_and_sees_no_other() {
    let world = World::start().await;
    let (user, key) = tenant(&world, "acme", "owner").await;
    tenant(&world, "globex", "owner").await;
    let whose = world
        .gateway
        .get("/v1/auth/validate")
        .key(&key)
        .send()
        .await;
    let whose = whose.json();
    assert_eq!(whose["user"]["id"], user);
    assert_eq!(whose["user"]["role"], "owner");
    assert_eq!(whose["team"]["id"], "acme-team");
    assert_eq!(whose["organization"]["id"], "acme");

    let path = "/api/organizations/acme";
    let budget = json!({"budgets": [{"period": "monthly", "usd": "500.00"}]});
    let budget = bytes::Bytes::from(budget.to_string());
    let ask = world.gateway.ask(http::Method::PATCH, path, budget);
    let changed = ask.admin().send().await.json();
    assert_eq!(changed["limits"]["parallel"], 50, "what is not named stays");
    let list = world
        .gateway
        .get("/api/organizations?limit=10")
        .key(&key)
        .send()
        .await;
    let list = list.json();
    assert_eq!(list["pagination"]["total"], 1);
    assert_eq!(list["organizations"][0]["id"], "acme");
    let budget = &list["organizations"][0]["budgets"][0];
    assert_eq!(budget["usd"], "500.00");
    assert_eq!(budget["spent_usd"], "0.00");
    assert!(budget["resets_at"].is_string(), "{budget}");

    let team = json!({"name": "Second", "limits": {"rpm": 5}});
    let second = world
        .gateway
        .post("/api/teams", &team)
        .key(&key)
        .send()
        .await;
    assert_eq!(second.status, 201, "{second:?}");
    assert_eq!(second.json()["organization"], "acme");
    for path in ["/api/teams/globex-team", "/api/teams/nowhere"] {
        let answer = world.gateway.get(path).key(&key).send().await;
        assert_eq!(answer.outcome(), (404, "resource_not_found".to_owned()));
    }
    let audit = world
        .gateway
        .get("/api/audit?object=team")
        .key(&key)
        .send()
        .await;
    let audit = audit.json();
    assert_eq!(audit["pagination"]["total"], 2);
    assert_eq!(audit["entries"][0]["action"], "team.create");
    assert!(text(&audit["entries"][0]["actor"]).starts_with("key:key_"));
    assert_eq!(audit["entries"][1]["actor"], "admin");
    assert!(text(&audit["entries"][0]["request_id"]).starts_with("req_"));
    let connections = world.gateway.get("/api/connections").key(&key).send().await;
    assert_eq!(connections.outcome(), (403, "permission_denied".to_owned()));
}

#[tokio::test]
async fn pausing_and_suspending_hold_for_the_next_call() {
    let world = World::start().await;
    let (_, key) = tenant(&world, "acme", "owner").await;
    assert_eq!(chat(&world, &key).await.status, 200);
    let to = async |path: &str, by_owner: bool| {
        let ask = world.gateway.post(path, "");
        let ask = if by_owner { ask.key(&key) } else { ask.admin() };
        let answer = ask.send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    to("/api/teams/acme-team/pause", true).await;
    assert_eq!(
        chat(&world, &key).await.outcome(),
        (403, "team_paused".to_owned())
    );
    to("/api/teams/acme-team/resume", true).await;
    assert_eq!(chat(&world, &key).await.status, 200);
    to("/api/organizations/acme/suspend", false).await;
    let suspended = (403, "team_suspended".to_owned());
    assert_eq!(chat(&world, &key).await.outcome(), suspended);
    let resume = world.gateway.post("/api/teams/acme-team/resume", "");
    assert_eq!(resume.key(&key).send().await.outcome(), suspended);
    to("/api/organizations/acme/resume", false).await;
    assert_eq!(chat(&world, &key).await.status, 200);
}

#[tokio::test]
async fn a_removed_member_is_out_with_all_of_their_keys() {
    let world = World::start().await;
    let (user, key) = tenant(&world, "acme", "developer").await;
    let own = world.gateway.post("/api/keys", json!({"name": "own"}));
    let own = own.key(&key).send().await;
    assert_eq!(own.status, 201, "{own:?}");
    let own = text(&own.json()["key"]);
    assert_eq!(chat(&world, &own).await.status, 200);
    let path = format!("/api/organizations/acme/members/{user}");
    let ask = world
        .gateway
        .ask(http::Method::DELETE, &path, bytes::Bytes::new());
    assert_eq!(ask.admin().send().await.status, 200);
    for key in [&key, &own] {
        let refused = chat(&world, key).await;
        assert_eq!(refused.outcome(), (401, "invalid_api_key".to_owned()));
    }
}
