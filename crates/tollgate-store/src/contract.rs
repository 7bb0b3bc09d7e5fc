//! What every store has to do alike. Each test runs against each of them.

pub(crate) mod jobs;
mod keys;
mod ledger;
mod log;
mod tenants;

use std::sync::Arc;

use tollgate_core::audit::AuditRow;
use tollgate_core::time::Timestamp;
use tollgate_engine::port::{Change, Store, StoreError};
use tollgate_engine::testing::MemoryStore;

use crate::testing::ScratchDatabase;

/// A fresh store, with what it needs to live.
struct Backend {
    name: &'static str,
    store: Arc<dyn Store>,
    _directory: Option<tempfile::TempDir>,
    _database: Option<ScratchDatabase>,
}

async fn backends() -> Vec<Backend> {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/tollgate.db", directory.path().display());
    let sqlite = crate::open(&url).await.unwrap();
    let database = ScratchDatabase::new();
    let postgres = crate::open(&database.url()).await.unwrap();
    vec![
        Backend {
            name: "memory",
            store: Arc::new(MemoryStore::default()),
            _directory: None,
            _database: None,
        },
        Backend {
            name: "sqlite",
            store: Arc::new(sqlite),
            _directory: Some(directory),
            _database: None,
        },
        Backend {
            name: "postgres",
            store: Arc::new(postgres),
            _directory: None,
            _database: Some(database),
        },
    ]
}

async fn change(store: &dyn Store, change: Change) -> Result<(), StoreError> {
    store.change(&[change], &[]).await
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// Texts that have to survive as they are.
const TEXTS: [&str; 4] = [
    "plain",
    "",
    "müsli \"app\" '; DROP TABLE keys; --",
    "ü\u{0}x\u{1a}0",
];

/// A row of the audit log.
fn audited(ms: i64, action: &str, object_id: &str) -> AuditRow {
    AuditRow {
        at: at(ms),
        actor: "admin".into(),
        action: action.into(),
        object: action.split('.').next().unwrap().into(),
        object_id: object_id.into(),
        organization: None,
        change: "{}".into(),
        request_id: None,
    }
}

#[tokio::test]
async fn a_store_that_works_answers() {
    for backend in backends().await {
        assert!(backend.store.ping().await.is_ok(), "{}", backend.name);
    }
}
