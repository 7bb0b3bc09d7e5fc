use std::process::Command;
use std::time::Duration;

use tokio::time::Instant;
use tollgate_core::ledger::{Page, PageHead};
use tollgate_core::time::Timestamp;
use tollgate_engine::port::{
    Appended, Beside, Change, LedgerStore as _, Store as _, TenantStore as _,
};

use super::*;
use crate::testing::ScratchDatabase;
use crate::{SqlStore, open};

/// The longest that a test waits for what must come.
const SOON: Duration = Duration::from_secs(20);

fn set(name: &str, value: &str) -> Change {
    let (name, value) = (name.into(), value.into());
    Change::SetSetting { name, value }
}

fn page(number: u64) -> Page {
    Page {
        head: PageHead {
            number,
            hash: [7; 32],
        },
        from: Timestamp::from_millis(0),
        to: Timestamp::from_millis(0),
        count: 1,
        content: bytes::Bytes::from_static(b"content"),
    }
}

/// Does it until it comes out as wanted.
async fn until<T>(work: impl AsyncFn() -> T, is_wanted: impl Fn(&T) -> bool) -> T {
    let end = Instant::now() + SOON;
    loop {
        let came = work().await;
        if is_wanted(&came) {
            return came;
        }
        assert!(Instant::now() < end, "it never came");
        tokio::time::sleep_until(Instant::now() + Duration::from_millis(50)).await;
    }
}

/// Ends sessions of this database on the server: all but that of the lock, or only that.
fn end_sessions(database: &ScratchDatabase, of_lock: bool) {
    let is = if of_lock { "" } else { "NOT" };
    database.run(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND {is} EXISTS \
         (SELECT 1 FROM pg_locks WHERE pg_locks.pid = pg_stat_activity.pid \
          AND locktype = 'advisory')"
    ));
}

#[tokio::test]
async fn one_process_at_a_time_has_a_database() {
    let database = ScratchDatabase::new();
    let first = open(&database.url()).await.unwrap();
    let error = open(&database.url()).await.unwrap_err();
    assert!(matches!(error, OpenError::Held { .. }), "{error}");
    let message = error.to_string();
    assert!(
        message.starts_with("another Tollgate process works with this database"),
        "{message}"
    );
    first.change(&[set("kept", "yes")], &[]).await.unwrap();
    first.close().await;
    assert!(first.ping().await.is_err());
    let second = open(&database.url()).await.unwrap();
    assert_eq!(
        second.setting("kept").await.unwrap().as_deref(),
        Some("yes")
    );
}

#[tokio::test]
async fn work_goes_on_when_its_sessions_were_ended() {
    let database = ScratchDatabase::new();
    let store = open(&database.url()).await.unwrap();
    for number in 1..4 {
        store.change(&[set("count", "x")], &[]).await.unwrap();
        let appended = store
            .append(&page(number), Beside::default())
            .await
            .unwrap();
        assert_eq!(appended, Appended::Now);
        end_sessions(&database, false);
    }
    assert_eq!(store.setting("count").await.unwrap().as_deref(), Some("x"));
    assert_eq!(store.last_page().await.unwrap(), page(3).head);
}

#[tokio::test]
async fn a_lost_lock_is_taken_again() {
    let database = ScratchDatabase::new();
    let store = open(&database.url()).await.unwrap();
    let before = holder(&database).await;
    assert!(before.is_some());
    end_sessions(&database, true);
    until(
        async || holder(&database).await,
        |holder| holder.is_some() && *holder != before,
    )
    .await;
    store.change(&[set("a", "b")], &[]).await.unwrap();
    let error = open(&database.url()).await.unwrap_err();
    assert!(matches!(error, OpenError::Held { .. }), "{error}");
}

/// The session that has the lock of this database.
async fn holder(database: &ScratchDatabase) -> Option<i32> {
    let options = url::options(&database.url()).unwrap();
    let mut session = options.connect().await.unwrap();
    let sql = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted \
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let pid = sqlx::query_scalar(sql).fetch_optional(&mut session).await;
    pid.unwrap()
}

#[tokio::test]
async fn whoever_lost_the_database_to_another_process_changes_nothing_any_more() {
    let database = ScratchDatabase::new();
    let first = open(&database.url()).await.unwrap();
    first.append(&page(1), Beside::default()).await.unwrap();
    // Another process comes in a moment in which the lock is lost: it counts its taking.
    database.run("UPDATE owner SET epoch = epoch + 1");
    // At once, though the first has not looked yet.
    let refused = first.change(&[set("a", "b")], &[]).await.unwrap_err();
    assert!(
        refused.to_string().contains("another Tollgate"),
        "{refused}"
    );
    let refused = until(
        async || first.append(&page(2), Beside::default()).await,
        Result::is_err,
    )
    .await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("another Tollgate"), "{refused}");
    assert_eq!(first.setting("a").await.unwrap(), None);
}

#[tokio::test]
async fn nothing_secret_of_the_url_is_in_errors() {
    let database = ScratchDatabase::new();
    let url = database.url();
    let (scheme, rest) = url.split_once("://").unwrap();
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let host = host.split_once('/').unwrap().0;
    for url in [
        format!("{scheme}://nobody:canary@{host}/none"),
        format!("{scheme}://nobody:canary@127.0.0.1:1/none"),
        format!("{scheme}://nobody:canary@{host}/none?sslmode=verify-full&sslrootcert=/none"),
    ] {
        let error = open(&url).await.unwrap_err();
        assert!(matches!(error, OpenError::Server { .. }), "{error:?}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("canary"), "{shown}");
        assert!(shown.contains("none at "), "{shown}");
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let database = ScratchDatabase::new();
    open(&database.url()).await.unwrap().close().await;
    database.run(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9000, 'later', true, ''::bytea, 0)",
    );
    let error = open(&database.url()).await.unwrap_err();
    assert!(
        matches!(error, OpenError::NewerOnServer { found: 9000, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn work_that_is_given_up_leaves_nothing_behind() {
    let database = ScratchDatabase::new();
    let store = open(&database.url()).await.unwrap();
    let other = url::options(&database.url()).unwrap();
    let mut other = other.connect().await.unwrap();
    for sql in ["BEGIN", "LOCK TABLE settings IN EXCLUSIVE MODE"] {
        sqlx::query(sql).execute(&mut other).await.unwrap();
    }
    let changes = [set("a", "b")];
    let change = store.change(&changes, &[]);
    let given_up = timeout(Duration::from_millis(200), change).await;
    assert!(given_up.is_err(), "the table is locked");
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    // Its connection was closed with the change on it.
    store.change(&[set("c", "d")], &[]).await.unwrap();
    assert_eq!(store.setting("a").await.unwrap(), None);
}

/// What a hanging server does: it takes what is sent, and says nothing.
struct Stopped<'a> {
    database: &'a ScratchDatabase,
    pids: Vec<i32>,
}

impl<'a> Stopped<'a> {
    /// Stops the sessions of a database: SIGSTOP to each of their processes on the server.
    async fn new(database: &'a ScratchDatabase) -> Self {
        let options = url::options(&database.url()).unwrap();
        let mut session = options.connect().await.unwrap();
        let sql = "SELECT pid FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let pids = sqlx::query_scalar(sql)
            .fetch_all(&mut session)
            .await
            .unwrap();
        let stopped = Self { database, pids };
        stopped.signal("-STOP");
        stopped
    }

    fn signal(&self, signal: &str) {
        for pid in &self.pids {
            let sent = Command::new("kill")
                .args([signal, &pid.to_string()])
                .status();
            assert!(
                sent.unwrap().success(),
                "{signal} to {pid}: {:?}",
                self.database
            );
        }
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.signal("-CONT");
    }
}

#[tokio::test]
async fn a_stopped_server_gives_an_error_in_time_and_is_used_again_when_it_goes_on() {
    let database = ScratchDatabase::new();
    let store: SqlStore = open(&database.url()).await.unwrap();
    store.append(&page(1), Beside::default()).await.unwrap();
    let stopped = Stopped::new(&database).await;
    let begin = Instant::now();
    let error = store.append(&page(2), Beside::default()).await.unwrap_err();
    assert!(begin.elapsed() < SOON, "{error}");
    assert!(
        error.to_string().contains("PostgreSQL did not answer"),
        "{error}"
    );
    drop(stopped);
    let appended = until(
        async || store.append(&page(2), Beside::default()).await,
        Result::is_ok,
    )
    .await;
    // The first try may have gone through when the server went on.
    let appended = appended.unwrap();
    assert!(
        matches!(appended, Appended::Now | Appended::Before),
        "{appended:?}"
    );
    let appended = store.append(&page(3), Beside::default()).await.unwrap();
    assert_eq!(appended, Appended::Now);
    assert_eq!(store.last_page().await.unwrap(), page(3).head);
}
