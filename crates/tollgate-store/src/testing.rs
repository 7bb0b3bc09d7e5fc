//! For tests: databases of a PostgreSQL server that live as long as a test, and what may go wrong
//! in a database.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that lacks its server must fail, and says why"
)]

mod standstill;

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, SqliteConnection};
use tokio::runtime::{Builder, Runtime};

pub use self::standstill::Standstill;
use crate::location::Location;

/// The variable that names a server where databases may be made and dropped.
const VARIABLE: &str = "TOLLGATE_TEST_POSTGRES";
/// The longest that making or dropping a database may take.
const LIMIT: Duration = Duration::from_mins(1);

/// A fresh, empty database. It is dropped with this value, whoever still works with it.
#[derive(Debug)]
pub struct ScratchDatabase {
    server: String,
    name: String,
}

impl ScratchDatabase {
    /// Makes a database on the server that `TOLLGATE_TEST_POSTGRES` names.
    ///
    /// # Panics
    /// If the variable is not set or the server cannot be used: a test that needs a database never
    /// passes without one.
    #[expect(
        clippy::new_without_default,
        reason = "making one means talking to a server"
    )]
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let server = std::env::var(VARIABLE).unwrap_or_else(|_| {
            panic!(
                "{VARIABLE} is not set: this test needs a PostgreSQL server. ./test starts one; \
                 see docs/store.md for how to have one at hand"
            )
        });
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let nanos = SystemTime::UNIX_EPOCH
            .elapsed()
            .map_or(0, |since| since.subsec_nanos());
        let name = format!("tollgate_test_{}_{count}_{nanos}", std::process::id());
        let database = Self { server, name };
        database.tell_server(&format!("CREATE DATABASE {}", database.name));
        database
    }

    /// The URL by which Tollgate finds it.
    pub fn url(&self) -> String {
        let (rest, options) = match self.server.split_once('?') {
            Some((rest, options)) => (rest, format!("?{options}")),
            None => (self.server.as_str(), String::new()),
        };
        // The path begins at the first slash behind the two of the scheme.
        let start = rest.find("://").map_or(0, |at| at + 3);
        let end = rest.get(start..).and_then(|rest| rest.find('/'));
        let server = end.and_then(|at| rest.get(..start + at)).unwrap_or(rest);
        format!("{server}/{}{options}", self.name)
    }

    /// Runs a statement in the database, as an operator might.
    pub fn run(&self, sql: &str) {
        on_a_runtime(self.url(), sql.to_owned());
    }

    fn tell_server(&self, sql: &str) {
        on_a_runtime(self.server.clone(), sql.to_owned());
    }
}

impl Drop for ScratchDatabase {
    fn drop(&mut self) {
        self.tell_server(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

/// Runs a statement in the `SQLite` database of this file, as an operator might, also beside a
/// gateway that works with it.
///
/// # Panics
/// If the database cannot be opened or does not do it.
pub fn run_on_sqlite(file: &Path, sql: &str) {
    let options = SqliteConnectOptions::new().filename(file);
    let options = options.busy_timeout(Duration::from_secs(10));
    let sql = sql.to_owned();
    let is_done = waited_for(async move {
        let mut session: SqliteConnection = options.connect().await?;
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut session)
            .await?;
        session.close().await
    });
    assert!(is_done, "the database {} could not be used", file.display());
}

fn on_a_runtime(url: String, sql: String) {
    let is_done = waited_for(async move {
        let options: PgConnectOptions = url.parse().expect("the URL of the server is one");
        let mut session: PgConnection = options.connect().await?;
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut session)
            .await?;
        session.close().await
    });
    assert!(
        is_done,
        "the PostgreSQL server of {VARIABLE} could not be used"
    );
}

/// Runs statements in the database of a URL, SQLite or PostgreSQL, as an operator might beside a
/// gateway.
///
/// # Panics
/// If the database refuses.
pub fn run(url: &str, sql: &str) {
    match Location::of(url).expect("the URL is one") {
        Location::Server => on_a_runtime(url.to_owned(), sql.to_owned()),
        Location::File(path) => run_on_sqlite(&path, sql),
    }
}

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime can be made")
}

/// Waits on a thread of its own, so that it may be called from anywhere.
fn waited_for(work: impl Future<Output = Result<(), sqlx::Error>> + Send + 'static) -> bool {
    let work = std::thread::spawn(move || {
        let done = runtime().block_on(async { tokio::time::timeout(LIMIT, work).await });
        done.expect("the server answers in time")
            .expect("the server does what it is asked");
    });
    // A test that fails already must show its own reason.
    work.join().is_ok() || std::thread::panicking()
}
