//! `/api/organizations`: makes, lists and changes organizations. Each function gives the status
//! and the body of its answer.

use serde_json::{Value, json};
use tollgate_core::error::Failure;
use tollgate_core::tenant::Status;
use tollgate_engine::accounts::{Accounts, NewOrganization, OrganizationEdit};
use tollgate_engine::authority::Manager;
use tollgate_engine::tenants::OrganizationNode;

use super::controls;
use super::fields::Fields;
use super::page::Page;
use super::saas;
use super::words;
use crate::query::Query;

/// `POST /api/organizations`.
pub async fn create(
    accounts: &Accounts,
    by: &Manager,
    body: &[u8],
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(body)?;
    let name = words::name(&mut fields);
    let id = words::id(&mut fields);
    let status = words::status(&mut fields);
    let keeps_bodies = fields.flag("keep_bodies").unwrap_or_default();
    let controls = controls::new(&mut fields, accounts.clock());
    let metadata = words::metadata(&mut fields);
    fields.finish()?;
    let new = NewOrganization {
        id,
        // A missing name has been a fault.
        name: name.unwrap_or_default(),
        status: status.unwrap_or_default(),
        keeps_bodies,
        metadata: metadata.flatten(),
        controls,
    };
    let node = accounts.create_organization(by, new).await?;
    Ok((201, row(accounts, &node)))
}

/// A page of `GET /api/organizations`: those that the manager may see, in the order of their ids.
pub fn list(
    accounts: &Accounts,
    by: &Manager,
    query: Option<&str>,
) -> Result<(u16, Value), Failure> {
    let query = Query::new(query);
    let page = Page::read(query)?;
    let all = accounts.organizations(by)?;
    let tell = |node: &_| row(accounts, node);
    Ok((200, page.of("organizations", &all, |node| tell(&**node))))
}

/// `GET /api/organizations/{id}`.
pub fn one(accounts: &Accounts, by: &Manager, id: &str) -> Result<(u16, Value), Failure> {
    let node = saas::organizations::find(accounts, by, id)?;
    Ok((200, saas::organizations::told(accounts, &node)))
}

/// `PUT` and `PATCH /api/organizations/{id}`: changes what the body names.
pub async fn change(
    accounts: &Accounts,
    by: &Manager,
    (id, body): (&str, &[u8]),
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(body)?;
    let edit = OrganizationEdit {
        name: words::new_name(&mut fields),
        status: words::status(&mut fields),
        keeps_bodies: fields.flag("keep_bodies"),
        metadata: words::metadata(&mut fields),
        controls: controls::edit(&mut fields, accounts.clock()),
        reason: None,
    };
    fields.finish()?;
    let node = accounts.change_organization(by, id, &edit).await?;
    Ok((200, row(accounts, &node)))
}

/// `POST /api/organizations/{id}/suspend`, `pause` and `resume`.
pub async fn set_status(
    accounts: &Accounts,
    by: &Manager,
    (id, status): (&str, Status),
) -> Result<(u16, Value), Failure> {
    let edit = OrganizationEdit {
        status: Some(status),
        ..OrganizationEdit::default()
    };
    let node = accounts.change_organization(by, id, &edit).await?;
    Ok((200, row(accounts, &node)))
}

pub(super) fn row(accounts: &Accounts, node: &OrganizationNode) -> Value {
    let facts = node.facts();
    let readings = accounts.budgets_of_organization(node);
    json!({
        "id": facts.id.as_str(),
        "name": &*facts.name,
        "status": facts.status.as_str(),
        "keep_bodies": facts.keeps_bodies,
        "metadata": words::told_metadata(facts.metadata.as_deref()),
        "limits": controls::told_limits(&facts.controls.limits),
        "budgets": controls::told_budgets(&facts.controls.budgets, &readings),
        "created_at": facts.created_at.to_rfc3339(),
        "declared_in": accounts.tenants().organization_declared_at(&node.id),
    })
}
