//! The line of requests that wait for a free place at a model's targets: one at a time is at its
//! head, and keys take turns.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;
use tollgate_core::id::KeyId;

use crate::sync::{AtomicUsize, Mutex, MutexGuard};

/// The line of one model.
#[derive(Debug, Default)]
pub struct Line {
    /// How many stand in it, the head included: as the state says, for whoever does not need the
    /// lock.
    length: AtomicUsize,
    state: Mutex<State>,
}

/// The line is as long as it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineFull;

/// The head of the line. Dropping it calls up the next one.
#[derive(Debug)]
pub struct Turn<'a>(&'a Line);

impl Line {
    /// Whether nobody waits, so that whoever comes may try at once.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many wait, the head included.
    pub fn len(&self) -> usize {
        // Nothing else is read by what this says; it may be old by the time that it is used.
        self.length.load(Ordering::Relaxed)
    }

    /// Stands in line until the request is at its head. Dropping the future leaves the line.
    /// Fails at once if `length` requests wait already.
    pub async fn join(&self, key: &KeyId, length: usize) -> Result<Turn<'_>, LineFull> {
        let (ticket, called) = match self.stand(key, length)? {
            Joined::Head => return Ok(Turn(self)),
            Joined::Waits { ticket, called } => (ticket, called),
        };
        let standing = Standing {
            line: self,
            key: key.clone(),
            ticket,
            is_called: false,
        };
        // The call cannot be lost: it is dropped unsent only by the line's end or by `Standing`.
        _ = called.await;
        Ok(standing.step_forward())
    }

    fn stand(&self, key: &KeyId, length: usize) -> Result<Joined, LineFull> {
        let mut state = self.state();
        if state.len() >= length {
            return Err(LineFull);
        }
        let joined = state.join(key);
        self.length.store(state.len(), Ordering::Relaxed);
        Ok(joined)
    }

    /// The head goes; the next one is called up.
    fn advance(&self) {
        let next = {
            let mut state = self.state();
            let next = state.advance();
            self.length.store(state.len(), Ordering::Relaxed);
            next
        };
        // Outside of the lock: it wakes a task. One that has gone meanwhile finds itself called up
        // and passes the turn on.
        _ = next.map(|call| call.send(()));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.advance();
    }
}

/// What came of joining.
enum Joined {
    /// Nobody else is there.
    Head,
    /// Others come first.
    Waits {
        ticket: u64,
        called: oneshot::Receiver<()>,
    },
}

/// Somebody in line, behind the head. Dropping it leaves the line.
struct Standing<'a> {
    line: &'a Line,
    key: KeyId,
    ticket: u64,
    is_called: bool,
}

impl<'a> Standing<'a> {
    fn step_forward(mut self) -> Turn<'a> {
        self.is_called = true;
        Turn(self.line)
    }
}

impl Drop for Standing<'_> {
    fn drop(&mut self) {
        if self.is_called {
            return;
        }
        let has_left = {
            let mut state = self.line.state();
            let has_left = state.leave(&self.key, self.ticket);
            self.line.length.store(state.len(), Ordering::Relaxed);
            has_left
        };
        if !has_left {
            // It was called up before it could hear of it.
            self.line.advance();
        }
    }
}

/// Who waits, by key.
#[derive(Debug, Default)]
struct State {
    /// Whose request is at the head.
    head: Option<KeyId>,
    /// The keys that wait, by the number of their next turn. None of them is empty.
    lanes: BTreeMap<u64, Lane>,
    turns: HashMap<KeyId, u64>,
    /// How many wait behind the head.
    waiting: usize,
    /// The last number that was given out, to lanes and requests alike.
    last: u64,
}

/// The requests of one key by the order in which they came.
#[derive(Debug)]
struct Lane {
    key: KeyId,
    waiting: BTreeMap<u64, oneshot::Sender<()>>,
}

impl State {
    fn len(&self) -> usize {
        self.waiting + usize::from(self.head.is_some())
    }

    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn join(&mut self, key: &KeyId) -> Joined {
        if self.head.is_none() {
            self.head = Some(key.clone());
            return Joined::Head;
        }
        let ticket = self.number();
        let turn = *self.turns.entry(key.clone()).or_insert(ticket);
        let lane = self.lanes.entry(turn).or_insert_with(|| Lane {
            key: key.clone(),
            waiting: BTreeMap::new(),
        });
        let (call, called) = oneshot::channel();
        lane.waiting.insert(ticket, call);
        self.waiting += 1;
        Joined::Waits { ticket, called }
    }

    /// Takes somebody out. `false`: it is at the head.
    fn leave(&mut self, key: &KeyId, ticket: u64) -> bool {
        let Some(&turn) = self.turns.get(key) else {
            return false;
        };
        let Some(lane) = self.lanes.get_mut(&turn) else {
            return false;
        };
        if lane.waiting.remove(&ticket).is_none() {
            return false;
        }
        self.waiting -= 1;
        if lane.waiting.is_empty() {
            self.lanes.remove(&turn);
            self.turns.remove(key);
        }
        true
    }

    /// Puts the next one at the head, if anybody waits.
    fn advance(&mut self) -> Option<oneshot::Sender<()>> {
        let left = self.head.take();
        let (_, mut lane) = self.lanes.pop_first()?;
        if left.is_some_and(|left| left == lane.key) && !self.lanes.is_empty() {
            // Its requests came while one of its own was at the head: that was its turn.
            self.put_last(lane);
            (_, lane) = self.lanes.pop_first()?;
        }
        // A lane is taken out with its last request, so that there is one.
        let (_, call) = lane.waiting.pop_first()?;
        self.waiting -= 1;
        self.head = Some(lane.key.clone());
        if lane.waiting.is_empty() {
            self.turns.remove(&lane.key);
        } else {
            self.put_last(lane);
        }
        Some(call)
    }

    fn put_last(&mut self, lane: Lane) {
        let turn = self.number();
        self.turns.insert(lane.key.clone(), turn);
        self.lanes.insert(turn, lane);
    }
}

#[cfg(test)]
mod models;
#[cfg(test)]
mod tests;
