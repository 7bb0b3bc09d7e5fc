//! What is done to its end, also if whoever asked for it goes away meanwhile: between two writes
//! of a job nobody may leave, and a job that nobody was told of must not stay open.

use std::sync::Arc;

use tollgate_core::error::{Code, Failure};
use tollgate_core::job::Job;
use tollgate_engine::caller::Caller;
use tollgate_engine::jobs::{Ending, NewJob};

use super::tail::GONE;
use crate::gateway::Gateway;
use crate::late;

/// Works to the end, whether somebody waits for it or not, and however late the store is. What
/// comes of it is dropped if nobody waits.
pub(crate) async fn whole<T: Send + 'static>(
    gateway: &Gateway,
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    late::done(&gateway.tasks, work).await
}

/// A job that was made, as long as its caller is not told of it. If that never happens it has
/// failed: nobody can know it.
pub(super) struct Untold {
    gateway: Arc<Gateway>,
    job: Option<Job>,
}

impl Untold {
    /// Makes a job.
    pub(super) async fn make(
        gateway: &Arc<Gateway>,
        caller: &Caller,
        new: NewJob,
    ) -> Result<Self, Failure> {
        let (own, caller) = (Arc::clone(gateway), caller.clone());
        let making = async move {
            let job = own.engine.jobs.create(&caller, new).await?;
            Ok(Self {
                gateway: own,
                job: Some(job),
            })
        };
        whole(gateway, making).await
    }

    /// The job; its caller is told of it now.
    pub(super) fn tell(mut self) -> Result<Job, Failure> {
        self.job
            .take()
            .ok_or_else(|| Failure::gateway(Code::InternalError).because("a job was told twice"))
    }
}

impl Drop for Untold {
    fn drop(&mut self) {
        let Some(job) = self.job.take() else {
            return;
        };
        let gateway = Arc::clone(&self.gateway);
        self.gateway.tasks.spawn(async move {
            let ending = Ending {
                well: false,
                error: Some(GONE.into()),
            };
            if let Err(failure) = gateway.engine.jobs.end_surely(&job, ending).await {
                tracing::warn!(%failure, job_id = %job.id, "a job without a caller was not ended");
            }
        });
    }
}
