//! Organizations as seed 001 has them: made with a default team, and told with what they used.

use serde_json::{Value, json};
use tollgate_core::budget::Controls;
use tollgate_core::error::{Code, Failure};
use tollgate_core::id::TeamId;
use tollgate_core::job::Terms;
use tollgate_core::money::{LARGEST, Money};
use tollgate_core::tenant::Status;
use tollgate_core::time::Timestamp;
use tollgate_engine::accounts::{Accounts, MadeTeam, NewOrganization, OrganizationEdit, is_id};
use tollgate_engine::authority::Manager;
use tollgate_engine::engine::Engine;
use tollgate_engine::offers::Shelf;
use tollgate_engine::port::{JobBy, JobQuery};
use tollgate_engine::tenants::OrganizationNode;

use super::super::fields::Fields;
use super::super::{organizations, page, words};
use super::groups::names;
use super::new_team;
use super::teams::Standing;
use super::{conflict, worded};
use crate::query::Query;

const LONGEST_NAME: usize = 100;
const LONGEST_REASON: usize = 500;

/// What `POST /api/organizations/create` says.
struct New {
    id: Box<str>,
    name: Box<str>,
    metadata: Option<Box<str>>,
    team: Option<new_team::New>,
}

fn new(body: &[u8]) -> Result<New, Failure> {
    let mut fields = Fields::read(body)?;
    let id = fields
        .required_text("organization_id", words::LONGEST_ID)
        .unwrap_or_default();
    if !id.is_empty() && !is_id(&id) {
        let what = "must have letters, digits, `-`, `_` and `.` only and begin with a letter or a \
                    digit";
        fields.fault("organization_id", "value_error", what);
    }
    let name = fields.required_text("name", LONGEST_NAME);
    let with_team = fields.flag("create_default_team").unwrap_or(true);
    let team_name = fields.text("default_team_name", LONGEST_NAME);
    let groups = names(&mut fields, "default_team_access_groups");
    let credits = fields.integer("default_team_credits", 0..=LARGEST);
    let metadata = words::metadata(&mut fields);
    fields.finish_leniently()?;
    let team = with_team.then(|| {
        let team = format!("{id}_default");
        new_team::New {
            organization: id.as_str().into(),
            name: team_name.unwrap_or_else(|| team.clone()).into(),
            id: team.into(),
            groups,
            credits: credits.unwrap_or_default(),
            terms: Terms::default(),
            metadata: None,
        }
    });
    Ok(New {
        id: id.into(),
        name: name.unwrap_or_default().into(),
        metadata: metadata.flatten(),
        team,
    })
}

/// `POST /api/organizations/create`. An organization stays where its team could not be made.
pub(super) async fn create(
    accounts: &Accounts,
    by: &Manager,
    body: &[u8],
) -> Result<(u16, Value), Failure> {
    let New {
        id,
        name,
        metadata,
        team,
    } = new(body)?;
    let organization = NewOrganization {
        id: Some(id.clone()),
        name,
        status: Status::Active,
        keeps_bodies: false,
        metadata,
        controls: Controls::default(),
    };
    let whole = team.as_ref().map(new_team::whole);
    let check = |shelf: &Shelf| match &team {
        Some(team) => new_team::against(accounts, team)(shelf),
        None => Ok(()),
    };
    let made = accounts
        .create_whole_organization(by, organization, whole, check)
        .await;
    let (node, made_team) = made.map_err(|failure| {
        if failure.code == Code::Conflict {
            let text = format!("Organization with ID '{id}' already exists");
            return conflict("organization", text);
        }
        failure
    })?;
    let mut row = told(accounts, &node);
    let default_team = match (&team, made_team) {
        (Some(team), Some(made)) => default_team(accounts, team, made),
        _ => Value::Null,
    };
    if let Value::Object(row) = &mut row {
        row.insert("default_team".to_owned(), default_team);
    }
    Ok((200, row))
}

fn default_team(
    accounts: &Accounts,
    new: &new_team::New,
    made: Result<MadeTeam, Failure>,
) -> Value {
    let (node, key) = match made {
        Ok(made) => made,
        Err(failure) => {
            let failure = new_team::of_team(failure, &new.id);
            let text = failure.message.as_deref();
            let text = text.unwrap_or_else(|| failure.code.slug());
            return json!({"error": text});
        }
    };
    let shelf = accounts.offers().shelf();
    let offer = shelf.team(&node.id);
    let aliases = offer.map(|offer| shelf.allowed_aliases(offer));
    json!({
        "team_id": node.id.as_str(),
        "team_alias": &*new.name,
        "virtual_key": key.expose(),
        "access_groups": new.groups,
        "allowed_model_aliases": aliases,
        "credits_allocated": new.credits,
    })
}

/// `GET /api/organizations`: every active organization that the manager may see.
pub(in super::super) fn all(accounts: &Accounts, by: &Manager) -> Result<(u16, Value), Failure> {
    let nodes = accounts.organizations(by)?;
    let active = nodes.iter().filter(|node| node.status() == Status::Active);
    Ok((200, active.map(|node| told(accounts, node)).collect()))
}

/// An organization in both shapes.
pub(in super::super) fn told(accounts: &Accounts, node: &OrganizationNode) -> Value {
    let mut row = organizations::row(accounts, node);
    let team = TeamId::from_stored(&format!("{}_default", node.id));
    // Teams are free in their ids: another organization may have one of this id.
    let team = accounts.tenants().team(&team);
    let team = team.filter(|team| team.organization().id == node.id);
    let facts = node.facts();
    let members = json!({
        "organization_id": node.id.as_str(),
        "name": &*facts.name,
        "status": facts.status.as_str(),
        "created_at": facts.created_at.to_rfc3339(),
        "updated_at": facts.updated_at.unwrap_or(facts.created_at).to_rfc3339(),
        "default_team": team.map(|team| json!({
            "team_id": team.id.as_str(),
            "team_alias": &*team.facts().name,
        })),
    });
    if let (Value::Object(row), Value::Object(members)) = (&mut row, members) {
        row.extend(members);
    }
    row
}

pub(in super::super) fn find(
    accounts: &Accounts,
    by: &Manager,
    id: &str,
) -> Result<std::sync::Arc<OrganizationNode>, Failure> {
    let absent = || format!("Organization '{id}' not found");
    accounts
        .organization(by, id)
        .map_err(|failure| worded(failure, "organization", absent))
}

/// `GET /api/organizations/{id}/teams`.
pub(super) async fn teams(
    accounts: &Accounts,
    by: &Manager,
    id: &str,
) -> Result<(u16, Value), Failure> {
    let node = find(accounts, by, id)?;
    let given = accounts.credits().given_to_all().await?;
    let shelf = accounts.offers().shelf();
    let mut rows = Vec::new();
    for team in accounts.teams(by, Some(id))? {
        let standing = Standing::among(&given, &team);
        let groups = shelf.team(&team.id).map(|offer| offer.groups.clone());
        rows.push(json!({
            "team_id": team.id.as_str(),
            "team_alias": &*team.facts().name,
            "status": team.status().as_str(),
            "access_groups": groups.unwrap_or_default(),
            "credits_allocated": standing.allocated,
            "credits_remaining": standing.remaining,
        }));
    }
    let body = json!({
        "organization_id": node.id.as_str(),
        "team_count": rows.len(),
        "teams": rows,
    });
    Ok((200, body))
}

/// `GET /api/organizations/{id}/usage?period=YYYY-MM`: what its jobs came to.
pub(super) async fn usage(
    engine: &Engine,
    by: &Manager,
    (id, query): (&str, Query<'_>),
) -> Result<(u16, Value), Failure> {
    let node = find(&engine.accounts, by, id)?;
    let period = query.first("period");
    let (from, to) = match period.as_deref() {
        None => (None, None),
        Some(text) => {
            let what = "must be a month, for example 2030-01";
            let (from, to) = month(text).ok_or_else(|| page::fault("period", what))?;
            (Some(from), Some(to))
        }
    };
    let wanted = JobQuery {
        organization: Some(node.id.clone()),
        from,
        to,
        ..JobQuery::default()
    };
    let sums = engine.ledger.store().job_sums(&wanted, JobBy::Team).await;
    let sums = sums.map_err(|error| Failure::gateway(Code::DatabaseError).because(error))?;
    let all = |of: fn(&tollgate_engine::port::JobSum) -> u64| sums.iter().map(of).sum::<u64>();
    let teams = sums.iter().map(|sum| {
        let told = json!({"jobs": sum.jobs, "credits_used": sum.credits});
        (sum.of.to_string(), told)
    });
    let teams: serde_json::Map<String, Value> = teams.collect();
    let cost = Money::from_nano(all(|sum| sum.totals.cost)).to_string();
    let body = json!({
        "organization_id": node.id.as_str(),
        "period": period,
        "summary": {
            "total_jobs": all(|sum| sum.jobs),
            "completed_jobs": all(|sum| sum.completed),
            "failed_jobs": all(|sum| sum.failed),
            "credits_used": all(|sum| sum.credits),
            "total_cost_usd": cost.parse::<f64>().ok(),
            "total_tokens": all(|sum| sum.totals.tokens),
        },
        "teams": teams,
    });
    Ok((200, body))
}

/// The month of such a text, in UTC.
fn month(text: &str) -> Option<(Timestamp, Timestamp)> {
    let (year, month) = text.split_once('-')?;
    if year.len() != 4 || month.len() != 2 {
        return None;
    }
    let first = jiff::civil::Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?;
    let next = first.last_of_month().tomorrow().ok()?;
    let begin = |day: jiff::civil::Date| {
        let zoned = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Timestamp::from_millis(zoned.timestamp().as_millisecond()))
    };
    Some((begin(first)?, begin(next)?))
}

/// `PUT /api/organizations/{id}/status`.
pub(super) async fn set_state(
    accounts: &Accounts,
    by: &Manager,
    (id, body): (&str, &[u8]),
) -> Result<(u16, Value), Failure> {
    let mut fields = Fields::read(body)?;
    let word = fields.required_text("status", 32);
    let reason = fields.text("reason", LONGEST_REASON);
    let status = word.as_deref().and_then(Status::from_name);
    if word.is_some() && status.is_none() {
        let what = "must be active, paused or suspended";
        fields.fault("status", "value_error", what);
    }
    fields.finish_leniently()?;
    let node = find(accounts, by, id)?;
    let previous = node.status();
    let edit = OrganizationEdit {
        status,
        reason: reason.as_deref().map(Into::into),
        ..OrganizationEdit::default()
    };
    let node = accounts
        .change_organization(by, node.id.as_str(), &edit)
        .await?;
    let body = json!({
        "organization_id": node.id.as_str(),
        "status": node.status().as_str(),
        "previous_status": previous.as_str(),
        "updated_at": node.facts().updated_at.map(Timestamp::to_rfc3339),
        "reason": reason,
    });
    Ok((200, body))
}
