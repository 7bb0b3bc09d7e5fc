//! Credits that come again with each period, whatever becomes of the process.

use serde_json::{Value, json};
use tollgate_core::offer::{Offer, Refill, TeamOffer};
use tollgate_core::time::Timestamp;
use tollgate_engine::port::{Change, TenantStore as _};
use tollgate_store::testing::ScratchDatabase;

use super::scene::{done, team};
use crate::access::scene::database;
use crate::money::scene::{Store, until, world_on};
use crate::world::{Gateway, World};

const DAY: i64 = 24 * 60 * 60 * 1000;

async fn remaining(world: &World) -> Value {
    let told = done(world, "GET", "/api/teams/acme-team", Value::Null).await;
    told["credits_remaining"].clone()
}

async fn last_refill(world: &World) -> Value {
    let path = "/api/credits/teams/acme-team/balance";
    let told = done(world, "GET", path, Value::Null).await;
    told["last_refill_at"].clone()
}

/// Ends the process and makes the last refill some days older.
async fn age(world: &mut World, kept: Option<&ScratchDatabase>, days: i64) {
    world.gateway.signal("TERM");
    world.gateway.wait_for_end();
    let url = kept.map_or_else(
        || format!("sqlite://{}", database(world).display()),
        ScratchDatabase::url,
    );
    let store = tollgate_store::open(&url).await.unwrap();
    for offer in store.offers().await.unwrap() {
        let Offer::Team(offer) = offer else { continue };
        let Some(refill) = offer.refill.clone() else {
            continue;
        };
        let until = Timestamp::from_millis(refill.until.as_millis() - days * DAY);
        let refill = Some(Refill {
            until,
            last_at: None,
            ..refill
        });
        let older = Offer::Team(TeamOffer { refill, ..offer });
        let change = [Change::PutOffer(std::sync::Arc::new(older))];
        store.change(&change, &[]).await.unwrap();
    }
    store.close().await;
}

#[tokio::test]
async fn credits_come_again_once_for_each_period_over_any_end_of_the_process() {
    come_again(Store::Sqlite).await;
}

#[tokio::test]
async fn credits_come_again_once_for_each_period_with_postgres() {
    come_again(Store::Postgres).await;
}

async fn come_again(store: Store) {
    let (mut world, kept) = world_on(store, "").await;
    let kept = kept.as_ref();
    team(&world, &[], 5).await;
    let path = "/api/credits/teams/acme-team/configure-auto-refill";
    let rule = json!({"enabled": true, "refill_amount": 100, "refill_period": "daily"});
    let told = done(&world, "POST", path, rule).await;
    assert_eq!(told["auto_refill_enabled"], true, "{told}");
    assert_eq!(told["refill_amount"], 100, "{told}");
    assert_eq!(told["last_refill_at"], Value::Null, "{told}");
    assert_eq!(remaining(&world).await, 5, "the period has not ended");
    // Four days without a process, then one that dies between giving and noting it, again and
    // again: one for each day.
    age(&mut world, kept, 4).await;
    for fault in [
        "store.append_begun:1",
        "store.append_committed:1",
        "store.change_begun:1",
        "store.change_committed:1",
        "store.append_committed:1",
    ] {
        if let Ok(mut gateway) = Gateway::try_start(world.folder.path(), &["--fault", fault]) {
            gateway.wait_for_end();
        }
    }
    // Killed while it gives, or just before, or just after.
    for _ in 0..3 {
        let mut gateway = Gateway::start(world.folder.path(), &[]);
        gateway.signal("KILL");
        gateway.wait_for_end();
    }
    world.gateway = Gateway::start(world.folder.path(), &[]);
    until("all four", async || remaining(&world).await == 405).await;
    assert_ne!(last_refill(&world).await, Value::Null);
    // A note that was lost gives nothing again.
    age(&mut world, kept, 2).await;
    world.gateway = Gateway::start(world.folder.path(), &[]);
    until("it is noted again", async || {
        last_refill(&world).await != Value::Null
    })
    .await;
    assert_eq!(remaining(&world).await, 405);
    // Nothing comes while it is off.
    done(&world, "POST", path, json!({"enabled": false})).await;
    age(&mut world, kept, 2).await;
    world.gateway = Gateway::start(world.folder.path(), &[]);
    let verified = done(&world, "POST", "/api/ledger/verify", Value::Null).await;
    assert_eq!(verified["ok"], true, "{verified}");
    assert_eq!(remaining(&world).await, 405);
}
