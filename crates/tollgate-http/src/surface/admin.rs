//! What operators do, with the admin key, and managers with the right to it.

pub(crate) mod audit;
pub(crate) mod connections;
mod controls;
pub(crate) mod credits;
pub(crate) mod explain;
mod fields;
mod health;
mod kept;
pub(crate) mod keys;
pub(crate) mod ledger;
mod maintenance;
pub(crate) mod members;
pub(crate) mod organizations;
mod page;
pub(crate) mod saas;
pub(crate) mod teams;
mod tenants;
mod words;

use std::borrow::Cow;

use bytes::Bytes;
use http::Method;
use http::request::Parts;
use serde_json::Value;
use tollgate_core::error::{Code, Failure};
use tollgate_engine::authority::Manager;

use crate::body::{self, Bounds, Inbound};
use crate::dispatch::Given;
use crate::gateway::Gateway;
use crate::idempotency;
use crate::percent;
use crate::routes::Endpoint;
use crate::routes::credits::{Deed, Purse};
use crate::surface::jobs;

/// Does what the endpoint and the method say. Whether the manager has the right was checked
/// before; how far it reaches is checked by whoever acts.
pub(crate) async fn act(
    gateway: &Gateway,
    by: &Manager,
    endpoint: Endpoint<'_>,
    parts: &Parts,
    body: &mut Inbound,
) -> Result<Given, Failure> {
    let engine = &*gateway.engine;
    let accounts = &*engine.accounts;
    let query = parts.uri.query();
    let (status, value) = match (endpoint, &parts.method) {
        (Endpoint::Keys, &Method::POST) => {
            keys::create(accounts, by, &read(gateway, parts, body).await?).await?
        }
        (Endpoint::TemporaryKeys, _) => {
            keys::create_temporary(accounts, by, &read(gateway, parts, body).await?).await?
        }
        (Endpoint::Keys, _) => keys::list(accounts, by, query)?,
        (Endpoint::Key(id), &Method::DELETE) => keys::revoke(accounts, by, id).await?,
        (Endpoint::Key(id), &Method::PATCH) => {
            let body = read(gateway, parts, body).await?;
            keys::change(accounts, by, (id, &body)).await?
        }
        (Endpoint::Key(id), _) => keys::one(accounts, by, id)?,
        (Endpoint::RotateKey(id), _) => keys::rotate(accounts, by, id).await?,
        (
            Endpoint::Organizations
            | Endpoint::Organization(_)
            | Endpoint::OrganizationStatus(..)
            | Endpoint::Members(_)
            | Endpoint::Member(..)
            | Endpoint::Teams
            | Endpoint::Team(_)
            | Endpoint::TeamStatus(..),
            method,
        ) => {
            let body = if has_body(method) && !is_status(endpoint) {
                read(gateway, parts, body).await?
            } else {
                Bytes::new()
            };
            tenants::act(gateway, by, endpoint, (method, query, &body)).await?
        }
        (Endpoint::Audit, _) => audit::list(accounts, by, query).await?,
        (Endpoint::Credits(purse, deed), _) => {
            of_credits(gateway, by, (purse, deed), (parts, body)).await?
        }
        (Endpoint::Ledger, &Method::POST) => ledger::verify(accounts).await?,
        (Endpoint::Ledger, _) => ledger::read(accounts),
        (Endpoint::Maintenance, &Method::PUT) => {
            let body = read(gateway, parts, body).await?;
            maintenance::set(&gateway.engine, by, &body).await?
        }
        (Endpoint::Maintenance, _) => maintenance::read(&gateway.engine.maintenance),
        (
            Endpoint::Connections
            | Endpoint::Connection(_)
            | Endpoint::ConnectionKey(_)
            | Endpoint::TestConnection(_)
            | Endpoint::ConnectionBreaker(_),
            _,
        ) => of_connections(gateway, by, endpoint, (parts, body)).await?,
        (Endpoint::Saas(place), _) => saas::act(gateway, by, place, (parts, body)).await?,
        (Endpoint::ExplainRoute, _) => {
            explain::explain(engine, &read(gateway, parts, body).await?)?
        }
        (Endpoint::Job(job), _) => jobs::manage(engine, by, job, query).await?,
        _ => return Err(Failure::client(Code::UnknownUrl)),
    };
    Ok(Given::json(status, &value))
}

/// What is done with connections.
async fn of_connections(
    gateway: &Gateway,
    by: &Manager,
    endpoint: Endpoint<'_>,
    (parts, body): (&Parts, &mut Inbound),
) -> Result<(u16, Value), Failure> {
    let engine = &*gateway.engine;
    Ok(match (endpoint, &parts.method) {
        (Endpoint::Connections, &Method::POST) => {
            let body = read(gateway, parts, body).await?;
            kept::create(engine, by, &body).await?
        }
        (Endpoint::Connections, _) => connections::list(engine)?,
        (Endpoint::Connection(name), &Method::PUT) => {
            let body = read(gateway, parts, body).await?;
            kept::replace(engine, by, (&named(name)?, &body)).await?
        }
        (Endpoint::Connection(name), &Method::DELETE) => {
            kept::delete(engine, by, &named(name)?).await?
        }
        (Endpoint::ConnectionKey(name), _) => {
            let body = read(gateway, parts, body).await?;
            kept::update_key(engine, by, (&named(name)?, &body)).await?
        }
        (Endpoint::Connection(name), _) => connections::one(engine, &named(name)?)?,
        (Endpoint::TestConnection(name), _) => {
            let body = read(gateway, parts, body).await?;
            connections::test(engine, &named(name)?, &body).await?
        }
        (Endpoint::ConnectionBreaker(name), _) => {
            let body = read(gateway, parts, body).await?;
            connections::order(engine, &named(name)?, &body)?
        }
        _ => return Err(Failure::client(Code::UnknownUrl)),
    })
}

/// What is done with credits.
async fn of_credits(
    gateway: &Gateway,
    by: &Manager,
    (purse, deed): (Purse<'_>, Deed),
    (parts, body): (&Parts, &mut Inbound),
) -> Result<(u16, Value), Failure> {
    let body = if has_body(&parts.method) {
        read(gateway, parts, body).await?
    } else {
        Bytes::new()
    };
    let engine = &*gateway.engine;
    let books = credits::Books {
        accounts: &engine.accounts,
        billing: &engine.billing(),
    };
    let asked = credits::Asked {
        body: &body,
        key: idempotency::reference(&parts.headers)?,
    };
    let of = credits::Of::purse(purse)?;
    credits::act(books, by, (&of, deed), (parts.uri.query(), asked)).await
}

fn has_body(method: &Method) -> bool {
    [Method::POST, Method::PUT, Method::PATCH].contains(method)
}

fn is_status(endpoint: Endpoint<'_>) -> bool {
    matches!(
        endpoint,
        Endpoint::OrganizationStatus(..) | Endpoint::TeamStatus(..)
    )
}

/// The name in a path.
fn named(encoded: &str) -> Result<Cow<'_, str>, Failure> {
    percent::decode(encoded).ok_or_else(|| Failure::client(Code::UnknownUrl))
}

/// Reads the body of a request for management.
pub(crate) async fn read(
    gateway: &Gateway,
    parts: &Parts,
    body: &mut Inbound,
) -> Result<Bytes, Failure> {
    let bounds = {
        let settings = gateway.settings();
        Bounds {
            bytes: settings.body_limit,
            time: settings.body_timeout,
        }
    };
    body::read_json(&parts.headers, body, bounds).await
}
