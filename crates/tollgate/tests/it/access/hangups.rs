//! Whoever goes away while something is made, and sends the same request again.

use futures_util::future::select;
use serde_json::{Value, json};
use tollgate_store::testing::Standstill;

use super::scene::{self, until};
use crate::world::{ADMIN_KEY, Ask, World};

fn ask<'a>(world: &'a World, key: &str, path: &str, body: &Value) -> Ask<'a> {
    let ask = world.gateway.post(path, body);
    let ask = ask.header("idempotency-key", "k-1");
    if key == ADMIN_KEY {
        ask.admin()
    } else {
        ask.key(key)
    }
}

/// How many requests are under way.
async fn under_way(world: &World) -> u64 {
    world.gateway.metric("tollgate_requests_open", &[]).await
}

#[tokio::test]
async fn what_is_made_when_its_caller_goes_away_is_made_once() {
    let world = World::start().await;
    let tenant = scene::tenant(&world, "acme").await;
    let file = world.folder.path().join("tollgate-data/tollgate.db");
    let url = format!("sqlite://{}", file.display());
    let job = json!({"team_id": tenant.team, "job_type": "test"});
    let team = json!({"organization_id": "acme", "team_id": "made", "access_groups": [],
        "credits_allocated": 3});
    for (key, path, body) in [
        (ADMIN_KEY, "/api/keys", json!({"name": "made"})),
        (
            ADMIN_KEY,
            "/api/organizations",
            json!({"id": "made", "name": "made"}),
        ),
        (ADMIN_KEY, "/api/teams/create", team),
        (&*tenant.calling, "/api/jobs/create", job),
    ] {
        let still = Standstill::of(&url);
        // Of two at once one is told that the other one runs.
        let both = [(); 2].map(|()| Box::pin(ask(&world, key, path, &body).open()));
        let [one, other] = both;
        let (refused, first) = select(one, other).await.factor_first();
        assert_eq!(refused.status, 409, "{path}");
        drop(first);
        until("its caller has gone", async || under_way(&world).await == 0).await;
        let again = ask(&world, key, path, &body).send().await;
        assert_eq!(again.status, 409, "{path}: {again:?}");
        assert_eq!(again.header("retry-after"), "1", "{path}");
        drop(still);
        let mut told = None;
        until("it is made", async || {
            let again = ask(&world, key, path, &body).send().await;
            let is_there = again.status != 409;
            told = Some(again);
            is_there
        })
        .await;
        let told = told.unwrap();
        assert!(told.status.is_success(), "{path}: {told:?}");
        assert_eq!(
            told.header("idempotent-replayed"),
            "true",
            "{path}: {told:?}"
        );
        let original = told.header("x-tollgate-original-request-id");
        assert!(original.starts_with("req_"), "{told:?}");
    }
    let list = format!("/api/teams/{}/jobs", tenant.team);
    let jobs = world.gateway.get(&list).key(&tenant.calling).send().await;
    assert_eq!(jobs.json()["total"], 1, "{jobs:?}");
    let keys = scene::read(&world, "/api/keys").await;
    assert_eq!(
        keys.to_string().matches("\"name\":\"made\"").count(),
        2,
        "{keys}"
    );
}
