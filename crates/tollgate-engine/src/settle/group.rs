//! What becomes durable together, and whoever waits for that.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Entries that become durable together.
#[derive(Debug, Default)]
pub(super) struct Group {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    stage: Stage,
    wakers: Vec<Waker>,
    /// Entries whose answers are withheld.
    withdrawn: Vec<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Entries join.
    #[default]
    Open,
    /// They are being written.
    Written,
    /// They are durable.
    Durable,
    /// Nobody waits any more: the store fails, and calls go on without it.
    Excused,
}

impl Group {
    /// From here on entries are written as they are. Gives those that were withdrawn before.
    pub(super) fn close(&self) -> Vec<usize> {
        let mut state = self.lock();
        if state.stage == Stage::Open {
            state.stage = Stage::Written;
        }
        std::mem::take(&mut state.withdrawn)
    }

    /// The entries are durable. Gives those that were withdrawn while they were written.
    pub(super) fn finish(&self) -> Vec<usize> {
        let mut state = self.lock();
        state.stage = Stage::Durable;
        wake(&mut state);
        std::mem::take(&mut state.withdrawn)
    }

    /// Lets everybody go on who waits.
    pub(super) fn excuse(&self) {
        let mut state = self.lock();
        if state.stage != Stage::Durable {
            state.stage = Stage::Excused;
        }
        wake(&mut state);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(state: &mut State) {
    for waker in state.wakers.drain(..) {
        waker.wake();
    }
}

/// Resolves when an entry is durable. Dropping it changes nothing: the entry stands.
#[derive(Debug)]
pub struct Ticket {
    group: Arc<Group>,
    position: usize,
    /// Where its waker is, once it waits.
    place: Option<usize>,
}

/// The entry did not become durable in time, and was withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the settlement did not become durable in time")]
pub struct Unsettled;

impl Ticket {
    pub(super) fn new(group: Arc<Group>, position: usize) -> Self {
        Self {
            group,
            position,
            place: None,
        }
    }

    /// Takes the entry back, because nobody waits for it any longer: if it is not written yet, it
    /// is written as one that took nothing; if it is, what it took is given back. Fails if it has
    /// become durable in this very moment: then it stands.
    pub fn withdraw(self) -> Result<(), Self> {
        {
            let mut state = self.group.lock();
            if matches!(state.stage, Stage::Open | Stage::Written) {
                state.withdrawn.push(self.position);
                return Ok(());
            }
        }
        Err(self)
    }
}

impl Future for Ticket {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let mut state = this.group.lock();
        if matches!(state.stage, Stage::Durable | Stage::Excused) {
            return Poll::Ready(());
        }
        let waker = context.waker();
        if let Some(there) = this.place.and_then(|place| state.wakers.get_mut(place)) {
            there.clone_from(waker);
        } else {
            this.place = Some(state.wakers.len());
            state.wakers.push(waker.clone());
        }
        Poll::Pending
    }
}
