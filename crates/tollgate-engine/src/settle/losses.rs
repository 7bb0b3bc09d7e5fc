//! What providers charge for attempts that came to nothing: the operator's cost, kept beside what
//! callers pay.

use std::sync::Arc;

use tollgate_core::error::AttemptRecord;
use tollgate_core::ledger::{Entry, Kind, Settlement};

use super::{Ledger, Posting};
use crate::caller::Caller;
use crate::trail::Trail;

impl Ledger {
    /// Writes down what was lost with a call, an entry for each attempt of which the provider said
    /// what it used and whose target has a price. For once at the end of a call. Nobody waits for
    /// these entries, and no balance changes.
    pub fn lose(&self, caller: &Caller, request_id: &str, trail: &Trail) {
        for attempt in trail.lost() {
            let Some(entry) = self.loss(caller, request_id, attempt) else {
                continue;
            };
            let posting = Posting {
                entry,
                along: None,
                undo: None,
            };
            // Nothing here can fail.
            _ = self.post(|| Ok((Some(posting), ())));
        }
    }

    /// The entry for an attempt; `None` if it cost nothing, or nobody knows what.
    fn loss(&self, caller: &Caller, request_id: &str, attempt: &AttemptRecord) -> Option<Entry> {
        let lost = attempt.lost.as_ref()?;
        let cost = lost.cost.as_ref().filter(|cost| cost.nano > 0)?;
        let settlement = Settlement {
            held: 0,
            charged: cost.nano,
            shortfall: 0,
            payer: caller.payer(),
            model: Arc::clone(&lost.model),
            connection: Arc::clone(&attempt.connection),
            price_version: Arc::clone(&cost.price_version),
            usage: lost.usage,
            flags: lost.flags,
            request_id: request_id.into(),
        };
        Some(Entry {
            id: self.next_id(),
            at: self.now(),
            wallet: None,
            kind: Kind::Loss(Box::new(settlement)),
        })
    }
}
