//! What was said in the calls of a job, where their organization has that kept: it is in the
//! request log, and stays there no longer than its rows do.

use std::time::Duration;

use serde_json::Value;
use tollgate_core::error::Failure;
use tollgate_core::job::CallRecord;
use tollgate_core::request_log::{Bodies, Filter};
use tollgate_engine::engine::Engine;
use tollgate_engine::tenants::TeamNode;

use crate::surface::reports;

/// The most calls of a job of which texts are looked for.
const MOST: usize = 200;
/// How much later than a call ends its row may say that it did.
const WRITTEN_BY: Duration = Duration::from_secs(10);

/// Whose texts are looked for.
pub(super) struct Texts<'a> {
    engine: &'a Engine,
    filter: Filter,
    left: usize,
}

impl<'a> Texts<'a> {
    /// Those of a team; `None` where its organization does not have them kept.
    pub(super) fn of(engine: &'a Engine, team: &TeamNode) -> Option<Self> {
        let organization = team.organization();
        let is_kept = organization.facts().keeps_bodies && engine.request_log.is_enabled();
        is_kept.then(|| Self {
            engine,
            filter: Filter {
                organization: Some(organization.id.as_str().into()),
                team: Some(team.id.as_str().into()),
                ..Filter::default()
            },
            left: MOST,
        })
    }

    /// What was asked and answered in a call, as far as that is still there.
    pub(super) async fn find(&mut self, call: &CallRecord) -> Result<Option<Bodies>, Failure> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        // A caller may have used the id of the request for others, too.
        let latency = Duration::from_millis(call.latency_ms.unwrap_or(0));
        self.filter.from = Some(call.at);
        self.filter.to = Some(call.at.after(latency + WRITTEN_BY));
        let found = self.engine.request_log.get(&call.request_id, &self.filter);
        let row = found.await.map_err(reports::failed)?;
        Ok(row.and_then(|row| row.bodies).map(|bodies| *bodies))
    }
}

/// A text as a value: what it says where it is whole JSON, and else as it is kept.
pub(super) fn value(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap_or_else(|_| String::from_utf8_lossy(text).into())
}
