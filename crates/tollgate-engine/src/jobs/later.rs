//! What could not be written when it happened, because the store failed. The sweep tries it again,
//! in its order; a start behind a crash ends it in its own way.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tollgate_core::error::{Code, Failure};
use tollgate_core::job::{Job, JobId};

use super::{Begun, Ended, Ending, Jobs, not_stored};

/// The most that waits. What comes beyond that is left out, and the log says so: a call counts as
/// one that has used nothing, and a job is abandoned when its time is over.
const MOST: usize = 10_000;

/// After so many refusals the store is taken to be gone, and the rest is not tried.
const REFUSALS: usize = 8;

/// What is still to be written.
pub(super) enum Undone {
    /// How a call went. Until that is written the call is under way, so that nobody completes its
    /// job without what it has used.
    Call(Box<Begun>),
    /// A call that never was: nobody was asked, and its caller was told so. The store may have
    /// noted all the same that it begins.
    Never(Box<Begun>),
    /// How a job ended that nobody else ends.
    End(Box<Job>, Ending),
}

impl Undone {
    /// The job that it is about.
    fn job(&self) -> JobId {
        match self {
            Self::Call(begun) | Self::Never(begun) => begun.record.job,
            Self::End(job, _) => job.id,
        }
    }
}

/// All that is still to be written.
#[derive(Default)]
pub(super) struct Later {
    undone: Mutex<VecDeque<Undone>>,
    added: Notify,
}

impl Later {
    /// Gives it back if there is too much already.
    fn add(&self, undone: Undone) -> Option<Undone> {
        let mut all = self.lock();
        if all.len() >= MOST {
            return Some(undone);
        }
        all.push_back(undone);
        drop(all);
        self.added.notify_one();
        None
    }

    /// Waits until something is to be written.
    pub(super) async fn added(&self) {
        self.added.notified().await;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Undone>> {
        // Each change under the lock is one insertion or removal.
        self.undone.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Jobs {
    /// Ends a job that nobody else ends: one that was made for one call, or one that nobody was
    /// told of. Where the store fails it is ended later.
    pub async fn end_surely(&self, job: &Job, ending: Ending) -> Result<Ended, Failure> {
        let ended = self.end(job, ending.clone()).await;
        if ended.is_err() {
            self.end_later(job, ending);
        }
        ended
    }

    /// Notes how a call went when the store is there again. Its job is not completed before.
    pub fn note_later(&self, mut begun: Begun) {
        begun.free();
        self.write_later(Undone::Call(Box::new(begun)));
    }

    /// Takes back that a call began, should the store have noted it. Its job is not completed
    /// before.
    pub(super) fn undo_later(&self, mut begun: Begun) {
        begun.free();
        self.write_later(Undone::Never(Box::new(begun)));
    }

    /// Ends such a job when the store is there again, behind what is still to be written of it.
    pub fn end_later(&self, job: &Job, ending: Ending) {
        self.write_later(Undone::End(Box::new(job.clone()), ending));
    }

    fn write_later(&self, undone: Undone) {
        let Some(left_out) = self.later.add(undone) else {
            return;
        };
        // Whoever reads it can put it right: nothing else knows it any more.
        match left_out {
            Undone::Call(begun) | Undone::Never(begun) => {
                let record = &begun.record;
                let (prompt, completion, cost) = (record.prompt, record.completion, record.cost);
                tracing::error!(
                    job_id = %record.job, call_id = %record.id, state = record.state.as_str(),
                    prompt, completion, cost,
                    "how a call of a job went is not noted: too much waits to be"
                );
            }
            Undone::End(job, ending) => tracing::error!(
                job_id = %job.id, well = ending.well,
                "an end of a job is not noted: too much waits to be"
            ),
        }
    }

    /// Writes what is still to be written. What the store refuses again, and what cannot be written
    /// yet, stays, with all that comes behind it of the same job, and holds up no other job.
    pub(super) async fn catch_up(&self) -> Result<(), Failure> {
        // What comes meanwhile has its turn the next time.
        let mut undone = std::mem::take(&mut *self.later.lock());
        let (mut refused, mut refusals) = (VecDeque::new(), Vec::new());
        while let Some(next) = undone.pop_front() {
            let id = next.job();
            if refused.iter().any(|before: &Undone| before.job() == id) {
                refused.push_back(next);
                continue;
            }
            match self.write(&next).await {
                Ok(true) => {}
                Ok(false) => refused.push_back(next),
                Err(failure) if failure.code == Code::DatabaseError => {
                    refused.push_back(next);
                    refusals.push(failure);
                }
                // What has ended and is not settled is found by the sweep.
                Err(failure) => tracing::warn!(%failure, "an end of a job was not written later"),
            }
            if refusals.len() >= REFUSALS {
                break;
            }
        }
        // In their order, before what came meanwhile.
        let mut later = self.later.lock();
        for kept in undone.into_iter().rev() {
            later.push_front(kept);
        }
        for kept in refused.into_iter().rev() {
            later.push_front(kept);
        }
        drop(later);
        refusals.pop().map_or(Ok(()), Err)
    }

    /// `false`: it cannot be written yet.
    async fn write(&self, undone: &Undone) -> Result<bool, Failure> {
        match undone {
            Undone::Call(begun) => self.end_call(begun).await.map(|()| true),
            Undone::Never(begun) => {
                let undone = self.store().undo_job_call(&begun.record).await;
                undone.map(|()| true).map_err(not_stored)
            }
            Undone::End(job, ending) => self.try_end(job, ending.clone()).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::tests::open_job;

    #[test]
    fn what_is_too_much_is_given_back() {
        let later = Later::default();
        let one = || Undone::End(Box::new(open_job()), Ending::default());
        for _ in 0..MOST {
            assert!(later.add(one()).is_none());
        }
        assert!(later.add(one()).is_some());
        later.lock().pop_front();
        assert!(later.add(one()).is_none());
    }
}
