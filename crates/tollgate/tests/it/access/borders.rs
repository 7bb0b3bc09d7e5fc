//! Between organizations: what belongs to somebody else is answered like what is not there, and
//! nobody gives themselves more than they were given.

use http::Method;
use serde_json::{Value, json};

use super::scene::{self, Tenant, tenant};
use crate::world::{Answer, World};

/// Something of the other organization, and something of the same kind that nobody has.
struct Pair {
    foreign: String,
    missing: String,
}

/// The requests of a manager that name something, for the thing and its stand-in.
fn requests(pairs: &[(&str, Pair)]) -> Vec<[(Method, String, Value); 2]> {
    let rows: &[(Method, &str, Value)] = &[
        (Method::GET, "/api/organizations/{org}", Value::Null),
        (
            Method::PATCH,
            "/api/organizations/{org}",
            json!({"name": "mine"}),
        ),
        (
            Method::PUT,
            "/api/organizations/{org}",
            json!({"keep_bodies": true}),
        ),
        (Method::GET, "/api/organizations/{org}/members", Value::Null),
        (
            Method::POST,
            "/api/organizations/{org}/members",
            json!({"email": "x@y.example"}),
        ),
        (
            Method::GET,
            "/api/organizations/{org}/members/{user}",
            Value::Null,
        ),
        (
            Method::GET,
            "/api/organizations/mine/members/{user}",
            Value::Null,
        ),
        (
            Method::PATCH,
            "/api/organizations/mine/members/{user}",
            json!({"role": "viewer"}),
        ),
        (
            Method::DELETE,
            "/api/organizations/mine/members/{user}",
            Value::Null,
        ),
        (Method::GET, "/api/teams/{team}", Value::Null),
        (Method::PATCH, "/api/teams/{team}", json!({"name": "mine"})),
        (Method::POST, "/api/teams/{team}/pause", Value::Null),
        (Method::POST, "/api/teams/{team}/resume", Value::Null),
        (
            Method::POST,
            "/api/teams",
            json!({"name": "x", "organization": "{org}"}),
        ),
        (Method::GET, "/api/teams?organization={org}", Value::Null),
        (Method::GET, "/api/keys/{key}", Value::Null),
        (Method::PATCH, "/api/keys/{key}", json!({"name": "mine"})),
        (Method::DELETE, "/api/keys/{key}", Value::Null),
        (Method::POST, "/api/keys/{key}/rotate", Value::Null),
        (
            Method::POST,
            "/api/keys",
            json!({"name": "x", "team": "{team}"}),
        ),
        (
            Method::POST,
            "/api/keys",
            json!({"name": "x", "user": "{user}"}),
        ),
        (
            Method::POST,
            "/api/keys/temporary",
            json!({"name": "x", "team": "{team}", "expires_in_hours": 1}),
        ),
        (Method::GET, "/api/keys?organization={org}", Value::Null),
        (Method::GET, "/api/keys?team={team}", Value::Null),
        (Method::GET, "/api/keys?user={user}", Value::Null),
        (Method::GET, "/api/audit?organization={org}", Value::Null),
        (
            Method::GET,
            "/api/audit?object=team&object_id={team}",
            Value::Null,
        ),
        (
            Method::GET,
            "/api/audit?object=key&object_id={key}",
            Value::Null,
        ),
        (
            Method::GET,
            "/api/account/request-logs/{request}",
            Value::Null,
        ),
        (
            Method::GET,
            "/api/account/request-logs/{request}/details",
            Value::Null,
        ),
        (
            Method::GET,
            "/api/account/request-logs?organization={org}",
            Value::Null,
        ),
        (
            Method::GET,
            "/api/account/request-logs?team={team}",
            Value::Null,
        ),
        (
            Method::GET,
            "/api/account/request-logs?api_key_id={key}",
            Value::Null,
        ),
        (
            Method::GET,
            "/api/account/request-logs/stats?team={team}",
            Value::Null,
        ),
        (Method::GET, "/api/account/errors?team={team}", Value::Null),
        (
            Method::GET,
            "/api/account/analytics/usage?team={team}",
            Value::Null,
        ),
        (
            Method::GET,
            "/api/billing/usage/breakdown?group_by=team&team={team}",
            Value::Null,
        ),
    ];
    let filled = |text: &str, foreign: bool| {
        pairs.iter().fold(text.to_owned(), |text, (name, pair)| {
            let id = if foreign {
                &pair.foreign
            } else {
                &pair.missing
            };
            text.replace(&format!("{{{name}}}"), id)
        })
    };
    let request = |(method, path, body): &(Method, &str, Value), foreign| {
        let body = filled(&body.to_string(), foreign);
        let body = serde_json::from_str(&body).unwrap();
        (method.clone(), filled(path, foreign), body)
    };
    rows.iter()
        .map(|row| [request(row, true), request(row, false)])
        .collect()
}

/// Everything that the outside sees, but for the ids that were asked for and that of the request.
fn seen(answer: &Answer, pairs: &[(&str, Pair)]) -> String {
    let mut headers: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| !["date", "x-request-id", "request-id"].contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    headers.sort();
    let mut text = format!("{} {headers:?}\n{}", answer.status, answer.text());
    text = text.replace(answer.header("x-request-id"), "REQUEST");
    for (name, pair) in pairs {
        for id in [&pair.foreign, &pair.missing] {
            text = text.replace(id.as_str(), &name.to_uppercase());
        }
    }
    text
}

/// The key of a member of a role who manages.
async fn managing(world: &World, own: &Tenant, role: &str) -> String {
    let user = scene::member(world, &own.organization, role).await;
    let wanted = json!({"team": own.team, "user": user, "permissions": scene::ALL});
    scene::text(&scene::key(world, wanted).await, "key")
}

#[tokio::test]
async fn what_belongs_to_others_is_answered_byte_for_byte_like_what_is_not_there() {
    let world = World::start().await;
    let mine = tenant(&world, "mine").await;
    let theirs = tenant(&world, "them").await;
    let called = scene::chat(&world, &theirs.calling, "sim/echo").await;
    assert_eq!(called.status, 200);
    let request = called.header("x-request-id").to_owned();
    // As long as the other, so that lengths can be compared, too.
    let altered = |id: &str| {
        let (start, end) = id.split_at(id.len() - 4);
        format!("{start}{}", end.chars().map(|_| '0').collect::<String>())
    };
    let pairs = [
        ("org", theirs.organization.clone(), "thex".to_owned()),
        ("team", theirs.team.clone(), "thex-team".to_owned()),
        ("user", theirs.owner.clone(), altered(&theirs.owner)),
        (
            "key",
            theirs.calling_id.clone(),
            altered(&theirs.calling_id),
        ),
        ("request", request.clone(), altered(&request)),
    ];
    let pairs = pairs.map(|(name, foreign, missing)| (name, Pair { foreign, missing }));
    scene::until("the call is in the log", async || {
        let path = format!("/api/account/request-logs/{request}");
        let answer = world.gateway.get(&path).key(&theirs.calling).send().await;
        answer.status == 200
    })
    .await;

    let before = scene::read(&world, "/api/audit?organization=them").await;
    let mut keys = vec![
        ("owner", mine.managing.clone()),
        ("none", mine.calling.clone()),
    ];
    for role in ["admin", "developer", "viewer", "member"] {
        keys.push((role, managing(&world, &mine, role).await));
    }
    for (role, key) in &keys {
        for [foreign, missing] in requests(&pairs) {
            let mut told = Vec::new();
            for (method, path, body) in [&foreign, &missing] {
                let ask = scene::asked(&world, method.clone(), path, body);
                told.push(ask.key(key).send().await);
            }
            let shown = told
                .iter()
                .map(|answer| seen(answer, &pairs))
                .collect::<Vec<_>>();
            let (method, path, body) = &foreign;
            assert_eq!(shown[0], shown[1], "{role}: {method} {path} {body}");
            let text = told[0].text();
            for secret in ["them-team", &theirs.calling_id, "owner@them.example"] {
                let was_asked = path.contains(secret) || body.to_string().contains(secret);
                assert!(
                    was_asked || !text.contains(secret),
                    "{role}: {path}: {text}"
                );
            }
            assert!(told[0].status.is_success() || told[0].status.is_client_error());
        }
    }
    // And nothing of all that has happened.
    let after = scene::read(&world, "/api/audit?organization=them").await;
    assert_eq!(before, after);
    assert_eq!(
        scene::chat(&world, &theirs.calling, "sim/echo")
            .await
            .status,
        200
    );
}

/// What an owner may ask for that would give them more: the request, and what has to be as it was.
fn greed(own: &Tenant) -> Vec<(Method, String, Value)> {
    let Tenant { owner, team, .. } = own;
    let lot = json!([{"period": "total", "usd": "1000000"}]);
    let me = format!("/api/organizations/acme/members/{owner}");
    let us = "/api/organizations/acme".to_owned();
    let ours = format!("/api/teams/{team}");
    vec![
        (Method::PATCH, us.clone(), json!({"budgets": lot})),
        (Method::PATCH, us.clone(), json!({"budgets": null})),
        (
            Method::PATCH,
            us.clone(),
            json!({"limits": {"rpm": 100_000}}),
        ),
        (Method::PATCH, us.clone(), json!({"limits": null})),
        (
            Method::PATCH,
            us.clone(),
            json!({"status": "active", "name": "x"}),
        ),
        (Method::PUT, us.clone(), json!({"name": "x", "budgets": []})),
        (
            Method::PATCH,
            us.clone(),
            json!({"name": "x", "id": "other"}),
        ),
        (Method::PATCH, me.clone(), json!({"budgets": lot})),
        (Method::PATCH, me.clone(), json!({"limits": {"rpm": null}})),
        (Method::PATCH, me.clone(), json!({"role": "owner"})),
        (Method::PATCH, me.clone(), json!({"status": "active"})),
        (Method::DELETE, me, Value::Null),
        (
            Method::POST,
            "/api/organizations".into(),
            json!({"name": "x"}),
        ),
        (
            Method::POST,
            format!("/api/credits/teams/{team}/add"),
            json!({"amount_usd": "1"}),
        ),
        (
            Method::POST,
            "/api/credits/organizations/acme/adjust".into(),
            json!({"amount_usd": "1", "direction": "add"}),
        ),
        (
            Method::POST,
            "/api/keys".into(),
            json!({"name": "x", "priority": "high"}),
        ),
        // Ids are chosen by the platform.
        (
            Method::POST,
            "/api/teams".into(),
            json!({"name": "x", "id": "chosen"}),
        ),
        // Members that there are not, or not here.
        (
            Method::PATCH,
            ours.clone(),
            json!({"spend": "0", "name": "x"}),
        ),
        (Method::PATCH, ours.clone(), json!({"balance": "100.00"})),
        (
            Method::PATCH,
            ours.clone(),
            json!({"balance_usd": "100.00"}),
        ),
        (
            Method::PATCH,
            ours.clone(),
            json!({"organization": "other"}),
        ),
        (Method::PATCH, ours.clone(), json!({"tenant": "other"})),
        (
            Method::PATCH,
            ours.clone(),
            json!({"budgets": [{"period": "total", "usd": "1",
            "spent_usd": "0"}]}),
        ),
        (
            Method::POST,
            "/api/keys".into(),
            json!({"name": "x", "role": "owner"}),
        ),
        (
            Method::POST,
            "/api/keys".into(),
            json!({"name": "x", "organization": "other"}),
        ),
        (
            Method::POST,
            "/api/keys".into(),
            json!({"name": "x", "spend": 0}),
        ),
        (
            Method::POST,
            "/api/keys".into(),
            json!({"name": "x", "key": "sk-chosen-0123456789"}),
        ),
        (
            Method::POST,
            "/api/keys".into(),
            json!({"name": "x", "hash": "00", "id": "key_1"}),
        ),
    ]
}

#[tokio::test]
async fn nobody_gives_themselves_more_and_unknown_members_are_refused() {
    let world = World::start().await;
    let own = tenant(&world, "acme").await;
    tenant(&world, "other").await;
    let budget = json!([{"period": "total", "usd": "5.00"}]);
    let limits = json!({"rpm": 600});
    let allowed = json!({"budgets": budget, "limits": limits});
    scene::change(&world, "/api/organizations/acme", allowed.clone()).await;
    let me = format!("/api/organizations/acme/members/{}", own.owner);
    scene::change(&world, &me, allowed).await;
    let paths = [
        "/api/organizations/acme".to_owned(),
        me,
        format!("/api/teams/{}", own.team),
        "/api/credits/teams/acme-team/balance".to_owned(),
        "/api/credits/organizations/acme/balance".to_owned(),
        "/api/keys?organization=acme".to_owned(),
    ];
    let state = async || {
        let mut all = Vec::new();
        for path in &paths {
            let mut value = scene::read(&world, path).await;
            // That is when the owner asked.
            for row in value["keys"].as_array_mut().into_iter().flatten() {
                row["last_used_at"] = Value::Null;
            }
            all.push(value);
        }
        all
    };
    let before = state().await;
    let audited = scene::read(&world, "/api/audit?limit=1").await["pagination"]["total"].clone();
    for (method, path, body) in greed(&own) {
        let answer = scene::asked(&world, method.clone(), &path, &body);
        let answer = answer.key(&own.managing).send().await;
        let refused = [400, 403].contains(&answer.status.as_u16());
        assert!(refused, "{method} {path} {body}: {answer:?}");
    }
    assert_eq!(state().await, before);
    let after = scene::read(&world, "/api/audit?limit=1").await["pagination"]["total"].clone();
    assert_eq!(audited, after, "what was refused is no change");
    assert!(!audited.is_null());
}

#[tokio::test]
async fn an_organization_gets_no_more_than_its_own_limit_however_much_its_teams_are_allowed() {
    let world = World::start().await;
    let own = tenant(&world, "acme").await;
    let change = json!({"limits": {"rpm": 60, "burst": 3}});
    scene::change(&world, "/api/organizations/acme", change).await;
    let more = json!({"limits": {"rpm": 100_000}});
    let ask = scene::asked(&world, Method::PATCH, "/api/teams/acme-team", &more);
    assert_eq!(ask.key(&own.managing).send().await.status, 200);
    let mut granted = 0;
    for _ in 0..12 {
        let answer = scene::chat(&world, &own.calling, "sim/echo").await;
        granted += u32::from(answer.status == 200);
        if answer.status == 429 {
            assert_eq!(answer.json()["error"]["details"]["level"], "organization");
        }
    }
    assert!((3..12).contains(&granted), "{granted}");
}
