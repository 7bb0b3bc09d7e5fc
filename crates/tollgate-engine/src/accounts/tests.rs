mod declared;
mod offers;
mod roles;
mod whole;

use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use tollgate_core::budget::Controls;
use tollgate_core::key::{self, KeyProblem, ModelScope, Permissions, Priority, Reach, Tenancy};
use tollgate_core::secret::Secret;

use super::*;
use crate::port::TenantStore as _;
use crate::testing::{ManualClock, MemoryStore, counting_entropy};

struct World {
    accounts: Accounts,
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
}

impl World {
    async fn new() -> Self {
        Self::with_store(Arc::new(MemoryStore::default())).await
    }

    async fn with_store(store: Arc<MemoryStore>) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
        let parts = parts(store.clone(), clock.clone(), Environment::Live);
        Self {
            accounts: Accounts::open(parts).await.unwrap(),
            store,
            clock,
        }
    }

    fn opens(&self, text: &str) -> bool {
        opens(&self.accounts, text, self.clock.now())
    }
}

fn parts(store: Arc<dyn Store>, clock: Arc<ManualClock>, environment: Environment) -> Parts {
    let hasher = KeyHasher::new(&[3; 32]);
    Parts {
        store,
        clock,
        hasher,
        environment,
        entropy: counting_entropy,
    }
}

fn opens(accounts: &Accounts, text: &str, now: Timestamp) -> bool {
    let hash = accounts.hash(text.as_bytes());
    accounts
        .find(&hash)
        .is_some_and(|entry| entry.check(now).is_ok())
}

fn new_key(name: &str) -> NewKey {
    NewKey {
        name: name.into(),
        permissions: Permissions::ALL,
        models: ModelScope::all(),
        expires_at: None,
        error_dialect: None,
        priority: Priority::default(),
        tenancy: Tenancy::default(),
        reach: Reach::default(),
        controls: Controls::default(),
    }
}

fn declared(name: &str, text: &str, place: &str) -> DeclaredKey {
    DeclaredKey {
        facts: new_key(name),
        secret: Secret::new(text),
        place: place.into(),
    }
}

#[tokio::test]
async fn a_made_key_opens_at_once_and_after_a_restart() {
    let world = World::new().await;
    let (key, secret) = world.accounts.create(new_key("app")).await.unwrap();
    let text = secret.expose();
    assert!(
        text.starts_with("sk-tg-") && text.len() == 46,
        "{}",
        text.len()
    );
    assert!(key.masked().starts_with("sk-tg-") && key.masked().ends_with(&*key.last_four));
    assert!(text.ends_with(&*key.last_four) && key.last_four.len() == 4);
    assert!(world.opens(text));
    let restarted = World::with_store(world.store).await;
    assert!(restarted.opens(text));
    assert_eq!(restarted.accounts.list()[0].key().name, "app".into());
}

#[tokio::test]
async fn a_test_deployment_makes_test_keys_and_knows_live_ones() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(0)));
    let parts = parts(Arc::new(MemoryStore::default()), clock, Environment::Test);
    let accounts = Accounts::open(parts).await.unwrap();
    let (_, secret) = accounts.create(new_key("app")).await.unwrap();
    assert!(secret.expose().starts_with("sk-tg-test-"));
    assert!(!accounts.is_of_another_environment(secret.expose().as_bytes()));
    assert!(accounts.is_of_another_environment(b"sk-tg-0123"));
    assert!(!accounts.is_of_another_environment(b"sk-other"));
    let live = World::new().await.accounts;
    assert!(live.is_of_another_environment(secret.expose().as_bytes()));
    assert!(!live.is_of_another_environment(b"sk-tg-0123"));
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_and_after_a_restart() {
    let world = World::new().await;
    let (key, secret) = world.accounts.create(new_key("app")).await.unwrap();
    let revoked = world.accounts.revoke(key.id.as_str()).await.unwrap();
    assert!(revoked.revoked_at.is_some());
    assert!(!world.opens(secret.expose()));
    world.clock.advance(Duration::from_secs(5));
    let again = world.accounts.revoke(key.id.as_str()).await.unwrap();
    assert_eq!(again.revoked_at, revoked.revoked_at);
    assert!(!World::with_store(world.store).await.opens(secret.expose()));
}

#[tokio::test]
async fn a_rotated_key_keeps_everything_but_its_text() {
    let world = World::new().await;
    let new = NewKey {
        models: ModelScope::new(["sim/*"]),
        ..new_key("app")
    };
    let (key, old) = world.accounts.create(new).await.unwrap();
    let (rotated, secret) = world.accounts.rotate(key.id.as_str()).await.unwrap();
    assert_ne!(old.expose(), secret.expose());
    assert!(world.opens(secret.expose()) && !world.opens(old.expose()));
    assert_eq!((&rotated.id, &rotated.models), (&key.id, &key.models));
    let restarted = World::with_store(world.store).await;
    assert!(restarted.opens(secret.expose()) && !restarted.opens(old.expose()));
}

#[tokio::test]
async fn a_dead_key_cannot_be_rotated_back_to_life() {
    let world = World::new().await;
    let (key, _) = world.accounts.create(new_key("revoked")).await.unwrap();
    world.accounts.revoke(key.id.as_str()).await.unwrap();
    let refused = world.accounts.rotate(key.id.as_str()).await.unwrap_err();
    assert_eq!(refused.code, Code::Conflict);
    let expires_at = Some(world.clock.now());
    let (key, _) = world
        .accounts
        .create(NewKey {
            expires_at,
            ..new_key("old")
        })
        .await
        .unwrap();
    let refused = world.accounts.rotate(key.id.as_str()).await.unwrap_err();
    assert_eq!(refused.code, Code::Conflict);
}

#[tokio::test]
async fn a_key_expires_at_its_time() {
    let world = World::new().await;
    let expires_at = Some(world.clock.now().after(Duration::from_secs(1)));
    let (_, secret) = world
        .accounts
        .create(NewKey {
            expires_at,
            ..new_key("app")
        })
        .await
        .unwrap();
    assert!(world.opens(secret.expose()));
    world.clock.advance(Duration::from_secs(1));
    let entry = world
        .accounts
        .find(&world.accounts.hash(secret.expose().as_bytes()))
        .unwrap();
    assert_eq!(entry.check(world.clock.now()), Err(KeyProblem::Expired));
}

#[tokio::test]
async fn keys_that_are_alike_or_very_long_do_not_open() {
    let world = World::new().await;
    let (_, secret) = world.accounts.create(new_key("app")).await.unwrap();
    let text = secret.expose();
    let mut last = text.to_owned();
    last.pop();
    for wrong in [
        &last,
        &format!("{last}-"),
        &format!("{text} "),
        "",
        "sk-tg-",
        &"k".repeat(65_536),
    ] {
        assert!(!world.opens(wrong), "{}", wrong.len());
    }
    assert!(!world.accounts.is_admin("k".repeat(65_536).as_bytes()));
}

#[tokio::test]
async fn an_unknown_id_is_not_found() {
    let world = World::new().await;
    let accounts = &world.accounts;
    for code in [
        accounts.get("key_x").err().map(|failure| failure.code),
        accounts
            .revoke("key_x")
            .await
            .err()
            .map(|failure| failure.code),
        accounts.rotate("").await.err().map(|failure| failure.code),
    ] {
        assert_eq!(code, Some(Code::ResourceNotFound));
    }
}

#[tokio::test]
async fn what_the_store_refuses_does_not_happen() {
    let world = World::new().await;
    let (key, secret) = world.accounts.create(new_key("app")).await.unwrap();
    world.store.set_broken(true);
    let accounts = &world.accounts;
    for code in [
        accounts
            .create(new_key("more"))
            .await
            .err()
            .map(|failure| failure.code),
        accounts
            .revoke(key.id.as_str())
            .await
            .err()
            .map(|failure| failure.code),
        accounts
            .rotate(key.id.as_str())
            .await
            .err()
            .map(|failure| failure.code),
        accounts
            .make_admin_key()
            .await
            .err()
            .map(|failure| failure.code),
    ] {
        assert_eq!(code, Some(Code::DatabaseError));
    }
    assert!(world.opens(secret.expose()));
    assert!(!accounts.has_admin());
    assert_eq!(accounts.list().len(), 1);
}

#[tokio::test]
async fn declared_keys_open_and_are_read_only() {
    let world = World::new().await;
    let keys = vec![declared(
        "app",
        "sk-mine-0123456789",
        "tollgate.toml, line 7",
    )];
    world.accounts.declare(keys.clone()).await.unwrap();
    assert!(world.opens("sk-mine-0123456789"));
    let id = world.accounts.list()[0].key().id.clone();
    for refused in [
        world.accounts.revoke(id.as_str()).await.unwrap_err(),
        world.accounts.rotate(id.as_str()).await.unwrap_err(),
    ] {
        assert_eq!(refused.code, Code::Conflict);
        assert!(
            refused
                .message
                .as_ref()
                .unwrap()
                .contains("tollgate.toml, line 7")
        );
    }
    let restarted = World::with_store(world.store.clone()).await;
    restarted.accounts.declare(keys).await.unwrap();
    assert!(
        restarted.accounts.get(id.as_str()).is_ok(),
        "the id stays the same"
    );

    world.accounts.declare(Vec::new()).await.unwrap();
    assert!(!world.opens("sk-mine-0123456789"));
    assert_eq!(
        world.store.keys().await.unwrap().len(),
        0,
        "nothing of it is stored"
    );
}

#[tokio::test]
async fn contradictory_declarations_are_refused_and_change_nothing() {
    let world = World::new().await;
    world
        .accounts
        .declare(vec![declared("kept", "sk-kept", "line 1")])
        .await
        .unwrap();
    let same_name = vec![
        declared("a", "sk-1", "line 1"),
        declared("a", "sk-2", "line 2"),
    ];
    let same_key = vec![
        declared("a", "sk-1", "line 1"),
        declared("b", "sk-1", "line 2"),
    ];
    let place: Box<str> = "line 2".into();
    assert_eq!(
        world.accounts.declare(same_name).await,
        Err(DeclareError::SameName {
            place: place.clone(),
            kind: "key",
            name: "a".into()
        })
    );
    assert_eq!(
        world.accounts.declare(same_key).await,
        Err(DeclareError::SameKey {
            place: place.clone()
        })
    );
    for text in ["", &"k".repeat(key::LONGEST + 1)] {
        assert_eq!(
            world
                .accounts
                .declare(vec![declared("a", text, "line 2")])
                .await,
            Err(DeclareError::Length {
                place: place.clone()
            })
        );
    }
    assert!(world.opens("sk-kept"));
}

#[tokio::test]
async fn uses_are_written_and_survive_a_failing_store() {
    let world = World::new().await;
    let (key, secret) = world.accounts.create(new_key("app")).await.unwrap();
    let entry = world
        .accounts
        .find(&world.accounts.hash(secret.expose().as_bytes()))
        .unwrap();
    world
        .accounts
        .note_use(&entry, Timestamp::from_millis(2_000_000));
    world.store.set_broken(true);
    assert!(world.accounts.flush_uses().await.is_err());
    world.store.set_broken(false);
    world.accounts.flush_uses().await.unwrap();
    let stored = world.store.keys().await.unwrap();
    assert_eq!(
        stored[0].last_used_at,
        Some(Timestamp::from_millis(2_000_000))
    );
    let restarted = World::with_store(world.store).await;
    let entry = restarted.accounts.get(key.id.as_str()).unwrap();
    assert_eq!(
        entry.last_used_at(),
        Some(Timestamp::from_millis(2_000_000))
    );
}

#[tokio::test]
async fn the_admin_key_survives_a_restart_and_its_text_is_not_stored() {
    let world = World::new().await;
    assert!(!world.accounts.has_admin());
    let secret = world.accounts.make_admin_key().await.unwrap();
    assert!(world.accounts.is_admin(secret.expose().as_bytes()));
    assert!(
        !world.opens(secret.expose()),
        "an admin key is no virtual key"
    );
    let kept = world.store.setting(admin::SETTING).await.unwrap().unwrap();
    assert!(!kept.contains(secret.expose()));
    let restarted = World::with_store(world.store).await;
    assert!(restarted.accounts.has_admin());
    assert!(restarted.accounts.is_admin(secret.expose().as_bytes()));
    assert!(!restarted.accounts.is_admin(b"tg-admin-"));
}

#[tokio::test]
async fn a_damaged_admin_setting_is_an_error_and_not_an_open_door() {
    let store = Arc::new(MemoryStore::default());
    let damaged = store::SetSetting {
        name: admin::SETTING.into(),
        value: "damaged".into(),
    };
    store.change(&[damaged], &[]).await.unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(0)));
    assert!(
        Accounts::open(parts(store, clock, Environment::Live))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_control_token_opens_until_the_next_one() {
    let accounts = World::new().await.accounts;
    let first = accounts.make_control_token().unwrap();
    assert!(accounts.is_admin(first.expose().as_bytes()));
    let second = accounts.make_control_token().unwrap();
    assert!(accounts.is_admin(second.expose().as_bytes()));
    assert!(!accounts.is_admin(first.expose().as_bytes()));
    assert!(
        !accounts.has_admin(),
        "a token of the process is no operator's key"
    );
}

fn is_pending(future: &mut (impl Future + Unpin)) -> bool {
    Pin::new(future)
        .poll(&mut Context::from_waker(Waker::noop()))
        .is_pending()
}

#[tokio::test]
async fn a_revocation_holds_although_its_client_hung_up_while_the_store_wrote() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(0)));
    let store = Arc::new(MemoryStore::default());
    let accounts = Accounts::open(parts(store.clone(), clock.clone(), Environment::Live))
        .await
        .unwrap();
    let (key, secret) = accounts.create(new_key("app")).await.unwrap();
    store.set_stuck(true);
    let mut revoking = Box::pin(accounts.revoke(key.id.as_str()));
    assert!(is_pending(&mut revoking));
    assert!(opens(&accounts, secret.expose(), clock.now()));
    drop(revoking);
    assert!(!opens(&accounts, secret.expose(), clock.now()));
}

#[tokio::test]
async fn uses_are_not_lost_when_their_writing_is_cancelled() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(5)));
    let store = Arc::new(MemoryStore::default());
    let accounts = Accounts::open(parts(store.clone(), clock.clone(), Environment::Live))
        .await
        .unwrap();
    let (key, _) = accounts.create(new_key("app")).await.unwrap();
    accounts.note_use(&accounts.get(key.id.as_str()).unwrap(), clock.now());
    let count = |accounts: &Accounts| {
        let table = &accounts.table;
        table
            .parts()
            .map(|part| table.take_uses(part).len())
            .sum::<usize>()
    };
    store.set_stuck(true);
    let mut flushing = Box::pin(accounts.flush_uses());
    for _ in 0..100 {
        assert!(is_pending(&mut flushing));
    }
    assert_eq!(count(&accounts), 0, "they are on their way");
    drop(flushing);
    assert_eq!(count(&accounts), 1);
}
