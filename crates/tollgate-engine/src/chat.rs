//! START HERE: one call to a model, from the admitted caller to the provider's answer.

use std::sync::Arc;

use tollgate_core::call::{Call, Wishes};
use tollgate_core::caller::Caller;
use tollgate_core::error::Failure;

use crate::engine::Engine;
use crate::health::Permit;
use crate::port::Delivery;
use crate::routes::{Route, RouteTarget};
use crate::trail::Trail;
use crate::walk::Walk;
use crate::{admit, attempt};

/// A call that may be served.
pub struct Plan<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// What is asked.
    pub call: &'a Call,
    /// What is asked of the gateway itself.
    pub wishes: &'a Wishes,
    /// The id of the request.
    pub request_id: &'a str,
    /// Who would serve it.
    pub route: Arc<Route>,
}

/// A call that a provider has begun to answer.
pub struct Served {
    /// The answer, or the stream.
    pub delivery: Delivery,
    /// The target that answers.
    pub answered: Arc<RouteTarget>,
    /// The place there. Whoever reads the answer says how it ended; `None` where the stream does
    /// that itself.
    pub permit: Option<Permit>,
}

/// Finds who would serve the call, if this caller may have it. Nothing is sent yet.
pub fn route(engine: &Engine, caller: &Caller, call: &Call) -> Result<Arc<Route>, Failure> {
    admit::route(engine, caller, &call.model)
}

/// Has the call served: by the targets of its route in turn, then by its fallbacks, within one
/// deadline and one number of attempts. Every attempt is noted in the trail. Dropping the future,
/// or the stream that it gave, cancels the exchange with the provider.
pub async fn serve(
    engine: &Arc<Engine>,
    plan: Plan<'_>,
    trail: &mut Trail,
) -> Result<Served, Failure> {
    let model = &plan.call.model;
    let mut walk = Walk::begin(engine, &plan);
    attempt::run(&mut walk, trail)
        .await
        .map_err(|failure| failure.model(&**model))
}
