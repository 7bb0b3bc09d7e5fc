//! Whoever makes keys for themselves alone gets by none of them more than by the key they have:
//! not by making one, not by changing one, and not by a new text for one.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::scene::{self, Tenant, tenant};
use crate::world::{Answer, World};

/// By what a managing key is bound, what would be more, and what is not.
struct Bound {
    what: &'static str,
    key: Value,
    more: Vec<Value>,
    within: Vec<Value>,
    /// Changes of the managing key itself that would take the bound away.
    wider: Vec<Value>,
}

fn bounds() -> Vec<Bound> {
    let at = |days: i64| {
        let at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
        at.to_string()
    };
    vec![
        Bound {
            what: "models",
            key: json!({"models": ["sim/echo", "openai/*"]}),
            more: vec![json!({}), json!({"models": ["sim/*"]})],
            within: vec![
                json!({"models": ["openai/gpt-4o"]}),
                json!({"models": ["openai/gpt*", "sim/echo"]}),
            ],
            wider: vec![json!({"models": ["*"]})],
        },
        Bound {
            what: "expiry",
            key: json!({"expires_at": at(10)}),
            more: vec![
                json!({}),
                json!({"expires_at": null}),
                json!({"expires_in_days": 11}),
                json!({"expires_at": at(12)}),
            ],
            within: vec![json!({"expires_in_days": 9}), json!({"expires_at": at(2)})],
            wider: vec![
                json!({"expires_at": null}),
                json!({"expires_in_days": null}),
                json!({"expires_in_days": 20}),
            ],
        },
        Bound {
            what: "addresses",
            key: json!({"addresses": ["127.0.0.0/8", "2001:db8::/32"]}),
            more: vec![
                json!({}),
                json!({"addresses": []}),
                json!({"addresses": ["127.0.0.1", "10.0.0.1"]}),
                json!({"addresses": ["126.0.0.0/7"]}),
                json!({"addresses": ["0.0.0.0/0"]}),
            ],
            within: vec![
                json!({"addresses": ["127.0.0.1"]}),
                json!({"addresses": ["127.128.0.0/9", "::ffff:127.0.0.1", "2001:db8:1::/48"]}),
            ],
            wider: vec![json!({"addresses": null}), json!({"addresses": []})],
        },
        Bound {
            what: "surfaces",
            key: json!({"surfaces": ["admin", "openai_chat"]}),
            more: vec![
                json!({}),
                json!({"surfaces": []}),
                json!({"surfaces": ["openai_chat", "jobs"]}),
            ],
            within: vec![json!({"surfaces": ["openai_chat"]})],
            wider: vec![json!({"surfaces": null}), json!({"surfaces": []})],
        },
        Bound {
            what: "permissions",
            key: json!({"permissions": ["read", "admin"]}),
            more: vec![json!({}), json!({"permissions": ["write"]})],
            within: vec![json!({"permissions": ["read"]})],
            wider: vec![json!({"permissions": scene::ALL})],
        },
        Bound {
            what: "priority",
            key: json!({"priority": "low"}),
            more: vec![json!({}), json!({"priority": "normal"})],
            within: vec![json!({"priority": "low"})],
            wider: vec![json!({"priority": "normal"})],
        },
        Bound {
            what: "team",
            key: json!({}),
            more: vec![json!({"team": "second"})],
            within: vec![json!({}), json!({"team": "acme-team"})],
            wider: vec![],
        },
        // A key beside one that has limits or a budget would have them again.
        Bound {
            what: "limits",
            key: json!({"limits": {"rpm": 600}}),
            more: vec![json!({}), json!({"models": ["sim/echo"]})],
            within: vec![],
            wider: vec![json!({"limits": {"rpm": null}}), json!({"limits": null})],
        },
        Bound {
            what: "budget",
            key: json!({"budgets": [{"period": "total", "usd": "1.00"}]}),
            more: vec![json!({})],
            within: vec![],
            wider: vec![json!({"budgets": []}), json!({"budgets": null})],
        },
    ]
}

/// What becomes of a request: `ok` or the code.
async fn told(world: &World, key: &str, (method, path): (Method, &str), body: &Value) -> String {
    code(
        &scene::asked(world, method, path, body)
            .key(key)
            .send()
            .await,
    )
}

fn code(answer: &Answer) -> String {
    if answer.status.is_success() {
        "ok".to_owned()
    } else {
        answer.header("x-tollgate-error-code").to_owned()
    }
}

/// The members of both, those of the second before those of the first.
fn with(one: &Value, other: &Value) -> Value {
    let mut both = one.clone();
    let members = other.as_object().unwrap().clone();
    both.as_object_mut().unwrap().extend(members);
    both
}

/// An organization with two teams, and a developer.
async fn developer(world: &World) -> (Tenant, Value) {
    let own = tenant(world, "acme").await;
    let second = json!({"id": "second", "name": "second", "organization": "acme"});
    scene::make(world, "/api/teams", second).await;
    let user = scene::member(world, "acme", "developer").await;
    let whose = json!({"name": "x", "team": own.team, "user": user, "permissions": scene::ALL});
    (own, whose)
}

#[tokio::test]
async fn a_bound_key_is_no_way_to_one_that_is_bound_less() {
    let world = World::start().await;
    let (_own, whose) = developer(&world).await;
    let denied = "permission_denied";
    for Bound {
        what,
        key,
        more,
        within,
        wider,
    } in bounds()
    {
        let made = scene::key(&world, with(&whose, &key)).await;
        let (id, secret) = (scene::text(&made, "id"), scene::text(&made, "key"));
        let mine = format!("/api/keys/{id}");
        for (wanted, expected) in more
            .iter()
            .map(|wanted| (wanted, denied))
            .chain(within.iter().map(|wanted| (wanted, "ok")))
        {
            // To make one.
            let mut wanted = wanted.clone();
            wanted["name"] = "made".into();
            let seen = told(&world, &secret, (Method::POST, "/api/keys"), &wanted).await;
            assert_eq!(seen, expected, "{what}: make {wanted}");
            if wanted["expires_at"].is_null() && wanted["expires_in_days"].is_null() {
                // Hours are a bound of their own, and the rest is as it was.
                let hours = with(&wanted, &json!({"expires_in_hours": 1}));
                let hours = without(hours, "expires_at");
                let path = "/api/keys/temporary";
                let seen = told(&world, &secret, (Method::POST, path), &hours).await;
                let expected = if what == "expiry" { "ok" } else { expected };
                assert_eq!(seen, expected, "{what}: make for hours {hours}");
            }
            // To get the text of one that the same user has.
            let other = scene::key(&world, with(&whose, &plain(&wanted))).await;
            let other = format!("/api/keys/{}", scene::text(&other, "id"));
            let rotate = format!("{other}/rotate");
            let seen = told(&world, &secret, (Method::POST, &rotate), &Value::Null).await;
            assert_eq!(seen, expected, "{what}: rotate {wanted}");
            // To change what it is called is no more than it was, and to end it is less.
            let name = json!({"name": "renamed"});
            let seen = told(&world, &secret, (Method::PATCH, &other), &name).await;
            assert_eq!(seen, "ok", "{what}: rename {wanted}");
            let seen = told(&world, &secret, (Method::DELETE, &other), &Value::Null).await;
            assert_eq!(seen, "ok", "{what}: revoke {wanted}");
        }
        for wanted in wider {
            let seen = told(&world, &secret, (Method::PATCH, &mine), &wanted).await;
            assert_eq!(seen, denied, "{what}: change into {wanted}");
        }
        // What it does with itself gives it nothing.
        let rotate = format!("{mine}/rotate");
        let answer = world.gateway.ask(Method::POST, &rotate, Bytes::new());
        let answer = answer.key(&secret).send().await;
        assert_eq!(code(&answer), "ok", "{what}: rotate itself");
        let row = scene::read(&world, &mine).await;
        for (name, value) in key.as_object().unwrap() {
            if name != "budgets" && name != "limits" {
                assert_eq!(row[name], made[name], "{what}: {name} {value}");
            }
        }
    }
}

/// A key as an owner makes it who says nothing else.
fn plain(wanted: &Value) -> Value {
    let mut wanted = wanted.clone();
    if wanted["permissions"].is_null() {
        wanted["permissions"] = json!(["read", "write"]);
    }
    wanted
}

fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().unwrap().remove(name);
    value
}

#[tokio::test]
async fn two_bound_keys_do_not_make_one_that_is_bound_less_than_both() {
    let world = World::start().await;
    let (_own, whose) = developer(&world).await;
    let narrow = json!({"models": ["sim/echo"]});
    let narrow = scene::key(&world, with(&whose, &narrow)).await;
    let near = json!({"addresses": ["127.0.0.1"]});
    let near = scene::key(&world, with(&whose, &near)).await;
    let denied = "permission_denied";
    let (narrow_key, near_key) = (scene::text(&narrow, "key"), scene::text(&near, "key"));
    let narrow = format!("/api/keys/{}", scene::text(&narrow, "id"));
    let near = format!("/api/keys/{}", scene::text(&near, "id"));
    for (key, path, body, expected) in [
        // Each has what the other one lacks, and neither gives it.
        (&near_key, &narrow, json!({"models": ["*"]}), denied),
        (&narrow_key, &near, json!({"addresses": null}), denied),
        (
            &near_key,
            &narrow,
            json!({"models": ["sim/*"], "name": "x"}),
            denied,
        ),
        // What makes a key less is no way to more.
        (&near_key, &narrow, json!({"priority": "low"}), "ok"),
        (&narrow_key, &near, json!({"expires_in_days": 30}), "ok"),
        // What is within the key by which it is done may be given.
        (
            &near_key,
            &narrow,
            json!({"models": ["*"], "addresses": ["127.0.0.1"], "expires_in_days": 20}),
            "ok",
        ),
    ] {
        let seen = told(&world, key, (Method::PATCH, path), &body).await;
        assert_eq!(seen, expected, "{path} {body}");
    }
}

#[tokio::test]
async fn owners_and_administrators_are_bound_by_their_role_and_not_by_their_key() {
    let world = World::start().await;
    let own = tenant(&world, "acme").await;
    for role in ["owner", "admin"] {
        let user = match role {
            "owner" => own.owner.clone(),
            _ => scene::member(&world, "acme", role).await,
        };
        let wanted = json!({"team": own.team, "user": user, "permissions": scene::ALL,
            "models": ["sim/echo"], "addresses": ["127.0.0.1"], "limits": {"rpm": 600}});
        let bound = scene::text(&scene::key(&world, wanted).await, "key");
        let path = (Method::POST, "/api/keys");
        assert_eq!(
            told(&world, &bound, path, &json!({"name": "app"})).await,
            "ok"
        );
    }
}
