//! The store on SQLite: one connection that writes and a few that read, all of one file.

mod open;
mod row;

use std::fmt;
use std::future::Future;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::{Row as _, SqlitePool};
use tollgate_core::audit::AuditRow;
use tollgate_core::error::dialect::Dialect;
use tollgate_core::id::KeyId;
use tollgate_core::key::VirtualKey;
use tollgate_core::ledger::{EntryId, Page, PageHead, WalletId};
use tollgate_core::request_log::Segment;
use tollgate_core::tenant::{Organization, Team, User};
use tollgate_core::time::Timestamp;
use tollgate_engine::port::{
    Appended, AuditQuery, BoxFuture, Change, Checkpoint, LedgerStore, LogStore, ReplayStore, Store,
    StoreError, Stored, StoredConnection, StoredKey, StoredReplay, StoredSegment, TenantStore,
    Transaction, UsageQuery, UsageRow,
};

pub use open::{OpenError, open};

/// The longest that one statement may take; disks have been seen to hang.
const STATEMENT_LIMIT: Duration = Duration::from_secs(15);
/// The longest that reading all keys may take: a million of them are read in a few seconds.
const READ_ALL_LIMIT: Duration = Duration::from_mins(2);

/// Keeps everything in one SQLite file. What an awaited change returned from survives a loss of
/// power: changes are rare, so each may cost a sync of the disk.
pub struct SqliteStore {
    /// One connection: SQLite lets one write at a time, and waiting here is fairer than there.
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Writes the log back into the file and closes it. Whatever comes after fails.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    async fn read_keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        let mut rows = sqlx::query(
            "SELECT id, name, hash, prefix, last_four, permissions, models, created_at, \
             expires_at, revoked_at, last_used_at, error_dialect, priority FROM keys ORDER BY id",
        )
        .fetch(&self.readers);
        let mut keys = Vec::new();
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            keys.push(row::read(&row)?);
        }
        Ok(keys)
    }

    async fn insert(&self, key: &VirtualKey) -> Result<(), StoreError> {
        let lists = row::Lists::of(key)?;
        sqlx::query(
            "INSERT INTO keys (id, name, hash, prefix, last_four, permissions, models, \
             created_at, expires_at, revoked_at, error_dialect, priority) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(key.id.as_str())
        .bind(&*key.name)
        .bind(key.hash.as_bytes().as_slice())
        .bind(&*key.prefix)
        .bind(&*key.last_four)
        .bind(lists.permissions)
        .bind(lists.models)
        .bind(key.created_at.as_millis())
        .bind(key.expires_at.map(Timestamp::as_millis))
        .bind(key.revoked_at.map(Timestamp::as_millis))
        .bind(key.error_dialect.map(Dialect::name))
        .bind(key.priority.as_str())
        .execute(&self.writer)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn update(&self, key: &VirtualKey) -> Result<(), StoreError> {
        let lists = row::Lists::of(key)?;
        let changed = sqlx::query(
            "UPDATE keys SET name = $2, hash = $3, prefix = $4, last_four = $5, \
             permissions = $6, models = $7, expires_at = $8, revoked_at = $9, \
             error_dialect = $10, priority = $11 WHERE id = $1",
        )
        .bind(key.id.as_str())
        .bind(&*key.name)
        .bind(key.hash.as_bytes().as_slice())
        .bind(&*key.prefix)
        .bind(&*key.last_four)
        .bind(lists.permissions)
        .bind(lists.models)
        .bind(key.expires_at.map(Timestamp::as_millis))
        .bind(key.revoked_at.map(Timestamp::as_millis))
        .bind(key.error_dialect.map(Dialect::name))
        .bind(key.priority.as_str())
        .execute(&self.writer)
        .await
        .map_err(failed)?;
        if changed.rows_affected() == 0 {
            return Err(StoreError(format!("there is no key {}", key.id).into()));
        }
        Ok(())
    }

    async fn write_uses(&self, uses: &[(KeyId, Timestamp)]) -> Result<(), StoreError> {
        if uses.is_empty() {
            return Ok(());
        }
        // One statement for all of them: the list travels as one parameter.
        sqlx::query(
            "WITH uses (id, at) AS (\
                 SELECT value ->> 0, max(value ->> 1) FROM json_each($1) GROUP BY 1) \
             UPDATE keys SET last_used_at = max(uses.at, coalesce(last_used_at, uses.at)) \
             FROM uses WHERE keys.id = uses.id",
        )
        .bind(row::uses(uses))
        .execute(&self.writer)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn read_setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        sqlx::query("SELECT value FROM settings WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.readers)
            .await
            .and_then(|row| row.map(|row| row.try_get(0)).transpose())
            .map_err(failed)
    }

    async fn write_setting(&self, name: &str, value: &str) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO settings (name, value) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(name)
        .bind(value)
        .execute(&self.writer)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn read_anything(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1 FROM settings LIMIT 1")
            .fetch_optional(&self.readers)
            .await
            .map_err(failed)?;
        Ok(())
    }
}

impl SqliteStore {
    async fn make(&self, changes: &[Change]) -> Result<(), StoreError> {
        for change in changes {
            match change {
                Change::InsertKey(key) => self.insert(key).await?,
                Change::UpdateKey(key) => self.update(key).await?,
                Change::SetSetting { name, value } => self.write_setting(name, value).await?,
                _ => return Err(not_yet()),
            }
        }
        Ok(())
    }
}

fn not_yet() -> StoreError {
    StoreError("this is not kept yet".into())
}

fn none<'a, T: Default + Send + 'a>() -> Stored<'a, T> {
    Box::pin(std::future::ready(Ok(T::default())))
}

fn refused<'a, T: Send + 'a>() -> Stored<'a, T> {
    Box::pin(std::future::ready(Err(not_yet())))
}

impl Store for SqliteStore {
    fn ping(&self) -> Stored<'_, ()> {
        within(STATEMENT_LIMIT, self.read_anything())
    }
}

impl TenantStore for SqliteStore {
    fn keys(&self) -> Stored<'_, Vec<StoredKey>> {
        within(READ_ALL_LIMIT, self.read_keys())
    }
    fn organizations(&self) -> Stored<'_, Vec<Organization>> {
        none()
    }
    fn teams(&self) -> Stored<'_, Vec<Team>> {
        none()
    }
    fn users(&self) -> Stored<'_, Vec<User>> {
        none()
    }
    fn connections(&self) -> Stored<'_, Vec<StoredConnection>> {
        none()
    }
    fn change<'a>(&'a self, changes: &'a [Change], _audit: &'a [AuditRow]) -> Stored<'a, ()> {
        within(STATEMENT_LIMIT, self.make(changes))
    }
    fn note_uses<'a>(&'a self, uses: &'a [(KeyId, Timestamp)]) -> Stored<'a, ()> {
        within(STATEMENT_LIMIT, self.write_uses(uses))
    }
    fn setting<'a>(&'a self, name: &'a str) -> Stored<'a, Option<String>> {
        within(STATEMENT_LIMIT, self.read_setting(name))
    }
    fn audit<'a>(&'a self, _query: &'a AuditQuery) -> Stored<'a, (Vec<AuditRow>, u64)> {
        none()
    }
}

impl LedgerStore for SqliteStore {
    fn last_page(&self) -> Stored<'_, PageHead> {
        none()
    }
    fn append<'a>(
        &'a self,
        _page: &'a Page,
        _transactions: &'a [Transaction],
        _audit: &'a [AuditRow],
    ) -> Stored<'a, Appended> {
        refused()
    }
    fn pages(&self, _after: u64, _most: u32) -> Stored<'_, Vec<Page>> {
        none()
    }
    fn transaction<'a>(
        &'a self,
        _wallet: &'a WalletId,
        _reference: &'a str,
    ) -> Stored<'a, Option<Transaction>> {
        none()
    }
    fn transaction_of(&self, _id: EntryId) -> Stored<'_, Option<Transaction>> {
        none()
    }
    fn open_holds(&self) -> Stored<'_, Vec<Transaction>> {
        none()
    }
    fn transactions<'a>(
        &'a self,
        _wallet: &'a WalletId,
        _offset: u64,
        _limit: u32,
    ) -> Stored<'a, Vec<Transaction>> {
        none()
    }
    fn write_checkpoint<'a>(&'a self, _checkpoint: &'a Checkpoint) -> Stored<'a, ()> {
        refused()
    }
    fn checkpoint(&self) -> Stored<'_, Checkpoint> {
        none()
    }
    fn usage<'a>(&'a self, _query: &'a UsageQuery) -> Stored<'a, Vec<UsageRow>> {
        none()
    }
}

impl LogStore for SqliteStore {
    fn append_segment<'a>(&'a self, _segment: &'a Segment) -> Stored<'a, u64> {
        refused()
    }
    fn segment_summaries(&self, _after: u64, _most: u32) -> Stored<'_, Vec<StoredSegment>> {
        none()
    }
    fn segments<'a>(&'a self, _numbers: &'a [u64]) -> Stored<'a, Vec<StoredSegment>> {
        none()
    }
    fn forget_segments(&self, _before: Timestamp) -> Stored<'_, u64> {
        none()
    }
}

impl ReplayStore for SqliteStore {
    fn replay<'a>(&'a self, _slot: &'a [u8; 32]) -> Stored<'a, Option<StoredReplay>> {
        none()
    }
    fn put_replay<'a>(&'a self, _replay: &'a StoredReplay) -> Stored<'a, ()> {
        refused()
    }
    fn forget_replays(&self, _now: Timestamp) -> Stored<'_, u64> {
        none()
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SqliteStore")
    }
}

fn within<'a, T>(
    limit: Duration,
    work: impl Future<Output = Result<T, StoreError>> + Send + 'a,
) -> BoxFuture<'a, Result<T, StoreError>> {
    Box::pin(async move {
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            Err(StoreError(
                format!("SQLite did not answer within {limit:?}").into(),
            ))
        })
    })
}

fn failed(error: sqlx::Error) -> StoreError {
    StoreError(error.into())
}

#[cfg(test)]
mod tests;
