//! The audit log: one row for each change, in the same transaction.

use http::Method;
use serde_json::{Value, json};
use tollgate_store::testing::{ScratchDatabase, run_on_sqlite};

use super::scene::{self, Tenant, tenant};
use crate::world::{ADMIN_KEY, Gateway, PROVIDER_KEY, World};

async fn rows(world: &World) -> Vec<Value> {
    let told = scene::read(world, "/api/audit?limit=1000").await;
    told["entries"].as_array().unwrap().clone()
}

/// A change, the action that the log has of it, and what is known of the object afterwards.
type Change = (Method, String, Value, &'static str);

fn changes(own: &Tenant, key: &str) -> Vec<Change> {
    let Tenant { owner, .. } = own;
    let row = |method, path: &str, body, action| (method, path.to_owned(), body, action);
    let limits = json!({"limits": {"rpm": 60}, "budgets": [{"period": "daily", "usd": "1"}]});
    let (post, patch) = (Method::POST, Method::PATCH);
    vec![
        row(
            post.clone(),
            "/api/organizations",
            json!({"name": "b", "id": "b"}),
            "organization.create",
        ),
        row(
            patch.clone(),
            "/api/organizations/b",
            limits.clone(),
            "organization.update",
        ),
        row(
            post.clone(),
            "/api/organizations/b/pause",
            Value::Null,
            "organization.pause",
        ),
        row(
            post.clone(),
            "/api/organizations/b/suspend",
            Value::Null,
            "organization.suspend",
        ),
        row(
            post.clone(),
            "/api/organizations/b/resume",
            Value::Null,
            "organization.resume",
        ),
        row(
            post.clone(),
            "/api/teams",
            json!({"name": "t", "id": "t", "organization": "b"}),
            "team.create",
        ),
        row(patch.clone(), "/api/teams/t", limits.clone(), "team.update"),
        row(
            post.clone(),
            "/api/teams/t/pause",
            Value::Null,
            "team.pause",
        ),
        row(
            post.clone(),
            "/api/teams/t/suspend",
            Value::Null,
            "team.suspend",
        ),
        row(
            post.clone(),
            "/api/teams/t/resume",
            Value::Null,
            "team.resume",
        ),
        row(
            post.clone(),
            "/api/organizations/b/members",
            json!({"email": "x@b.example"}),
            "user.create",
        ),
        row(
            patch.clone(),
            &format!("/api/organizations/acme/members/{owner}"),
            limits.clone(),
            "user.update",
        ),
        row(
            post.clone(),
            "/api/keys",
            json!({"name": "k", "team": "t"}),
            "key.create",
        ),
        row(
            post.clone(),
            "/api/keys/temporary",
            json!({"name": "k", "expires_in_hours": 1}),
            "key.create",
        ),
        row(patch, &format!("/api/keys/{key}"), limits, "key.update"),
        row(
            post,
            &format!("/api/keys/{key}/rotate"),
            Value::Null,
            "key.rotate",
        ),
        row(
            Method::DELETE,
            &format!("/api/keys/{key}"),
            Value::Null,
            "key.revoke",
        ),
    ]
}

#[tokio::test]
async fn every_change_leaves_one_row_with_its_actor_and_request_and_no_secret() {
    let world = World::start().await;
    let own = tenant(&world, "acme").await;
    let made = scene::key(&world, json!({"team": own.team})).await;
    let mut secrets = vec![
        own.calling.clone(),
        own.managing.clone(),
        scene::text(&made, "key"),
    ];
    let mut before = rows(&world).await.len();
    for (number, (method, path, body, action)) in changes(&own, &scene::text(&made, "id"))
        .into_iter()
        .enumerate()
    {
        let request = format!("audited-{number}");
        let ask = scene::admin(&world, method, &path, &body).header("x-request-id", &request);
        let answer = ask.send().await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        if let Some(key) = answer.json()["key"].as_str() {
            secrets.push(key.to_owned());
        }
        let all = rows(&world).await;
        assert_eq!(all.len(), before + 1, "{path} {body}");
        before += 1;
        let row = &all[0];
        assert_eq!(row["action"], action, "{row}");
        assert_eq!(row["actor"], "admin", "{row}");
        assert_eq!(row["request_id"], request.as_str(), "{row}");
        let id = answer.json()["id"].as_str().map(ToOwned::to_owned);
        if let Some(id) = id {
            assert_eq!(row["object_id"], id.as_str(), "{row}");
        }
        // A change that names the same again changes nothing, or says so once more: never two.
    }
    // By a user: their key is the actor, and they see what is theirs.
    let ask = scene::asked(
        &world,
        Method::PATCH,
        "/api/teams/acme-team",
        &json!({"name": "new"}),
    );
    let answer = ask
        .key(&own.managing)
        .header("x-request-id", "by-owner")
        .send()
        .await;
    assert_eq!(answer.status, 200);
    let row = rows(&world).await[0].clone();
    assert_eq!(row["request_id"], "by-owner");
    assert!(
        row["actor"].as_str().unwrap().starts_with("key:key_"),
        "{row}"
    );
    assert_eq!(
        row["change"]["name"],
        json!({"old": "acme-team", "new": "new"}),
        "{row}"
    );
    let seen = world
        .gateway
        .get("/api/audit?limit=1000")
        .key(&own.managing)
        .send()
        .await;
    let seen = seen.json()["entries"].as_array().unwrap().clone();
    assert!(
        seen.iter().all(|row| row["organization"] == "acme"),
        "{seen:?}"
    );
    assert!(seen.contains(&row));

    // What was refused is no change.
    for (method, path, body) in [
        (Method::PATCH, "/api/teams/acme-team", json!({"nmae": "x"})),
        (
            Method::POST,
            "/api/teams",
            json!({"name": "x", "id": "acme-team"}),
        ),
        (Method::POST, "/api/teams/nobody/pause", Value::Null),
    ] {
        let answer = scene::admin(&world, method, path, &body).send().await;
        assert!(answer.status.is_client_error(), "{path}: {answer:?}");
    }
    let all = rows(&world).await;
    assert_eq!(all.len(), before + 1);
    let text = format!("{all:?}");
    secrets.extend([ADMIN_KEY.to_owned(), PROVIDER_KEY.to_owned()]);
    for secret in secrets {
        assert!(!text.contains(&secret), "a secret is in the audit log");
        let middle = &secret[12..secret.len() - 6];
        assert!(
            !text.contains(middle),
            "a part of a secret is in the audit log"
        );
    }
}

/// What the outside sees of the tenants.
async fn state(gateway: &Gateway) -> String {
    let mut all = String::new();
    for path in [
        "/api/organizations",
        "/api/teams",
        "/api/organizations/acme/members",
        "/api/keys?team=acme-team",
        "/api/credits/teams/acme-team/balance",
        "/api/credits/teams/acme-team/transactions?unit=usd",
        "/api/audit",
    ] {
        let told = gateway.get(path).admin().send().await.json();
        all.push_str(&told.to_string());
    }
    all
}

/// While the store takes no row of the audit log, nothing changes: not in memory, and not in the
/// store, where the next process looks.
async fn no_row_no_change(world: &mut World, refuse: impl Fn(), allow: impl Fn()) {
    let own = tenant(world, "acme").await;
    let made = scene::key(world, json!({"team": own.team})).await;
    let key = scene::text(&made, "id");
    let add = "/api/credits/teams/acme-team/add";
    scene::make(world, add, json!({"amount_usd": "1.00"})).await;
    let before = state(&world.gateway).await;
    let mut all = changes(&own, &key);
    // Those of the other organization have nothing that they could be about.
    all.retain(|(_, path, ..)| !path.contains("/b/") && !path.ends_with("/b"));
    all.retain(|(_, path, ..)| !path.starts_with("/api/teams/t"));
    all.retain(|(_, _, body, _)| body["team"] != "t" && body["organization"] != "b");
    for verb in ["pause", "suspend"] {
        let path = format!("/api/teams/acme-team/{verb}");
        all.push((Method::POST, path, Value::Null, "team"));
    }
    refuse();
    for (method, path, body, _) in &all {
        let answer = scene::admin(world, method.clone(), path, body).send().await;
        assert_eq!(
            answer.outcome(),
            (500, "database_error".to_owned()),
            "{method} {path}"
        );
        assert!(
            !answer.text().contains("refused by a trigger"),
            "{answer:?}"
        );
    }
    assert_eq!(state(&world.gateway).await, before, "memory has it");
    world.gateway.signal("KILL");
    world.gateway.wait_for_end();
    world.gateway = Gateway::start(world.folder.path(), &[]);
    assert_eq!(state(&world.gateway).await, before, "the store has it");
    allow();
    for (method, path, body, _) in &all {
        let answer = scene::admin(world, method.clone(), path, body).send().await;
        assert!(answer.status.is_success(), "{method} {path}: {answer:?}");
    }
}

#[tokio::test]
async fn without_its_audit_row_no_change_happens_in_sqlite() {
    let mut world = World::start().await;
    let file = scene::database(&world);
    let trigger = "CREATE TRIGGER no_audit BEFORE INSERT ON audit BEGIN \
                   SELECT RAISE(ABORT, 'refused by a trigger'); END";
    no_row_no_change(
        &mut world,
        || run_on_sqlite(&file, trigger),
        || run_on_sqlite(&file, "DROP TRIGGER no_audit"),
    )
    .await;
}

#[tokio::test]
async fn without_its_audit_row_no_change_happens_in_postgresql() {
    let database = ScratchDatabase::new();
    let url = format!("[database]\nurl = \"{}\"\n", database.url());
    let mut world = World::with(&url).await;
    let trigger = "CREATE FUNCTION no_audit() RETURNS trigger LANGUAGE plpgsql AS \
                   $$ BEGIN RAISE EXCEPTION 'refused by a trigger'; END $$; \
                   CREATE TRIGGER no_audit BEFORE INSERT ON audit \
                   FOR EACH ROW EXECUTE FUNCTION no_audit()";
    no_row_no_change(
        &mut world,
        || database.run(trigger),
        || database.run("DROP TRIGGER no_audit ON audit"),
    )
    .await;
}

#[tokio::test]
async fn without_its_audit_row_credits_are_not_given() {
    let world = World::with("[billing]\nsettle_wait_ms = 1000\n").await;
    tenant(&world, "acme").await;
    let file = scene::database(&world);
    let add = "/api/credits/teams/acme-team/add";
    scene::make(
        &world,
        add,
        json!({"amount_usd": "1.00", "reference": "one"}),
    )
    .await;
    run_on_sqlite(
        &file,
        "CREATE TRIGGER no_audit BEFORE INSERT ON audit WHEN NEW.action LIKE 'credit%' BEGIN \
         SELECT RAISE(ABORT, 'refused by a trigger'); END",
    );
    let wanted = json!({"amount_usd": "2.00", "reference": "two"});
    let answer = scene::admin(&world, Method::POST, add, &wanted)
        .send()
        .await;
    assert_eq!(
        answer.outcome(),
        (500, "database_error".to_owned()),
        "{answer:?}"
    );
    run_on_sqlite(&file, "DROP TRIGGER no_audit");
    let balance = "/api/credits/teams/acme-team/balance";
    // It may still take effect, and is told so: with its reference it does so once. How long the
    // ledger takes to find its store well again is not the matter here.
    scene::until("the order is taken", async || {
        let ask = scene::admin(&world, Method::POST, add, &wanted);
        ask.send().await.status.is_success()
    })
    .await;
    assert_eq!(scene::read(&world, balance).await["balance_usd"], "3.00");
    let all = rows(&world).await;
    let given = all
        .iter()
        .filter(|row| row["action"].as_str().unwrap().starts_with("credit"));
    assert_eq!(given.count(), 2, "{all:?}");
    let verified = scene::make(&world, "/api/ledger/verify", Value::Null).await;
    assert_eq!(verified["ok"], true, "{verified}");
}
