//! What is left to do when a call of a job has ended: note how it went, and end its job if it was
//! made for this call. It is done however the call ends, also when its caller has gone.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tollgate_core::error::{Code, Failure, dialect};
use tollgate_core::job::{CallRecord, CallState, Job, JobId};
use tollgate_core::money::Money;
use tollgate_core::reply::Usage;
use tollgate_engine::jobs::{Begun, CallShare, Ended, Ending};

use crate::gateway::Gateway;
use crate::idempotency::Saving;

/// Why a call failed whose caller has gone.
pub(super) const GONE: &str = "The caller went away before the end.";
/// The most characters that are kept of why a call failed.
const LONGEST_ERROR: usize = 500;

/// How often what came of a call is noted at most.
const TRIES: u32 = 9;
/// How long the first pause between two tries is; each later one is twice as long.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);

/// The job of a call that was noted, if it was made for it.
type Noted = Result<Option<Ended>, Failure>;

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

    /// The call as it will be noted, if it goes well.
    pub(super) fn foreseen(&mut self) -> Option<CallRecord> {
        let took = self.began.elapsed();
        let record = self.record()?;
        record.latency_ms = u64::try_from(took.as_millis()).ok();
        let mut record = record.clone();
        record.state = CallState::Succeeded;
        Some(record)
    }

    /// Whether the job is paid in credits, and its calls in nothing.
    pub(super) fn is_paid_by_job(&self) -> bool {
        self.job.hold.is_some()
    }

    /// The part of the call in what is held for its job.
    pub(super) fn share(&self) -> Option<Arc<CallShare>> {
        self.begun.as_ref().and_then(Begun::share)
    }

    /// Whether the job was made for this call.
    pub(super) fn is_single(&self) -> bool {
        self.job.single
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

    /// The settlement of the call was taken back: it has used nothing and cost nothing.
    pub(crate) fn take_back(&mut self) {
        if let Some(record) = self.record() {
            (record.prompt, record.completion, record.cost) = (0, 0, 0);
        }
    }

    /// Notes why the call failed.
    pub(crate) fn fail(&mut self, failure: &Failure) {
        // The team reads it: not what a provider says of the operator's credential.
        let said: String = dialect::told(failure).chars().take(LONGEST_ERROR).collect();
        self.is_complete = false;
        if let Some(record) = self.record() {
            record.error = Some(said.into());
        }
    }

    /// The call has been answered to its end. Resolves when that is noted, or when the deployment's
    /// patience is over.
    pub(crate) fn answered(self) -> Saving {
        self.over(true)
    }

    /// The same for a call that has failed, whose caller is about to be told so.
    pub(super) fn failed(self) -> Saving {
        self.over(false)
    }

    fn over(self, well: bool) -> Saving {
        let patience = self.gateway.engine.ledger.settings().patience;
        let ending = self.ended(well);
        Box::pin(async move {
            match timeout(patience, ending).await {
                Ok(Ok(_)) => {}
                Ok(Err(failure)) => tracing::warn!(%failure, "a call of a job was not noted"),
                Err(_) => tracing::warn!("a call of a job was not noted in time"),
            }
        })
    }

    /// The call has ended. Gives its job if that was made for it. The work goes on also if nobody
    /// waits for it.
    fn ended(mut self, well: bool) -> impl Future<Output = Noted> + Send + use<> {
        let working = self.work(well);
        async move {
            let Some((_, working)) = working else {
                return Err(gone("a call of a job ended twice"));
            };
            let worked = working.await;
            worked.unwrap_or_else(|_| Err(gone("a panic while the call of a job was noted")))
        }
    }

    /// The same for a call whose whole answer waits for it, no longer than the deployment's
    /// patience: an answer that is paid for is not withheld. Gives the call, and its job if that
    /// was made for it and has ended.
    pub(super) async fn noted(mut self) -> Result<(CallRecord, Option<Ended>), Failure> {
        let patience = self.gateway.engine.ledger.settings().patience;
        let Some((record, working)) = self.work(true) else {
            return Err(gone("a call of a job ended twice"));
        };
        let ended = match timeout(patience, working).await {
            Ok(Ok(Ok(ended))) => ended,
            Ok(Ok(Err(failure))) => {
                tracing::error!(%failure, call_id = %record.id, "a call of a job was not noted");
                None
            }
            Ok(Err(_)) | Err(_) => {
                tracing::warn!(call_id = %record.id, "a call of a job was not noted in time");
                None
            }
        };
        Ok((record, ended))
    }

    /// Begins the work, once. Gives the call as it will be noted.
    fn work(&mut self, well: bool) -> Option<(CallRecord, JoinHandle<Noted>)> {
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
        let error = record.error.clone();
        let working = self.gateway.tasks.spawn(async move {
            let jobs = &gateway.engine.jobs;
            let ending = Ending { well, error };
            let call = &begun;
            if let Err(failure) = insist(&gateway, || jobs.end_call(call)).await {
                // The store is gone for longer. What a job costs follows from its calls.
                jobs.note_later(begun);
                if job.single {
                    jobs.end_later(&job, ending);
                }
                return Err(failure);
            }
            drop(begun);
            if well && !metadata.is_empty() {
                // Others have filled the place that there was. The call went well all the same.
                if let Err(failure) = super::merge(jobs, job.id, &metadata).await {
                    tracing::warn!(%failure, job_id = %job.id, "metadata of a call are left out");
                }
            }
            if !job.single {
                return Ok(None);
            }
            let ended = insist(&gateway, || jobs.end(&job, ending.clone())).await;
            if ended.is_err() {
                jobs.end_later(&job, ending);
            }
            ended.map(Some)
        });
        Some((record, working))
    }
}

/// Tries again where the store fails: what was answered is paid for, and has to be noted.
async fn insist<T, F>(gateway: &Gateway, work: impl Fn() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let mut pause = SHORTEST_PAUSE;
    for _ in 1..TRIES {
        match work().await {
            Err(failure) if failure.code == Code::DatabaseError => {
                let cause = failure.cause.as_deref().map(tracing::field::display);
                tracing::warn!(%failure, cause, "a call of a job is not noted yet");
            }
            outcome => return outcome,
        }
        gateway.engine.accounts.clock().sleep(pause).await;
        pause *= 2;
    }
    work().await
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
