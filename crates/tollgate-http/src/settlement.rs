//! An answer waits for its settlement, and no longer than the deployment allows.

use std::time::Duration;

use tokio::time::timeout;
use tollgate_core::error::{Code, Failure};
use tollgate_engine::fault;
use tollgate_engine::settle::Ticket;

use crate::record::Record;

/// Waits until a settlement is durable. Fails if that takes too long: then it is taken back, and
/// the answer is withheld.
pub(crate) async fn wait(record: &mut Record, ticket: Option<Ticket>) -> Result<(), Failure> {
    let Some(mut ticket) = ticket else {
        return Ok(());
    };
    fault::point("answer.settling");
    let patience = patience(record);
    if timeout(patience, &mut ticket).await.is_ok() {
        fault::point("answer.settled");
        return Ok(());
    }
    withhold(record, ticket)
}

/// How long an answer waits.
pub(crate) fn patience(record: &Record) -> Duration {
    record.gateway().engine.ledger.settings().patience
}

/// Takes back a settlement for which nobody waits any longer. Good if it has become durable in
/// this very moment.
pub(crate) fn withhold(record: &mut Record, ticket: Ticket) -> Result<(), Failure> {
    if ticket.withdraw().is_err() {
        return Ok(());
    }
    // Nobody pays for it, so nobody gets it again.
    record.replay = None;
    if let Some(job) = &mut record.job {
        job.take_back();
    }
    Err(Failure::gateway(Code::DatabaseError)
        .message(
            "The answer is withheld: its settlement could not be written in time. You do not \
                 pay for it. Try again in a few seconds.",
        )
        .because("a settlement did not become durable in time"))
}
