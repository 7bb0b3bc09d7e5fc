//! What went to a target within the last minute.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Moment;

/// What limits are counted by.
pub(super) const MINUTE: Duration = Duration::from_mins(1);

/// How much time a slot gathers. All of it leaves with its youngest part: what is taken leaves
/// up to this much too late and never too early, which costs at most 1/60 of a limit.
const SLOT: Duration = Duration::from_secs(1);

/// Room for all slots that can be alive: they begin a second apart, the oldest at most 61
/// seconds ago.
const SLOTS: usize = 64;

/// What is summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) requests: u32,
    pub(super) tokens: u64,
}

impl Sums {
    fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            tokens: self.tokens.saturating_add(other.tokens),
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(other.requests),
            tokens: self.tokens.saturating_sub(other.tokens),
        }
    }
}

/// A second that something happened in.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// When its first part came.
    began: Moment,
    /// When its last part came.
    last: Moment,
    sums: Sums,
}

impl Slot {
    /// How long it still counts; zero: no more.
    fn left(&self, now: Moment) -> Duration {
        self.last.after(MINUTE).since(now)
    }
}

/// The last minute, in slots of a second.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// Oldest first; they leave in this order.
    slots: VecDeque<Slot>,
    /// Of all slots, those included that nobody has dropped yet.
    total: Sums,
}

impl Window {
    /// Counts something, and says when the slot began that it is in.
    pub(super) fn add(&mut self, now: Moment, sums: Sums) -> Moment {
        self.total = self.total.plus(sums);
        // A moment may come late, when its thread had to wait for the lock: it belongs to the
        // newest slot then, which never moves back.
        if let Some(newest) = self.slots.back_mut()
            && now.since(newest.began) < SLOT
        {
            newest.sums = newest.sums.plus(sums);
            newest.last = newest.last.max(now);
            return newest.began;
        }
        if self.slots.capacity() == 0 {
            // The only allocation: targets that nobody asks have none.
            self.slots.reserve_exact(SLOTS);
        }
        self.slots.push_back(Slot {
            began: now,
            last: now,
            sums,
        });
        now
    }

    /// Takes tokens out of the slot that began then, if it is still there.
    pub(super) fn subtract(&mut self, began: Moment, tokens: u64) {
        if let Ok(place) = self.slots.binary_search_by_key(&began, |slot| slot.began)
            && let Some(slot) = self.slots.get_mut(place)
        {
            let tokens = tokens.min(slot.sums.tokens);
            slot.sums.tokens -= tokens;
            self.total.tokens = self.total.tokens.saturating_sub(tokens);
        }
    }

    /// Drops slots that do not count any more. Says when the oldest of the others began.
    pub(super) fn forget(&mut self, now: Moment) -> Option<Moment> {
        while let Some(gone) = self.slots.pop_front_if(|slot| slot.left(now).is_zero()) {
            self.total = self.total.minus(gone.sums);
        }
        self.slots.front().map(|slot| slot.began)
    }

    /// What counts now.
    pub(super) fn sums(&self, now: Moment) -> Sums {
        let gone = self.slots.iter();
        gone.take_while(|slot| slot.left(now).is_zero())
            .fold(self.total, |sums, slot| sums.minus(slot.sums))
    }

    /// How long it is until the sums are such that something fits, if nothing else happens. Zero:
    /// it fits now. `None`: not even into an empty minute.
    pub(super) fn wait(&self, now: Moment, fits: impl Fn(Sums) -> bool) -> Option<Duration> {
        let mut sums = self.total;
        let mut wait = Duration::ZERO;
        for slot in &self.slots {
            let left = slot.left(now);
            if !left.is_zero() && fits(sums) {
                return Some(wait);
            }
            sums = sums.minus(slot.sums);
            wait = left;
        }
        fits(sums).then_some(wait)
    }
}
