//! `/api/organizations/{id}/members`: adds, lists, changes and removes members. Each function
//! gives the status and the body of its answer.

use serde_json::{Value, json};
use tollgate_core::error::Failure;
use tollgate_core::tenant::Role;
use tollgate_engine::accounts::{Accounts, NewUser, UserEdit};
use tollgate_engine::authority::Manager;
use tollgate_engine::tenants::UserNode;

use super::controls;
use super::fields::Fields;
use super::page::{self, Page};
use super::words;
use crate::query::Query;

const LONGEST_EMAIL: usize = 254;

/// `POST /api/organizations/{id}/members`.
pub async fn create(
    accounts: &Accounts,
    by: &Manager,
    (organization, body): (&str, &[u8]),
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(body)?;
    let email = fields.required_text("email", LONGEST_EMAIL);
    let role = role(&mut fields);
    let status = words::status(&mut fields);
    let controls = controls::new(&mut fields, accounts.clock());
    fields.finish()?;
    let new = NewUser {
        // A missing address has been a fault.
        email: email.unwrap_or_default().trim().into(),
        role: role.unwrap_or_default(),
        status: status.unwrap_or_default(),
        controls,
    };
    let node = accounts.create_user(by, organization, new).await?;
    Ok((201, row(accounts, &node)))
}

/// `GET /api/organizations/{id}/members`: in the order of their ids, of one `role` if the query
/// names one.
pub fn list(
    accounts: &Accounts,
    by: &Manager,
    (organization, query): (&str, Option<&str>),
) -> Result<(u16, Value), Failure> {
    let query = Query::new(query);
    let page = Page::read(query)?;
    let word = page::text(query, "role");
    let role = word.as_deref().and_then(Role::from_name);
    if word.is_some() && role.is_none() {
        return Err(page::fault("role", ROLES));
    }
    let mut all = accounts.users(by, organization)?;
    all.retain(|node| role.is_none_or(|role| node.role() == role));
    Ok((200, page.of("members", &all, |node| row(accounts, node))))
}

/// `GET /api/organizations/{id}/members/{user}`.
pub fn one(
    accounts: &Accounts,
    by: &Manager,
    (organization, id): (&str, &str),
) -> Result<(u16, Value), Failure> {
    let node = accounts.user(by, organization, id)?;
    Ok((200, row(accounts, &node)))
}

/// `PUT` and `PATCH /api/organizations/{id}/members/{user}`: changes what the body names.
pub async fn change(
    accounts: &Accounts,
    by: &Manager,
    member: (&str, &str),
    body: &[u8],
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(body)?;
    let email = fields.text("email", LONGEST_EMAIL);
    let edit = UserEdit {
        email: email.map(|email| email.trim().into()),
        role: role(&mut fields),
        status: words::status(&mut fields),
        controls: controls::edit(&mut fields, accounts.clock()),
    };
    fields.finish()?;
    let node = accounts.change_user(by, member, &edit).await?;
    Ok((200, row(accounts, &node)))
}

/// `DELETE /api/organizations/{id}/members/{user}`: their keys are revoked at once.
pub async fn delete(
    accounts: &Accounts,
    by: &Manager,
    (organization, id): (&str, &str),
) -> Result<(u16, Value), Failure> {
    let node = accounts.delete_user(by, organization, id).await?;
    let message = format!(
        "The member {} is removed, and their keys are revoked.",
        node.facts().email
    );
    Ok((200, json!({ "success": true, "message": message })))
}

const ROLES: &str = "must be owner, admin, developer, viewer or member";

fn role(fields: &mut Fields) -> Option<Role> {
    let word = fields.text("role", 32)?;
    let role = Role::from_name(&word);
    if role.is_none() {
        fields.fault("role", "value_error", ROLES);
    }
    role
}

fn row(accounts: &Accounts, node: &UserNode) -> Value {
    let facts = node.facts();
    let readings = accounts.budgets_of_user(node);
    json!({
        "id": facts.id.as_str(),
        "organization": facts.organization.as_str(),
        "email": &*facts.email,
        "role": facts.role.as_str(),
        "status": facts.status.as_str(),
        "limits": controls::told_limits(&facts.controls.limits),
        "budgets": controls::told_budgets(&facts.controls.budgets, &readings),
        "created_at": facts.created_at.to_rfc3339(),
        "declared_in": accounts.tenants().user_declared_at(&node.id),
    })
}
