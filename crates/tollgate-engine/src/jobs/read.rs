//! Lists and sums of jobs.

use tollgate_core::error::Failure;
use tollgate_core::job::{CallRecord, Job, JobId, Totals};

use super::{Jobs, not_stored};
use crate::port::{JobBy, JobQuery, JobSum};

impl Jobs {
    /// Jobs that are wanted, each with what its calls come to, the latest first, and how many
    /// there are in all.
    pub async fn list(&self, query: &JobQuery) -> Result<(Vec<(Job, Totals)>, u64), Failure> {
        self.store().jobs(query).await.map_err(not_stored)
    }

    /// What jobs come to together, for each of what they are told apart by.
    pub async fn sums(&self, query: &JobQuery, by: JobBy) -> Result<Vec<JobSum>, Failure> {
        self.store().job_sums(query, by).await.map_err(not_stored)
    }

    /// What all jobs of a query come to together: nothing at all where there are none.
    pub async fn sum(&self, query: &JobQuery) -> Result<JobSum, Failure> {
        let sums = self.sums(query, JobBy::Nothing).await?;
        Ok(sums.into_iter().next().unwrap_or_default())
    }

    /// The job of this id, whosever it is.
    pub async fn any(&self, id: JobId) -> Result<Option<Job>, Failure> {
        self.store().job(id).await.map_err(not_stored)
    }

    /// The calls of a job, the oldest first.
    pub async fn calls(&self, id: JobId) -> Result<Vec<CallRecord>, Failure> {
        self.store().job_calls(id).await.map_err(not_stored)
    }
}
