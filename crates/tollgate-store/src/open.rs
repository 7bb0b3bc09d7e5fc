//! Opens the database that a URL names, or says clearly why that cannot be.

use std::io;
use std::path::PathBuf;

use crate::database::{Database, Postgres, Sqlite};
use crate::location::Location;
use crate::store::SqlStore;

/// Opens the database of a URL (`sqlite://PATH` or `postgres://…`) and brings it to the form of
/// this version. A file is made if it is not there; on a server the database has to be. While one
/// process has a database of a server open, others fail with [`OpenError::Held`]; a file is
/// guarded by [`crate::Owner`], which also makes its directory.
pub async fn open(url: &str) -> Result<SqlStore, OpenError> {
    let database = match Location::of(url)? {
        Location::File(path) => Database::Sqlite(Sqlite::open(&path).await?),
        Location::Server => Database::Postgres(Postgres::open(url).await?),
    };
    Ok(SqlStore::new(database))
}

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Everything would be forgotten at the end of the process, keys included.
    #[error("a database in memory is not supported: give the URL of a file, sqlite://PATH")]
    InMemory,
    /// The URL cannot be understood.
    #[error(
        "the database URL is not usable: {0}; it should read sqlite://PATH or postgres://USER:PASSWORD@HOST/DATABASE"
    )]
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
    /// The server cannot be reached, or refuses this user.
    #[error("cannot use the PostgreSQL database {place}: {source}")]
    Server {
        /// Host, port and name, without user and password.
        place: String,
        /// What is wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A later version of Tollgate has changed the form of a database on a server.
    #[error(
        "the PostgreSQL database {place} is from a newer version of Tollgate (form {found}; this \
         version knows forms up to {known}): use that version, or restore a backup from before \
         the upgrade"
    )]
    NewerOnServer {
        /// Host, port and name.
        place: String,
        /// The form of the database.
        found: i64,
        /// The last form that this version knows.
        known: i64,
    },
    /// Another process works with a database on a server.
    #[error(
        "another Tollgate process works with this database ({place}): stop it, or give this one a \
         database of its own with [database] url"
    )]
    Held {
        /// Host, port and name.
        place: String,
    },
}
