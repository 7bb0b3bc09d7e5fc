//! Keys. Deployments have up to a million of them, and all are read at every start.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use futures_util::future::try_join_all;
use sqlx::AssertSqlSafe;
use tollgate_core::id::KeyId;
use tollgate_core::key::VirtualKey;
use tollgate_core::time::Timestamp;
use tollgate_engine::port::StoredKey;

use super::key_row::{self, Columns, Maker, Texts};
use super::many;
use crate::database::{Database, Purpose, READERS, Session, Trouble, Value};

/// How many keys are read with one statement.
const READ_AT_ONCE: i64 = 1024;
/// How many uses are written with one statement.
const USES_AT_ONCE: usize = 500;

/// Every key, in the order of their ids.
pub(super) async fn read_all(database: &Database) -> Result<Vec<StoredKey>, Trouble> {
    match database {
        Database::Sqlite(_) => read_packed(database).await,
        Database::Postgres(_) => read_rows(database).await,
    }
}

/// SQLite hands over each value of each row by itself, through a channel between two threads. So
/// it is asked for many keys in one value, which is read here, while it makes the next ones.
async fn read_packed(database: &Database) -> Result<Vec<StoredKey>, Trouble> {
    let last = {
        let mut session = database.session(Purpose::Read).await?;
        let row = session.row("SELECT max(rowid) FROM keys", &[]).await?;
        let last = row.map(|row| row.maybe_integer(0)).transpose()?;
        last.flatten().unwrap_or(0)
    };
    let next = AtomicI64::new(0);
    let maker = Mutex::new(Maker::default());
    let readers = (0..READERS).map(|_| read_some(database, last, &next, &maker));
    let mut keys: Vec<StoredKey> = try_join_all(readers).await?.into_iter().flatten().collect();
    keys.sort_unstable_by(|one, other| one.key.id.cmp(&other.key.id));
    Ok(keys)
}

async fn read_some(
    database: &Database,
    last: i64,
    next: &AtomicI64,
    maker: &Mutex<Maker>,
) -> Result<Vec<StoredKey>, Trouble> {
    let sql = format!(
        "SELECT json_group_array(json_array({})) FROM keys WHERE rowid > $1 AND rowid <= $2",
        key_row::selected("hex(hash)")
    );
    let mut keys = Vec::new();
    let mut session = None;
    loop {
        let from = next.fetch_add(READ_AT_ONCE, Ordering::Relaxed);
        if from >= last {
            return Ok(keys);
        }
        let session = match &mut session {
            Some(session) => session,
            None => session.insert(database.session(Purpose::Read).await?),
        };
        let values = [from.into(), (from + READ_AT_ONCE).into()];
        let row = session.row(AssertSqlSafe(sql.clone()), &values).await?;
        let Some(row) = row else { continue };
        let packed = row.text(0)?;
        let columns: Vec<Columns<'_>> = serde_json::from_str(&packed).map_err(Trouble::other)?;
        let mut maker = maker.lock().unwrap_or_else(PoisonError::into_inner);
        for columns in &columns {
            keys.push(maker.make(columns)?);
        }
    }
}

async fn read_rows(database: &Database) -> Result<Vec<StoredKey>, Trouble> {
    let sql = format!(
        "SELECT {} FROM keys WHERE id > $1 ORDER BY id LIMIT $2",
        key_row::selected("encode(hash, 'hex')")
    );
    let mut session = database.session(Purpose::Read).await?;
    let (mut keys, mut maker): (Vec<StoredKey>, _) = (Vec::new(), Maker::default());
    loop {
        let last = keys.last().map(|last| last.key.id.clone());
        let after = last.as_ref().map_or("", KeyId::as_str);
        let values = [after.into(), READ_AT_ONCE.into()];
        let rows = session.rows(AssertSqlSafe(sql.clone()), &values).await?;
        if rows.is_empty() {
            return Ok(keys);
        }
        for row in &rows {
            keys.push(maker.make(&Columns::of(row)?)?);
        }
    }
}

/// Keeps a new key.
pub(super) async fn insert(session: &mut Session<'_>, key: &VirtualKey) -> Result<(), Trouble> {
    let texts = Texts::of(key)?;
    let sql = "INSERT INTO keys (id, name, hash, prefix, last_four, permissions, models, \
               expires_at, revoked_at, error_dialect, priority, team, user_id, surfaces, \
               addresses, controls, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    session.execute(sql, &texts.values(key)).await?;
    Ok(())
}

/// Overwrites a key, but for its birth and its last use.
pub(super) async fn update(session: &mut Session<'_>, key: &VirtualKey) -> Result<(), Trouble> {
    let texts = Texts::of(key)?;
    let sql = "UPDATE keys SET name = $2, hash = $3, prefix = $4, last_four = $5, \
               permissions = $6, models = $7, expires_at = $8, revoked_at = $9, \
               error_dialect = $10, priority = $11, team = $12, user_id = $13, surfaces = $14, \
               addresses = $15, controls = $16 WHERE id = $1";
    let values = texts.values(key);
    let [changing @ .., _birth] = &values;
    if session.execute(sql, changing).await? == 0 {
        return Err(Trouble::other(format!("there is no key {}", key.id)));
    }
    Ok(())
}

/// Notes when keys were last used.
pub(super) async fn note_uses(
    database: &Database,
    uses: &[(KeyId, Timestamp)],
) -> Result<(), Trouble> {
    // In the order of the ids, so that two who write meet in one order.
    let mut latest: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for (id, at) in uses {
        let there = latest.entry(id.as_str()).or_insert(*at);
        *there = (*there).max(*at);
    }
    if latest.is_empty() {
        return Ok(());
    }
    let latest: Vec<_> = latest.into_iter().collect();
    let mut session = database.session(Purpose::Write).await?;
    session.begin(database).await?;
    for some in latest.chunks(USES_AT_ONCE) {
        if let Err(trouble) = write_uses(&mut session, some).await {
            session.rollback().await;
            return Err(trouble);
        }
    }
    session.commit().await
}

async fn write_uses(session: &mut Session<'_>, uses: &[(&str, Timestamp)]) -> Result<(), Trouble> {
    let sql = format!(
        "WITH uses (id, at) AS (VALUES {}) UPDATE keys SET last_used_at = uses.at FROM uses \
         WHERE keys.id = uses.id AND (last_used_at IS NULL OR last_used_at < uses.at)",
        many::places(uses.len(), 2)
    );
    let values: Vec<Value<'_>> = uses
        .iter()
        .flat_map(|(id, at)| [(*id).into(), (*at).into()])
        .collect();
    // Made of numbered places alone.
    session.execute(AssertSqlSafe(sql), &values).await?;
    Ok(())
}
