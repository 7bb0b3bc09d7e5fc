//! Stores that refuse what is made, or take it late: nothing is lost, and nothing is made twice.

use serde_json::{Value, json};
use tokio::task::block_in_place;
use tollgate_store::testing::{ScratchDatabase, Standstill, run_on_sqlite};

use super::scene::{credits, get, messages, post, team, world};
use crate::money::scene::{MODELS, ONCE, asked, key, until};
use crate::world::{Answer, World};

const GONE: &str = "The caller went away before the end.";

fn new(kind: &str) -> Value {
    json!({"team_id": "payer", "job_type": kind})
}

async fn jobs(world: &World) -> Vec<Value> {
    let list = get(world, "payer", "/api/teams/payer/jobs").await.json();
    list["jobs"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_the_store_refuses_gives_its_credit_back_at_once() {
    let world = world(&[team("payer", 5, "")]).await;
    let file = world.folder.path().join("tollgate-data/tollgate.db");
    let refuses = "CREATE TRIGGER refuses BEFORE INSERT ON jobs \
         BEGIN SELECT RAISE(ABORT, 'the disk is full'); END";
    block_in_place(|| run_on_sqlite(&file, refuses));
    let mut single = messages("money/echo");
    single["team_id"] = "payer".into();
    single["job_type"] = "one".into();
    for (path, body) in [
        ("create", new("test")),
        ("create-and-call", single.clone()),
        ("create-and-call-stream", single),
    ] {
        let answer = post(&world, "payer", &format!("/api/jobs/{path}"), &body).await;
        assert_eq!(answer.status, 500, "{path}: {answer:?}");
        let code = answer.header("x-tollgate-error-code");
        assert_eq!(code, "database_error", "{path}: {answer:?}");
        // Whoever is told so finds it there: nothing has to pass by first.
        assert_eq!(credits(&world, "payer").await, 5, "{path}");
    }
    assert_eq!(asked(&world), 0);
    block_in_place(|| run_on_sqlite(&file, "DROP TRIGGER refuses"));
    assert_eq!(jobs(&world).await, Vec::<Value>::new());
    super::scene::create(&world, "payer").await;
    assert_eq!(credits(&world, "payer").await, 4);
}

/// Asks with an idempotency key, of a team or as the administrator.
async fn ask(world: &World, path: &str, body: &Value, is_admin: bool) -> Answer {
    let ask = world.gateway.post(path, body);
    let ask = ask.header("idempotency-key", "k-1");
    if is_admin {
        ask.admin().send().await
    } else {
        ask.key(&key("payer")).send().await
    }
}

/// Asks until the answer of the first time is given again.
async fn replayed(world: &World, path: &str, body: &Value, is_admin: bool) -> Value {
    let mut again = ask(world, path, body, is_admin).await;
    until("it is answered", async || {
        if again.status == 409 {
            assert_eq!(again.header("retry-after"), "1", "{path}: {again:?}");
            again = ask(world, path, body, is_admin).await;
        }
        again.status != 409
    })
    .await;
    assert!(again.status.is_success(), "{path}: {again:?}");
    assert_eq!(again.header("idempotent-replayed"), "true", "{path}");
    again.json()
}

/// A write that goes on longer than anybody waits for it happens once, and whoever asks again is
/// told what came of it. A job that nobody was told of fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_store_takes_too_late_is_made_once_and_told_to_whoever_asks_again() {
    let database = block_in_place(ScratchDatabase::new);
    let more = format!("[database]\nurl = \"{}\"\n", database.url());
    let teams = team("payer", 5, "");
    let world = World::with(&format!("{more}{MODELS}{teams}{ONCE}")).await;
    // Longer than a statement is waited for here, shorter than the server lets it run.
    block_in_place(|| {
        database.run(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN PERFORM pg_sleep(17); RETURN NEW; END $$; \
             CREATE TRIGGER slow BEFORE INSERT ON keys FOR EACH ROW EXECUTE FUNCTION slow(); \
             CREATE TRIGGER slow BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION slow();",
        );
    });
    let (keyed, plain) = (new("keyed"), new("plain"));
    let create = "/api/jobs/create";
    let named = json!({"name": "late"});
    let all = tokio::join!(
        ask(&world, "/api/keys", &named, true),
        ask(&world, create, &keyed, false),
        post(&world, "payer", create, &plain),
    );
    for answer in [&all.0, &all.1, &all.2] {
        let code = answer.header("x-tollgate-error-code");
        assert_eq!((answer.status.as_u16(), code), (500, "database_error"));
    }
    let made = replayed(&world, "/api/keys", &named, true).await;
    let told = world.gateway.get("/api/keys").admin().send().await;
    assert_eq!(told.text().matches("\"late\"").count(), 1, "{told:?}");
    let id = made["id"].as_str().unwrap();
    assert!(told.text().contains(id), "{made}");
    let job = replayed(&world, create, &keyed, false).await;
    until("the job without a caller has failed", async || {
        let all = jobs(&world).await;
        let plain = all.iter().find(|job| job["job_type"] == "plain");
        plain.is_some_and(|job| job["status"] == "failed" && job["error_message"] == GONE)
    })
    .await;
    let all = jobs(&world).await;
    let keyed: Vec<&Value> = all
        .iter()
        .filter(|job| job["job_type"] == "keyed")
        .collect();
    assert_eq!((keyed.len(), all.len()), (1, 2), "{all:?}");
    assert_eq!(keyed[0]["job_id"], job["job_id"], "{all:?}");
    assert_eq!(keyed[0]["status"], "pending", "{all:?}");
    until("its credit is back", async || {
        credits(&world, "payer").await == 4
    })
    .await;
}

/// The same of what is written with a page of the ledger.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_team_whose_page_is_late_is_made_once_and_its_key_is_told() {
    let briefly = "[billing]\nsettle_wait_ms = 500\n".to_owned();
    let world = world(&[team("payer", 5, ""), briefly]).await;
    let file = world.folder.path().join("tollgate-data/tollgate.db");
    let url = format!("sqlite://{}", file.display());
    let path = "/api/teams/create";
    let new = json!({"organization_id": "default", "team_id": "late", "access_groups": [],
        "credits_allocated": 7});
    let still = block_in_place(|| Standstill::of(&url));
    let first = ask(&world, path, &new, true).await;
    assert_eq!(first.status, 500, "{first:?}");
    let again = ask(&world, path, &new, true).await;
    assert_eq!(again.status, 409, "{again:?}");
    assert_eq!(again.header("retry-after"), "1", "{again:?}");
    drop(still);
    let made = replayed(&world, path, &new, true).await;
    assert_eq!(made["credits_remaining"], 7, "{made}");
    let secret = made["virtual_key"].as_str().unwrap();
    let own = world
        .gateway
        .get("/api/teams/late")
        .key(secret)
        .send()
        .await;
    assert_eq!(own.status, 200, "{own:?}");
    // Orders of credits are found by their reference, whatever was told.
    let still = block_in_place(|| Standstill::of(&url));
    let path = "/api/credits/teams/late/add";
    let order = json!({"credits": 3});
    let first = ask(&world, path, &order, true).await;
    assert_eq!(first.status, 500, "{first:?}");
    drop(still);
    replayed(&world, path, &order, true).await;
    assert_eq!(credits(&world, "late").await, 10);
}
