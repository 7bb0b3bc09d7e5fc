//! What the tests of seed 001's management share.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::world::{Answer, Ask, World};

/// A request with a body, or without one.
pub fn request<'a>(world: &'a World, method: &str, path: &str, body: &Value) -> Ask<'a> {
    let method: Method = method.parse().unwrap();
    let bytes = if body.is_null() {
        Bytes::new()
    } else {
        body.to_string().into()
    };
    let ask = world.gateway.ask(method, path, bytes);
    ask.header("content-type", "application/json")
}

/// Asks as the administrator.
pub async fn admin(world: &World, method: &str, path: &str, body: Value) -> Answer {
    request(world, method, path, &body).admin().send().await
}

/// The same, which has to go well.
pub async fn done(world: &World, method: &str, path: &str, body: Value) -> Value {
    let answer = admin(world, method, path, body).await;
    assert_eq!(answer.status, 200, "{method} {path}: {answer:?}");
    answer.json()
}

/// Asks with a virtual key.
pub async fn by(world: &World, key: &str, method: &str, path: &str) -> Answer {
    request(world, method, path, &Value::Null)
        .key(key)
        .send()
        .await
}

/// An organization `acme` with a team `acme-team` of these access groups and credits; the text of
/// its key.
pub async fn team(world: &World, groups: &[&str], credits: u64) -> String {
    let new = json!({"organization_id": "acme", "name": "ACME", "create_default_team": false});
    done(world, "POST", "/api/organizations/create", new).await;
    let new = json!({"organization_id": "acme", "team_id": "acme-team",
        "access_groups": groups, "credits_allocated": credits});
    let made = done(world, "POST", "/api/teams/create", new).await;
    made["virtual_key"].as_str().unwrap().to_owned()
}

/// An alias for a model of the simulator, in these access groups, which are made where they are
/// not there.
pub async fn alias(world: &World, name: &str, model: &str, groups: &[&str]) {
    for group in groups {
        let new = json!({"group_name": group, "display_name": group});
        let made = admin(world, "POST", "/api/model-access-groups/create", new).await;
        assert!([200, 400].contains(&made.status.as_u16()), "{made:?}");
    }
    let new = json!({"model_alias": name, "display_name": name, "provider": "openai",
        "actual_model": model, "credential_name": "sim", "access_groups": groups,
        "pricing_input": 1, "pricing_output": 2.5});
    done(world, "POST", "/api/models/create", new).await;
}

/// A chat call, and what it came to.
pub async fn chat(world: &World, key: &str, model: &str) -> Answer {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "one two"}]});
    let ask = world.gateway.post("/v1/chat/completions", body);
    ask.key(key).send().await
}
