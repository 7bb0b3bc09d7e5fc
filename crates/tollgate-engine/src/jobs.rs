//! Jobs: several calls for one purpose, paid together in credits when the job is completed.
//!
//! One credit is set aside when a job is made, durably, and is spent when the job is completed or
//! given back when it fails. What it costs beyond that is taken when it is completed. Every step
//! carries a reference that follows from the id of the job, so that doing it again after a crash
//! changes nothing: the job first ends in the store, once, and what it costs is settled after.

mod calls;
mod deleted;
mod ending;
mod later;
mod read;
mod shares;
mod sweep;
#[cfg(test)]
mod tests;
mod turns;
mod unclear;

use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use tollgate_core::error::failure::Detail;
use tollgate_core::error::{Code, Failure, detail};
use tollgate_core::job::{BudgetMode, Job, JobId, State};
use tollgate_core::ledger::reserved;
use tollgate_core::money::Unit;

use self::calls::Running;
pub use self::calls::{Begun, NewCall};
pub use self::ending::{Ended, Ending};
use self::later::Later;
pub use self::shares::CallShare;
use self::shares::Shares;
use self::turns::Turns;
use self::unclear::Unclear;
use crate::accounts::Accounts;
use crate::caller::Caller;
use crate::credits::Note;
use crate::port::{Store, StoreError};

/// The credits that are set aside for a job when it is made: what every completed job costs at
/// least.
const HELD: u64 = 1;
/// The most bytes of a job's metadata.
pub const LONGEST_METADATA: usize = 64 * 1024;

/// After how long it is worth a try to ask again what a conflict kept from being done.
const A_MOMENT: Duration = Duration::from_secs(1);

/// What holds for all jobs of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a job may be open before it counts as abandoned.
    pub longest: Duration,
    /// The most calls of one job, failed ones included.
    pub most_calls: u64,
    /// Whether a job with a failed call costs nothing, even if it is completed.
    pub require_no_failed_calls: bool,
    /// The model of calls that name none, of teams without one of their own.
    pub default_model: Option<Box<str>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            longest: Duration::from_hours(24),
            most_calls: 10_000,
            require_no_failed_calls: false,
            default_model: None,
        }
    }
}

/// What is said about a job to be made.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// What kind of work it is.
    pub kind: Box<str>,
    /// For whom the team works.
    pub user: Option<Box<str>>,
    /// A JSON object of at most [`LONGEST_METADATA`] bytes.
    pub metadata: Box<str>,
    /// Whether it is made for one call, and ends with that.
    pub single: bool,
}

/// The jobs of a deployment.
pub struct Jobs {
    accounts: Arc<Accounts>,
    settings: ArcSwap<Settings>,
    running: Running,
    shares: Arc<Shares>,
    settling: Turns,
    later: Later,
    /// Jobs that a former process left behind, and that could not be ended yet.
    left: Mutex<Vec<JobId>>,
    unclear: Unclear,
    /// When this process began, in milliseconds: what was set aside before is a former one's.
    begun: AtomicI64,
    /// Holds that were made before this time, in milliseconds, were asked after.
    swept: AtomicI64,
}

impl Jobs {
    /// The jobs of these accounts.
    pub fn new(accounts: Arc<Accounts>) -> Self {
        Self {
            shares: Arc::new(Shares::new(Arc::clone(accounts.tenants()))),
            accounts,
            settings: ArcSwap::default(),
            running: Running::default(),
            settling: Turns::default(),
            later: Later::default(),
            left: Mutex::default(),
            unclear: Unclear::default(),
            begun: AtomicI64::new(i64::MIN),
            swept: AtomicI64::new(i64::MIN),
        }
    }

    /// Takes other settings into use.
    pub fn set_settings(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
    }

    /// Makes a job, and sets aside what it costs at least, if the team pays for jobs: once it or
    /// its organization was given job credits. Fails with `insufficient_credits` if none are left.
    pub async fn create(&self, caller: &Caller, new: NewJob) -> Result<Job, Failure> {
        let id = self.new_id()?;
        let making = self.unclear.making(id);
        let team = caller.team();
        let wallet = team.paying(Unit::Credits).map(|wallet| wallet.id().clone());
        let hold = match wallet {
            None => None,
            Some(wallet) => {
                let note = note(id, "hold", format!("Job {} created", new.kind));
                let credits = self.accounts.credits();
                Some(credits.hold(&wallet, HELD, note).await?.id)
            }
        };
        let job = Job {
            id,
            team: team.id.clone(),
            organization: team.organization().id.clone(),
            user: new.user,
            kind: new.kind,
            metadata: new.metadata,
            single: new.single,
            state: State::Pending,
            error: None,
            created_at: self.accounts.now(),
            started_at: None,
            completed_at: None,
            hold,
            due: 0,
            charged: 0,
            settled: false,
        };
        if let Err(error) = self.store().insert_job(&job).await {
            self.never_made(&job, &error).await;
            drop(making);
            return Err(not_stored(error));
        }
        Ok(job)
    }

    /// What becomes of a job that the store did not take, and of what was set aside for it.
    async fn never_made(&self, job: &Job, error: &StoreError) {
        if error.is_unsure() {
            // The job may be there, or may still come to be: the sweep looks when that is settled.
            self.doubt(job.id);
            return;
        }
        let Some(hold) = job.hold else { return };
        if let Err(failure) = self.release_for_nothing(job.id, hold).await {
            // It is a hold without a job, which the sweep releases.
            tracing::warn!(%failure, job_id = %job.id, "the hold of a job stays for a while");
        }
    }

    /// The job of this id. One of another team is missing.
    pub async fn find(&self, caller: &Caller, id: &str) -> Result<Job, Failure> {
        let id = JobId::parse(id).ok_or_else(missing)?;
        let found = self.store().job(id).await.map_err(not_stored)?;
        found
            .filter(|job| job.team == caller.team().id)
            .ok_or_else(missing)
    }

    /// The same for a job in which a call is to be made. One that was made for one call has that,
    /// and takes no other: it would end with either.
    pub async fn find_for_call(&self, caller: &Caller, id: &str) -> Result<Job, Failure> {
        let job = self.find(caller, id).await?;
        // What has ended says so when the call begins, as all jobs do.
        if job.single && job.state.is_open() {
            return Err(of_job(Code::Conflict).message(
                "This job was made for one call, and takes no other. Make a job for several calls \
                 with POST /api/jobs/create.",
            ));
        }
        Ok(job)
    }

    /// The model of a call that names none.
    pub fn default_model(&self, caller: &Caller) -> Option<Box<str>> {
        let of_team = caller.team().facts().job_terms().default_model;
        of_team.or_else(|| self.settings.load().default_model.clone())
    }

    /// The job credits that the team of a caller has left; none where none were ever given.
    pub fn credits_left(&self, caller: &Caller) -> u64 {
        let wallet = caller.team().paying(Unit::Credits);
        wallet.map_or(0, |wallet| wallet.read().available())
    }

    /// Adds members to the metadata of a job, over those of the same name. Gives all of them.
    pub async fn merge_metadata(
        &self,
        id: JobId,
        merge: impl Fn(&str) -> Result<Box<str>, Failure>,
    ) -> Result<Box<str>, Failure> {
        // Others may merge at the same moment; each time one of them gets through.
        for _ in 0..32 {
            let job = self.store().job(id).await.map_err(not_stored)?;
            let old = job.ok_or_else(missing)?.metadata;
            let new = merge(&old)?;
            if new == old {
                return Ok(old);
            }
            let set = self.store().set_job_metadata(id, &old, &new).await;
            if set.map_err(not_stored)? {
                return Ok(new);
            }
        }
        Err(passing(
            "The metadata of this job are being changed by many at once. Try again in a moment.",
        ))
    }

    fn store(&self) -> &Arc<dyn Store> {
        self.accounts.ledger().store()
    }

    fn new_id(&self) -> Result<JobId, Failure> {
        let number = || {
            let number = self.accounts.random();
            number.map_err(|error| Failure::gateway(Code::InternalError).because(error))
        };
        let (high, low) = (u128::from(number()?), u128::from(number()?));
        Ok(JobId::random((high << 64) | low))
    }
}

/// Whether the jobs of a team are charged by what their calls use.
pub(crate) fn pay_by_use(caller: &Caller) -> bool {
    let team = caller.team();
    team.paying(Unit::Credits).is_some() && team.facts().job_terms().mode != BudgetMode::JobBased
}

/// What belongs to an order of credits for a job.
fn note(id: JobId, step: &str, mut reason: String) -> Note {
    if let Some((end, _)) = reason.char_indices().nth(crate::credits::LONGEST_REASON) {
        reason.truncate(end);
    }
    Note {
        reference: Some(reserved::of_job(id, step).into()),
        reason: reason.into(),
        by: None,
    }
}

/// A failure that concerns a job.
fn of_job(code: Code) -> Failure {
    let job = Detail::Text(detail::JOB.to_owned());
    Failure::client(code).detail(detail::RESOURCE, job)
}

/// A conflict that goes away by itself: the same request may succeed in a moment.
fn passing(message: &str) -> Failure {
    of_job(Code::Conflict)
        .message(message)
        .retry_after(A_MOMENT)
}

/// There is no such job, or it is another team's.
pub fn missing() -> Failure {
    of_job(Code::ResourceNotFound)
        .message("There is no job of this id. POST /api/jobs/create makes one, and gives its id.")
}

fn not_stored(error: StoreError) -> Failure {
    Failure::gateway(Code::DatabaseError).because(error)
}
