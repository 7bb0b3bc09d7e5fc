//! The request log.

use bytes::Bytes;
use sqlx::AssertSqlSafe;
use tollgate_core::request_log::Segment;
use tollgate_core::time::Timestamp;
use tollgate_engine::port::StoredSegment;

use crate::database::{Database, Purpose, Row, Session, Trouble, Value, whole as integer};

/// How many rows are forgotten with one statement.
pub(super) const AT_ONCE: i64 = 256;
/// How many segments are asked for with one statement.
const ASKED_AT_ONCE: usize = 64;

/// Keeps a segment. Gives its number.
pub(super) async fn append(database: &Database, segment: &Segment) -> Result<u64, Trouble> {
    let mut session = database.session(Purpose::Write).await?;
    // In a transaction, because of what a lost connection did to a lone statement nobody knows.
    session.begin(database).await?;
    let sql = "INSERT INTO segments (from_at, to_at, entries, summary, content) \
               VALUES ($1, $2, $3, $4, $5) RETURNING number";
    let values = [
        segment.from.into(),
        segment.to.into(),
        i64::from(segment.count).into(),
        (&*segment.summary).into(),
        (&*segment.rows).into(),
    ];
    let inserted = session.row(sql, &values).await;
    let number = match inserted.and_then(|row| row.as_ref().map(number).transpose()) {
        Ok(number) => number,
        Err(trouble) => {
            session.rollback().await;
            return Err(trouble);
        }
    };
    session.commit().await?;
    number.ok_or_else(|| Trouble::other("a segment was given no number"))
}

fn number(row: &Row) -> Result<u64, Trouble> {
    row.count(0)
}

/// The summaries of segments behind this number.
pub(super) async fn summaries(
    database: &Database,
    after: u64,
    most: u32,
) -> Result<Vec<StoredSegment>, Trouble> {
    let mut session = database.session(Purpose::Read).await?;
    let sql = "SELECT number, from_at, to_at, entries, summary FROM segments \
               WHERE number > $1 ORDER BY number LIMIT $2";
    // Nothing lies behind the largest number that the database knows.
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let rows = session
        .rows(sql, &[after.into(), i64::from(most).into()])
        .await?;
    rows.iter().map(|row| read(row, Bytes::new())).collect()
}

/// These segments with their rows.
pub(super) async fn whole(
    database: &Database,
    numbers: &[u64],
) -> Result<Vec<StoredSegment>, Trouble> {
    let mut wanted = numbers.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let mut session = database.session(Purpose::Read).await?;
    let mut found = Vec::with_capacity(wanted.len());
    for some in wanted.chunks(ASKED_AT_ONCE) {
        let places: Vec<String> = (1..=some.len()).map(|place| format!("${place}")).collect();
        let sql = format!(
            "SELECT number, from_at, to_at, entries, summary, content FROM segments \
             WHERE number IN ({}) ORDER BY number",
            places.join(", ")
        );
        let values: Vec<Value<'_>> = some
            .iter()
            .map(|number| Ok(integer(*number)?.into()))
            .collect::<Result<_, Trouble>>()?;
        // Made of numbered places alone.
        for row in session.rows(AssertSqlSafe(sql), &values).await? {
            let rows = Bytes::copy_from_slice(row.bytes(5)?);
            found.push(read(&row, rows)?);
        }
    }
    Ok(found)
}

/// Keeps a segment in place of these, under the number of the last of them. `false`: one of them
/// is gone, and nothing was changed.
pub(super) async fn replace(
    database: &Database,
    numbers: &[u64],
    segment: &Segment,
) -> Result<bool, Trouble> {
    let mut replaced = numbers.to_vec();
    replaced.sort_unstable();
    replaced.dedup();
    let Some(kept) = replaced.pop() else {
        return Ok(false);
    };
    let mut session = database.session(Purpose::Write).await?;
    session.begin(database).await?;
    match put_in_place(&mut session, kept, &replaced, segment).await {
        Ok(true) => session.commit().await.map(|()| true),
        Ok(false) => {
            session.rollback().await;
            Ok(false)
        }
        Err(trouble) => {
            session.rollback().await;
            Err(trouble)
        }
    }
}

/// `false`: one of them is gone.
async fn put_in_place(
    session: &mut Session<'_>,
    kept: u64,
    others: &[u64],
    segment: &Segment,
) -> Result<bool, Trouble> {
    for number in others {
        let sql = "DELETE FROM segments WHERE number = $1";
        if session.execute(sql, &[integer(*number)?.into()]).await? == 0 {
            return Ok(false);
        }
    }
    let sql = "UPDATE segments SET from_at = $2, to_at = $3, entries = $4, summary = $5, \
               content = $6 WHERE number = $1";
    let values = [
        integer(kept)?.into(),
        segment.from.into(),
        segment.to.into(),
        i64::from(segment.count).into(),
        (&*segment.summary).into(),
        (&*segment.rows).into(),
    ];
    Ok(session.execute(sql, &values).await? == 1)
}

/// Forgets segments whose last row came before this time, a part at a time.
pub(super) async fn forget(database: &Database, before: Timestamp) -> Result<u64, Trouble> {
    let sql = "DELETE FROM segments WHERE number IN \
               (SELECT number FROM segments WHERE to_at < $1 LIMIT $2)";
    let mut forgotten = 0;
    loop {
        let mut session = database.session(Purpose::Write).await?;
        let some = session
            .execute(sql, &[before.into(), AT_ONCE.into()])
            .await?;
        forgotten += some;
        if some == 0 {
            return Ok(forgotten);
        }
    }
}

fn read(row: &Row, rows: Bytes) -> Result<StoredSegment, Trouble> {
    Ok(StoredSegment {
        number: row.count(0)?,
        segment: Segment {
            from: row.time(1)?,
            to: row.time(2)?,
            count: u32::try_from(row.integer(3)?).map_err(Trouble::other)?,
            summary: Bytes::copy_from_slice(row.bytes(4)?),
            rows,
        },
    })
}
