//! What operators do, with the admin key.

pub(crate) mod connections;
pub(crate) mod explain;
mod fields;
mod health;
pub(crate) mod keys;
mod maintenance;

use std::borrow::Cow;

use bytes::Bytes;
use http::Method;
use http::request::Parts;
use tollgate_core::error::{Code, Failure};

use crate::body::{self, Bounds, Inbound};
use crate::dispatch::Given;
use crate::gateway::Gateway;
use crate::percent;
use crate::routes::Endpoint;

/// Does what the endpoint and the method say. The right was checked before.
pub(crate) async fn act(
    gateway: &Gateway,
    endpoint: Endpoint<'_>,
    parts: &Parts,
    body: &mut Inbound,
) -> Result<Given, Failure> {
    let engine = &*gateway.engine;
    let accounts = &*engine.accounts;
    let (status, value) = match (endpoint, &parts.method) {
        (Endpoint::Keys, &Method::POST) => {
            keys::create(accounts, &read(gateway, parts, body).await?).await?
        }
        (Endpoint::TemporaryKeys, _) => {
            keys::create_temporary(accounts, &read(gateway, parts, body).await?).await?
        }
        (Endpoint::Keys, _) => keys::list(accounts)?,
        (Endpoint::Key(id), &Method::DELETE) => keys::revoke(accounts, id).await?,
        (Endpoint::Key(id), _) => keys::one(accounts, id)?,
        (Endpoint::RotateKey(id), _) => keys::rotate(accounts, id).await?,
        (Endpoint::Maintenance, &Method::PUT) => {
            maintenance::set(&gateway.engine, &read(gateway, parts, body).await?).await?
        }
        (Endpoint::Maintenance, _) => maintenance::read(&gateway.engine.maintenance),
        (Endpoint::Connections, _) => connections::list(engine)?,
        (Endpoint::Connection(name), _) => connections::one(engine, &named(name)?)?,
        (Endpoint::TestConnection(name), _) => {
            let body = read(gateway, parts, body).await?;
            connections::test(engine, &named(name)?, &body).await?
        }
        (Endpoint::ConnectionBreaker(name), _) => {
            let body = read(gateway, parts, body).await?;
            connections::order(engine, &named(name)?, &body)?
        }
        (Endpoint::ExplainRoute, _) => {
            explain::explain(engine, &read(gateway, parts, body).await?)?
        }
        _ => return Err(Failure::client(Code::UnknownUrl)),
    };
    Ok(Given::json(status, &value))
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
