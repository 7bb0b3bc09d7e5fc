//! Answers that are kept to be given again.

use bytes::Bytes;
use tollgate_core::time::Timestamp;
use tollgate_engine::port::StoredReplay;

use super::segments::AT_ONCE;
use crate::database::{Database, Purpose, Trouble};

/// The answer that is kept here.
pub(super) async fn find(
    database: &Database,
    slot: &[u8; 32],
) -> Result<Option<StoredReplay>, Trouble> {
    let mut session = database.session(Purpose::Read).await?;
    let sql = "SELECT fingerprint, answer, expires_at FROM replays WHERE slot = $1";
    let row = session.row(sql, &[slot.as_slice().into()]).await?;
    row.map(|row| {
        Ok(StoredReplay {
            slot: *slot,
            fingerprint: row.array(0)?,
            answer: Bytes::copy_from_slice(row.bytes(1)?),
            expires_at: row.time(2)?,
        })
    })
    .transpose()
}

/// Keeps an answer, in place of one that is there.
pub(super) async fn put(database: &Database, replay: &StoredReplay) -> Result<(), Trouble> {
    let mut session = database.session(Purpose::Write).await?;
    let sql = "INSERT INTO replays (slot, fingerprint, answer, expires_at) \
               VALUES ($1, $2, $3, $4) ON CONFLICT (slot) DO UPDATE \
               SET fingerprint = excluded.fingerprint, answer = excluded.answer, \
               expires_at = excluded.expires_at";
    let values = [
        replay.slot.as_slice().into(),
        replay.fingerprint.as_slice().into(),
        (&*replay.answer).into(),
        replay.expires_at.into(),
    ];
    session.execute(sql, &values).await?;
    Ok(())
}

/// Forgets those whose time is over, a part at a time, so that others get their turn.
pub(super) async fn forget(database: &Database, now: Timestamp) -> Result<u64, Trouble> {
    let sql = "DELETE FROM replays WHERE slot IN \
               (SELECT slot FROM replays WHERE expires_at <= $1 LIMIT $2)";
    let mut forgotten = 0;
    loop {
        let mut session = database.session(Purpose::Write).await?;
        let some = session.execute(sql, &[now.into(), AT_ONCE.into()]).await?;
        forgotten += some;
        if some == 0 {
            return Ok(forgotten);
        }
    }
}
