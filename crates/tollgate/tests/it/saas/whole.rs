//! What is made together is there as a whole or not at all, wherever the process dies.

use serde_json::{Value, json};

use super::scene::{admin, alias, chat, done, request};
use crate::money::scene::{Store, until, world_on};
use crate::world::{Gateway, World};

/// The places that a team on its way to the store passes, and whether it is durable there; `None`
/// where that depends on who is faster.
const PLACES: [(&str, Option<bool>); 12] = [
    ("credit.posted", None),
    ("clerk.gathered", Some(false)),
    ("clerk.paged", Some(false)),
    ("store.append_begun", Some(false)),
    ("store.page_inserted", Some(false)),
    ("store.transactions_inserted", Some(false)),
    ("store.beside_inserted", Some(false)),
    ("store.append_committed", Some(true)),
    ("clerk.appended", Some(true)),
    ("clerk.booked", Some(true)),
    ("clerk.told", Some(true)),
    ("credit.durable", Some(true)),
];

/// What is asked for: with the number of the place, for everything has another name each time.
fn wanted(number: usize) -> [(&'static str, String, Value); 2] {
    let team = format!("team-{number}");
    let organization = format!("org-{number}");
    [
        (
            "/api/teams/create",
            team.clone(),
            json!({"organization_id": "acme", "team_id": team, "access_groups": ["all"],
                "credits_allocated": 7}),
        ),
        (
            "/api/organizations/create",
            format!("{organization}_default"),
            json!({"organization_id": organization, "name": "O", "default_team_credits": 7,
                "default_team_access_groups": ["all"]}),
        ),
    ]
}

/// How many of the parts of a team are there, of how many.
async fn parts(world: &World, team: &str) -> (usize, usize) {
    let read = async |path: String| admin(world, "GET", &path, Value::Null).await;
    let told = read(format!("/api/teams/{team}")).await;
    let keys = read(format!("/api/keys?team={team}")).await;
    let key_count = keys.json()["keys"].as_array().map_or(0, Vec::len);
    let balance = read(format!("/api/credits/teams/{team}/balance")).await;
    let audit = read(format!("/api/audit?object=team&object_id={team}")).await;
    let mut actions: Vec<String> = Vec::new();
    for row in audit.json()["entries"].as_array().unwrap() {
        actions.push(row["action"].as_str().unwrap().to_owned());
    }
    let all = [
        told.status == 200,
        told.json()["access_groups"] == json!(["all"]),
        told.json()["credits_remaining"] == 7,
        balance.status == 200 && balance.json()["credits_allocated"] == 7,
        key_count == 1,
        actions.contains(&"team.create".to_owned()),
        actions.contains(&"team.offer".to_owned()),
        actions.contains(&"credit.top_up".to_owned()),
    ];
    (all.iter().filter(|is_there| **is_there).count(), all.len())
}

async fn dies_everywhere(store: Store) {
    let (mut world, _database) = world_on(store, "").await;
    let new = json!({"group_name": "all", "display_name": "All"});
    done(&world, "POST", "/api/model-access-groups/create", new).await;
    let new = json!({"organization_id": "acme", "name": "ACME", "create_default_team": false});
    done(&world, "POST", "/api/organizations/create", new).await;
    for (number, (place, is_durable)) in PLACES.iter().enumerate() {
        for (path, team, body) in wanted(number) {
            let seen = format!("{store:?}: {path} at {place}");
            world.gateway.signal("TERM");
            world.gateway.wait_for_end();
            let fault = format!("{place}:1");
            world.gateway = Gateway::start(world.folder.path(), &["--fault", &fault]);
            let ask = request(&world, "POST", path, &body).admin();
            let answer = ask.try_open().await;
            assert!(answer.is_none(), "{seen}: it did not die");
            world.gateway.wait_for_end();
            world.gateway = Gateway::start(world.folder.path(), &[]);
            let (there, all) = parts(&world, &team).await;
            let is_whole = is_durable.unwrap_or(there > 0);
            assert_eq!(there, if is_whole { all } else { 0 }, "{seen}");
            // What is not there can be made, and what is there cannot be made twice.
            let again = admin(&world, "POST", path, body).await;
            assert_eq!(again.status == 200, !is_whole, "{seen}: {again:?}");
            assert_eq!(parts(&world, &team).await, (all, all), "{seen}");
        }
    }
    let verified = done(&world, "POST", "/api/ledger/verify", Value::Null).await;
    assert_eq!(verified["ok"], true, "{verified}");
}

#[tokio::test]
async fn a_team_is_made_whole_or_not_at_all_wherever_the_process_dies() {
    dies_everywhere(Store::Sqlite).await;
}

#[tokio::test]
async fn a_team_is_made_whole_or_not_at_all_wherever_the_process_dies_with_postgres() {
    dies_everywhere(Store::Postgres).await;
}

/// An alias with a key of its own is two things, and so is a change of a team with its credits.
#[tokio::test]
async fn what_belongs_to_an_alias_or_a_change_stands_or_falls_with_it() {
    for store in [Store::Sqlite, Store::Postgres] {
        let (mut world, _database) = world_on(store, "").await;
        alias(&world, "known", "echo", &["all"]).await;
        super::scene::team(&world, &["all"], 5).await;
        let account = json!({"model_alias": "own", "display_name": "Own", "provider": "openai",
            "actual_model": "echo", "api_key": "sk-own-0123456789"});
        let change = json!({"team_alias": "New", "access_groups": [], "credits_allocated": 9,
            "credits_used": 2, "metadata": {"a": 1}});
        for (method, path, body, places) in [
            (
                "POST",
                "/api/models/create",
                account,
                &["store.change_begun", "store.change_committed"][..],
            ),
            (
                "PUT",
                "/api/teams/acme-team",
                change,
                &["store.transactions_inserted", "store.append_committed"][..],
            ),
        ] {
            for (place, is_durable) in places.iter().zip([false, true]) {
                world.gateway.signal("TERM");
                world.gateway.wait_for_end();
                let fault = format!("{place}:1");
                world.gateway = Gateway::start(world.folder.path(), &["--fault", &fault]);
                let ask = request(&world, method, path, &body).admin();
                assert!(ask.try_open().await.is_none(), "{place}: it did not die");
                world.gateway.wait_for_end();
                world.gateway = Gateway::start(world.folder.path(), &[]);
                let there = if method == "POST" {
                    let alias = admin(&world, "GET", "/api/models/own", Value::Null).await;
                    let account = "/api/connections/alias.own";
                    let account = admin(&world, "GET", account, Value::Null).await;
                    vec![alias.status == 200, account.status == 200]
                } else {
                    let told = done(&world, "GET", path, Value::Null).await;
                    vec![
                        told["name"] == "New",
                        told["access_groups"] == json!([]),
                        told["credits_allocated"] == 9,
                        told["credits_used"] == 2,
                        told["credits_remaining"] == 7,
                        told["metadata"] == json!({"a": 1}),
                    ]
                };
                let all = vec![is_durable; there.len()];
                assert_eq!(there, all, "{store:?}: {path} at {place}");
            }
        }
    }
}

/// Whoever hangs up, or cannot wait any longer, does not undo what is on its way.
#[tokio::test]
async fn a_team_whose_maker_hangs_up_is_there_as_a_whole() {
    let world = World::start().await;
    let new = json!({"organization_id": "acme", "name": "ACME", "create_default_team": false});
    done(&world, "POST", "/api/organizations/create", new).await;
    let path = "/api/teams/create";
    for number in 0..20 {
        let id = format!("t-{number}");
        let body = json!({"organization_id": "acme", "team_id": id, "access_groups": [],
            "credits_allocated": 1});
        let ask = request(&world, "POST", path, &body).admin();
        let patience = std::time::Duration::from_micros(number * 300);
        _ = tokio::time::timeout(patience, ask.send()).await;
        // The next change waits for the one before.
        let made = admin(&world, "POST", path, body.clone()).await;
        let told = done(&world, "GET", &format!("/api/teams/{id}"), Value::Null).await;
        assert!([200, 400].contains(&made.status.as_u16()), "{made:?}");
        assert_eq!(told["credits_remaining"], 1, "{told}");
        assert!(told["virtual_key"].is_string(), "{told}");
    }
    until("nothing is under way", async || {
        world.gateway.metric("tollgate_requests_open", &[]).await == 0
    })
    .await;
    let verified = done(&world, "POST", "/api/ledger/verify", Value::Null).await;
    assert_eq!(verified["ok"], true, "{verified}");
}

#[tokio::test]
async fn an_organization_stays_where_its_team_could_not_be_made() {
    let world = World::start().await;
    let new = json!({"organization_id": "acme", "name": "ACME",
        "default_team_access_groups": ["none"], "metadata": {"plan": "x"}});
    let made = done(&world, "POST", "/api/organizations/create", new).await;
    let error = &made["default_team"]["error"];
    assert_eq!(error, "Model access group 'none' not found", "{made}");
    let told = done(&world, "GET", "/api/organizations/acme", Value::Null).await;
    assert_eq!(told["default_team"], Value::Null, "{told}");
    assert_eq!(told["metadata"], json!({"plan": "x"}), "{told}");
    // A team of that name can still be made.
    let new = json!({"organization_id": "acme", "team_id": "acme_default", "access_groups": []});
    let made = done(&world, "POST", "/api/teams/create", new).await;
    let key = made["virtual_key"].as_str().unwrap();
    assert_eq!(chat(&world, key, "sim/echo").await.status, 404, "{made}");
}
