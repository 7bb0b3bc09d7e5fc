//! Requests that are sent again with their idempotency key: one call of the provider, one charge.

use futures_util::future::join_all;
use serde_json::Value;

use super::scene::{
    Books, MODELS, ONCE, Store, asked, at_rest, fails, give, key, plain, streamed, team, world_on,
};
use crate::world::{Answer, Gateway, World};

const CREDITS: u64 = 10_000_000_000;

async fn ask(world: &World, of: &str, id: &str, body: &Value) -> Answer {
    let ask = world.gateway.post("/v1/chat/completions", body);
    ask.key(&key(of)).header("idempotency-key", id).send().await
}

async fn a_hundred_at_once(store: Store) {
    let more = format!("{MODELS}{}{ONCE}", team("payer"));
    let (mut world, database) = world_on(store, &more).await;
    give(&world, "payer", CREDITS).await;
    fails(&world, "echo", "delay-head:ms=300", 100);
    for body in [plain("money/echo"), streamed("money/echo")] {
        let id = format!("k-{}", body["stream"]);
        world.simulator.forget_requests();
        let answers = join_all((0..100).map(|_| ask(&world, "payer", &id, &body))).await;
        assert_eq!(asked(&world), 1, "one call of the provider");
        let good: Vec<_> = answers.iter().filter(|one| one.status == 200).collect();
        assert!(!good.is_empty());
        assert!(good.iter().all(|one| one.body == good[0].body));
        let replayed = |one: &&&Answer| one.header("idempotent-replayed") == "true";
        assert_eq!(good.iter().filter(|one| !replayed(one)).count(), 1);
        for told in answers.iter().filter(|one| one.status != 200) {
            assert_eq!(told.outcome(), (409, "conflict".to_owned()));
            assert_eq!(told.header("retry-after"), "1");
        }
        let again = ask(&world, "payer", &id, &body).await;
        assert_eq!((again.status, &again.body), (good[0].status, &good[0].body));
        assert_eq!(again.header("idempotent-replayed"), "true");
    }
    let balance = at_rest(&world, "payer").await;
    let books = Books::of(&mut world, database.as_ref()).await;
    assert_eq!(books.settlements().count(), 2, "one charge for each");
    assert_eq!(balance, CREDITS - books.charged());
}

#[tokio::test]
async fn a_hundred_equal_requests_at_once_are_one_call_and_one_charge() {
    a_hundred_at_once(Store::Sqlite).await;
}

#[tokio::test]
async fn a_hundred_equal_requests_at_once_are_one_call_and_one_charge_with_postgres() {
    a_hundred_at_once(Store::Postgres).await;
}

async fn after_kills(store: Store) {
    let more = format!("{MODELS}{}{}{ONCE}", team("payer"), team("other"));
    let (mut world, database) = world_on(store, &more).await;
    give(&world, "payer", CREDITS).await;
    give(&world, "other", CREDITS).await;
    let bodies = [plain("money/echo"), streamed("money/echo")];
    let mut first = Vec::new();
    for (number, body) in bodies.iter().enumerate() {
        first.push(ask(&world, "payer", &format!("k-{number}"), body).await);
    }
    let paid = CREDITS - at_rest(&world, "payer").await;
    for signal in ["KILL", "TERM"] {
        world.gateway.signal(signal);
        world.gateway.wait_for_end();
        world.gateway = Gateway::start(world.folder.path(), &[]);
        for (number, body) in bodies.iter().enumerate() {
            let again = ask(&world, "payer", &format!("k-{number}"), body).await;
            assert_eq!(
                (again.status, &again.body),
                (first[number].status, &first[number].body)
            );
            assert_eq!(
                again.header("idempotent-replayed"),
                "true",
                "after {signal}"
            );
            let original = again.header("x-tollgate-original-request-id");
            assert_eq!(original, first[number].header("x-request-id"));
            let kind = ["content-type", "x-tollgate-model"];
            assert_eq!(
                kind.map(|name| again.header(name)),
                kind.map(|name| first[number].header(name))
            );
        }
        assert_eq!(asked(&world), 2);
    }
    assert_eq!(at_rest(&world, "payer").await, CREDITS - paid);
    let mut changed = bodies[0].clone();
    changed["max_tokens"] = 9.into();
    let told = ask(&world, "payer", "k-0", &changed).await;
    assert_eq!(told.outcome(), (422, "idempotency_mismatch".to_owned()));
    // Another tenant's key is another key.
    let other = ask(&world, "other", "k-0", &changed).await;
    assert_eq!(
        (other.status.as_u16(), other.header("idempotent-replayed")),
        (200, "")
    );
    assert!(at_rest(&world, "other").await < CREDITS);
    let books = Books::of(&mut world, database.as_ref()).await;
    assert_eq!(books.settlements().count(), 3);
}

#[tokio::test]
async fn answers_and_streams_are_given_again_after_kills_and_cost_nothing_more() {
    after_kills(Store::Sqlite).await;
}

#[tokio::test]
async fn answers_and_streams_are_given_again_after_kills_with_postgres() {
    after_kills(Store::Postgres).await;
}
