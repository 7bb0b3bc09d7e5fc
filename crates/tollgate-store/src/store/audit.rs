//! The record of what operators changed.

use std::fmt::Write as _;

use sqlx::AssertSqlSafe;
use tollgate_core::audit::AuditRow;
use tollgate_engine::port::AuditQuery;

use crate::database::{Database, Purpose, Row, Session, Trouble, Value};

/// Writes rows, within the transaction of what they are about.
pub(super) async fn insert(session: &mut Session<'_>, rows: &[AuditRow]) -> Result<(), Trouble> {
    let sql = "INSERT INTO audit (at, actor, action, object, object_id, organization, change, \
               request_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    for row in rows {
        let values = [
            row.at.into(),
            (&*row.actor).into(),
            (&*row.action).into(),
            (&*row.object).into(),
            (&*row.object_id).into(),
            row.organization.as_deref().into(),
            (&*row.change).into(),
            row.request_id.as_deref().into(),
        ];
        session.execute(sql, &values).await?;
    }
    Ok(())
}

/// The rows that are wanted, the latest first, and how many there are in all.
pub(super) async fn find(
    database: &Database,
    query: &AuditQuery,
) -> Result<(Vec<AuditRow>, u64), Trouble> {
    let (conditions, mut values) = conditions(query);
    let mut session = database.session(Purpose::Read).await?;
    // Made of the texts of this file alone.
    let sql = AssertSqlSafe(format!("SELECT count(*) FROM audit{conditions}"));
    let count = session.row(sql, &values).await?;
    let count = count.map_or(Ok(0), |row| row.count(0))?;
    let sql = format!(
        "SELECT at, actor, action, object, object_id, organization, change, request_id \
         FROM audit{conditions} ORDER BY number DESC LIMIT ${} OFFSET ${}",
        values.len() + 1,
        values.len() + 2
    );
    values.push(i64::from(query.limit).into());
    values.push(i64::try_from(query.offset).unwrap_or(i64::MAX).into());
    let rows = session.rows(AssertSqlSafe(sql), &values).await?;
    let rows: Result<_, _> = rows.iter().map(read).collect();
    Ok((rows?, count))
}

fn conditions(query: &AuditQuery) -> (String, Vec<Value<'_>>) {
    let wanted: [(&str, Option<Value<'_>>); 5] = [
        (
            "organization =",
            query.organization.as_deref().map(Value::from),
        ),
        ("object =", query.object.as_deref().map(Value::from)),
        ("object_id =", query.object_id.as_deref().map(Value::from)),
        ("at >=", query.from.map(Value::from)),
        ("at <", query.to.map(Value::from)),
    ];
    let (mut sql, mut values) = (String::new(), Vec::new());
    for (condition, value) in wanted {
        let Some(value) = value else { continue };
        let before = if values.is_empty() { "WHERE" } else { "AND" };
        values.push(value);
        // Writing into a text cannot fail.
        _ = write!(sql, " {before} {condition} ${}", values.len());
    }
    (sql, values)
}

fn read(row: &Row) -> Result<AuditRow, Trouble> {
    Ok(AuditRow {
        at: row.time(0)?,
        actor: row.boxed(1)?,
        action: row.boxed(2)?,
        object: row.boxed(3)?,
        object_id: row.boxed(4)?,
        organization: row.maybe_boxed(5)?,
        change: row.boxed(6)?,
        request_id: row.maybe_boxed(7)?,
    })
}
