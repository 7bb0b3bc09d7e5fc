//! What survives a process, however it ends, and that there is never a second one.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::scene::{
    Books, MODELS, ONCE, Store, ask, at_rest, cost, give, order, plain, read, streamed, team,
    world_on,
};
use crate::world::{Gateway, World};

const CREDITS: u64 = 10_000_000_000;

/// A team that was given credits by its configuration too.
fn declared() -> String {
    let team = team("payer").replace("[[keys]]", "credits_usd = \"3.00\"\n[[keys]]");
    format!("{MODELS}{team}{ONCE}")
}

async fn transactions(world: &World) -> Value {
    read(world, "/api/credits/teams/payer/transactions?unit=usd").await["transactions"].clone()
}

async fn survives(store: Store) {
    let (mut world, database) = world_on(store, &declared()).await;
    give(&world, "payer", CREDITS).await;
    let adjust = json!({"amount_usd": "1", "direction": "take", "reference": "r1", "reason": "x"});
    order(&world, "/api/credits/teams/payer/adjust", adjust.clone()).await;
    let told = transactions(&world).await;
    assert_eq!(told.as_array().unwrap().len(), 3, "{told}");
    for signal in ["KILL", "TERM", "KILL"] {
        assert!(cost(&ask(&world, "payer", &plain("money/echo")).await) > 0);
        let stream = ask(&world, "payer", &streamed("money/echo")).await;
        assert!(stream.text().ends_with("data: [DONE]\n\n"));
        let balance = at_rest(&world, "payer").await;
        world.gateway.signal(signal);
        world.gateway.wait_for_end();
        world.gateway = Gateway::start(world.folder.path(), &[]);
        assert_eq!(at_rest(&world, "payer").await, balance, "after {signal}");
        assert_eq!(transactions(&world).await, told, "after {signal}");
        // An order that was carried out is not carried out again.
        order(&world, "/api/credits/teams/payer/adjust", adjust.clone()).await;
        assert_eq!(at_rest(&world, "payer").await, balance);
    }
    let left = at_rest(&world, "payer").await;
    let books = Books::of(&mut world, database.as_ref()).await;
    assert_eq!(books.settlements().count(), 6);
    assert_eq!(
        left + books.charged() + 1_000_000_000,
        CREDITS + 3_000_000_000
    );
}

#[tokio::test]
async fn balances_and_transactions_survive_kills_and_are_told_the_same() {
    survives(Store::Sqlite).await;
}

#[tokio::test]
async fn balances_and_transactions_survive_kills_with_postgres() {
    survives(Store::Postgres).await;
}

#[tokio::test]
async fn a_second_process_on_the_same_folder_is_refused_and_the_first_goes_on() {
    let world = World::with(&declared()).await;
    let second = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .arg("serve")
        .current_dir(world.folder.path())
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(!second.status.success());
    let told = String::from_utf8(second.stderr).unwrap();
    assert!(told.contains("another Tollgate process"), "{told}");
    let answer = ask(&world, "payer", &plain("money/echo")).await;
    assert_eq!(
        at_rest(&world, "payer").await,
        3_000_000_000 - cost(&answer)
    );
}

#[tokio::test]
async fn the_command_verifies_beside_the_gateway_and_without_it() {
    let mut world = World::with(&declared()).await;
    ask(&world, "payer", &plain("money/echo")).await;
    let verify = |folder: std::path::PathBuf| async move {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        command.args(["ledger", "verify", "--json"]).env_clear();
        command.current_dir(folder);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        let output = output.await.unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{errors}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let folder = world.folder.path().to_owned();
    let beside = verify(folder.clone()).await;
    assert_eq!(
        (&beside["ok"], &beside["settlements"]),
        (&true.into(), &1.into())
    );
    world.gateway.signal("KILL");
    world.gateway.wait_for_end();
    let without = verify(folder).await;
    for figure in ["ok", "entries", "settlements", "charged_usd", "balance_usd"] {
        assert_eq!(without[figure], beside[figure], "{figure}");
    }
}
