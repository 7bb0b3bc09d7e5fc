//! What members of an organization may do to each other: nobody becomes more than they were made.

use http::Method;
use serde_json::{Value, json};

use super::scene::{self, Tenant, tenant};
use crate::world::World;

const ROLES: [&str; 5] = ["owner", "admin", "developer", "viewer", "member"];

/// Everybody's ids, and a key by which each of them manages.
struct Crew {
    own: Tenant,
    /// By role: the id of the user, the id of their key, and its text.
    members: Vec<(&'static str, [String; 3])>,
}

impl Crew {
    async fn gather(world: &World) -> Self {
        let own = tenant(world, "acme").await;
        let mut members = Vec::new();
        for role in ROLES {
            let user = match role {
                "owner" => own.owner.clone(),
                _ => scene::member(world, "acme", role).await,
            };
            let wanted = json!({"team": own.team, "user": user, "permissions": scene::ALL});
            let key = scene::key(world, wanted).await;
            members.push((
                role,
                [user, scene::text(&key, "id"), scene::text(&key, "key")],
            ));
        }
        Self { own, members }
    }

    /// Puts ids into the places of `{role}` (the user) and `{role-key}`.
    fn filled(&self, text: &str) -> String {
        let mut text = text.replace("{app}", &self.own.calling_id);
        for (role, [user, key, _]) in &self.members {
            text = text.replace(&format!("{{{role}}}"), user);
            text = text.replace(&format!("{{{role}-key}}"), key);
        }
        text
    }
}

/// Who asks for what, and the code or `ok`.
fn table() -> Vec<(&'static str, Method, &'static str, Value, &'static str)> {
    let (post, patch, delete) = (Method::POST, Method::PATCH, Method::DELETE);
    let members = "/api/organizations/acme/members";
    let denied = "permission_denied";
    let role = |role: &str| json!({"role": role, "email": format!("new-{role}@acme.example")});
    vec![
        ("admin", post.clone(), members, role("owner"), denied),
        ("admin", post.clone(), members, role("admin"), denied),
        ("admin", post.clone(), members, role("developer"), "ok"),
        (
            "admin",
            patch.clone(),
            "/api/organizations/acme/members/{admin}",
            json!({"role": "owner"}),
            denied,
        ),
        (
            "admin",
            patch.clone(),
            "/api/organizations/acme/members/{owner}",
            json!({"role": "member"}),
            denied,
        ),
        (
            "admin",
            patch.clone(),
            "/api/organizations/acme/members/{owner}",
            json!({"status": "paused"}),
            denied,
        ),
        (
            "admin",
            patch.clone(),
            "/api/organizations/acme/members/{viewer}",
            json!({"role": "admin"}),
            denied,
        ),
        (
            "admin",
            patch.clone(),
            "/api/organizations/acme/members/{viewer}",
            json!({"role": "developer"}),
            "ok",
        ),
        (
            "admin",
            delete.clone(),
            "/api/organizations/acme/members/{owner}",
            Value::Null,
            denied,
        ),
        (
            "admin",
            post.clone(),
            "/api/keys/{owner-key}/rotate",
            Value::Null,
            denied,
        ),
        (
            "admin",
            delete.clone(),
            "/api/keys/{owner-key}",
            Value::Null,
            denied,
        ),
        (
            "admin",
            post.clone(),
            "/api/keys",
            json!({"name": "x", "user": "{owner}", "permissions": ["admin"]}),
            denied,
        ),
        (
            "admin",
            patch.clone(),
            "/api/keys/{admin-key}",
            json!({"limits": {"rpm": null}}),
            denied,
        ),
        (
            "admin",
            patch.clone(),
            "/api/organizations/acme",
            json!({"name": "mine"}),
            denied,
        ),
        (
            "admin",
            patch.clone(),
            "/api/teams/acme-team",
            json!({"name": "new"}),
            "ok",
        ),
        ("developer", post.clone(), members, role("member"), denied),
        (
            "developer",
            post.clone(),
            "/api/teams",
            json!({"name": "x"}),
            denied,
        ),
        (
            "developer",
            post.clone(),
            "/api/keys",
            json!({"name": "x"}),
            "ok",
        ),
        (
            "developer",
            post.clone(),
            "/api/keys",
            json!({"name": "x", "user": "{owner}"}),
            denied,
        ),
        (
            "developer",
            post.clone(),
            "/api/keys",
            json!({"name": "x", "limits": {"rpm": 9}}),
            denied,
        ),
        (
            "developer",
            post.clone(),
            "/api/keys",
            json!({"name": "x", "budgets": [{"period": "daily", "usd": "9"}]}),
            denied,
        ),
        (
            "developer",
            patch.clone(),
            "/api/keys/{developer-key}",
            json!({"limits": {"rpm": 9000}}),
            denied,
        ),
        (
            "developer",
            post.clone(),
            "/api/keys/{app}/rotate",
            Value::Null,
            "resource_not_found",
        ),
        (
            "developer",
            post.clone(),
            "/api/keys/{owner-key}/rotate",
            Value::Null,
            "resource_not_found",
        ),
        ("developer", Method::GET, "/api/audit", Value::Null, denied),
        ("member", Method::GET, "/api/keys", Value::Null, denied),
        (
            "member",
            Method::GET,
            "/api/organizations/acme",
            Value::Null,
            denied,
        ),
        ("member", Method::GET, "/api/teams", Value::Null, denied),
        (
            "member",
            post.clone(),
            "/api/keys",
            json!({"name": "x"}),
            denied,
        ),
        (
            "owner",
            patch.clone(),
            "/api/organizations/acme/members/{owner}",
            json!({"role": "admin"}),
            denied,
        ),
        (
            "owner",
            patch.clone(),
            "/api/keys/{owner-key}",
            json!({"budgets": []}),
            denied,
        ),
        (
            "owner",
            patch,
            "/api/organizations/acme/members/{admin}",
            json!({"role": "viewer"}),
            "ok",
        ),
        // What was an admin is a viewer from the next request on.
        (
            "admin",
            post.clone(),
            members,
            json!({"email": "late@acme.example"}),
            denied,
        ),
        ("admin", Method::GET, "/api/keys", Value::Null, "ok"),
        (
            "owner",
            delete,
            "/api/organizations/acme/members/{admin}",
            Value::Null,
            "ok",
        ),
        (
            "admin",
            Method::GET,
            "/api/keys",
            Value::Null,
            "invalid_api_key",
        ),
    ]
}

#[tokio::test]
async fn nobody_becomes_more_than_they_were_made() {
    let world = World::start().await;
    let crew = Crew::gather(&world).await;
    for (role, method, path, body, expected) in table() {
        let (_, [.., key]) = crew.members.iter().find(|(name, _)| *name == role).unwrap();
        let path = crew.filled(path);
        let filled: Value = serde_json::from_str(&crew.filled(&body.to_string())).unwrap();
        let answer = scene::asked(&world, method.clone(), &path, &filled)
            .key(key)
            .send()
            .await;
        let code = answer.header("x-tollgate-error-code");
        let seen = if answer.status.is_success() {
            "ok"
        } else {
            code
        };
        assert_eq!(
            seen, expected,
            "{role}: {method} {path} {filled}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_key_cannot_do_more_than_its_user_and_a_user_no_more_than_their_key() {
    let world = World::start().await;
    let own = tenant(&world, "acme").await;
    // A key of the owner without the permission to manage.
    let made = scene::key(&world, json!({"team": own.team, "user": own.owner})).await;
    let plain = scene::text(&made, "key");
    let answer = world.gateway.get("/api/teams").key(&plain).send().await;
    assert_eq!(answer.outcome(), (403, "permission_denied".to_owned()));
    // One that is bound to a surface of calls, and one that is bound to an address.
    for scope in [
        json!({"surfaces": ["openai_chat"]}),
        json!({"addresses": ["10.0.0.1"]}),
    ] {
        let mut wanted = json!({"team": own.team, "user": own.owner, "permissions": scene::ALL});
        wanted
            .as_object_mut()
            .unwrap()
            .extend(scope.as_object().unwrap().clone());
        let bound = scene::text(&scene::key(&world, wanted).await, "key");
        let answer = world.gateway.get("/api/teams").key(&bound).send().await;
        assert_eq!(
            answer.outcome(),
            (403, "permission_denied".to_owned()),
            "{scope}"
        );
    }
    // The admin key is no key for calls, and a managing key no admin key.
    let answer = scene::chat(&world, crate::world::ADMIN_KEY, "sim/echo").await;
    assert_eq!(answer.outcome(), (401, "invalid_api_key".to_owned()));
    let answer = world
        .gateway
        .get("/api/teams")
        .header("x-admin-key", &own.managing)
        .send()
        .await;
    assert_eq!(answer.outcome(), (401, "invalid_api_key".to_owned()));
}

#[tokio::test]
async fn a_key_for_one_model_is_no_way_to_a_key_for_all() {
    let world = World::start().await;
    let own = tenant(&world, "acme").await;
    let user = scene::member(&world, "acme", "developer").await;
    let wanted = json!({"team": own.team, "user": user, "permissions": scene::ALL,
        "models": ["sim/echo"]});
    let narrow = scene::key(&world, wanted).await;
    let (id, secret) = (scene::text(&narrow, "id"), scene::text(&narrow, "key"));
    let denied = "permission_denied";
    for (method, path, body, expected) in [
        (Method::POST, "/api/keys", json!({"name": "all"}), denied),
        (
            Method::POST,
            "/api/keys",
            json!({"name": "x", "models": ["sim/*"]}),
            denied,
        ),
        (
            Method::PATCH,
            "/api/keys/{id}",
            json!({"models": ["*"]}),
            denied,
        ),
        (
            Method::POST,
            "/api/keys",
            json!({"name": "x", "models": ["sim/echo"]}),
            "ok",
        ),
        (
            Method::PATCH,
            "/api/keys/{id}",
            json!({"name": "renamed"}),
            "ok",
        ),
    ] {
        let path = path.replace("{id}", &id);
        let ask = scene::asked(&world, method.clone(), &path, &body).key(&secret);
        let answer = ask.send().await;
        let code = answer.header("x-tollgate-error-code");
        let seen = if answer.status.is_success() {
            "ok"
        } else {
            code
        };
        assert_eq!(seen, expected, "{method} {path} {body}: {answer:?}");
    }
}
