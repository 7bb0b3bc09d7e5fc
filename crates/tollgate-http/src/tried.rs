//! The attempts of a request as metrics and the log tell them: how each ended is known only when
//! the request has.

use std::sync::Arc;
use std::time::Duration;

use tollgate_core::error::AttemptRecord;

use crate::record::Facts;

/// One attempt.
pub(crate) struct Tried<'a> {
    pub(crate) connection: &'a Arc<str>,
    /// The model as the provider calls it.
    pub(crate) model: &'a Arc<str>,
    /// `ok`, `cancelled`, `client_closed` or a code of the catalogue.
    pub(crate) outcome: &'static str,
    pub(crate) status: Option<u16>,
    /// `None` for one that was under way when the request ended.
    pub(crate) duration: Option<Duration>,
}

/// Every attempt of a request. The one that answered ended as the request did: a stream may have
/// begun well. So did those that were under way when the caller hung up.
pub(crate) fn all(facts: &Facts) -> impl Iterator<Item = Tried<'_>> {
    let ended = facts.trail.records().map(|record| Tried {
        connection: &record.connection,
        model: &record.model,
        outcome: if is_good(record) {
            facts.code
        } else {
            record.outcome()
        },
        status: record.status,
        duration: Some(record.duration),
    });
    let under_way = facts.trail.under_way().map(|asked| Tried {
        connection: &asked.connection,
        model: &asked.model,
        outcome: facts.code,
        status: None,
        duration: None,
    });
    ended.chain(under_way)
}

fn is_good(record: &AttemptRecord) -> bool {
    record.code.is_none() && !record.cancelled
}
