//! What is made together, where the store fails meanwhile.

use std::future::pending;
use std::time::Duration;

use tokio::task::JoinSet;
use tollgate_core::budget::Controls;
use tollgate_core::id::TeamId;
use tollgate_core::key::Tenancy;
use tollgate_core::ledger::{Holder, WalletId};
use tollgate_core::money::Unit;
use tollgate_core::offer::TeamOffer;
use tollgate_core::tenant::{DEFAULT, Status};

use super::*;
use crate::credits::Correction;

static ADMIN: Manager = Manager::admin();

fn team(id: &str) -> NewTeam {
    NewTeam {
        id: Some(id.into()),
        organization: DEFAULT.into(),
        name: id.into(),
        status: Status::Active,
        controls: Controls::default(),
        job_terms: None,
        metadata: None,
    }
}

fn whole(id: &str) -> WholeTeam {
    let team_id = TeamId::from_stored(id);
    WholeTeam {
        team: team(id),
        offer: TeamOffer::nothing(&team_id),
        told: "{}".to_owned(),
        credits: 7,
        key: NewKey {
            tenancy: Tenancy {
                team: team_id,
                user: None,
            },
            ..new_key(id)
        },
    }
}

fn wallet(id: &str) -> WalletId {
    WalletId {
        holder: Holder::Team(TeamId::from_stored(id)),
        unit: Unit::Credits,
    }
}

fn balance(world: &World, id: &str) -> u64 {
    let (reading, _) = world.accounts.credits().balance(&wallet(id)).unwrap();
    reading.balance
}

#[tokio::test(start_paused = true)]
async fn a_team_that_waits_for_the_store_comes_whole_before_anybody_changes_anything_else() {
    let world = World::new().await;
    let accounts = &world.accounts;
    let mut clerk = JoinSet::new();
    clerk.spawn(Arc::clone(accounts.ledger()).write(pending()));
    world.store.set_stuck(true);
    let made = accounts.create_whole_team(&ADMIN, whole("t"), |_| Ok(()));
    assert_eq!(made.await.unwrap_err().code, Code::DatabaseError);
    let id = TeamId::from_stored("t");
    assert!(accounts.tenants().team(&id).is_none());
    // The next change waits for its turn, and not for ever.
    let next = accounts.create_team(&ADMIN, team("next"));
    assert_eq!(next.await.unwrap_err().code, Code::DatabaseError);
    world.store.set_stuck(false);
    while accounts.tenants().team(&id).is_none() {
        tokio::time::advance(Duration::from_millis(50)).await;
    }
    assert_eq!(balance(&world, "t"), 7);
    let keys = accounts.keys(&ADMIN, |entry| entry.team().id == id);
    assert_eq!(keys.unwrap().len(), 1);
    let again = accounts.create_whole_team(&ADMIN, whole("t"), |_| Ok(()));
    assert_eq!(again.await.unwrap_err().code, Code::Conflict);
    accounts.create_team(&ADMIN, team("next")).await.unwrap();
}

#[tokio::test]
async fn what_a_wallet_is_to_say_it_says_or_nothing_changes() {
    let world = World::new().await;
    let accounts = &world.accounts;
    let mut clerk = JoinSet::new();
    clerk.spawn(Arc::clone(accounts.ledger()).write(pending()));
    let made = accounts.create_whole_team(&ADMIN, whole("t"), |_| Ok(()));
    made.await.unwrap();
    for (given, used, expected) in [
        (None, Some(3), Some((7, 4))),
        (Some(10), None, Some((10, 7))),
        (Some(10), Some(3), Some((10, 7))),
        (Some(2), Some(1), Some((2, 1))),
        (Some(5), Some(5), Some((5, 0))),
        (None, Some(6), None),
        (Some(4), None, None),
        (None, None, Some((5, 0))),
        (None, Some(0), Some((5, 5))),
    ] {
        let before = balance(&world, "t");
        let change = accounts.change_whole_team(&ADMIN, "t", |_| {
            Ok(TeamChange {
                credits: Correction { given, used },
                ..TeamChange::default()
            })
        });
        let outcome = change.await;
        let sum = accounts.credits().given(&wallet("t")).await.unwrap();
        let found = (sum, balance(&world, "t"));
        if let Some(expected) = expected {
            assert!(outcome.is_ok(), "{given:?} {used:?}");
            assert_eq!(found, expected, "{given:?} {used:?}");
        } else {
            assert_eq!(outcome.unwrap_err().code, Code::InvalidRequest);
            assert_eq!(found.1, before, "{given:?} {used:?}");
        }
    }
}
