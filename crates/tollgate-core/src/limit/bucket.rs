//! How fast something may come: the generic cell rate algorithm, in integers.
//!
//! What was taken flows off evenly, and something new is let in while it fits beside what has not
//! flowed off yet. In any minute, so, at most a burst and what a minute has come through. What was
//! taken is kept as an amount, not as a time, so that it stays the same when limits change.

use std::time::Duration;

use crate::time::Moment;

/// Nanoseconds in a minute, and so many parts has one of what is counted: then a nanosecond lets
/// a whole number of parts flow off, and nothing is ever rounded.
const MINUTE: u128 = 60_000_000_000;
/// What is told where waiting does not help: it keeps clients from asking all the time.
const NEVER: Duration = Duration::from_mins(1);

/// How fast something may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    per_minute: u64,
    burst: u64,
}

impl Rate {
    /// So many a minute, and so many at one moment after a quiet time: as many as a minute has,
    /// if nothing is said. Where none may come in a minute, none may come at all.
    pub const fn new(per_minute: u64, burst: Option<u64>) -> Self {
        let burst = match burst {
            Some(burst) if per_minute > 0 => burst,
            _ => per_minute,
        };
        Self { per_minute, burst }
    }

    /// How many a minute.
    pub const fn per_minute(self) -> u64 {
        self.per_minute
    }

    /// Whether none may ever come.
    pub const fn is_none(self) -> bool {
        self.burst == 0
    }

    /// What is counted for one of this size: one that is larger than everything that may come at
    /// one moment fits when nothing else is there, and fills all.
    pub fn counted(self, amount: u64) -> u64 {
        amount.min(self.burst)
    }

    fn room(self) -> u128 {
        u128::from(self.burst) * MINUTE
    }

    /// How long it takes until this much has flowed off.
    fn wait(self, parts: u128) -> Duration {
        if parts == 0 {
            return Duration::ZERO;
        }
        if self.is_none() {
            return NEVER;
        }
        let nanos = parts.div_ceil(u128::from(self.per_minute).max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// What was taken, and has not flowed off yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// In parts of one.
    taken: u128,
    /// When it was that much. Never goes back.
    at: Moment,
}

/// How much of a rate is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// So many would be let in now.
    pub remaining: u64,
    /// When everything would have flowed off.
    pub reset: Duration,
}

impl Bucket {
    /// Nothing was taken.
    pub const EMPTY: Self = Self {
        taken: 0,
        at: Moment::START,
    };

    fn level(&self, rate: Rate, now: Moment) -> u128 {
        let passed = now.as_nanos().saturating_sub(self.at.as_nanos());
        let gone = u128::from(passed) * u128::from(rate.per_minute);
        self.taken.saturating_sub(gone)
    }

    fn set(&mut self, taken: u128, now: Moment) {
        self.taken = taken;
        self.at = self.at.max(now);
    }

    /// How long one of this size would have to wait. Zero: it fits now.
    pub fn wait(&self, rate: Rate, now: Moment, amount: u64) -> Duration {
        if rate.is_none() {
            return NEVER;
        }
        let asked = u128::from(rate.counted(amount)) * MINUTE;
        let whole = self.level(rate, now).saturating_add(asked);
        rate.wait(whole.saturating_sub(rate.room()))
    }

    /// Takes this much, if it fits, and gives what was counted for it. Otherwise nothing changes,
    /// and how long to wait is told.
    pub fn take(&mut self, rate: Rate, now: Moment, amount: u64) -> Result<u64, Duration> {
        let counted = rate.counted(amount);
        let asked = u128::from(counted) * MINUTE;
        let whole = self.level(rate, now).saturating_add(asked);
        if whole > rate.room() || rate.is_none() {
            return Err(self.wait(rate, now, amount));
        }
        self.set(whole, now);
        Ok(counted)
    }

    /// Counts what came without being asked for. It may be more than there is room for: then
    /// nothing is let in until that much has flowed off.
    pub fn add(&mut self, rate: Rate, now: Moment, amount: u64) {
        let added = u128::from(amount) * MINUTE;
        self.set(self.level(rate, now).saturating_add(added), now);
    }

    /// Takes back what was counted and did not come.
    pub fn give_back(&mut self, rate: Rate, now: Moment, amount: u64) {
        let freed = u128::from(amount) * MINUTE;
        self.set(self.level(rate, now).saturating_sub(freed), now);
    }

    /// How much is left now.
    pub fn read(&self, rate: Rate, now: Moment) -> Reading {
        let level = self.level(rate, now);
        let remaining = rate.room().saturating_sub(level) / MINUTE;
        Reading {
            remaining: u64::try_from(remaining).unwrap_or(u64::MAX),
            reset: if rate.is_none() {
                NEVER
            } else {
                rate.wait(level)
            },
        }
    }
}

#[cfg(test)]
mod tests;
