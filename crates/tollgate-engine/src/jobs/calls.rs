//! Calls within jobs: begun while the job is open, and counted until they have ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;
use tollgate_core::error::{Code, Failure};
use tollgate_core::job::{BudgetMode, CallRecord, CallState, Job, JobId, Totals};
use tollgate_core::money::Unit;

use super::{HELD, Jobs, not_stored, of_job};
use crate::caller::Caller;

/// How long whoever completes a job waits for its calls under way.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is said about a call that begins.
#[derive(Clone, Debug)]
pub struct NewCall<'a> {
    /// What it is for.
    pub purpose: Option<Box<str>>,
    /// The model that is asked for.
    pub asked: &'a str,
    /// The id of its request.
    pub request_id: &'a str,
}

/// A call that was begun. Its job is not completed before this is gone.
#[derive(Debug)]
pub struct Begun {
    /// What is known of it.
    pub record: CallRecord,
    _under_way: UnderWay,
}

/// The calls under way in this process, by job.
#[derive(Clone, Default)]
pub(super) struct Running(Arc<Shared>);

#[derive(Default)]
struct Shared {
    jobs: Mutex<HashMap<JobId, Counts>>,
    ended: Notify,
}

#[derive(Default)]
struct Counts {
    calls: u32,
    /// Whether the job is being completed: no call begins then.
    closing: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Counts>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call under way.
struct UnderWay(Arc<Shared>, JobId);

impl std::fmt::Debug for UnderWay {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "UnderWay({})", self.1)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut jobs = self.0.lock();
        if let Some(counts) = jobs.get_mut(&self.1) {
            counts.calls = counts.calls.saturating_sub(1);
            if counts.calls == 0 && !counts.closing {
                jobs.remove(&self.1);
            }
        }
        drop(jobs);
        self.0.ended.notify_waiters();
    }
}

/// The right to complete a job: no call of it is under way, and none begins.
pub(super) struct Closing(Arc<Shared>, JobId);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.lock().remove(&self.1);
        self.0.ended.notify_waiters();
    }
}

impl Running {
    /// Counts a call. `None` while its job is being completed.
    fn begin(&self, id: JobId) -> Option<UnderWay> {
        let mut jobs = self.0.lock();
        let counts = jobs.entry(id).or_default();
        if counts.closing {
            return None;
        }
        counts.calls += 1;
        Some(UnderWay(Arc::clone(&self.0), id))
    }

    /// Closes a job for calls, unless there are some or somebody else closes it.
    fn close(&self, id: JobId) -> Option<Closing> {
        let mut jobs = self.0.lock();
        let counts = jobs.entry(id).or_default();
        if counts.calls > 0 || counts.closing {
            return None;
        }
        counts.closing = true;
        Some(Closing(Arc::clone(&self.0), id))
    }

    /// The same, when the calls under way have ended. Fails if that takes too long.
    pub(super) async fn closed(&self, id: JobId) -> Result<Closing, Failure> {
        let waiting = async {
            loop {
                let ended = self.0.ended.notified();
                tokio::pin!(ended);
                // Enabled before the look, so that an end between the two is not missed.
                ended.as_mut().enable();
                if let Some(closing) = self.close(id) {
                    return closing;
                }
                ended.await;
            }
        };
        timeout(PATIENCE, waiting).await.map_err(|_| {
            of_job(Code::Conflict).message(
                "Calls of this job are still under way. Wait for their answers and complete it \
                 then, or complete it as failed.",
            )
        })
    }
}

impl Jobs {
    /// Begins a call in a job. Fails if the job has ended, and where it is charged by what it uses
    /// and that is more already than the team has.
    pub async fn begin_call(
        &self,
        caller: &Caller,
        job: &Job,
        new: NewCall<'_>,
    ) -> Result<Begun, Failure> {
        if !job.state.is_open() {
            return Err(has_ended(job));
        }
        self.check_credit(caller, job).await?;
        let under_way = self.running.begin(job.id).ok_or_else(|| {
            of_job(Code::Conflict).message("This job is being completed: it takes no more calls.")
        })?;
        let record = CallRecord {
            id: self.new_id()?,
            job: job.id,
            at: self.accounts.now(),
            purpose: new.purpose,
            asked: new.asked.into(),
            model: None,
            request_id: new.request_id.into(),
            state: CallState::Running,
            prompt: 0,
            completion: 0,
            cost: 0,
            latency_ms: None,
            error: None,
        };
        let begun = self.store().begin_job_call(&record).await;
        if begun.map_err(not_stored)? {
            return Ok(Begun {
                record,
                _under_way: under_way,
            });
        }
        let now = self.store().job(job.id).await.map_err(not_stored)?;
        Err(has_ended(now.as_ref().unwrap_or(job)))
    }

    /// Notes how a call went. Its job is completed when the call is dropped, and not before.
    pub async fn end_call(&self, begun: &Begun) -> Result<(), Failure> {
        let ended = self.store().end_job_call(&begun.record).await;
        ended.map_err(not_stored)
    }

    /// What a job was set aside for is there. Beyond that, a job that is charged by what it uses
    /// may use no more than there are credits for: one call at most comes on top.
    async fn check_credit(&self, caller: &Caller, job: &Job) -> Result<(), Failure> {
        let terms = caller.team().facts().job_terms();
        if job.hold.is_none() || terms.mode == BudgetMode::JobBased {
            return Ok(());
        }
        let calls = self.store().job_calls(job.id).await.map_err(not_stored)?;
        let needed = terms.charge(Totals::of(&calls).used());
        let wallet = caller.team().paying(Unit::Credits);
        let available = wallet.map_or(0, |wallet| wallet.read().available());
        if needed <= HELD.saturating_add(available) {
            return Ok(());
        }
        Err(Failure::client(Code::InsufficientCredits).message(format!(
            "The calls of this job come to {needed} credits, and {available} are left beside the \
             one that is set aside for it. Add credits."
        )))
    }
}

/// The job takes no more calls.
fn has_ended(job: &Job) -> Failure {
    of_job(Code::Conflict).message(format!("Job is already {}", job.state.as_str()))
}
