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
    /// Who answers.
    pub route: Arc<Route>,
    /// The answer, or the stream.
    pub delivery: Delivery,
    /// How many attempts it took.
    pub attempts: u32,
    /// How long the provider took until the answer, or the first part of it, was there.
    pub waited: Duration,
}

/// Why a call came to nothing, and how far it had come.
pub struct Unserved {
    /// What the caller is told.
    pub failure: Failure,
    /// The route, if one was found.
    pub route: Option<Arc<Route>>,
    /// How long the provider took.
    pub waited: Duration,
}

/// Takes a call through its life. Dropping the future, or the stream that it gave, cancels the
/// exchange with the provider.
pub async fn serve(
    engine: &Engine,
    caller: &Caller,
    call: &Call,
    request_id: &str,
) -> Result<Served, Unserved> {
    let route = admit::route(engine, caller, &call.model).map_err(|failure| Unserved {
        failure,
        route: None,
        waited: Duration::ZERO,
    })?;
    let begin = Instant::now();
    let outcome = attempt::run(engine, &route, call, begin, request_id).await;
    let waited = begin.elapsed();
    match outcome {
        Ok(delivery) => Ok(Served {
            route,
            delivery,
            attempts: 1,
            waited,
        }),
        Err(failure) => {
            let failure = failure.model(&*call.model);
            Err(Unserved {
                failure,
                route: Some(route),
                waited,
            })
        }
    }
}
