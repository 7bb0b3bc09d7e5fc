//! What was used, by quarter of an hour.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sqlx::AssertSqlSafe;
use tollgate_core::limit::Level;
use tollgate_core::time::Timestamp;
use tollgate_engine::port::{UsageBy, UsageQuery, UsageRow};

use super::many;
use crate::database::{Database, Purpose, Row, Session, Trouble, Value, whole};

/// How many rows are written with one statement.
const AT_ONCE: usize = 100;

/// The columns that tell rows apart, in the order of [`UsageRow`].
const COLUMNS: [(UsageBy, &str, &str); 6] = [
    (UsageBy::Quarter, "quarter", "CAST(0 AS BIGINT)"),
    (UsageBy::Organization, "organization", "''"),
    (UsageBy::Team, "team", "''"),
    (UsageBy::User, "user_id", "''"),
    (UsageBy::Key, "key_id", "''"),
    (UsageBy::Model, "model", "''"),
];

/// What tells rows apart.
pub(super) type Of<'a> = (Timestamp, [&'a str; 5]);

/// Sums of one row: calls, tokens of prompts and of answers, cost.
pub(super) type Sums = [u64; 4];

/// Rows by what tells them apart, each once: a statement may write a row only once.
pub(super) fn added_up(rows: &[UsageRow]) -> BTreeMap<Of<'_>, Sums> {
    let mut added: BTreeMap<Of<'_>, Sums> = BTreeMap::new();
    for row in rows {
        let names = [
            &*row.organization,
            &*row.team,
            &*row.user,
            &*row.key,
            &*row.model,
        ];
        let sums = added.entry((row.quarter, names)).or_default();
        let more = [row.calls, row.prompt, row.completion, row.cost];
        for (sum, more) in sums.iter_mut().zip(more) {
            *sum = sum.saturating_add(more);
        }
    }
    added
}

/// Adds to what is there.
pub(super) async fn add(
    session: &mut Session<'_>,
    added: &BTreeMap<Of<'_>, Sums>,
) -> Result<(), Trouble> {
    let rows: Vec<_> = added.iter().collect();
    for rows in rows.chunks(AT_ONCE) {
        let mut values: Vec<Value<'_>> = Vec::with_capacity(rows.len() * 10);
        for ((quarter, names), sums) in rows.iter().copied() {
            values.push((*quarter).into());
            values.extend(names.iter().map(|name| Value::from(*name)));
            for sum in sums {
                values.push(whole(*sum)?.into());
            }
        }
        let sql = format!(
            "INSERT INTO usage (quarter, organization, team, user_id, key_id, model, calls, \
             prompt, completion, cost) VALUES {} \
             ON CONFLICT (quarter, organization, team, user_id, key_id, model) DO UPDATE SET \
             calls = usage.calls + excluded.calls, prompt = usage.prompt + excluded.prompt, \
             completion = usage.completion + excluded.completion, \
             cost = usage.cost + excluded.cost",
            many::places(rows.len(), 10)
        );
        // Made of numbered places alone.
        session.execute(AssertSqlSafe(sql), &values).await?;
    }
    Ok(())
}

/// The rows that are wanted, added up by what is asked.
pub(super) async fn find(
    database: &Database,
    query: &UsageQuery,
) -> Result<Vec<UsageRow>, Trouble> {
    let Some((conditions, values)) = conditions(query) else {
        return Ok(Vec::new());
    };
    let (mut columns, mut groups) = (String::new(), Vec::new());
    for (by, column, empty) in COLUMNS {
        let is_asked = query.by.contains(&by);
        columns.push_str(if is_asked { column } else { empty });
        columns.push_str(", ");
        if is_asked {
            groups.push(column);
        }
    }
    let groups = if groups.is_empty() {
        // Without groups there is a row even if nothing was used.
        " HAVING count(*) > 0".to_owned()
    } else {
        let groups = groups.join(", ");
        format!(" GROUP BY {groups} ORDER BY {groups}")
    };
    let sql = format!(
        "SELECT {columns}CAST(sum(calls) AS BIGINT), CAST(sum(prompt) AS BIGINT), \
         CAST(sum(completion) AS BIGINT), CAST(sum(cost) AS BIGINT) \
         FROM usage{conditions}{groups}"
    );
    let mut session = database.session(Purpose::Read).await?;
    // Made of the texts of this file alone.
    let rows = session.rows(AssertSqlSafe(sql), &values).await?;
    rows.iter().map(read).collect()
}

/// `None`: nothing is kept by that level.
fn conditions(query: &UsageQuery) -> Option<(String, Vec<Value<'_>>)> {
    let of = match &query.of {
        None => None,
        Some((level, id)) => {
            let column = match level {
                Level::Ip => return None,
                Level::Key => "key_id =",
                Level::User => "user_id =",
                Level::Team => "team =",
                Level::Organization => "organization =",
                Level::Model => "model =",
            };
            Some((column, Value::from(&**id)))
        }
    };
    let model = query.model.as_deref().map(|it| ("model =", it.into()));
    let from = query.from.map(|it| ("quarter >=", it.into()));
    let to = query.to.map(|it| ("quarter <", it.into()));
    let (mut sql, mut values) = (String::new(), Vec::new());
    for (condition, value) in [of, model, from, to].into_iter().flatten() {
        let before = if values.is_empty() { "WHERE" } else { "AND" };
        values.push(value);
        // Writing into a text cannot fail.
        _ = write!(sql, " {before} {condition} ${}", values.len());
    }
    Some((sql, values))
}

fn read(row: &Row) -> Result<UsageRow, Trouble> {
    Ok(UsageRow {
        quarter: row.time(0)?,
        organization: row.boxed(1)?,
        team: row.boxed(2)?,
        user: row.boxed(3)?,
        key: row.boxed(4)?,
        model: row.boxed(5)?,
        calls: row.count(6)?,
        prompt: row.count(7)?,
        completion: row.count(8)?,
        cost: row.count(9)?,
    })
}
