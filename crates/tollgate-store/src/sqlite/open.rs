//! Opens the file, brings it to the form of this version, and says clearly why it cannot.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::SqliteStore;
use crate::{location, migrations};

/// How long a statement waits for another process that has the file locked, such as a backup.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a call waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// After this long without work a reading connection is closed, with its thread and cache.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
const READERS: u32 = 2;
/// Statements that a connection keeps prepared: more than there are.
const STATEMENTS: usize = 32;
/// The page cache of a connection in KiB, written as SQLite wants it: negative.
const CACHE_KIB: &str = "-512";

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is of a database that a later version will support.
    #[error("this version keeps its data in SQLite only; PostgreSQL is not supported yet")]
    OnlySqlite,
    /// Everything would be forgotten at the end of the process, keys included.
    #[error("a database in memory is not supported: give the URL of a file, sqlite://PATH")]
    InMemory,
    /// The URL cannot be understood.
    #[error("the database URL is not usable: {0}; it should read sqlite://PATH")]
    Url(String),
    /// The file is not there and cannot be made, or is no file.
    #[error("cannot open the database {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It can be read but not written.
    #[error("the database {} is not writable for this user: {source}", path.display())]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// What the system or SQLite says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file is something else.
    #[error("{} is not an SQLite database", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// Another program holds it locked.
    #[error("the database {} is locked by another program", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// A later version of Tollgate has changed its form.
    #[error(
        "the database {} is from a newer version of Tollgate (form {found}; this version knows \
         forms up to {known}): use that version, or restore a backup from before the upgrade",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The form of the file.
        found: i64,
        /// The last form that this version knows.
        known: i64,
    },
    /// Anything else that SQLite reports.
    #[error("cannot use the database {}: {source}", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Opens the database of a URL, makes it if it is not there, and brings it to the form of this
/// version. The directory has to be there; [`crate::Owner::take`] makes it.
pub async fn open(url: &str) -> Result<SqliteStore, OpenError> {
    let path = location::database_file(url)?;
    touch(&path)?;
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(connection(&path).journal_mode(SqliteJournalMode::Wal))
        .await
        .map_err(|error| explain(&path, error))?;
    if let Err(error) = migrations::sqlite().run(&writer).await {
        writer.close().await;
        return Err(explain_migration(&path, error));
    }
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(IDLE_TIMEOUT)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(connection(&path).pragma("query_only", "ON"));
    Ok(SqliteStore { writer, readers })
}

/// Makes the file if it is not there, for its owner's eyes only; SQLite gives the files beside it
/// the same mode. The system's own complaint is clearer than SQLite's.
fn touch(path: &Path) -> Result<(), OpenError> {
    let opened = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path);
    match opened {
        Ok(_) => Ok(()),
        Err(source)
            if path.exists()
                && matches!(
                    source.kind(),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                ) =>
        {
            Err(OpenError::NotWritable {
                path: path.to_owned(),
                source: source.into(),
            })
        }
        Err(source) => Err(OpenError::File {
            path: path.to_owned(),
            source,
        }),
    }
}

fn connection(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        // A revocation that was answered must hold after a loss of power: in WAL mode only FULL
        // syncs at every commit. Nothing here writes on the path of a request.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENTS)
        .pragma("cache_size", CACHE_KIB)
        .pragma("trusted_schema", "OFF")
}

pub(super) fn explain(path: &Path, error: sqlx::Error) -> OpenError {
    let path = path.to_owned();
    // The low byte of an extended code is the primary one (https://sqlite.org/rescode.html).
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .and_then(|code| code.parse::<u32>().ok())
        .map(|code| code & 0xff);
    match code {
        Some(5 | 6) => OpenError::Locked { path },
        Some(8) => OpenError::NotWritable {
            path,
            source: error.into(),
        },
        Some(26) => OpenError::NotADatabase { path },
        _ => OpenError::Other {
            path,
            source: error.into(),
        },
    }
}

fn explain_migration(path: &Path, error: MigrateError) -> OpenError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            explain(path, error)
        }
        MigrateError::VersionMissing(found) => OpenError::Newer {
            path: path.to_owned(),
            found,
            known: migrations::latest(),
        },
        other => OpenError::Other {
            path: path.to_owned(),
            source: other.into(),
        },
    }
}
