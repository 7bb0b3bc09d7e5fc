//! `/api/teams`: makes, lists and changes teams. Each function gives the status and the body of
//! its answer.

use serde_json::{Value, json};
use tollgate_core::error::Failure;
use tollgate_core::tenant::{DEFAULT, Status};
use tollgate_engine::accounts::{Accounts, NewTeam, TeamEdit, TermsEdit};
use tollgate_engine::authority::Manager;
use tollgate_engine::tenants::TeamNode;

use super::controls;
use super::fields::Fields;
use super::page::{self, Page};
use super::saas;
use super::words;
use crate::query::Query;

/// `POST /api/teams`. Without an organization it is one of the manager's own, or of the built-in
/// one.
pub async fn create(
    accounts: &Accounts,
    by: &Manager,
    body: &[u8],
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(body)?;
    let name = words::name(&mut fields);
    let id = words::id(&mut fields);
    let organization = fields.text("organization", words::LONGEST_ID);
    let status = words::status(&mut fields);
    let controls = controls::new(&mut fields, accounts.clock());
    let metadata = words::metadata(&mut fields);
    fields.finish()?;
    let own = by.organization().map_or(DEFAULT, |own| own.as_str());
    let new = NewTeam {
        id,
        organization: organization.as_deref().unwrap_or(own).into(),
        // A missing name has been a fault.
        name: name.unwrap_or_default(),
        status: status.unwrap_or_default(),
        controls,
        job_terms: None,
        metadata: metadata.flatten(),
    };
    let node = accounts.create_team(by, new).await?;
    Ok((201, row(accounts, &node)))
}

/// A page of `GET /api/teams`: those that the manager may see, of one `organization` if the query
/// names one, in the order of their ids.
pub fn list(
    accounts: &Accounts,
    by: &Manager,
    query: Option<&str>,
) -> Result<(u16, Value), Failure> {
    let query = Query::new(query);
    let page = Page::read(query)?;
    let organization = page::text(query, "organization");
    let all = accounts.teams(by, organization.as_deref())?;
    Ok((200, page.of("teams", &all, |node| row(accounts, node))))
}

/// `GET /api/teams/{id}`.
pub async fn one(accounts: &Accounts, by: &Manager, id: &str) -> Result<(u16, Value), Failure> {
    saas::teams::one(accounts, by, id).await
}

/// `PUT` and `PATCH /api/teams/{id}`: changes what the body names.
pub async fn change(
    accounts: &Accounts,
    by: &Manager,
    (id, body): (&str, &[u8]),
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(body)?;
    let name = words::new_name(&mut fields).or_else(|| saas::teams::alias(&mut fields));
    let given = saas::teams::Given::read(&mut fields);
    let edit = TeamEdit {
        name,
        status: words::status(&mut fields),
        controls: controls::edit(&mut fields, accounts.clock()),
        job_terms: TermsEdit::default(),
        metadata: words::metadata(&mut fields),
    };
    if fields.names("organization") {
        fields.skip("organization");
        let what = "cannot be changed: a team stays in its organization";
        fields.fault("organization", "value_error", what);
    }
    fields.finish()?;
    saas::teams::change(accounts, by, (id, edit), given).await
}

/// `POST /api/teams/{id}/suspend`, `pause` and `resume`.
pub async fn set_status(
    accounts: &Accounts,
    by: &Manager,
    (id, status): (&str, Status),
) -> Result<(u16, Value), Failure> {
    let edit = TeamEdit {
        status: Some(status),
        ..TeamEdit::default()
    };
    saas::teams::find(accounts, by, id)?;
    let node = accounts.change_team(by, id, &edit).await?;
    let done = match status {
        Status::Active => "resumed",
        Status::Paused => "paused",
        Status::Suspended => "suspended",
    };
    let message = format!("Team '{id}' {done} successfully");
    saas::teams::done(accounts, by, (&node, message)).await
}

pub(super) fn row(accounts: &Accounts, node: &TeamNode) -> Value {
    let facts = node.facts();
    let readings = accounts.budgets_of_team(node);
    json!({
        "id": facts.id.as_str(),
        "organization": facts.organization.as_str(),
        "name": &*facts.name,
        "status": facts.status.as_str(),
        "metadata": words::told_metadata(facts.metadata.as_deref()),
        "limits": controls::told_limits(&facts.controls.limits),
        "budgets": controls::told_budgets(&facts.controls.budgets, &readings),
        "created_at": facts.created_at.to_rfc3339(),
        "declared_in": accounts.tenants().team_declared_at(&node.id),
    })
}
