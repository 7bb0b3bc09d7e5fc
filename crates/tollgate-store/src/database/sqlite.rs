//! A file of SQLite: opened, brought to the form of this version, and never written by two
//! connections at once.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use super::Purpose;
use super::lanes::{Lanes, Rules};
use crate::migrations;
use crate::open::OpenError;

/// How long a statement waits for another process that has the file locked, such as a backup.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a call waits for a free connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// After this long without work a reading connection is closed, with its thread and cache.
const IDLE: Duration = Duration::from_mins(1);
/// How many connections read at once. More than one helps at the start, when everything is read.
pub(crate) const READERS: usize = 4;
/// Statements that a connection keeps prepared: more than there are.
const STATEMENTS: usize = 64;
/// The page cache of a connection in KiB, written as SQLite wants it: negative.
const CACHE_KIB: &str = "-512";

/// Everything in one file. What an awaited change returned from survives a loss of power.
pub(crate) struct Sqlite {
    /// One connection: SQLite lets one write at a time, and waiting here is fairer than there.
    writer: Lanes<SqliteConnection>,
    readers: Lanes<SqliteConnection>,
}

impl Sqlite {
    /// Opens the file, makes it if it is not there, and brings it to the form of this version. The
    /// directory has to be there; [`crate::Owner::take`] makes it.
    pub(crate) async fn open(path: &Path) -> Result<Self, OpenError> {
        touch(path)?;
        let writing = connection(path).journal_mode(SqliteJournalMode::Wal);
        let mut first = writing
            .connect()
            .await
            .map_err(|error| explain(path, error))?;
        if let Err(error) = migrations::sqlite().run(&mut first).await {
            first.close().await.ok();
            return Err(explain_migration(path, error));
        }
        let rules = Rules {
            most: 1,
            patience: PATIENCE,
            idle: None,
        };
        let writer = Lanes::new(writing, rules).with(first);
        let rules = Rules {
            most: READERS,
            idle: Some(IDLE),
            ..rules
        };
        let readers = Lanes::new(connection(path).pragma("query_only", "ON"), rules);
        Ok(Self { writer, readers })
    }

    /// The connections for this purpose.
    pub(super) fn lanes(&self, purpose: Purpose) -> &Lanes<SqliteConnection> {
        match purpose {
            Purpose::Read => &self.readers,
            Purpose::Write | Purpose::Ledger => &self.writer,
        }
    }

    /// Writes the log back into the file and closes it.
    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
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
        // syncs at every commit. So must a settlement, for which the last byte of an answer waits.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENTS)
        .pragma("cache_size", CACHE_KIB)
        .pragma("trusted_schema", "OFF")
}

fn explain(path: &Path, error: sqlx::Error) -> OpenError {
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
            known: migrations::sqlite_latest(),
        },
        other => OpenError::Other {
            path: path.to_owned(),
            source: other.into(),
        },
    }
}

#[cfg(test)]
mod tests;
