//! A database of a PostgreSQL server: found by its URL, taken by one process, and brought to the
//! form of this version.

mod lock;
mod url;

use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use tokio::time::timeout;

use self::lock::Lock;
pub(super) use self::lock::taken;
pub(crate) use self::url::check;
use super::lanes::{Lanes, Rules, Taken};
use super::{Purpose, Trouble};
use crate::migrations;
use crate::open::OpenError;

/// How long work waits for a connection that is free, and for a new one. With the time of a
/// statement it stays below what the ledger gives one try.
const PATIENCE: Duration = Duration::from_secs(3);
/// After this long without work a connection is closed: what lies between may have forgotten it.
const IDLE: Duration = Duration::from_mins(1);
/// How many connections there are beside the two of the ledger and of the lock.
const MOST: usize = 4;
/// Statements that a connection keeps prepared: more than there are.
const STATEMENTS: usize = 64;
/// When the server itself ends a statement whose asker has given up long ago.
const SERVER_LIMITS: [(&str, &str); 3] = [
    ("statement_timeout", "20s"),
    ("lock_timeout", "10s"),
    ("idle_in_transaction_session_timeout", "20s"),
];
/// The longest that bringing the database to the form of this version may take.
const MIGRATION_LIMIT: Duration = Duration::from_mins(10);

/// Everything in a database of a server.
pub(crate) struct Postgres {
    lanes: Lanes<PgConnection>,
    /// One connection that nothing else is in the way of.
    ledger: Lanes<PgConnection>,
    lock: Lock,
}

impl Postgres {
    /// Connects, takes the database for this process, and brings it to the form of this version.
    pub(crate) async fn open(url: &str) -> Result<Self, OpenError> {
        let options = url::options(url)?;
        let place = url::place(&options);
        let plain = options.clone().statement_cache_capacity(0);
        let mut session = connect(&plain, &place).await?;
        if !lock::take(&mut session, &place).await? {
            session.close().await.ok();
            return Err(OpenError::Held { place });
        }
        migrate(&mut session, &place).await?;
        let lock = Lock::begin(session, plain, &place).await?;
        let rules = Rules {
            most: MOST,
            patience: PATIENCE,
            idle: Some(IDLE),
        };
        let options = options
            .statement_cache_capacity(STATEMENTS)
            .options(SERVER_LIMITS);
        Ok(Self {
            lanes: Lanes::new(options.clone(), rules),
            ledger: Lanes::new(options, Rules { most: 1, ..rules }),
            lock,
        })
    }

    /// Takes a connection for this purpose.
    pub(super) async fn take(&self, purpose: Purpose) -> Result<Taken<'_, PgConnection>, Trouble> {
        match purpose {
            Purpose::Read => self.lanes.take().await,
            Purpose::Write => {
                self.lock.check()?;
                self.lanes.take().await
            }
            Purpose::Ledger => {
                self.lock.check()?;
                self.ledger.take().await
            }
        }
    }

    /// How often the database had been taken when this process took it.
    pub(super) fn epoch(&self) -> i64 {
        self.lock.epoch()
    }

    pub(super) async fn close(&self) {
        self.lanes.close().await;
        self.ledger.close().await;
        self.lock.close().await;
    }
}

async fn connect(options: &PgConnectOptions, place: &str) -> Result<PgConnection, OpenError> {
    match timeout(PATIENCE * 2, options.connect()).await {
        Ok(Ok(session)) => Ok(session),
        Ok(Err(error)) => Err(server(place, error)),
        Err(_) => Err(server(
            place,
            format!("the server did not answer within {:?}", PATIENCE * 2),
        )),
    }
}

fn server(place: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> OpenError {
    OpenError::Server {
        place: place.to_owned(),
        source: source.into(),
    }
}

async fn migrate(session: &mut PgConnection, place: &str) -> Result<(), OpenError> {
    let steps = migrations::postgres();
    match timeout(MIGRATION_LIMIT, steps.run(session)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(MigrateError::VersionMissing(found))) => Err(OpenError::NewerOnServer {
            place: place.to_owned(),
            found,
            known: migrations::postgres_latest(),
        }),
        Ok(Err(error)) => Err(server(place, error)),
        Err(_) => Err(server(
            place,
            "bringing it to the form of this version took too long",
        )),
    }
}

#[cfg(test)]
mod tests;
