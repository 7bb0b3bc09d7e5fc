//! `GET /api/audit`: what operators and managers changed, the latest first.

use serde_json::{Value, json};
use tollgate_core::audit::AuditRow;
use tollgate_core::error::Failure;
use tollgate_engine::accounts::Accounts;
use tollgate_engine::authority::Manager;
use tollgate_engine::port::AuditQuery;

use super::page::{self, Page};
use crate::query::Query;

/// Gives the rows that the query asks for and the manager may see.
pub(crate) async fn list(
    accounts: &Accounts,
    by: &Manager,
    query: Option<&str>,
) -> Result<(u16, Value), Failure> {
    let query = Query::new(query);
    let page = Page::read(query)?;
    let wanted = AuditQuery {
        organization: page::text(query, "organization"),
        object: page::text(query, "object"),
        object_id: page::text(query, "object_id"),
        from: page::time(query, "from")?,
        to: page::time(query, "to")?,
        offset: page.offset,
        limit: u32::try_from(page.limit).unwrap_or(u32::MAX),
    };
    let (rows, total) = accounts.audit(by, wanted).await?;
    let rows: Vec<Value> = rows.iter().map(row).collect();
    Ok((200, page.told("entries", &rows, total)))
}

fn row(row: &AuditRow) -> Value {
    let change = serde_json::from_str(&row.change);
    json!({
        "at": row.at.to_rfc3339(),
        "actor": &*row.actor,
        "action": &*row.action,
        "object": &*row.object,
        "object_id": &*row.object_id,
        "organization": row.organization.as_deref(),
        // A change that was written by another hand is shown as it is.
        "change": change.unwrap_or_else(|_| Value::from(&*row.change)),
        "request_id": row.request_id.as_deref(),
    })
}
