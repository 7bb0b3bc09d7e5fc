//! Calls within jobs: begun while the job is open, and counted until they have ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;
use tollgate_core::error::{Code, Failure};
use tollgate_core::job::{BudgetMode, CallRecord, CallState, Job, JobId, Used};

use super::shares::CallShare;
use super::{Jobs, not_stored, of_job, passing};
use crate::caller::Caller;
use crate::hold::Most;

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
    /// What it may use at most.
    pub most: Most,
}

/// A call that was begun. Its job is not completed before this is gone.
#[derive(Debug)]
pub struct Begun {
    /// What is known of it.
    pub record: CallRecord,
    share: Option<Arc<CallShare>>,
    _under_way: UnderWay,
}

impl Begun {
    /// Its part in what is held for its job.
    pub fn share(&self) -> Option<Arc<CallShare>> {
        self.share.clone()
    }

    /// What the call has used is known: from now on no more than that is held for it.
    pub(super) fn free(&mut self) {
        if let Some(share) = self.share.take() {
            let CallRecord {
                prompt,
                completion,
                cost,
                ..
            } = self.record;
            let tokens = prompt.saturating_add(completion);
            share.end(Used { cost, tokens });
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        // Before it is no longer under way: its job is not completed in between.
        self.free();
    }
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
    pub(super) fn close(&self, id: JobId) -> Option<Closing> {
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
            passing(
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
        let share = self.share(caller, job, &new).await?;
        let under_way = self.running.begin(job.id).ok_or_else(|| {
            of_job(Code::Conflict).message(
                "This job is being completed: it takes no more calls. Make another one with POST \
                 /api/jobs/create.",
            )
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
        let begun = Begun {
            record,
            share,
            _under_way: under_way,
        };
        let most = self.settings.load().most_calls;
        match self.store().begin_job_call(&begun.record, most).await {
            Ok(true) => return Ok(begun),
            Ok(false) => {}
            Err(error) => {
                if error.is_unsure() {
                    // It may be there, or may still come to be: a call that is never made.
                    self.undo_later(begun);
                }
                return Err(not_stored(error));
            }
        }
        drop(begun);
        let now = self.store().job(job.id).await.map_err(not_stored)?;
        match now {
            Some(now) if now.state.is_open() => Err(is_full(most)),
            now => {
                self.shares.forget(job.id);
                Err(has_ended(now.as_ref().unwrap_or(job)))
            }
        }
    }

    /// Notes how a call went. Its job is completed when the call is dropped, and not before.
    pub async fn end_call(&self, begun: &Begun) -> Result<(), Failure> {
        let ended = self.store().end_job_call(&begun.record).await;
        ended.map_err(not_stored)
    }

    /// Sets aside what a call may use, where its job is charged by that. All jobs of a wallet
    /// together use no more than it holds.
    async fn share(
        &self,
        caller: &Caller,
        job: &Job,
        new: &NewCall<'_>,
    ) -> Result<Option<Arc<CallShare>>, Failure> {
        let Some(hold) = job.hold else {
            return Ok(None);
        };
        let terms = caller.team().facts().job_terms();
        let mode = terms.mode;
        if !self.shares.knows(job.id, &terms) {
            if mode == BudgetMode::JobBased {
                return Ok(None);
            }
            let totals = self.store().job_totals(job.id).await.map_err(not_stored)?;
            let wallet = self.accounts.credits().wallet_of_hold(hold).await?;
            self.shares.adopt(job.id, wallet, (terms, totals.used()));
        }
        let share = CallShare::new(&self.shares, job.id, mode);
        share.cover(new.most, new.asked)?;
        Ok(Some(Arc::new(share)))
    }
}

/// The job has as many calls as it may have. It can be completed.
fn is_full(most: u64) -> Failure {
    of_job(Code::Conflict).message(format!(
        "Job has {most} calls already, which is the most for one job. Complete it, and make another \
         one for further calls: POST /api/jobs/create."
    ))
}

/// The job takes no more calls.
fn has_ended(job: &Job) -> Failure {
    of_job(Code::Conflict).message(format!("Job is already {}", job.state.as_str()))
}
