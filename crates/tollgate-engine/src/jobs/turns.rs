//! Those who settle one job do so one after the other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;
use tollgate_core::job::JobId;

type Turn = Arc<tokio::sync::Mutex<()>>;

/// The jobs that are being settled.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<JobId, Turn>>);

/// While this is held, nobody else settles the job.
pub(super) struct Alone<'a> {
    turns: &'a Turns,
    id: JobId,
    held: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits until nobody else settles a job.
    pub(super) async fn take(&self, id: JobId) -> Alone<'_> {
        let turn = Arc::clone(self.lock().entry(id).or_default());
        let mut alone = Alone {
            turns: self,
            id,
            held: None,
        };
        alone.held = Some(turn.lock_owned().await);
        alone
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Turn>> {
        // Each change under the lock is one insertion or removal.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        let mut turns = self.turns.lock();
        self.held = None;
        // Whoever waits refers to it as well.
        if turns
            .get(&self.id)
            .is_some_and(|turn| Arc::strong_count(turn) == 1)
        {
            turns.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn turns_are_taken_one_after_the_other_and_forgotten() {
        let turns = Turns::default();
        let (id, other) = (JobId::random(1), JobId::random(2));
        let first = turns.take(id).await;
        let mut second = Box::pin(turns.take(id));
        assert!(second.as_mut().now_or_never().is_none());
        drop(turns.take(other).await);
        assert_eq!(turns.lock().len(), 1);
        // One who went away while waiting leaves nothing behind.
        let mut third = Box::pin(turns.take(id));
        assert!(third.as_mut().now_or_never().is_none());
        drop(third);
        drop(first);
        drop(second.await);
        assert!(turns.lock().is_empty());
    }
}
