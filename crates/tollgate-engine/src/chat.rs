//! START HERE: one call to a model, from the admitted caller to the provider's answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tollgate_core::call::Call;
use tollgate_core::caller::Caller;
use tollgate_core::error::Failure;
use tollgate_core::model::Route;

use crate::port::Delivery;
use crate::{admit, attempt, engine::Engine};

/// A call that a provider has begun to answer.
pub struct Served {
    /// The answer, or the stream.
    pub delivery: Delivery,
    /// How many attempts it took.
    pub attempts: u32,
    /// How long the provider took until the answer, or the first part of it, was there.
    pub waited: Duration,
}

/// Why a call came to nothing.
pub struct Unserved {
    /// What the caller is told.
    pub failure: Failure,
    /// How long the provider took.
    pub waited: Duration,
}

/// Finds who would serve the call, if this caller may have it. Nothing is sent yet.
pub fn plan(engine: &Engine, caller: &Caller, call: &Call) -> Result<Arc<Route>, Failure> {
    admit::route(engine, caller, &call.model)
}

/// Has the call served by its route. Dropping the future, or the stream that it gave, cancels the
/// exchange with the provider.
pub async fn serve(
    engine: &Engine,
    route: &Route,
    call: &Call,
    request_id: &str,
) -> Result<Served, Unserved> {
    let begin = Instant::now();
    let outcome = attempt::run(engine, route, call, begin, request_id).await;
    let waited = begin.elapsed();
    match outcome {
        Ok(delivery) => Ok(Served {
            delivery,
            attempts: 1,
            waited,
        }),
        Err(failure) => Err(Unserved {
            failure: failure.model(&*call.model),
            waited,
        }),
    }
}
