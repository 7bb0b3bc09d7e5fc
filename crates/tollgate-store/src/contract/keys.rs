//! Keys.

use std::sync::Arc;

use tollgate_core::address::AddressRange;
use tollgate_core::budget::{Budget, Controls, Period};
use tollgate_core::error::dialect::Dialect;
use tollgate_core::id::{KeyId, TeamId, UserId};
use tollgate_core::key::{KeyHash, ModelScope, Permissions, Priority, Reach, Tenancy, VirtualKey};
use tollgate_core::limit::RateLimits;
use tollgate_core::money::Money;
use tollgate_engine::port::{Change, Store, StoreError, StoredKey};

use super::{Backend, at, audited, backends};

async fn insert(store: &dyn Store, key: &VirtualKey) -> Result<(), StoreError> {
    super::change(store, Change::InsertKey(Arc::new(key.clone()))).await
}

async fn update(store: &dyn Store, key: &VirtualKey) -> Result<(), StoreError> {
    super::change(store, Change::UpdateKey(Arc::new(key.clone()))).await
}

/// Something in every part of the controls.
pub(super) fn full_controls() -> Controls {
    let budget = |period, nano, zone: &str| Budget {
        period,
        limit: Money::from_nano(nano),
        warn_percent: 75,
        zone: zone.into(),
    };
    Controls {
        limits: RateLimits {
            rpm: Some(60),
            tpm: Some(u64::MAX),
            parallel: Some(u32::MAX),
            burst: Some(0),
        },
        budgets: [
            budget(Period::Daily, 1, "Europe/Berlin"),
            budget(Period::Total, u64::MAX, "UTC"),
        ]
        .into(),
    }
}

pub(super) fn key(id: &str) -> VirtualKey {
    let mut hash = [0; 32];
    hash.iter_mut()
        .zip(id.bytes().cycle())
        .for_each(|(byte, of_id)| *byte = of_id);
    VirtualKey {
        id: KeyId::from_stored(id),
        name: "an application".into(),
        hash: KeyHash::from_bytes(hash),
        prefix: "sk-tg-a1b2".into(),
        last_four: "x9f4".into(),
        permissions: Permissions::ALL,
        models: ModelScope::all(),
        created_at: at(1_700_000_000_123),
        expires_at: None,
        revoked_at: None,
        error_dialect: None,
        priority: Priority::default(),
        tenancy: Tenancy::default(),
        reach: Reach::default().into(),
        controls: Controls::default().into(),
        declared: false,
    }
}

/// A key that has something in every column.
fn full_key(id: &str) -> VirtualKey {
    VirtualKey {
        name: "müsli \"app\" '; DROP TABLE keys; --\u{0}".into(),
        permissions: Permissions {
            read: true,
            write: false,
            manage: true,
        },
        models: ModelScope::new(["openai/gpt-4o", "sim/*", "a,b\"c"]),
        expires_at: Some(at(i64::MAX)),
        revoked_at: Some(at(-1)),
        error_dialect: Some(Dialect::LangMart),
        priority: Priority::High,
        tenancy: Tenancy {
            team: TeamId::from_stored("team_ä"),
            user: Some(UserId::from_stored("user_1")),
        },
        reach: Reach {
            surfaces: ["openai_chat".into(), "gemini".into()].into(),
            addresses: ["10.0.0.0/8", "2001:db8::1"]
                .map(|range| AddressRange::parse(range).unwrap())
                .into(),
        }
        .into(),
        controls: full_controls().into(),
        ..key(id)
    }
}

async fn only(store: &dyn Store) -> StoredKey {
    let mut keys = store.keys().await.unwrap();
    assert_eq!(keys.len(), 1);
    keys.remove(0)
}

fn assert_same(backend: &str, read: &VirtualKey, written: &VirtualKey) {
    assert_eq!(format!("{read:?}"), format!("{written:?}"), "{backend}");
    assert_eq!(read.hash, written.hash, "{backend}");
}

#[tokio::test]
async fn a_key_is_read_as_it_was_written() {
    for backend in backends().await {
        let Backend { name, store, .. } = &backend;
        let store = &**store;
        assert!(store.keys().await.unwrap().is_empty(), "{name}");
        for written in [key("key_1"), full_key("key_2")] {
            insert(store, &written).await.unwrap();
            let keys = store.keys().await.unwrap();
            let read = keys.iter().find(|read| read.key.id == written.id).unwrap();
            assert_same(name, &read.key, &written);
            assert_eq!(read.last_used_at, None, "{name}");
        }
    }
}

#[tokio::test]
async fn every_dialect_survives() {
    let dialects = [
        Dialect::OpenAi,
        Dialect::LangMart,
        Dialect::DetailJobs,
        Dialect::Anthropic,
        Dialect::Gemini,
        Dialect::Problem,
    ];
    for backend in backends().await {
        let Backend { name, store, .. } = &backend;
        let store = &**store;
        insert(store, &key("key_1")).await.unwrap();
        for dialect in dialects {
            let changed = VirtualKey {
                error_dialect: Some(dialect),
                ..key("key_1")
            };
            update(store, &changed).await.unwrap();
            assert_eq!(only(store).await.key.error_dialect, Some(dialect), "{name}");
        }
    }
}

#[tokio::test]
async fn every_priority_survives() {
    for backend in backends().await {
        let Backend { name, store, .. } = &backend;
        let store = &**store;
        insert(store, &key("key_1")).await.unwrap();
        for priority in Priority::ALL.iter().copied() {
            let changed = VirtualKey {
                priority,
                ..key("key_1")
            };
            update(store, &changed).await.unwrap();
            assert_eq!(only(store).await.key.priority, priority, "{name}");
        }
    }
}

#[tokio::test]
async fn a_change_reaches_everything_but_the_birth_and_the_last_use() {
    for backend in backends().await {
        let Backend { name, store, .. } = &backend;
        let store = &**store;
        insert(store, &key("key_1")).await.unwrap();
        store
            .note_uses(&[(KeyId::from_stored("key_1"), at(5))])
            .await
            .unwrap();
        let hash = KeyHash::from_bytes([9; 32]);
        let (prefix, last_four) = ("sk-tg-zzzz".into(), "0000".into());
        let changed = VirtualKey {
            hash,
            prefix,
            last_four,
            ..full_key("key_1")
        };
        let elder = VirtualKey {
            created_at: at(1),
            ..changed.clone()
        };
        update(store, &elder).await.unwrap();
        let read = only(store).await;
        assert_same(name, &read.key, &changed);
        assert_eq!(read.last_used_at, Some(at(5)), "{name}");
    }
}

#[tokio::test]
async fn a_key_that_is_not_there_cannot_be_changed() {
    for backend in backends().await {
        let Backend { name, store, .. } = &backend;
        let store = &**store;
        assert!(update(store, &key("key_1")).await.is_err(), "{name}");
        assert!(store.keys().await.unwrap().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn ids_and_hashes_are_unique() {
    for backend in backends().await {
        let Backend { name, store, .. } = &backend;
        let store = &**store;
        let first = key("key_1");
        insert(store, &first).await.unwrap();
        let same_id = VirtualKey {
            hash: KeyHash::from_bytes([1; 32]),
            ..key("key_1")
        };
        assert!(insert(store, &same_id).await.is_err(), "{name}");
        let same_hash = VirtualKey {
            hash: first.hash,
            ..key("key_2")
        };
        assert!(insert(store, &same_hash).await.is_err(), "{name}");
        assert_same(name, &only(store).await.key, &first);
    }
}

#[tokio::test]
async fn the_latest_use_wins_and_unknown_keys_are_passed_over() {
    for backend in backends().await {
        let Backend { name, store, .. } = &backend;
        let store = &**store;
        insert(store, &key("key_1")).await.unwrap();
        let id = || KeyId::from_stored("key_1");
        store.note_uses(&[]).await.unwrap();
        let uses = [
            (id(), at(20)),
            (KeyId::from_stored("key_x"), at(99)),
            (id(), at(30)),
            (id(), at(10)),
        ];
        store.note_uses(&uses).await.unwrap();
        assert_eq!(only(store).await.last_used_at, Some(at(30)), "{name}");
        store.note_uses(&[(id(), at(25))]).await.unwrap();
        assert_eq!(only(store).await.last_used_at, Some(at(30)), "{name}");
    }
}

#[tokio::test]
async fn many_uses_are_written_at_once() {
    for backend in backends().await {
        let Backend { name, store, .. } = &backend;
        let store = &**store;
        let mut uses = Vec::new();
        for number in 0..200 {
            let id = format!("key_{number:04}");
            insert(store, &key(&id)).await.unwrap();
            uses.push((KeyId::from_stored(&id), at(number)));
        }
        store.note_uses(&uses).await.unwrap();
        let keys = store.keys().await.unwrap();
        let read: Vec<_> = keys.iter().filter_map(|read| read.last_used_at).collect();
        assert_eq!(read, (0..200).map(at).collect::<Vec<_>>(), "{name}");
    }
}

#[tokio::test]
async fn changes_happen_all_or_not_at_all() {
    for backend in backends().await {
        let Backend { name, store, .. } = &backend;
        let store = &**store;
        insert(store, &key("key_1")).await.unwrap();
        let renamed = VirtualKey {
            name: "renamed".into(),
            ..key("key_1")
        };
        let changes = [
            Change::UpdateKey(Arc::new(renamed)),
            Change::InsertKey(Arc::new(key("key_2"))),
            Change::UpdateKey(Arc::new(key("key_3"))),
        ];
        let audit = [audited(1, "key.update", "key_1")];
        assert!(store.change(&changes, &audit).await.is_err(), "{name}");
        assert_same(name, &only(store).await.key, &key("key_1"));
        let (rows, _) = store
            .audit(&tollgate_engine::port::AuditQuery {
                limit: 10,
                ..Default::default()
            })
            .await
            .unwrap();
        assert!(rows.is_empty(), "{name}");
        let good = changes.get(..2).unwrap();
        store.change(good, &audit).await.unwrap();
        assert_eq!(store.keys().await.unwrap().len(), 2, "{name}");
    }
}

#[tokio::test]
async fn keys_come_in_the_order_of_their_ids_however_many_there_are() {
    for backend in backends().await {
        let Backend { name, store, .. } = &backend;
        let store = &**store;
        let mut ids: Vec<String> = (0..4500)
            .map(|number| format!("key_{:05}", number * 7919 % 4500))
            .collect();
        let changes: Vec<Change> = ids
            .iter()
            .map(|id| Change::InsertKey(Arc::new(key_of(id))))
            .collect();
        for some in changes.chunks(1500) {
            store.change(some, &[]).await.unwrap();
        }
        ids.sort();
        let keys = store.keys().await.unwrap();
        let read: Vec<&str> = keys.iter().map(|stored| stored.key.id.as_str()).collect();
        assert_eq!(read, ids, "{name}");
    }
}

/// A key whose hash is its own also among many.
fn key_of(id: &str) -> VirtualKey {
    let mut hash = [0; 32];
    let length = id.len();
    hash.get_mut(..length)
        .unwrap()
        .copy_from_slice(id.as_bytes());
    VirtualKey {
        hash: KeyHash::from_bytes(hash),
        ..key(id)
    }
}
