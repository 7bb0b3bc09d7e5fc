//! What every store has to do alike. Each test runs against each of them.

use std::sync::Arc;

use tollgate_core::error::dialect::Dialect;
use tollgate_core::id::KeyId;
use tollgate_core::key::{KeyHash, ModelScope, Permissions, Priority, VirtualKey};
use tollgate_core::time::Timestamp;
use tollgate_engine::port::{Change, Store, StoreError, StoredKey};
use tollgate_engine::testing::MemoryStore;

/// A fresh store, with what it needs to live.
struct Backend {
    name: &'static str,
    store: Arc<dyn Store>,
    _directory: Option<tempfile::TempDir>,
}

async fn backends() -> Vec<Backend> {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/tollgate.db", directory.path().display());
    let sqlite = crate::open(&url).await.unwrap();
    vec![
        Backend {
            name: "memory",
            store: Arc::new(MemoryStore::default()),
            _directory: None,
        },
        Backend {
            name: "sqlite",
            store: Arc::new(sqlite),
            _directory: Some(directory),
        },
    ]
}

async fn insert(store: &dyn Store, key: &VirtualKey) -> Result<(), StoreError> {
    let change = Change::InsertKey(Arc::new(key.clone()));
    store.change(&[change], &[]).await
}

async fn update(store: &dyn Store, key: &VirtualKey) -> Result<(), StoreError> {
    let change = Change::UpdateKey(Arc::new(key.clone()));
    store.change(&[change], &[]).await
}

async fn set(store: &dyn Store, name: &str, value: &str) -> Result<(), StoreError> {
    let (name, value) = (name.into(), value.into());
    let change = Change::SetSetting { name, value };
    store.change(&[change], &[]).await
}

fn key(id: &str) -> VirtualKey {
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
        created_at: Timestamp::from_millis(1_700_000_000_123),
        expires_at: None,
        revoked_at: None,
        error_dialect: None,
        priority: Priority::default(),
        tenancy: Default::default(),
        reach: Default::default(),
        controls: Default::default(),
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
            manage: false,
        },
        models: ModelScope::new(["openai/gpt-4o", "sim/*", "a,b\"c"]),
        expires_at: Some(Timestamp::from_millis(i64::MAX)),
        revoked_at: Some(Timestamp::from_millis(-1)),
        error_dialect: Some(Dialect::LangMart),
        priority: Priority::High,
        ..key(id)
    }
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
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
    for Backend {
        name,
        store,
        _directory,
    } in backends().await
    {
        assert!(store.keys().await.unwrap().is_empty(), "{name}");
        for written in [key("key_1"), full_key("key_2")] {
            insert(&*store, &written).await.unwrap();
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
    for Backend {
        name,
        store,
        _directory,
    } in backends().await
    {
        insert(&*store, &key("key_1")).await.unwrap();
        for dialect in dialects {
            let changed = VirtualKey {
                error_dialect: Some(dialect),
                ..key("key_1")
            };
            update(&*store, &changed).await.unwrap();
            assert_eq!(
                only(&*store).await.key.error_dialect,
                Some(dialect),
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn every_priority_survives() {
    for Backend {
        name,
        store,
        _directory,
    } in backends().await
    {
        insert(&*store, &key("key_1")).await.unwrap();
        for priority in Priority::ALL.iter().copied() {
            let changed = VirtualKey {
                priority,
                ..key("key_1")
            };
            update(&*store, &changed).await.unwrap();
            assert_eq!(only(&*store).await.key.priority, priority, "{name}");
        }
    }
}

#[tokio::test]
async fn a_change_reaches_everything_but_the_birth_and_the_last_use() {
    for Backend {
        name,
        store,
        _directory,
    } in backends().await
    {
        insert(&*store, &key("key_1")).await.unwrap();
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
        update(&*store, &elder).await.unwrap();
        let read = only(&*store).await;
        assert_same(name, &read.key, &changed);
        assert_eq!(read.last_used_at, Some(at(5)), "{name}");
    }
}

#[tokio::test]
async fn a_key_that_is_not_there_cannot_be_changed() {
    for Backend {
        name,
        store,
        _directory,
    } in backends().await
    {
        assert!(update(&*store, &key("key_1")).await.is_err(), "{name}");
        assert!(store.keys().await.unwrap().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn ids_and_hashes_are_unique() {
    for Backend {
        name,
        store,
        _directory,
    } in backends().await
    {
        let first = key("key_1");
        insert(&*store, &first).await.unwrap();
        let same_id = VirtualKey {
            hash: KeyHash::from_bytes([1; 32]),
            ..key("key_1")
        };
        assert!(insert(&*store, &same_id).await.is_err(), "{name}");
        let same_hash = VirtualKey {
            hash: first.hash,
            ..key("key_2")
        };
        assert!(insert(&*store, &same_hash).await.is_err(), "{name}");
        assert_same(name, &only(&*store).await.key, &first);
    }
}

#[tokio::test]
async fn the_latest_use_wins_and_unknown_keys_are_passed_over() {
    for Backend {
        name,
        store,
        _directory,
    } in backends().await
    {
        insert(&*store, &key("key_1")).await.unwrap();
        let id = || KeyId::from_stored("key_1");
        store.note_uses(&[]).await.unwrap();
        let uses = [
            (id(), at(20)),
            (KeyId::from_stored("key_x"), at(99)),
            (id(), at(30)),
            (id(), at(10)),
        ];
        store.note_uses(&uses).await.unwrap();
        assert_eq!(only(&*store).await.last_used_at, Some(at(30)), "{name}");
        store.note_uses(&[(id(), at(25))]).await.unwrap();
        assert_eq!(only(&*store).await.last_used_at, Some(at(30)), "{name}");
    }
}

#[tokio::test]
async fn many_uses_are_written_at_once() {
    for Backend {
        name,
        store,
        _directory,
    } in backends().await
    {
        let mut uses = Vec::new();
        for number in 0..200 {
            let id = format!("key_{number:04}");
            insert(&*store, &key(&id)).await.unwrap();
            uses.push((KeyId::from_stored(&id), at(number)));
        }
        store.note_uses(&uses).await.unwrap();
        let keys = store.keys().await.unwrap();
        let read: Vec<_> = keys.iter().filter_map(|read| read.last_used_at).collect();
        assert_eq!(read, (0..200).map(at).collect::<Vec<_>>(), "{name}");
    }
}

#[tokio::test]
async fn settings_are_read_as_they_were_last_written() {
    for Backend {
        name,
        store,
        _directory,
    } in backends().await
    {
        assert_eq!(store.setting("admin").await.unwrap(), None, "{name}");
        for value in ["one", "", "'; DROP TABLE settings; --", "ü\u{0}x"] {
            set(&*store, "admin", value).await.unwrap();
            assert_eq!(
                store.setting("admin").await.unwrap().as_deref(),
                Some(value),
                "{name}"
            );
        }
        assert_eq!(store.setting("other").await.unwrap(), None, "{name}");
    }
}

#[tokio::test]
async fn a_store_that_works_answers() {
    for Backend {
        name,
        store,
        _directory,
    } in backends().await
    {
        assert!(store.ping().await.is_ok(), "{name}");
    }
}
