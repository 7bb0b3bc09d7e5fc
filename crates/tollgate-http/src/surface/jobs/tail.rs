//! What is left to do when a call of a job has ended: note how it went, and end its job if it was
//! made for this call. It is done however the call ends, also when its caller has gone.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tollgate_core::error::{Code, Failure};
use tollgate_core::job::{CallRecord, CallState, Job, JobId};
use tollgate_core::money::Money;
use tollgate_core::reply::Usage;
use tollgate_engine::jobs::{Begun, Ended, Ending};

use crate::gateway::Gateway;
use crate::idempotency::Saving;

/// Why a call failed whose caller has gone.
const GONE: &str = "The caller went away before the end.";
/// The most characters that are kept of why a call failed.
const LONGEST_ERROR: usize = 500;

/// A call as it was noted, and its job if that was made for it.
type Noted = Result<(CallRecord, Option<Ended>), Failure>;

/// A call of a job under way.
pub(crate) struct Tail {
    gateway: Arc<Gateway>,
    job: Job,
    /// Gone when it has ended.
    begun: Option<Begun>,
    began: Instant,
    /// What is added to the metadata of the job if it goes well.
    metadata: Map<String, Value>,
    /// Whether all of the answer is there: from then on it went well even if the caller goes.
    is_complete: bool,
}

impl Tail {
    pub(super) fn new(
        gateway: Arc<Gateway>,
        job: Job,
        begun: Begun,
        metadata: Map<String, Value>,
    ) -> Self {
        Self {
            gateway,
            job,
            begun: Some(begun),
            began: Instant::now(),
            metadata,
            is_complete: false,
        }
    }

    /// All of the answer is there.
    pub(crate) fn complete(&mut self) {
        self.is_complete = true;
    }

    /// Names the job and the call.
    pub(crate) fn ids(&self) -> (JobId, Option<JobId>) {
        (self.job.id, self.begun.as_ref().map(|it| it.record.id))
    }

    fn record(&mut self) -> Option<&mut CallRecord> {
        self.begun.as_mut().map(|begun| &mut begun.record)
    }

    /// Notes what the call came to.
    pub(crate) fn note(&mut self, usage: Usage, cost: Money, model: Option<&str>) {
        if let Some(record) = self.record() {
            record.prompt = usage.prompt;
            record.completion = usage.completion;
            record.cost = cost.as_nano();
            record.model = model.map(Into::into);
        }
    }

    /// Notes why the call failed.
    pub(crate) fn fail(&mut self, failure: &Failure) {
        let said = failure.provider_text.as_ref().or(failure.message.as_ref());
        let said = said.map_or(failure.code.slug(), String::as_str);
        let said: String = said.chars().take(LONGEST_ERROR).collect();
        self.is_complete = false;
        if let Some(record) = self.record() {
            record.error = Some(said.into());
        }
    }

    /// The call has been answered to its end. Resolves when that is noted, or when the deployment's
    /// patience is over.
    pub(crate) fn answered(self) -> Saving {
        let patience = self.gateway.engine.ledger.settings().patience;
        let ending = self.ended(true);
        Box::pin(async move {
            match timeout(patience, ending).await {
                Ok(Ok(_)) => {}
                Ok(Err(failure)) => tracing::warn!(%failure, "a call of a job was not noted"),
                Err(_) => tracing::warn!("a call of a job was not noted in time"),
            }
        })
    }

    /// The call has ended. Gives the call, and its job if that was made for it. The work goes on
    /// also if nobody waits for it.
    pub(super) fn ended(mut self, well: bool) -> impl Future<Output = Noted> + Send + use<> {
        let working = self.work(well);
        async move {
            let Some(working) = working else {
                return Err(gone("a call of a job ended twice"));
            };
            let worked = working.await;
            worked.unwrap_or_else(|_| Err(gone("a panic while the call of a job was noted")))
        }
    }

    /// Begins the work, once.
    fn work(&mut self, well: bool) -> Option<JoinHandle<Noted>> {
        let mut begun = self.begun.take()?;
        let record = &mut begun.record;
        record.latency_ms = u64::try_from(self.began.elapsed().as_millis()).ok();
        record.state = if well {
            CallState::Succeeded
        } else {
            CallState::Failed
        };
        if !well && record.error.is_none() {
            record.error = Some(GONE.into());
        }
        let (gateway, job) = (Arc::clone(&self.gateway), self.job.clone());
        let metadata = std::mem::take(&mut self.metadata);
        let record = record.clone();
        Some(self.gateway.tasks.spawn(async move {
            let jobs = &gateway.engine.jobs;
            jobs.end_call(begun).await?;
            if well && !metadata.is_empty() {
                super::merge(jobs, job.id, &metadata).await?;
            }
            if !job.single {
                return Ok((record, None));
            }
            let ending = Ending {
                well,
                error: record.error.clone(),
            };
            let ended = jobs.end(&job, ending).await?;
            Ok((record, Some(ended)))
        }))
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        // Nobody waits for it: what remains open is ended by the sweep.
        drop(self.work(self.is_complete));
    }
}

impl fmt::Debug for Tail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Tail({})", self.job.id)
    }
}

fn gone(why: &str) -> Failure {
    Failure::gateway(Code::InternalError).because(why)
}
