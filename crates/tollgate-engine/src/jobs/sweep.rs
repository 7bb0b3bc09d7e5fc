//! Ends what nobody ends: jobs that were abandoned, and what a process left behind that was
//! killed.

use std::collections::HashSet;
use std::future::Future;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tollgate_core::error::Failure;
use tollgate_core::job::{BudgetMode, Job, JobId, State};
use tollgate_core::ledger::{EntryId, reserved};
use tollgate_core::time::Timestamp;

use super::ending::Ending;
use super::{Jobs, not_stored, note};
use crate::credits::OpenHold;
use crate::port::JobQuery;

/// How often is looked, at most and at least.
const SELDOM: Duration = Duration::from_secs(30);
const OFTEN: Duration = Duration::from_millis(250);
/// How long a store is left alone that did not take something.
const SOON: Duration = Duration::from_secs(2);
/// How many are dealt with at once.
pub(super) const AT_ONCE: u32 = 200;
/// The least age from which on a hold without its job belongs to none.
const ORPHANED: Duration = Duration::from_mins(1);
/// More than the store takes for the write of a job: it gives up before.
const WRITE: Duration = Duration::from_secs(30);

/// Why a call failed whose process was killed.
const KILLED: &str = "The gateway was stopped while the call was under way.";
/// Why a job failed that nobody completed.
const ABANDONED: &str = "The job was not completed within the time that jobs may take.";
/// Why a job failed that nobody was told of.
const UNTOLD: &str = "The store did not say in time that the job was made.";

impl Jobs {
    /// Ends the calls that a former process left under way, and its jobs for one call, of which
    /// nobody knows, and gives back what it set aside for jobs that never came to be. To be called
    /// before the first request comes.
    pub async fn recover(&self) -> Result<(), Failure> {
        let now = self.accounts.now();
        let left = self.store().close_job_calls(now, KILLED).await;
        for id in left.map_err(not_stored)? {
            self.fail_left(id).await;
        }
        self.adopt_open().await?;
        // Nobody is between the two writes of a job now, however young its hold is.
        let begun = now.after(Duration::from_millis(1));
        self.begun.store(begun.as_millis(), Ordering::Relaxed);
        self.release_orphans(begun).await
    }

    /// Ends a job that a former process left behind, or notes that it has to be tried again.
    async fn fail_left(&self, id: JobId) {
        let ended = self.fail(id, KILLED).await;
        if ended.is_err() {
            self.left().push(id);
        }
        go_on(id, ended);
    }

    fn left(&self) -> MutexGuard<'_, Vec<JobId>> {
        // Each change under the lock is one insertion, or takes all.
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks later whether the store has a job, of which nobody was told: then it fails.
    pub(super) fn doubt(&self, id: JobId) {
        let settled = self.accounts.now().after(self.orphaned());
        self.unclear.doubt(id, settled);
    }

    /// Holds again what open jobs have used, where they are charged by that.
    async fn adopt_open(&self) -> Result<(), Failure> {
        let mut query = JobQuery {
            state: Some(State::InProgress),
            with_calls: true,
            limit: AT_ONCE,
            ..JobQuery::default()
        };
        loop {
            let (jobs, _) = self.list(&query).await?;
            if jobs.is_empty() {
                return Ok(());
            }
            query.offset += u64::from(AT_ONCE);
            for (job, totals) in jobs {
                let team = self.accounts.tenants().team_node(&job.team);
                let (Some(hold), Some(team)) = (job.hold, team) else {
                    continue;
                };
                let terms = team.facts().job_terms();
                if terms.mode == BudgetMode::JobBased {
                    continue;
                }
                let adopted = self.accounts.credits().wallet_of_hold(hold).await;
                let adopted = adopted.map(|wallet| {
                    self.shares.adopt(job.id, wallet, (terms, totals.used()));
                });
                go_on(job.id, adopted);
            }
        }
    }

    async fn fail(&self, id: JobId, why: &str) -> Result<(), Failure> {
        match self.any(id).await? {
            Some(job) => self.end(&job, failed(why)).await.map(drop),
            None => Ok(()),
        }
    }

    /// Sweeps now and then, until the end.
    pub async fn watch(self: Arc<Self>, end: impl Future<Output = ()>) {
        let sweeping = async {
            loop {
                if let Err(failure) = self.sweep().await {
                    tracing::warn!(%failure, "jobs could not be swept");
                }
                let clock = self.accounts.clock();
                if !self.later.is_empty() {
                    clock.sleep(SOON).await;
                    continue;
                }
                let pause = self.settings.load().longest / 4;
                tokio::select! {
                    () = clock.sleep(pause.clamp(OFTEN, SELDOM)) => {}
                    () = self.later.added() => clock.sleep(SOON).await,
                }
            }
        };
        tokio::select! {
            () = sweeping => {}
            () = end => {}
        }
    }

    /// Writes what the store did not take before, settles jobs that have ended and are not settled,
    /// fails those that were abandoned and those of deleted teams, and releases what was set aside
    /// for jobs that never came to be.
    pub async fn sweep(&self) -> Result<(), Failure> {
        // What is refused there holds up nothing of the rest.
        let caught = self.catch_up().await;
        let unsettled = self.store().unsettled_jobs(AT_ONCE).await;
        for job in unsettled.map_err(not_stored)? {
            go_on(job.id, self.settle(job.id).await);
        }
        let left = std::mem::take(&mut *self.left());
        for id in left {
            self.fail_left(id).await;
        }
        for id in self.unclear.settled(self.accounts.now()) {
            let ended = self.fail(id, UNTOLD).await;
            if ended.is_err() {
                self.doubt(id);
            }
            go_on(id, ended);
        }
        let longest = self.settings.load().longest;
        let before = earlier(self.accounts.now(), longest);
        let overdue = self.store().overdue_jobs(before, AT_ONCE).await;
        for job in overdue.map_err(not_stored)? {
            go_on(job.id, self.abandon(&job).await);
        }
        self.end_stranded().await?;
        // Those of a former process need no age.
        let begun = Timestamp::from_millis(self.begun.load(Ordering::Relaxed));
        let before = earlier(self.accounts.now(), self.orphaned()).max(begun);
        self.release_orphans(before).await?;
        caught
    }

    /// Releases what was set aside before a time for jobs that are not there. A hold is asked after
    /// once: a job that is there stays.
    async fn release_orphans(&self, before: Timestamp) -> Result<(), Failure> {
        let since = Timestamp::from_millis(self.swept.load(Ordering::Relaxed));
        let holds = self.accounts.credits().open_holds(before).await?;
        let of_jobs = holds.iter().filter(|hold| hold.at >= since);
        let of_jobs = of_jobs.filter_map(|hold| {
            let id = hold.reference.as_deref().and_then(job_of)?;
            Some((id, hold))
        });
        let of_jobs: Vec<(JobId, &OpenHold)> = of_jobs.collect();
        let ids: Vec<JobId> = of_jobs.iter().map(|(id, _)| *id).collect();
        // Before the store is asked: what is no longer among them by now, it knows then.
        let unclear = self.unclear.all();
        let there = self.store().jobs_there(&ids).await.map_err(not_stored)?;
        let there: HashSet<JobId> = there.into_iter().collect();
        let mut swept = since.max(before.min(self.accounts.now()));
        for (id, hold) in of_jobs {
            if there.contains(&id) {
                continue;
            }
            if unclear.contains(&id) {
                // It may still come to be.
                swept = swept.min(hold.at);
                continue;
            }
            let released = self.release_orphan(id, hold).await;
            if released.is_err() {
                swept = swept.min(hold.at);
            }
            go_on(id, released);
        }
        self.swept.store(swept.as_millis(), Ordering::Relaxed);
        Ok(())
    }

    /// From this age on a hold without its job belongs to none: between the two lie the wait for
    /// the hold to be durable, and one write.
    fn orphaned(&self) -> Duration {
        let patience = self.accounts.ledger().settings().patience;
        ORPHANED.max(patience.saturating_mul(2).saturating_add(WRITE))
    }

    async fn abandon(&self, job: &Job) -> Result<(), Failure> {
        self.end(job, failed(ABANDONED)).await?;
        tracing::info!(job_id = %job.id, team = %job.team, "a job was abandoned");
        Ok(())
    }

    async fn release_orphan(&self, id: JobId, hold: &OpenHold) -> Result<(), Failure> {
        // Whose it was is gone, and nothing says of which organization that was.
        if !self.accounts.credits().is_there(&hold.wallet) {
            return Ok(());
        }
        self.release_for_nothing(id, hold.id).await?;
        tracing::info!(job_id = %id, "a hold without its job was released");
        Ok(())
    }

    /// Gives back what was set aside for a job that never came to be. Doing it again changes
    /// nothing.
    pub(super) async fn release_for_nothing(
        &self,
        id: JobId,
        hold: EntryId,
    ) -> Result<(), Failure> {
        let note = note(id, "release", "The job never came to be".to_owned());
        self.accounts.credits().release(hold, note).await.map(drop)
    }
}

/// One job that cannot be dealt with is no reason to leave the others.
pub(super) fn go_on(id: JobId, outcome: Result<(), Failure>) {
    if let Err(failure) = outcome {
        let cause = failure.cause.as_deref().map(tracing::field::display);
        tracing::warn!(job_id = %id, %failure, cause, "a job could not be settled");
    }
}

pub(super) fn failed(why: &str) -> Ending {
    Ending {
        well: false,
        error: Some(why.into()),
    }
}

/// The job that set something aside under this reference.
fn job_of(reference: &str) -> Option<JobId> {
    let (id, step) = reserved::job(reference)?;
    (step == "hold").then_some(id)
}

fn earlier(now: Timestamp, by: Duration) -> Timestamp {
    let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(now.as_millis().saturating_sub(by))
}
