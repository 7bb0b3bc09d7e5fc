//! Jobs by what they are.

use std::fmt::Write as _;

use sqlx::AssertSqlSafe;
use tollgate_core::id::TeamId;
use tollgate_core::job::{Job, JobId, Totals};
use tollgate_core::time::Timestamp;
use tollgate_engine::port::JobQuery;

use super::{COLUMNS, WIDTH, job_id, read};
use crate::database::{Database, Purpose, Row, Trouble, Value};

/// How many ids one statement names.
const AT_ONCE: usize = 500;
/// What the calls of a job, or of several, come to, in the order of [`totals`].
pub(super) const SUMS: &str = "count(*) AS calls, \
     CAST(COALESCE(sum(CASE WHEN c.state = 'succeeded' THEN 1 ELSE 0 END), 0) AS BIGINT) \
         AS succeeded, \
     CAST(COALESCE(sum(CASE WHEN c.state = 'failed' THEN 1 ELSE 0 END), 0) AS BIGINT) AS failed, \
     count(*) - count(DISTINCT c.job || '/' || COALESCE(c.purpose, '')) AS repeated, \
     CAST(COALESCE(sum(c.prompt + c.completion), 0) AS BIGINT) AS tokens, \
     CAST(COALESCE(sum(c.cost), 0) AS BIGINT) AS cost, \
     CAST(COALESCE(sum(c.latency_ms), 0) AS BIGINT) AS latency, \
     count(c.latency_ms) AS timed";

/// The jobs that are wanted, the latest first, and how many there are in all.
pub(in crate::store) async fn find(
    database: &Database,
    query: &JobQuery,
) -> Result<(Vec<(Job, Totals)>, u64), Trouble> {
    let (conditions, mut values) = conditions(query);
    let mut session = database.session(Purpose::Read).await?;
    // Made of the texts of this file alone, as are all below.
    let sql = AssertSqlSafe(format!("SELECT count(*) FROM jobs j{conditions}"));
    let count = session.row(sql, &values).await?;
    let count = count.map_or(Ok(0), |row| row.count(0))?;
    let sql = format!(
        "SELECT {COLUMNS}, s.calls, s.succeeded, s.failed, s.repeated, s.tokens, s.cost, \
         s.latency, s.timed FROM (SELECT j.* FROM jobs j{conditions} \
         ORDER BY number DESC LIMIT ${} OFFSET ${}) page \
         LEFT JOIN (SELECT c.job AS of_job, {SUMS} FROM job_calls c WHERE c.job IN \
         (SELECT j.id FROM jobs j{conditions} ORDER BY number DESC LIMIT ${} OFFSET ${}) \
         GROUP BY c.job) s ON s.of_job = page.id ORDER BY page.number DESC",
        values.len() + 1,
        values.len() + 2,
        values.len() + 1,
        values.len() + 2
    );
    values.push(i64::from(query.limit).into());
    values.push(i64::try_from(query.offset).unwrap_or(i64::MAX).into());
    let rows = session.rows(AssertSqlSafe(sql), &values).await?;
    let read = |row: &Row| Ok((read(row)?, totals(row, WIDTH)?));
    let jobs: Result<_, Trouble> = rows.iter().map(read).collect();
    Ok((jobs?, count))
}

/// What the calls of a job come to.
pub(in crate::store) async fn totals_of(
    database: &Database,
    job: JobId,
) -> Result<Totals, Trouble> {
    let mut session = database.session(Purpose::Read).await?;
    let id = job.to_string();
    let sql = format!("SELECT {SUMS} FROM job_calls c WHERE c.job = $1");
    let row = session
        .row(AssertSqlSafe(sql), &[id.as_str().into()])
        .await?;
    row.map_or(Ok(Totals::default()), |row| totals(&row, 0))
}

/// Those of these jobs that are there.
pub(in crate::store) async fn there(
    database: &Database,
    ids: &[JobId],
) -> Result<Vec<JobId>, Trouble> {
    let mut session = database.session(Purpose::Read).await?;
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(AT_ONCE) {
        let texts: Vec<String> = some.iter().map(JobId::to_string).collect();
        let values: Vec<Value<'_>> = texts.iter().map(|it| it.as_str().into()).collect();
        let places: Vec<String> = (1..=some.len()).map(|place| format!("${place}")).collect();
        let sql = format!("SELECT id FROM jobs WHERE id IN ({})", places.join(", "));
        for row in session.rows(AssertSqlSafe(sql), &values).await? {
            found.push(job_id(&row, 0)?);
        }
    }
    Ok(found)
}

/// Open jobs that were made before a time, the oldest first.
pub(in crate::store) async fn overdue(
    database: &Database,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<Job>, Trouble> {
    let condition = "state IN ('pending', 'in_progress') AND created_at < $1 \
                     ORDER BY created_at LIMIT $2";
    list(
        database,
        condition,
        &[before.into(), i64::from(limit).into()],
    )
    .await
}

/// The open jobs alone are looked through: the bound names their index, and what is asked for is
/// in no other.
const TEAMS_AT_WORK: &str = "SELECT DISTINCT team || '' FROM jobs \
                             WHERE state IN ('pending', 'in_progress') AND created_at > $1";

/// The teams that have open jobs.
pub(in crate::store) async fn teams_at_work(database: &Database) -> Result<Vec<TeamId>, Trouble> {
    let mut session = database.session(Purpose::Read).await?;
    let rows = session.rows(TEAMS_AT_WORK, &[i64::MIN.into()]).await?;
    let read = |row: &Row| Ok(TeamId::from_stored(&row.text(0)?));
    rows.iter().map(read).collect()
}

/// Jobs that have ended and are not settled, the oldest first.
pub(in crate::store) async fn unsettled(
    database: &Database,
    limit: u32,
) -> Result<Vec<Job>, Trouble> {
    let condition = "is_settled = 0 AND state NOT IN ('pending', 'in_progress') \
                     ORDER BY number LIMIT $1";
    list(database, condition, &[i64::from(limit).into()]).await
}

async fn list(
    database: &Database,
    condition: &'static str,
    values: &[Value<'_>],
) -> Result<Vec<Job>, Trouble> {
    let mut session = database.session(Purpose::Read).await?;
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE {condition}");
    let rows = session.rows(AssertSqlSafe(sql), values).await?;
    rows.iter().map(read).collect()
}

/// What the jobs must be, as the end of a statement on `jobs j`.
pub(super) fn conditions(query: &JobQuery) -> (String, Vec<Value<'_>>) {
    let team = query.team.as_ref().map(|it| it.as_str().into());
    let organization = query.organization.as_ref();
    let wanted: [(&str, Option<Value<'_>>); 7] = [
        ("j.team =", team),
        (
            "j.organization =",
            organization.map(|it| it.as_str().into()),
        ),
        ("j.state =", query.state.map(|state| state.as_str().into())),
        ("j.kind =", query.kind.as_deref().map(Value::from)),
        ("j.created_at >=", query.from.map(Value::from)),
        ("j.created_at <", query.to.map(Value::from)),
        (ID_PART, query.id_part.as_deref().map(Value::from)),
    ];
    let (mut sql, mut values) = (String::new(), Vec::new());
    for (condition, value) in wanted {
        let Some(value) = value else { continue };
        let before = if values.is_empty() { "WHERE" } else { "AND" };
        values.push(value);
        // Writing into a text cannot fail.
        _ = if condition == ID_PART {
            write!(sql, " {before} j.id LIKE '%' || ${} || '%'", values.len())
        } else {
            write!(sql, " {before} {condition} ${}", values.len())
        };
    }
    if query.with_calls {
        let before = if values.is_empty() { "WHERE" } else { "AND" };
        let called = "EXISTS (SELECT 1 FROM job_calls k WHERE k.job = j.id)";
        _ = write!(sql, " {before} {called}");
    }
    (sql, values)
}

/// The condition that has another form.
const ID_PART: &str = "j.id LIKE";

/// Reads what calls come to from these columns on; nothing where there were none.
pub(super) fn totals(row: &Row, from: usize) -> Result<Totals, Trouble> {
    let count = |place: usize| {
        let number = row.maybe_integer(from + place)?.unwrap_or(0);
        u64::try_from(number).map_err(Trouble::other)
    };
    Ok(Totals {
        calls: count(0)?,
        succeeded: count(1)?,
        failed: count(2)?,
        repeated: count(3)?,
        tokens: count(4)?,
        cost: count(5)?,
        latency_ms: count(6)?,
        timed: count(7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_teams_at_work_are_found_without_a_look_at_jobs_that_have_ended() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/tollgate.db", directory.path().display());
        let store = crate::open(&url).await.unwrap();
        let sql = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {TEAMS_AT_WORK}"));
        let mut session = store.database.session(Purpose::Read).await.unwrap();
        let plan = session.rows(sql, &[i64::MIN.into()]).await.unwrap();
        let steps: Vec<_> = plan.iter().map(|row| row.text(3).unwrap()).collect();
        let index = "jobs_open (created_at>?)";
        assert!(steps.iter().any(|step| step.contains(index)), "{steps:?}");
    }
}
