//! What jobs come to together.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;
use tollgate_engine::port::{JobBy, JobQuery, JobSum};

use super::find::{SUMS, conditions, totals};
use crate::database::{Database, Purpose, Trouble};

/// What the jobs that are wanted come to, in the order of what they have in common.
pub(in crate::store) async fn sums(
    database: &Database,
    query: &JobQuery,
    by: JobBy,
) -> Result<Vec<JobSum>, Trouble> {
    let (conditions, values) = conditions(query);
    let common = match by {
        JobBy::Nothing => "''",
        JobBy::Kind => "j.kind",
        JobBy::Team => "j.team",
        JobBy::Day => "CAST(j.created_at / 86400000 AS TEXT)",
        JobBy::Model => "COALESCE(c.model, c.asked)",
    };
    let mut session = database.session(Purpose::Read).await?;
    let mut sums: BTreeMap<Box<str>, JobSum> = BTreeMap::new();
    let counted = |state: &str| {
        format!("CAST(COALESCE(sum(CASE WHEN j.state {state} THEN 1 ELSE 0 END), 0) AS BIGINT)")
    };
    let counts = format!(
        "count(*), {}, {}, {}",
        counted("= 'completed'"),
        counted("= 'failed'"),
        counted("IN ('pending', 'in_progress')")
    );
    let sql = match by {
        JobBy::Nothing | JobBy::Kind | JobBy::Team | JobBy::Day => format!(
            "SELECT {common}, {counts}, CAST(COALESCE(sum(j.charged), 0) AS BIGINT) \
             FROM jobs j{conditions} GROUP BY 1"
        ),
        JobBy::Model => format!(
            "SELECT j.common, {counts}, CAST(0 AS BIGINT) FROM (SELECT DISTINCT j.id, j.state, \
             {common} AS common FROM jobs j JOIN job_calls c ON c.job = j.id{conditions}) j \
             GROUP BY 1"
        ),
    };
    // Made of the texts of these files alone, as is the one below.
    for row in session.rows(AssertSqlSafe(sql), &values).await? {
        let sum = JobSum {
            of: row.boxed(0)?,
            jobs: row.count(1)?,
            completed: row.count(2)?,
            failed: row.count(3)?,
            open: row.count(4)?,
            credits: row.count(5)?,
            ..JobSum::default()
        };
        sums.insert(sum.of.clone(), sum);
    }
    let sql = format!(
        "SELECT {common}, {SUMS} FROM jobs j JOIN job_calls c ON c.job = j.id{conditions} \
         GROUP BY 1"
    );
    for row in session.rows(AssertSqlSafe(sql), &values).await? {
        if let Some(sum) = sums.get_mut(&*row.text(0)?) {
            sum.totals = totals(&row, 1)?;
        }
    }
    Ok(sums.into_values().collect())
}

#[cfg(test)]
mod tests {
    use tollgate_core::id::{OrgId, TeamId};
    use tollgate_core::time::Timestamp;

    use super::*;

    #[tokio::test]
    async fn the_jobs_of_a_time_are_found_without_a_look_at_all_the_others() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/tollgate.db", directory.path().display());
        let store = crate::open(&url).await.unwrap();
        let month = JobQuery {
            from: Some(Timestamp::from_millis(1)),
            to: Some(Timestamp::from_millis(2)),
            ..JobQuery::default()
        };
        for (query, index) in [
            (
                JobQuery {
                    team: Some(TeamId::from_stored("t")),
                    ..month.clone()
                },
                "jobs_by_team_and_time (team=? AND created_at>? AND created_at<?)",
            ),
            (
                JobQuery {
                    organization: Some(OrgId::from_stored("o")),
                    ..month
                },
                "jobs_by_organization_and_time (organization=? AND created_at>? AND created_at<?)",
            ),
        ] {
            let (conditions, values) = conditions(&query);
            let sql = format!("EXPLAIN QUERY PLAN SELECT sum(charged) FROM jobs j{conditions}");
            let mut session = store.database.session(Purpose::Read).await.unwrap();
            let plan = session.rows(AssertSqlSafe(sql), &values).await.unwrap();
            let steps: Vec<_> = plan.iter().map(|row| row.text(3).unwrap()).collect();
            assert!(steps.iter().any(|step| step.contains(index)), "{steps:?}");
        }
    }
}
