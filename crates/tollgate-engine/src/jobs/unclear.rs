//! Jobs of which nobody can say whether the store has them: those that are just being made, and
//! those of which it did not say in time.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tollgate_core::job::JobId;
use tollgate_core::time::Timestamp;

/// The most of which the store did not say. What comes beyond that is abandoned when its time is
/// over.
const MOST: usize = 10_000;

/// All of them in this process.
#[derive(Default)]
pub(super) struct Unclear(Mutex<Lists>);

#[derive(Default)]
struct Lists {
    making: HashSet<JobId>,
    /// With the time from when on the store can be asked.
    doubtful: Vec<(JobId, Timestamp)>,
}

/// A job between the hold of its credit and the end of its own write.
pub(super) struct Making<'a>(&'a Unclear, JobId);

impl Drop for Making<'_> {
    fn drop(&mut self) {
        self.0.lock().making.remove(&self.1);
    }
}

impl Unclear {
    /// A job is being made as long as this lives.
    pub(super) fn making(&self, id: JobId) -> Making<'_> {
        self.lock().making.insert(id);
        Making(self, id)
    }

    /// The store did not say whether it has a job. From this time on it can be asked.
    pub(super) fn doubt(&self, id: JobId, from: Timestamp) {
        let mut lists = self.lock();
        if lists.doubtful.len() < MOST {
            lists.doubtful.push((id, from));
        }
    }

    /// Takes out the doubtful ones of which the store can be asked by now.
    pub(super) fn settled(&self, now: Timestamp) -> Vec<JobId> {
        let mut lists = self.lock();
        let settled = lists.doubtful.extract_if(.., |(_, from)| *from <= now);
        settled.map(|(id, _)| id).collect()
    }

    /// All of them.
    pub(super) fn all(&self) -> HashSet<JobId> {
        let lists = self.lock();
        let doubtful = lists.doubtful.iter().map(|(id, _)| *id);
        lists.making.iter().copied().chain(doubtful).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Lists> {
        // Each change under the lock is complete before anything could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
