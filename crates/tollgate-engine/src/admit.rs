//! Who is calling, and may they ask for this?

use std::sync::Arc;

use tollgate_core::error::failure::Detail;
use tollgate_core::error::{Code, Failure, detail};
use tollgate_core::key::{self, KeyProblem};
use tollgate_core::right::Right;

use crate::caller::Caller;
use crate::engine::Engine;
use crate::routes::{Gate, Route};

/// Finds the caller behind a credential. The time it takes depends on the credential's length
/// alone: it is hashed whole, then looked up.
pub fn caller(engine: &Engine, credential: &[u8]) -> Result<Caller, Failure> {
    if credential.len() > key::LONGEST {
        return Err(Failure::client(Code::InvalidApiKey));
    }
    let hash = engine.accounts.hash(credential);
    let Some(found) = engine.accounts.find(&hash) else {
        return Err(unknown(engine, credential));
    };
    let now = engine.clock.now();
    match found.check(now) {
        Ok(()) => {
            engine.accounts.note_use(&found, now);
            Ok(Caller::new(found))
        }
        Err(KeyProblem::Revoked) => Err(Failure::client(Code::InvalidApiKey)),
        Err(KeyProblem::Expired) => Err(Failure::client(Code::ExpiredApiKey)),
    }
}

/// Whether a caller may use a surface that demands this right, `read` or `write`: by the key's
/// permissions and surfaces, and by the status of whoever it belongs to.
pub fn check(caller: &Caller, right: Right, surface: &str) -> Result<(), Failure> {
    caller.check()?;
    check_key(caller, right, surface)
}

/// The same also while the team or the organization is suspended or paused.
pub fn check_stopped(caller: &Caller, right: Right, surface: &str) -> Result<(), Failure> {
    caller.check_user()?;
    check_key(caller, right, surface)
}

/// The same by the key alone.
fn check_key(caller: &Caller, right: Right, surface: &str) -> Result<(), Failure> {
    let given = caller.key.permissions;
    let (may, name) = match right {
        Right::Write => (given.write, "write"),
        _ => (given.read, "read"),
    };
    if !may {
        return Err(Failure::client(Code::PermissionDenied).message(format!(
            "This key lacks the permission \"{name}\". Use a key that has it."
        )));
    }
    if right == Right::Write && !caller.key.reach.allows_surface(surface) {
        return Err(Failure::client(Code::PermissionDenied).message(format!(
            "This key may not be used at this address (\"{surface}\"). Use a key whose \
             `surfaces` have it."
        )));
    }
    Ok(())
}

fn unknown(engine: &Engine, credential: &[u8]) -> Failure {
    let failure = Failure::client(Code::InvalidApiKey);
    if engine.accounts.is_of_another_environment(credential) {
        return failure.message(
            "Invalid API key provided: this key belongs to another environment (test or live).",
        );
    }
    failure
}

/// Finds the route of a model, if this caller may use it.
pub fn route(engine: &Engine, caller: &Caller, model: &str) -> Result<Arc<Route>, Failure> {
    let found = engine.routes().find(model);
    let Some(route) = found.filter(|route| route.exists_for(caller)) else {
        let team = Detail::Text(caller.team().id.as_str().to_owned());
        return Err(Failure::client(Code::ModelNotFound)
            .model(model)
            .detail(detail::TEAM_ID, team));
    };
    if !engine.accounts.offers().opens(caller, &route) {
        return Err(not_given(caller, &route, model));
    }
    // A scope may name the model or the alias under which it was asked for.
    if may_use(caller, &route, model) {
        Ok(route)
    } else {
        Err(Failure::client(Code::ModelAccessDenied).model(model))
    }
}

/// The route of a model of a group that the caller's team has.
pub(crate) fn route_of_group(engine: &Engine, caller: &Caller, model: &str) -> Option<Arc<Route>> {
    let found = engine.routes().find(model);
    found.filter(|route| route.exists_for(caller))
}

/// Whether a caller may ask for a route under this name. A collection is open to whoever may use
/// one of its members.
fn may_use(caller: &Caller, route: &Route, name: &str) -> bool {
    caller.may_use(&route.model)
        || caller.may_use(name)
        || (route.any_model
            && route
                .targets
                .iter()
                .any(|target| caller.may_use(&target.model)))
}

/// The model is there, and the caller's team was not given it.
#[cold]
fn not_given(caller: &Caller, route: &Route, model: &str) -> Failure {
    let team = Detail::Text(caller.team().id.as_str().to_owned());
    let code = match route.gate.as_deref() {
        Some(Gate::Alias(_)) => Code::ModelAccessDenied,
        // To a team, a group that it does not have is as one that is not there.
        Some(Gate::Group(_)) | None => Code::ModelNotFound,
    };
    Failure::client(code)
        .model(model)
        .detail(detail::TEAM_ID, team)
}
