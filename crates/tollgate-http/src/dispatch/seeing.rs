//! How far somebody sees who asks for what the platform, managers and teams may see alike.

use std::sync::Arc;

use http::request::Parts;
use tollgate_core::error::{Code, Failure};
use tollgate_core::right::Right;
use tollgate_engine::admit;
use tollgate_engine::authority::Manager;
use tollgate_engine::caller::Caller;

use crate::credential;
use crate::record::Record;
use crate::routes::Endpoint;
use crate::surface::reports::Scope;

/// How far whoever asks for a report sees: by the admin key everything, by another key what it
/// belongs to.
pub(super) fn scope(
    record: &mut Record,
    endpoint: Endpoint<'_>,
    parts: &Parts,
) -> Result<Scope, Failure> {
    let gateway = Arc::clone(record.gateway());
    if credential::administrator(&gateway, &parts.headers)?.is_some() {
        return Ok(Scope::Everything);
    }
    let credential = credential::read(endpoint, parts)?;
    let caller = admit::caller(&gateway.engine, &credential)?;
    record.facts.key = Some(Arc::clone(&caller.key));
    credential::check_address(&record.facts, &caller)?;
    admit::check(&caller, Right::Read, endpoint.surface())?;
    Ok(Scope::of(&caller))
}

/// Whoever asks for what a team's own key may see, and is no manager who may see it.
pub(super) fn own_caller(
    record: &mut Record,
    parts: &Parts,
    (endpoint, right): (Endpoint<'_>, Right),
) -> Result<Option<Caller>, Failure> {
    let gateway = Arc::clone(record.gateway());
    if credential::administrator(&gateway, &parts.headers)?.is_some() {
        return Ok(None);
    }
    let caller = match credential::read(endpoint, parts) {
        Ok(credential) => admit::caller(&gateway.engine, &credential)?,
        // Managers are told what it takes.
        Err(failure) if failure.code == Code::MissingApiKey => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let manages = Manager::user(caller.clone()).and_then(|manager| manager.extent(right));
    if manages.is_ok() {
        return Ok(None);
    }
    record.facts.key = Some(Arc::clone(&caller.key));
    credential::check_address(&record.facts, &caller)?;
    admit::check_stopped(&caller, Right::Read, endpoint.surface())?;
    Ok(Some(caller))
}
