use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Row as _;
use tollgate_core::budget::Controls;
use tollgate_core::key::{
    KeyHasher, ModelScope, Permissions, Priority, Reach, Tenancy, VirtualKey,
};
use tollgate_core::time::Timestamp;
use tollgate_engine::accounts::{Accounts, Environment, NewKey, Parts};
use tollgate_engine::port::{Change, Clock as _, Store as _, StoreError, TenantStore as _};
use tollgate_engine::testing::{ManualClock, counting_entropy};

use super::*;
use crate::{SqlStore, open};

fn url(directory: &Path) -> String {
    format!("sqlite://{}/tollgate.db", directory.display())
}

async fn accounts(directory: &Path, clock: &Arc<ManualClock>) -> (Accounts, Arc<SqlStore>) {
    let store = Arc::new(open(&url(directory)).await.unwrap());
    let parts = Parts {
        store: store.clone(),
        clock: clock.clone(),
        hasher: KeyHasher::new(&[5; 32]),
        environment: Environment::Live,
        entropy: counting_entropy,
    };
    (Accounts::open(parts).await.unwrap(), store)
}

fn new_key() -> NewKey {
    NewKey {
        name: "app".into(),
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

#[tokio::test]
async fn accounts_survive_a_process_that_was_killed() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1000)));
    let (before, store) = accounts(directory.path(), &clock).await;
    let (_, kept) = before.create(new_key()).await.unwrap();
    let (revoked, dead) = before.create(new_key()).await.unwrap();
    before.revoke(revoked.id.as_str()).await.unwrap();
    let (rotated, old) = before.create(new_key()).await.unwrap();
    let (_, new) = before.rotate(rotated.id.as_str()).await.unwrap();
    let admin = before.make_admin_key().await.unwrap();
    clock.advance(Duration::from_secs(1));
    before.note_use(&before.get(rotated.id.as_str()).unwrap(), clock.now());
    before.flush_uses().await.unwrap();

    // The copy is what a kill would leave: nothing was closed, the log was not written back.
    let left = tempfile::tempdir().unwrap();
    for file in fs::read_dir(directory.path()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), left.path().join(file.file_name())).unwrap();
    }
    store.close().await;

    let (after, _) = accounts(left.path(), &clock).await;
    let opens = |text: &str| {
        let entry = after.find(&after.hash(text.as_bytes()));
        entry.is_some_and(|entry| entry.check(clock.now()).is_ok())
    };
    assert!(opens(kept.expose()) && opens(new.expose()));
    assert!(!opens(dead.expose()) && !opens(old.expose()));
    assert!(after.is_admin(admin.expose().as_bytes()));
    let used = after.get(rotated.id.as_str()).unwrap().last_used_at();
    assert_eq!(used, Some(clock.now()));
}

#[tokio::test]
async fn no_clear_text_of_a_key_is_in_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(0)));
    let (accounts, _store) = accounts(directory.path(), &clock).await;
    let (_, secret) = accounts.create(new_key()).await.unwrap();
    let admin = accounts.make_admin_key().await.unwrap();
    let mut looked_at = 0;
    for file in fs::read_dir(directory.path()).unwrap() {
        let content = fs::read(file.unwrap().path()).unwrap();
        looked_at += content.len();
        for secret in [&secret, &admin] {
            // The first ten characters are shown in lists; what follows is the secret.
            let hidden = secret.expose().as_bytes().get(10..).unwrap();
            assert!(!content.windows(hidden.len()).any(|window| window == hidden));
        }
    }
    assert!(looked_at > 0);
}

#[tokio::test]
async fn the_files_are_for_their_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&url(directory.path())).await.unwrap();
    set(&store, "a", "b").await.unwrap();
    let mut names = Vec::new();
    for file in fs::read_dir(directory.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(
            file.metadata().unwrap().permissions().mode() & 0o077,
            0,
            "{file:?}"
        );
        names.push(file.file_name());
    }
    assert!(names.len() > 1, "a log is beside the database: {names:?}");
}

#[tokio::test]
async fn connections_write_through_the_log_and_sync_each_commit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tollgate.db");
    let sqlite = Sqlite::open(&path).await.unwrap();
    for purpose in [Purpose::Write, Purpose::Ledger, Purpose::Read] {
        let mut lane = sqlite.lanes(purpose).take().await.unwrap();
        let connection = lane.begin().unwrap();
        for (pragma, value) in [
            ("PRAGMA journal_mode", "wal"),
            ("PRAGMA synchronous", "2"),
            ("PRAGMA foreign_keys", "1"),
        ] {
            let row = sqlx::query(pragma)
                .fetch_one(&mut *connection)
                .await
                .unwrap();
            let read = row
                .try_get(0)
                .or_else(|_| row.try_get(0).map(|number: i64| number.to_string()));
            assert_eq!(read.unwrap(), value, "{pragma}");
        }
        let written = sqlx::query("DELETE FROM keys").execute(connection).await;
        assert_eq!(written.is_err(), purpose == Purpose::Read, "{purpose:?}");
    }
}

#[tokio::test]
async fn opening_again_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let store = open(&url(directory.path())).await.unwrap();
        set(&store, "kept", "yes").await.unwrap();
        store.close().await;
    }
    let store = open(&url(directory.path())).await.unwrap();
    assert_eq!(store.setting("kept").await.unwrap().as_deref(), Some("yes"));
}

/// A database as an earlier version left it, with a key and a setting.
async fn earlier(directory: &Path, form: i64) {
    let mut before = raw(directory).await;
    let steps = migrations::sqlite_up_to(form);
    steps.run(&mut before).await.unwrap();
    for sql in [
        "INSERT INTO keys (id, name, hash, prefix, last_four, permissions, models, created_at, \
         last_used_at) VALUES ('key_old', 'app', randomblob(32), 'sk-tg-a1b2', 'x9f4', \
         '[\"read\"]', '[\"sim/*\"]', 7, 9)",
        "INSERT INTO settings (name, value) VALUES ('kept', 'yes')",
    ] {
        sqlx::query(sql).execute(&mut before).await.unwrap();
    }
    before.close().await.unwrap();
}

async fn raw(directory: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(directory.join("tollgate.db"))
        .create_if_missing(true);
    options.connect().await.unwrap()
}

#[tokio::test]
async fn what_earlier_versions_kept_goes_on() {
    for form in [1, 2] {
        let directory = tempfile::tempdir().unwrap();
        earlier(directory.path(), form).await;
        let store = open(&url(directory.path())).await.unwrap();
        let [old] = <[_; 1]>::try_from(store.keys().await.unwrap()).unwrap();
        assert_eq!((old.key.id.as_str(), &*old.key.name), ("key_old", "app"));
        assert_eq!(old.key.priority, Priority::Normal);
        assert_eq!(old.key.models.patterns().collect::<Vec<_>>(), ["sim/*"]);
        assert_eq!(old.key.tenancy, Tenancy::default());
        assert_eq!(*old.key.reach, Reach::default());
        assert_eq!(*old.key.controls, Controls::default());
        assert_eq!(old.last_used_at, Some(Timestamp::from_millis(9)));
        assert_eq!(store.setting("kept").await.unwrap().as_deref(), Some("yes"));
        let changed = VirtualKey {
            priority: Priority::Low,
            ..VirtualKey::clone(&old.key)
        };
        let change = Change::UpdateKey(Arc::new(changed));
        store.change(&[change], &[]).await.unwrap();
        assert_eq!(store.keys().await.unwrap()[0].key.priority, Priority::Low);
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&url(directory.path())).await.unwrap();
    store.close().await;
    let mut file = raw(directory.path()).await;
    let sql = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9000, 'later', true, x'00', 0)";
    sqlx::query(sql).execute(&mut file).await.unwrap();
    file.close().await.unwrap();
    let before = fs::read(directory.path().join("tollgate.db")).unwrap();
    let error = open(&url(directory.path())).await.unwrap_err();
    assert!(
        matches!(error, OpenError::Newer { found: 9000, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("newer version"), "{error}");
    assert_eq!(
        fs::read(directory.path().join("tollgate.db")).unwrap(),
        before
    );
}

#[tokio::test]
async fn a_file_of_something_else_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tollgate.db");
    let content = "my shopping list\n".repeat(100);
    fs::write(&path, &content).unwrap();
    let error = open(&url(directory.path())).await.unwrap_err();
    assert!(matches!(error, OpenError::NotADatabase { .. }), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), content);
}

#[tokio::test]
async fn paths_that_lead_nowhere_are_named() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("tollgate.db")).unwrap();
    let missing = directory.path().join("missing");
    for place in [directory.path(), &missing] {
        let error = open(&url(place)).await.unwrap_err();
        assert!(matches!(error, OpenError::File { .. }), "{error}");
        assert!(error.to_string().contains("tollgate.db"), "{error}");
    }
}

#[test]
fn a_database_that_another_program_holds_is_named_as_locked() {
    let error = sqlx::Error::Database(Box::new(Coded("261")));
    assert!(matches!(
        explain(Path::new("x.db"), error),
        OpenError::Locked { .. }
    ));
    let error = sqlx::Error::Database(Box::new(Coded("1032")));
    assert!(matches!(
        explain(Path::new("x.db"), error),
        OpenError::NotWritable { .. }
    ));
}

#[tokio::test]
async fn a_damaged_row_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&url(directory.path())).await.unwrap();
    let mut file = raw(directory.path()).await;
    let sql = "INSERT INTO keys (id, name, hash, prefix, last_four, permissions, models, created_at) \
         VALUES ('key_bad', '', randomblob(32), '', '', '[\"fly\"]', '[]', 0)";
    sqlx::query(sql).execute(&mut file).await.unwrap();
    let error = store.keys().await.unwrap_err().to_string();
    assert!(
        error.contains("key_bad") && error.contains("permission"),
        "{error}"
    );
}

#[tokio::test]
async fn a_closed_store_fails_and_does_not_hang() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&url(directory.path())).await.unwrap();
    store.close().await;
    assert!(store.ping().await.is_err());
    assert!(set(&store, "a", "b").await.is_err());
}

/// An error of SQLite with this code.
#[derive(Debug)]
struct Coded(&'static str);

impl fmt::Display for Coded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for Coded {}

impl sqlx::error::DatabaseError for Coded {
    fn message(&self) -> &str {
        self.0
    }
    fn code(&self) -> Option<std::borrow::Cow<'_, str>> {
        Some(self.0.into())
    }
    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }
    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }
    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }
    fn kind(&self) -> sqlx::error::ErrorKind {
        sqlx::error::ErrorKind::Other
    }
}

async fn set(store: &SqlStore, name: &str, value: &str) -> Result<(), StoreError> {
    let (name, value) = (name.into(), value.into());
    let change = Change::SetSetting { name, value };
    store.change(&[change], &[]).await
}
