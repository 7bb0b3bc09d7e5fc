//! The limits of a provider's account, kept by us so that it does not have to say 429.
//!
//! Providers limit by the minute, and a window that slides is the strictest way in which they
//! may count it. A bucket that fills continuously would let nearly twice its limit pass within
//! one minute: all of it at once, then what flows in again. So the last minute is kept as it was,
//! in slots of a second.

use std::collections::VecDeque;
use std::time::Duration;

use self::window::{Sums, Window};
use crate::time::Moment;

mod window;

/// The limits of one target or connection. `None`: no limit. Zero requests or places let nothing
/// pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Requests a minute.
    pub rpm: Option<u32>,
    /// Tokens a minute, prompt and answer together.
    pub tpm: Option<u64>,
    /// Requests at the same time.
    pub parallel: Option<u32>,
}

impl Limits {
    /// Whether nothing is limited.
    pub const fn is_none(&self) -> bool {
        self.rpm.is_none() && self.tpm.is_none() && self.parallel.is_none()
    }
}

/// What stands in the way of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// All places are taken; one becomes free when a request ends.
    Parallel,
    /// The requests of this minute are spent; the next one fits after this wait.
    Requests(Duration),
    /// The tokens of this minute are spent; this many fit after this wait.
    Tokens(Duration),
}

/// How much of the limits is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Requests in the last minute, as the limit counts them.
    pub requests: u32,
    /// Tokens in the last minute, as the limit counts them.
    pub tokens: u64,
    /// Requests under way.
    pub parallel: u32,
}

/// The most tokens that are counted for one request, so that no sum of a minute overflows. Far
/// beyond every window of every model.
const MOST_TOKENS: u64 = 1 << 40;

/// Counts what goes to a target against its limits.
///
/// Requests are counted always, so that a limit which a reload brings knows the minute before
/// it; tokens only under a limit of them, because what is counted for a request has to be found
/// again when it ends.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    parallel: u32,
    window: Window,
    /// Requests under way whose tokens were counted within the last minute, oldest first.
    running: VecDeque<Running>,
}

/// What was counted for a request under way.
#[derive(Clone, Copy, Debug)]
struct Running {
    /// Its slot in the window.
    slot: Moment,
    /// The estimate that it came with.
    taken: u64,
    /// The tokens that were counted for it.
    counted: u64,
}

impl Meter {
    /// Whether a request of about this many tokens fits now. Changes nothing. One that is larger
    /// than the limit of tokens by itself fits when the minute is empty.
    pub fn check(&self, limits: &Limits, now: Moment, tokens: u64) -> Result<(), Full> {
        // Told first: while every place is taken, no wait that could be named is true.
        if limits.parallel.is_some_and(|most| self.parallel >= most) {
            return Err(Full::Parallel);
        }
        if limits.rpm.is_none() && limits.tpm.is_none() {
            return Ok(());
        }
        let requests = limits.rpm.map_or(Duration::ZERO, |most| {
            // Under a limit of zero it never fits; the minute keeps others from asking all the time.
            let fits = |sums: Sums| sums.requests < most;
            self.window.wait(now, fits).unwrap_or(window::MINUTE)
        });
        let tokens = limits.tpm.map_or(Duration::ZERO, |most| {
            let counted = counted(tokens, most);
            let fits = |sums: Sums| sums.tokens.saturating_add(counted) <= most;
            self.window.wait(now, fits).unwrap_or(window::MINUTE)
        });
        // The longer one, so that the wait is true for both.
        if requests.is_zero() && tokens.is_zero() {
            Ok(())
        } else if requests >= tokens {
            Err(Full::Requests(requests))
        } else {
            Err(Full::Tokens(tokens))
        }
    }

    /// Takes a place for a request of about this many tokens, if all limits allow it.
    pub fn take(&mut self, limits: &Limits, now: Moment, tokens: u64) -> Result<(), Full> {
        self.check(limits, now, tokens)?;
        self.forget(now);
        self.parallel = self.parallel.saturating_add(1);
        let counted = limits.tpm.map(|most| counted(tokens, most));
        let slot = self.window.add(
            now,
            Sums {
                requests: 1,
                tokens: counted.unwrap_or(0),
            },
        );
        if let Some(counted) = counted {
            self.running.push_back(Running {
                slot,
                taken: tokens,
                counted,
            });
        }
        Ok(())
    }

    /// Gives the place back when the request ends: `used` tokens instead of the `taken` ones,
    /// where the provider said how many. Fewer leave the second in which they were taken, more
    /// are counted now. After more than a minute nothing is left to correct downwards.
    pub fn give_back(&mut self, limits: &Limits, now: Moment, taken: u64, used: Option<u64>) {
        self.parallel = self.parallel.saturating_sub(1);
        self.forget(now);
        // Requests of one estimate are taken for each other, the oldest for the first that ends.
        let found = self.running.iter().position(|one| one.taken == taken);
        let running = found.and_then(|place| self.running.remove(place));
        let Some(used) = used.map(|used| used.min(MOST_TOKENS)) else {
            return;
        };
        let counted = match (running, limits.tpm) {
            (Some(running), _) => running.counted,
            (None, Some(most)) => counted(taken, most),
            (None, None) => return,
        };
        if let Some(running) = running {
            self.window
                .subtract(running.slot, counted.saturating_sub(used));
        }
        let more = used.saturating_sub(counted);
        if more > 0 {
            _ = self.window.add(
                now,
                Sums {
                    requests: 0,
                    tokens: more,
                },
            );
        }
    }

    /// Drops what is older than a minute.
    fn forget(&mut self, now: Moment) {
        let oldest = self.window.forget(now);
        let is_gone = |one: &mut Running| oldest.is_none_or(|oldest| one.slot < oldest);
        while self.running.pop_front_if(is_gone).is_some() {}
    }

    /// How much is used. Tokens are zero where they are not limited.
    pub fn used(&self, limits: &Limits, now: Moment) -> Used {
        let Sums { requests, tokens } = self.window.sums(now);
        Used {
            requests,
            tokens: if limits.tpm.is_some() { tokens } else { 0 },
            parallel: self.parallel,
        }
    }

    /// Requests under way. Kept also where nothing is limited.
    pub fn parallel(&self) -> u32 {
        self.parallel
    }
}

/// The tokens that are counted for a request: its estimate, but never more than the limit, so
/// that the largest fits into an empty minute and fills it.
fn counted(tokens: u64, most: u64) -> u64 {
    tokens.min(most).min(MOST_TOKENS)
}

#[cfg(test)]
mod tests;
