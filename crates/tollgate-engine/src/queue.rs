//! The line of requests that wait for a free place at a model's targets. Teams take turns, and so
//! do the keys of a team. One request of each kind stands at the front, where requests are of one
//! kind if the same targets suit them: those whom a busy target suits do not hold up those whom a
//! free one does. Of the front, one at a time looks for a place, in the order of turns.

mod order;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::Notify;
use tollgate_core::id::{KeyId, TeamId};

use self::order::State;
use crate::sync::{AtomicUsize, Mutex};

/// The line of one model.
#[derive(Debug, Default)]
pub struct Line {
    /// How many stand in it, the front included: as the state says, for whoever does not need the
    /// lock.
    length: AtomicUsize,
    state: Mutex<State>,
}

/// The line is as long as it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineFull;

/// What a request waits for.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// The same for all requests that the same targets suit.
    pub(crate) kind: u64,
    /// These targets, by numbers of theirs.
    pub(crate) targets: Vec<u64>,
}

/// A place in line. Dropping it leaves the line.
#[derive(Debug)]
pub struct Turn<'a> {
    line: &'a Line,
    ticket: u64,
    call: Arc<Notify>,
}

impl Line {
    /// Whether nobody waits, so that whoever comes may try at once.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many wait, the front included.
    pub fn len(&self) -> usize {
        // Nothing else is read by what this says; it may be old by the time that it is used.
        self.length.load(Ordering::Relaxed)
    }

    /// The targets that somebody waits for: they are not for those who come later.
    pub(crate) fn wanted(&self) -> Vec<u64> {
        self.state.lock().wanted()
    }

    /// Stands in line until the request may look for a place. Dropping the future leaves the line.
    /// Fails at once if `length` requests wait already. `news` is the number of the latest: what
    /// became free before it came is for those who were there.
    pub async fn join(
        &self,
        (team, key): (&TeamId, &KeyId),
        needs: Needs,
        length: usize,
        news: usize,
    ) -> Result<Turn<'_>, LineFull> {
        let mut joined = None;
        self.change(|state| {
            state.tell(Some(news));
            joined = (state.len() < length).then(|| state.join(team, key, needs));
        });
        let (ticket, call) = joined.ok_or(LineFull)?;
        let turn = Turn {
            line: self,
            ticket,
            call,
        };
        turn.called().await;
        Ok(turn)
    }

    /// Changes the state, and lets the next one look if nobody is.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let next = {
            let mut state = self.state.lock();
            change(&mut state);
            self.length.store(state.len(), Ordering::Relaxed);
            state.hand()
        };
        // Outside of the lock: it wakes a task. One that has gone meanwhile has handed the right to
        // look on.
        if let Some(next) = next {
            next.notify_one();
        }
    }
}

impl Turn<'_> {
    /// Resolves when it may look for a place, once each time. Until it says that it found none, or
    /// goes, nobody else looks.
    pub(crate) async fn called(&self) {
        self.call.notified().await;
    }

    /// It found no place. The next one looks.
    pub(crate) fn pass(&self) {
        self.line.change(|state| state.pass(self.ticket));
    }

    /// Something happened at a target: everybody at the front is to look again, itself included.
    /// Those who hear of the same news, by their number, say so once.
    pub(crate) fn tell(&self, news: Option<usize>) {
        self.line.change(|state| state.tell(news));
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.line.change(|state| state.leave(self.ticket));
    }
}

#[cfg(test)]
mod models;
#[cfg(test)]
mod tests;
