//! The endpoints of organizations, their members and teams.

use std::sync::Arc;

use http::Method;
use serde_json::Value;
use tollgate_core::error::{Code, Failure};
use tollgate_core::id::TeamId;
use tollgate_engine::authority::Manager;

use super::page::Page;
use super::{members, named, organizations, saas, teams};
use crate::gateway::Gateway;
use crate::query::Query;
use crate::routes::Endpoint;
use crate::surface::jobs;

/// Does what the endpoint and the method say, with the query and the body that came.
pub(super) async fn act(
    gateway: &Gateway,
    by: &Manager,
    endpoint: Endpoint<'_>,
    (method, query, body): (&Method, Option<&str>, &[u8]),
) -> Result<(u16, Value), Failure> {
    let accounts = &*gateway.engine.accounts;
    let sees = *method == Method::GET || *method == Method::HEAD;
    // Without a word of ours in the query these two lists are those of seed 001.
    let is_paged = Page::is_wanted(Query::new(query));
    match endpoint {
        Endpoint::Organizations if sees && !is_paged => saas::organizations::all(accounts, by),
        Endpoint::Organizations if sees => organizations::list(accounts, by, query),
        Endpoint::Organizations => organizations::create(accounts, by, body).await,
        Endpoint::Organization(id) if sees => organizations::one(accounts, by, &named(id)?),
        Endpoint::Organization(id) => {
            organizations::change(accounts, by, (&named(id)?, body)).await
        }
        Endpoint::OrganizationStatus(id, status) => {
            organizations::set_status(accounts, by, (&named(id)?, status)).await
        }
        Endpoint::Members(id) if sees => members::list(accounts, by, (&named(id)?, query)),
        Endpoint::Members(id) => members::create(accounts, by, (&named(id)?, body)).await,
        Endpoint::Member(id, user) => {
            let member = (&*named(id)?, &*named(user)?);
            match *method {
                Method::DELETE => members::delete(accounts, by, member).await,
                Method::PUT | Method::PATCH => members::change(accounts, by, member, body).await,
                _ => members::one(accounts, by, member),
            }
        }
        Endpoint::Teams if sees && !is_paged => saas::teams::all(accounts, by).await,
        Endpoint::Teams if sees => teams::list(accounts, by, query),
        Endpoint::Teams => teams::create(accounts, by, body).await,
        Endpoint::Team(id) if sees => teams::one(accounts, by, &named(id)?).await,
        Endpoint::Team(id) if *method == Method::DELETE => {
            delete_team(gateway, by.clone(), named(id)?.into_owned()).await
        }
        Endpoint::Team(id) => teams::change(accounts, by, (&named(id)?, body)).await,
        Endpoint::TeamStatus(id, status) => {
            teams::set_status(accounts, by, (&named(id)?, status)).await
        }
        _ => Err(Failure::client(Code::UnknownUrl)),
    }
}

/// Deletes a team, and ends its jobs: no key of it is left that could. There may be many of them,
/// and whoever asked may not wait so long: nobody can ask for it again.
async fn delete_team(gateway: &Gateway, by: Manager, id: String) -> Result<(u16, Value), Failure> {
    let engine = Arc::clone(&gateway.engine);
    let deleting = async move {
        let told = saas::teams::delete(&engine.accounts, &by, &id).await?;
        engine.jobs.end_all(&TeamId::from_stored(&id)).await;
        Ok(told)
    };
    jobs::whole(gateway, deleting).await
}
