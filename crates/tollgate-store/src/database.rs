//! SQLite or PostgreSQL: the only place that knows there are two. Statements are the same for
//! both, written in what they have in common.

mod lanes;
mod postgres;
mod sqlite;
mod trouble;
mod value;

use sqlx::{PgConnection, SqlSafeStr, SqliteConnection};

use self::lanes::Taken;
pub(crate) use self::postgres::{Postgres, check as check_server};
pub(crate) use self::sqlite::{READERS, Sqlite};
pub(crate) use self::trouble::Trouble;
pub(crate) use self::value::{Row, Value, whole};

/// Where everything is kept.
pub(crate) enum Database {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// What a connection is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To read.
    Read,
    /// To change something.
    Write,
    /// To change what follows from the ledger: never behind other writes where that can be.
    Ledger,
}

impl Database {
    /// Takes a connection.
    pub(crate) async fn session(&self, purpose: Purpose) -> Result<Session<'_>, Trouble> {
        match self {
            Self::Sqlite(sqlite) => sqlite.lanes(purpose).take().await.map(Session::Sqlite),
            Self::Postgres(postgres) => postgres.take(purpose).await.map(Session::Postgres),
        }
    }

    /// What people call it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// Closes it in an orderly way. Whatever comes after fails.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
            Self::Postgres(postgres) => postgres.close().await,
        }
    }
}

/// A connection in use.
pub(crate) enum Session<'a> {
    Sqlite(Taken<'a, SqliteConnection>),
    Postgres(Taken<'a, PgConnection>),
}

impl Session<'_> {
    /// Runs a statement. Gives how many rows it wrote.
    pub(crate) async fn execute(
        &mut self,
        sql: impl SqlSafeStr,
        values: &[Value<'_>],
    ) -> Result<u64, Trouble> {
        match self {
            Self::Sqlite(lane) => {
                let done = value::sqlite(sql, values).execute(lane.begin()?).await;
                lane.ended(done).map(|done| done.rows_affected())
            }
            Self::Postgres(lane) => {
                let done = value::postgres(sql, values).execute(lane.begin()?).await;
                lane.ended(done).map(|done| done.rows_affected())
            }
        }
    }

    /// Runs a statement that answers with rows.
    pub(crate) async fn rows(
        &mut self,
        sql: impl SqlSafeStr,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, Trouble> {
        match self {
            Self::Sqlite(lane) => {
                let rows = value::sqlite(sql, values).fetch_all(lane.begin()?).await;
                Ok(lane.ended(rows)?.into_iter().map(Row::Sqlite).collect())
            }
            Self::Postgres(lane) => {
                let rows = value::postgres(sql, values).fetch_all(lane.begin()?).await;
                Ok(lane.ended(rows)?.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// Runs a statement that answers with one row or none.
    pub(crate) async fn row(
        &mut self,
        sql: impl SqlSafeStr,
        values: &[Value<'_>],
    ) -> Result<Option<Row>, Trouble> {
        self.rows(sql, values).await.map(|mut rows| rows.pop())
    }

    /// Begins a transaction. If it is not committed, nothing of it happens. Fails when another
    /// process has taken the database.
    pub(crate) async fn begin(&mut self, database: &Database) -> Result<(), Trouble> {
        let sql = match self {
            // Whoever reads first and writes later could be refused in the middle.
            Self::Sqlite(_) => "BEGIN IMMEDIATE",
            Self::Postgres(_) => "BEGIN",
        };
        self.execute(sql, &[]).await?;
        self.hold(true);
        if let Database::Postgres(postgres) = database {
            // Shared, so that nobody takes the database before this has happened.
            let sql = "SELECT epoch FROM owner FOR SHARE";
            let epoch = self.row(sql, &[]).await?.map(|row| row.integer(0));
            if epoch.transpose()? != Some(postgres.epoch()) {
                return Err(postgres::taken());
            }
        }
        Ok(())
    }

    /// Begins to read what is all of one moment.
    pub(crate) async fn begin_reading(&mut self) -> Result<(), Trouble> {
        let sql = match self {
            Self::Sqlite(_) => "BEGIN",
            Self::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        self.execute(sql, &[]).await?;
        self.hold(true);
        Ok(())
    }

    /// Makes what was done since [`Self::begin`] happen.
    pub(crate) async fn commit(&mut self) -> Result<(), Trouble> {
        let done = self.execute("COMMIT", &[]).await;
        done.map_err(Trouble::at_commit)?;
        self.hold(false);
        Ok(())
    }

    /// Takes back what was done since [`Self::begin`]. Where that fails, the connection is closed,
    /// which comes to the same.
    pub(crate) async fn rollback(&mut self) {
        if self.execute("ROLLBACK", &[]).await.is_ok() {
            self.hold(false);
        }
    }

    fn hold(&mut self, is_held: bool) {
        match self {
            Self::Sqlite(lane) => lane.hold(is_held),
            Self::Postgres(lane) => lane.hold(is_held),
        }
    }
}
