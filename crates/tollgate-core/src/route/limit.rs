//! The limits of a provider's account, kept by us so that it does not have to say 429.

use std::time::Duration;

use crate::time::Moment;

/// The limits of one target or connection. `None`: no limit.
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

/// Counts what goes to a target against its limits.
#[derive(Clone, Debug, Default)]
pub struct Meter {}

impl Meter {
    /// Whether a request of about this many tokens fits now. Changes nothing.
    pub fn check(&self, limits: &Limits, now: Moment, tokens: u64) -> Result<(), Full> {
        _ = (limits, now, tokens);
        Ok(())
    }

    /// Takes a place for a request of about this many tokens, if all limits allow it.
    pub fn take(&mut self, limits: &Limits, now: Moment, tokens: u64) -> Result<(), Full> {
        _ = (limits, now, tokens);
        Ok(())
    }

    /// Gives the place back when the request ends: `used` tokens instead of the `taken` ones,
    /// where the provider said how many.
    pub fn give_back(&mut self, limits: &Limits, now: Moment, taken: u64, used: Option<u64>) {
        _ = (limits, now, taken, used);
    }

    /// How much is used.
    pub fn used(&self, limits: &Limits, now: Moment) -> Used {
        _ = (limits, now);
        Used::default()
    }

    /// Requests under way. Kept also where nothing is limited.
    pub fn parallel(&self) -> u32 {
        0
    }
}
