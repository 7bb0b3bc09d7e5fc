//! Jobs and their calls.

mod find;
mod sums;

use tollgate_core::id::{OrgId, TeamId};
use tollgate_core::job::{CallRecord, CallState, Job, JobId, State};
use tollgate_core::ledger::EntryId;
use tollgate_core::time::Timestamp;
use tollgate_engine::port::JobEnd;

use crate::database::{Database, Purpose, Row, Session, Trouble, Value, whole};

pub(super) use self::find::{find, overdue, teams_at_work, there, totals_of, unsettled};
pub(super) use self::sums::sums;

/// What is read of a job, in the order of [`read`].
const COLUMNS: &str = "id, team, organization, user_id, kind, metadata, is_single, state, error, \
                       created_at, started_at, completed_at, hold, due, charged, is_settled";
/// How many of them there are.
const WIDTH: usize = 16;

/// Keeps a new job.
pub(super) async fn insert(database: &Database, job: &Job) -> Result<(), Trouble> {
    let mut session = database.session(Purpose::Write).await?;
    let sql = "INSERT INTO jobs (id, team, organization, user_id, kind, metadata, is_single, \
               state, error, created_at, started_at, completed_at, hold, due, charged, \
               is_settled) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
               $15, $16) ON CONFLICT (id) DO NOTHING";
    let id = job.id.to_string();
    let hold = job.hold.map(|hold| hold.bits().to_be_bytes());
    let values = [
        id.as_str().into(),
        job.team.as_str().into(),
        job.organization.as_str().into(),
        job.user.as_deref().into(),
        (&*job.kind).into(),
        (&*job.metadata).into(),
        i64::from(job.single).into(),
        job.state.as_str().into(),
        job.error.as_deref().into(),
        job.created_at.into(),
        job.started_at.into(),
        job.completed_at.into(),
        Value::Bytes(hold.as_ref().map(<[u8; 16]>::as_slice)),
        whole(job.due)?.into(),
        whole(job.charged)?.into(),
        i64::from(job.settled).into(),
    ];
    session.execute(sql, &values).await?;
    Ok(())
}

/// The job of this id.
pub(super) async fn one(database: &Database, id: JobId) -> Result<Option<Job>, Trouble> {
    let mut session = database.session(Purpose::Read).await?;
    let id = id.to_string();
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = $1");
    // Made of the texts above alone.
    let sql = sqlx::AssertSqlSafe(sql);
    let row = session.row(sql, &[id.as_str().into()]).await?;
    row.map(|row| read(&row)).transpose()
}

/// The calls of a job, the oldest first.
pub(super) async fn calls(database: &Database, job: JobId) -> Result<Vec<CallRecord>, Trouble> {
    let mut session = database.session(Purpose::Read).await?;
    let text = job.to_string();
    let sql = "SELECT id, at, purpose, asked, model, request_id, state, prompt, completion, cost, \
               latency_ms, error FROM job_calls WHERE job = $1 ORDER BY number";
    let rows = session.rows(sql, &[text.as_str().into()]).await?;
    let read = |row: &Row| {
        let latency = row.maybe_integer(10)?.map(u64::try_from).transpose();
        Ok(CallRecord {
            id: job_id(row, 0)?,
            job,
            at: row.time(1)?,
            purpose: row.maybe_boxed(2)?,
            asked: row.boxed(3)?,
            model: row.maybe_boxed(4)?,
            request_id: row.boxed(5)?,
            state: CallState::from_name(&row.text(6)?)
                .ok_or_else(|| Trouble::other("the state of a call is not known"))?,
            prompt: row.count(7)?,
            completion: row.count(8)?,
            cost: row.count(9)?,
            latency_ms: latency.map_err(Trouble::other)?,
            error: row.maybe_boxed(11)?,
        })
    };
    rows.iter().map(read).collect()
}

/// Notes that a call begins, if its job is open and has fewer calls than it may have.
pub(super) async fn begin_call(
    database: &Database,
    call: &CallRecord,
    most: u64,
) -> Result<bool, Trouble> {
    let mut session = database.session(Purpose::Write).await?;
    session.begin(database).await?;
    match begin_within(&mut session, call, most).await {
        Ok(true) => {
            session.commit().await?;
            Ok(true)
        }
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

async fn begin_within(
    session: &mut Session<'_>,
    call: &CallRecord,
    most: u64,
) -> Result<bool, Trouble> {
    let (id, job) = (call.id.to_string(), call.job.to_string());
    let sql = "UPDATE jobs SET state = 'in_progress', started_at = COALESCE(started_at, $2), \
               calls_begun = calls_begun + 1 \
               WHERE id = $1 AND state IN ('pending', 'in_progress') AND calls_begun < $3";
    let values = [job.as_str().into(), call.at.into(), whole(most)?.into()];
    if session.execute(sql, &values).await? == 0 {
        return Ok(false);
    }
    let sql = "INSERT INTO job_calls (id, job, at, purpose, asked, model, request_id, state, \
               prompt, completion, cost, latency_ms, error) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
               ON CONFLICT (id) DO NOTHING";
    let values = [
        id.as_str().into(),
        job.as_str().into(),
        call.at.into(),
        call.purpose.as_deref().into(),
        (&*call.asked).into(),
        call.model.as_deref().into(),
        (&*call.request_id).into(),
        call.state.as_str().into(),
        whole(call.prompt)?.into(),
        whole(call.completion)?.into(),
        whole(call.cost)?.into(),
        Value::Integer(call.latency_ms.map(whole).transpose()?),
        call.error.as_deref().into(),
    ];
    session.execute(sql, &values).await?;
    Ok(true)
}

/// Takes back that a call began.
pub(super) async fn undo_call(database: &Database, call: &CallRecord) -> Result<(), Trouble> {
    let mut session = database.session(Purpose::Write).await?;
    session.begin(database).await?;
    match undo_within(&mut session, call).await {
        Ok(()) => session.commit().await,
        Err(trouble) => {
            session.rollback().await;
            Err(trouble)
        }
    }
}

async fn undo_within(session: &mut Session<'_>, call: &CallRecord) -> Result<(), Trouble> {
    let (id, job) = (call.id.to_string(), call.job.to_string());
    // Whoever notes that a call begins has taken hold of its job. If that was given up while it
    // was being committed, it is waited for here: else the call could come behind its removal.
    let sql = "UPDATE jobs SET state = state WHERE id = $1";
    session.execute(sql, &[job.as_str().into()]).await?;
    let sql = "DELETE FROM job_calls WHERE id = $1";
    if session.execute(sql, &[id.as_str().into()]).await? > 0 {
        let sql = "UPDATE jobs SET calls_begun = calls_begun - 1 WHERE id = $1";
        session.execute(sql, &[job.as_str().into()]).await?;
    }
    Ok(())
}

/// Notes how a call went.
pub(super) async fn end_call(database: &Database, call: &CallRecord) -> Result<(), Trouble> {
    let mut session = database.session(Purpose::Write).await?;
    let sql = "UPDATE job_calls SET model = $2, state = $3, prompt = $4, completion = $5, \
               cost = $6, latency_ms = $7, error = $8 WHERE id = $1";
    let id = call.id.to_string();
    let values = [
        id.as_str().into(),
        call.model.as_deref().into(),
        call.state.as_str().into(),
        whole(call.prompt)?.into(),
        whole(call.completion)?.into(),
        whole(call.cost)?.into(),
        Value::Integer(call.latency_ms.map(whole).transpose()?),
        call.error.as_deref().into(),
    ];
    session.execute(sql, &values).await?;
    Ok(())
}

/// Replaces the metadata of a job, if they are as they were read.
pub(super) async fn set_metadata(
    database: &Database,
    id: JobId,
    (old, new): (&str, &str),
) -> Result<bool, Trouble> {
    let mut session = database.session(Purpose::Write).await?;
    let sql = "UPDATE jobs SET metadata = $3 WHERE id = $1 AND metadata = $2";
    let id = id.to_string();
    let values = [id.as_str().into(), old.into(), new.into()];
    Ok(session.execute(sql, &values).await? > 0)
}

/// Ends a job, if it is open.
pub(super) async fn end(database: &Database, id: JobId, end: &JobEnd) -> Result<bool, Trouble> {
    let mut session = database.session(Purpose::Write).await?;
    let sql = "UPDATE jobs SET state = $2, error = $3, completed_at = $4, due = $5, \
               is_settled = $6 WHERE id = $1 AND state IN ('pending', 'in_progress')";
    let id = id.to_string();
    let values = [
        id.as_str().into(),
        end.state.as_str().into(),
        end.error.as_deref().into(),
        end.at.into(),
        whole(end.due)?.into(),
        i64::from(end.settled).into(),
    ];
    Ok(session.execute(sql, &values).await? > 0)
}

/// Notes what was taken for a job.
pub(super) async fn settle(database: &Database, id: JobId, charged: u64) -> Result<(), Trouble> {
    let mut session = database.session(Purpose::Write).await?;
    let sql = "UPDATE jobs SET charged = $2, is_settled = 1 WHERE id = $1";
    let id = id.to_string();
    let values = [id.as_str().into(), whole(charged)?.into()];
    session.execute(sql, &values).await?;
    Ok(())
}

/// Ends what a former process left behind. Gives the jobs for one call.
pub(super) async fn close_calls(
    database: &Database,
    at: Timestamp,
    error: &str,
) -> Result<Vec<JobId>, Trouble> {
    let mut session = database.session(Purpose::Write).await?;
    let sql = "UPDATE job_calls SET state = 'failed', error = $1 \
               WHERE state = 'running' AND at <= $2";
    session.execute(sql, &[error.into(), at.into()]).await?;
    let sql = "SELECT id FROM jobs WHERE is_single = 1 AND created_at <= $1 \
               AND state IN ('pending', 'in_progress') ORDER BY number";
    let rows = session.rows(sql, &[at.into()]).await?;
    rows.iter().map(|row| job_id(row, 0)).collect()
}

/// Reads a job.
fn read(row: &Row) -> Result<Job, Trouble> {
    let hold = row.maybe_bytes(12)?;
    let hold = hold.map(|bytes| bytes.try_into().map_err(Trouble::other));
    let hold = hold.transpose()?.map(u128::from_be_bytes);
    Ok(Job {
        id: job_id(row, 0)?,
        team: TeamId::from_stored(&row.text(1)?),
        organization: OrgId::from_stored(&row.text(2)?),
        user: row.maybe_boxed(3)?,
        kind: row.boxed(4)?,
        metadata: row.boxed(5)?,
        single: row.integer(6)? != 0,
        state: State::from_name(&row.text(7)?)
            .ok_or_else(|| Trouble::other("the state of a job is not known"))?,
        error: row.maybe_boxed(8)?,
        created_at: row.time(9)?,
        started_at: row.maybe_integer(10)?.map(Timestamp::from_millis),
        completed_at: row.maybe_integer(11)?.map(Timestamp::from_millis),
        hold: hold.map(EntryId::from_bits),
        due: row.count(13)?,
        charged: row.count(14)?,
        settled: row.integer(15)? != 0,
    })
}

fn job_id(row: &Row, column: usize) -> Result<JobId, Trouble> {
    let id = JobId::parse(&row.text(column)?);
    id.ok_or_else(|| Trouble::other("the id of a job is no UUID"))
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::time::Duration;

    use tollgate_engine::port::JobStore as _;

    use super::*;
    use crate::contract::jobs::{call, job};
    use crate::testing::ScratchDatabase;

    #[tokio::test]
    async fn a_call_whose_beginning_is_being_committed_is_taken_back_behind_that() {
        let directory = tempfile::tempdir().unwrap();
        let sqlite = format!("sqlite://{}/tollgate.db", directory.path().display());
        let server = ScratchDatabase::new();
        for url in [sqlite, server.url()] {
            let store = crate::open(&url).await.unwrap();
            let (job, call) = (job(1), call(10, 1));
            store.insert_job(&job).await.unwrap();
            let mut session = store.database.session(Purpose::Write).await.unwrap();
            session.begin(&store.database).await.unwrap();
            assert!(begin_within(&mut session, &call, 9).await.unwrap());
            let mut undoing = pin!(store.undo_job_call(&call));
            let early = tokio::time::timeout(Duration::from_millis(200), &mut undoing).await;
            assert!(early.is_err(), "{url}: it has not waited");
            session.commit().await.unwrap();
            drop(session);
            undoing.await.unwrap();
            assert_eq!(store.job_calls(job.id).await.unwrap(), []);
        }
    }
}
