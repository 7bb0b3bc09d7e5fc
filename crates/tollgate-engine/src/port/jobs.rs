//! What the store keeps of jobs and their calls.

use tollgate_core::id::{OrgId, TeamId};
use tollgate_core::job::{CallRecord, Job, JobId, State, Totals};
use tollgate_core::time::Timestamp;

use super::store::Stored;

/// How a job ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobEnd {
    /// What it becomes.
    pub state: State,
    /// Why it failed.
    pub error: Option<Box<str>>,
    /// When.
    pub at: Timestamp,
    /// The credits that it costs.
    pub due: u64,
    /// Whether that is already all that there is to settle: nobody pays for it in credits.
    pub settled: bool,
}

/// What jobs are wanted.
#[derive(Clone, Debug, Default)]
pub struct JobQuery {
    /// Only those of this team.
    pub team: Option<TeamId>,
    /// Only those of this organization.
    pub organization: Option<OrgId>,
    /// Only those in this state.
    pub state: Option<State>,
    /// Only those of this kind.
    pub kind: Option<Box<str>>,
    /// Only those whose id holds this text.
    pub id_part: Option<Box<str>>,
    /// Only those made at or after this time.
    pub from: Option<Timestamp>,
    /// Only those made before this time.
    pub to: Option<Timestamp>,
    /// Only those in which a call was made.
    pub with_calls: bool,
    /// How many to pass over.
    pub offset: u64,
    /// How many to give.
    pub limit: u32,
}

/// By what jobs and calls are added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobBy {
    /// All in one.
    Nothing,
    /// By the kind of the job.
    Kind,
    /// By team.
    Team,
    /// By the day on which the job was made, in UTC: the number of days since 1970 as a text.
    Day,
    /// By the model of the calls: the one that answered, or else the one that was asked for. A job
    /// is counted once for each.
    Model,
}

/// What jobs come to together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobSum {
    /// What they have in common; empty for [`JobBy::Nothing`].
    pub of: Box<str>,
    /// How many there are.
    pub jobs: u64,
    /// Those that are completed.
    pub completed: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that have not ended.
    pub open: u64,
    /// The credits that were taken for them. Nothing for [`JobBy::Model`].
    pub credits: u64,
    /// Their calls.
    pub totals: Totals,
}

/// Jobs.
pub trait JobStore: Send + Sync {
    /// Keeps a new job. One of this id that is there stays as it is.
    fn insert_job<'a>(&'a self, job: &'a Job) -> Stored<'a, ()>;
    /// The job of this id.
    fn job(&self, id: JobId) -> Stored<'_, Option<Job>>;
    /// Those of these jobs that are there.
    fn jobs_there<'a>(&'a self, ids: &'a [JobId]) -> Stored<'a, Vec<JobId>>;
    /// What the calls of a job come to.
    fn job_totals(&self, id: JobId) -> Stored<'_, Totals>;
    /// The calls of a job, the oldest first.
    fn job_calls(&self, id: JobId) -> Stored<'_, Vec<CallRecord>>;
    /// Notes that a call begins, and that its job is in progress, if the job is open and has fewer
    /// than this many calls. `false`: it is not, has not, or is not there, and nothing was noted.
    fn begin_job_call<'a>(&'a self, call: &'a CallRecord, most: u64) -> Stored<'a, bool>;
    /// Takes back that a call began, also where that is about to be noted just now. Does nothing
    /// if it was not noted.
    fn undo_job_call<'a>(&'a self, call: &'a CallRecord) -> Stored<'a, ()>;
    /// Notes how a call went.
    fn end_job_call<'a>(&'a self, call: &'a CallRecord) -> Stored<'a, ()>;
    /// Replaces the metadata of a job, if they are as they were read. `false`: they are not.
    fn set_job_metadata<'a>(&'a self, id: JobId, old: &'a str, new: &'a str) -> Stored<'a, bool>;
    /// Ends a job, if it is open. `false`: it is not, and nothing has changed.
    fn end_job<'a>(&'a self, id: JobId, end: &'a JobEnd) -> Stored<'a, bool>;
    /// Notes what was taken for a job that has ended.
    fn settle_job(&self, id: JobId, charged: u64) -> Stored<'_, ()>;
    /// Jobs that are wanted, each with what its calls come to, the latest first, and how many
    /// there are in all.
    fn jobs<'a>(&'a self, query: &'a JobQuery) -> Stored<'a, (Vec<(Job, Totals)>, u64)>;
    /// What the jobs that are wanted come to, in the order of what they have in common.
    fn job_sums<'a>(&'a self, query: &'a JobQuery, by: JobBy) -> Stored<'a, Vec<JobSum>>;
    /// Open jobs that were made before a time, the oldest first.
    fn overdue_jobs(&self, before: Timestamp, limit: u32) -> Stored<'_, Vec<Job>>;
    /// The teams that have open jobs, each once.
    fn teams_with_open_jobs(&self) -> Stored<'_, Vec<TeamId>>;
    /// Jobs that have ended and whose credits are neither taken nor given back, the oldest first.
    fn unsettled_jobs(&self, limit: u32) -> Stored<'_, Vec<Job>>;
    /// Ends what a former process left behind: its calls under way, which nobody will answer, and
    /// its jobs for one call, which nobody knows of. Gives those jobs.
    fn close_job_calls<'a>(&'a self, at: Timestamp, error: &'a str) -> Stored<'a, Vec<JobId>>;
}
