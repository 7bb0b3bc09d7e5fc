//! What seed 001 manages: teams with their job credits, organizations, and the models that are
//! offered to them. Its paths and shapes, behind the rights of this gateway.

mod aliases;
mod credentials;
mod credits;
mod dashboard;
mod groups;
mod model_groups;
mod new_team;
pub(super) mod organizations;
mod refill;
mod sort;
pub(super) mod teams;

use bytes::Bytes;
use http::Method;
use http::request::Parts;
use serde_json::Value;
use tollgate_core::error::failure::Detail;
use tollgate_core::error::{Code, Failure, detail};
use tollgate_engine::authority::Manager;
use tollgate_engine::caller::Caller;

pub use self::credentials::provider_word;
pub(super) use self::credits::{merge_balance, merge_order, no_account, no_team, transactions};
use super::{has_body, named, read};
use crate::body::Inbound;
use crate::dispatch::Given;
use crate::gateway::Gateway;
use crate::idempotency;
use crate::query::Query;
use crate::routes::saas::{Act, Credential, OwnView, Saas};

/// A request as it came.
struct Asked<'a> {
    method: &'a Method,
    query: Query<'a>,
    body: Bytes,
    /// The reference of an order that names none.
    key: Option<Box<str>>,
}

/// Does what the endpoint and the method say.
pub(super) async fn act(
    gateway: &Gateway,
    by: &Manager,
    place: Saas<'_>,
    (parts, body): (&Parts, &mut Inbound),
) -> Result<(u16, Value), Failure> {
    let wants_body = has_body(&parts.method) && !is_without_body(place);
    let body = if wants_body {
        read(gateway, parts, body).await?
    } else {
        Bytes::new()
    };
    let asked = Asked {
        method: &parts.method,
        query: Query::new(parts.uri.query()),
        body,
        key: idempotency::reference(&parts.headers)?,
    };
    let (engine, accounts) = (&*gateway.engine, &*gateway.engine.accounts);
    match place {
        Saas::NewTeam => new_team::create(accounts, by, &asked.body).await,
        Saas::TeamGroups(id) => teams::set_groups(accounts, by, (&named(id)?, &asked.body)).await,
        Saas::TeamModelGroups(id) => {
            teams::set_model_groups(accounts, by, (&named(id)?, &asked.body)).await
        }
        Saas::Credits(id, act) => credits::act(accounts, by, (&named(id)?, act), &asked).await,
        Saas::NewOrganization => organizations::create(accounts, by, &asked.body).await,
        Saas::OrganizationTeams(id) => organizations::teams(accounts, by, &named(id)?).await,
        Saas::OrganizationUsage(id) => {
            organizations::usage(engine, by, (&named(id)?, asked.query)).await
        }
        Saas::OrganizationState(id) => {
            organizations::set_state(accounts, by, (&named(id)?, &asked.body)).await
        }
        Saas::Aliases | Saas::NewAlias | Saas::Alias(_) => {
            aliases::act(engine, by, place, &asked).await
        }
        Saas::Groups | Saas::NewGroup | Saas::Group(_) | Saas::GroupAliases(_) => {
            groups::act(accounts, by, place, &asked).await
        }
        Saas::ModelGroups
        | Saas::NewModelGroup
        | Saas::ModelGroup(_)
        | Saas::ModelGroupModels(_)
        | Saas::ResolveModelGroup(_) => model_groups::act(engine, by, place, &asked).await,
        Saas::ProviderCredentials(place) => credentials::act(engine, by, place, &asked).await,
        Saas::Dashboard => dashboard::read(accounts).await,
    }
}

/// What a team's own key is shown, whatever the team's status.
pub(crate) async fn own(
    gateway: &Gateway,
    caller: &Caller,
    view: OwnView<'_>,
    parts: &Parts,
) -> Result<Given, Failure> {
    let engine = &*gateway.engine;
    let query = Query::new(parts.uri.query());
    let (team, told) = match view {
        OwnView::Team(team) => (team, "Cannot access team data for a different team"),
        OwnView::Balance(team) => (team, "Cannot access credit balance for a different team"),
        OwnView::Transactions(team) => (
            team,
            "Cannot access credit transactions for a different team",
        ),
        OwnView::Check(team) => (team, "Cannot check credits for a different team"),
        OwnView::Resolve(group) => {
            let group = named(group)?;
            let body = model_groups::resolve_own(engine, caller, (&group, query))?;
            return Ok(Given::json(200, &body));
        }
    };
    if *named(team)? != *caller.team().id.as_str() {
        return Err(Failure::client(Code::PermissionDenied).message(told));
    }
    let (accounts, node) = (&*engine.accounts, caller.team());
    let body = match view {
        OwnView::Team(_) | OwnView::Resolve(_) => {
            let key = caller.key.masked();
            teams::told(accounts, node, Some(&key)).await?
        }
        OwnView::Balance(_) => credits::balance(gateway, node, query).await?,
        OwnView::Transactions(_) => transactions(accounts, &node.id, query).await?,
        OwnView::Check(_) => credits::check(accounts, node, query).await?,
    };
    Ok(Given::json(200, &body))
}

fn is_without_body(place: Saas<'_>) -> bool {
    matches!(
        place,
        Saas::Credits(_, Act::Check) | Saas::ProviderCredentials(Credential::Use(..))
    )
}

/// Something that is asked for in a way that the server of seed 001 refuses with these words.
fn wrong(text: impl Into<String>) -> Failure {
    Failure::client(Code::InvalidRequest).message(text)
}

/// There is nothing of this name.
fn missing(kind: &str, text: impl Into<String>) -> Failure {
    Failure::client(Code::ResourceNotFound)
        .message(text)
        .detail(detail::RESOURCE, Detail::Text(kind.to_owned()))
}

/// There is one of this name already, or it is in use.
fn conflict(kind: &str, text: impl Into<String>) -> Failure {
    Failure::client(Code::Conflict)
        .message(text)
        .detail(detail::RESOURCE, Detail::Text(kind.to_owned()))
}

/// The failure of something that is not there, in the words of seed 001. Other failures stay.
fn worded(failure: Failure, kind: &str, text: impl FnOnce() -> String) -> Failure {
    if failure.code == Code::ResourceNotFound {
        missing(kind, text())
    } else {
        failure
    }
}

/// What differs between two rows, for the audit log.
fn difference(old: &Value, new: &Value) -> String {
    let mut told = serde_json::Map::new();
    if let Value::Object(members) = new {
        for (name, value) in members {
            let before = old.get(name).unwrap_or(&Value::Null);
            if before != value && name != "updated_at" {
                let both = serde_json::json!({"new": value, "old": before});
                told.insert(name.clone(), both);
            }
        }
    }
    Value::Object(told).to_string()
}
