//! Tries the target of a route within the deadline of the request, and records the attempt.

use std::sync::Arc;

use tokio::time::Instant;
use tollgate_core::call::Call;
use tollgate_core::error::{AttemptRecord, Failure};
use tollgate_core::model::Route;

use crate::engine::Engine;
use crate::port::{Attempt, Delivery};

/// Makes the attempt. A failure carries the record of it.
pub(crate) async fn run(
    engine: &Engine,
    route: &Route,
    call: &Call,
    begin: Instant,
    request_id: &str,
) -> Result<Delivery, Failure> {
    let attempt = Attempt {
        call,
        target: &route.target,
        timeouts: &route.timeouts,
        deadline: begin + route.timeouts.total,
        request_id,
        unsupported: route.unsupported,
    };
    match engine.upstream.send(attempt).await {
        Ok(delivery) => Ok(delivery),
        Err(mut failure) => {
            let record = AttemptRecord {
                connection: Arc::clone(&route.target.connection),
                model: Arc::clone(&route.target.model),
                code: Some(failure.code),
                status: failure.provider_status,
                duration: begin.elapsed(),
            };
            failure.attempts.push(record);
            Err(failure)
        }
    }
}
