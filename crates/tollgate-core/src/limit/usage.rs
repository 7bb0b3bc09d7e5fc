//! What somebody has used of their limits.

use std::time::Duration;

use super::{Bucket, Kind, Rate, RateLimits, Reading};
use crate::time::Moment;

/// When a place among parallel requests is free nobody knows. So long a client waits to ask again.
const PLACE_WAIT: Duration = Duration::from_secs(1);
/// What was reserved has flowed off after this, and is not given back any more.
const WHILE_THERE: Duration = Duration::from_mins(1);

/// What one key, user, team, organization, model or address has used of its limits. The limits
/// are declared elsewhere and handed in; what is not limited is not counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    requests: Bucket,
    tokens: Bucket,
    parallel: u32,
}

/// Why something is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What is limited.
    pub kind: Kind,
    /// The limit.
    pub limit: u64,
    /// How much of it is left.
    pub remaining: u64,
    /// When it would be let in; for parallel requests, when to ask again.
    pub wait: Duration,
}

/// How much is left of requests, and of tokens; `None` where there is no limit. Each comes with
/// how many a minute has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// Requests.
    pub requests: Option<(u64, Reading)>,
    /// Tokens.
    pub tokens: Option<(u64, Reading)>,
}

impl Usage {
    /// Of somebody who has used nothing.
    pub const NOTHING: Self = Self {
        requests: Bucket::EMPTY,
        tokens: Bucket::EMPTY,
        parallel: 0,
    };

    /// Whether a request, about as large as this, stands before a limit: the one that keeps it
    /// waiting for longest. `None` for tokens: they are not asked about.
    pub fn check(
        &self,
        limits: &RateLimits,
        now: Moment,
        tokens: Option<u64>,
    ) -> Result<(), Refused> {
        let found = [
            self.no_place(limits),
            self.no_request(limits, now),
            tokens.and_then(|tokens| self.no_tokens(limits, now, tokens)),
        ];
        let worst = found.into_iter().flatten().max_by_key(|it| it.wait);
        worst.map_or(Ok(()), Err)
    }

    fn no_place(&self, limits: &RateLimits) -> Option<Refused> {
        let limit = limits.parallel.filter(|most| self.parallel >= *most)?;
        Some(Refused {
            kind: Kind::Parallel,
            limit: limit.into(),
            remaining: 0,
            wait: if limit == 0 { WHILE_THERE } else { PLACE_WAIT },
        })
    }

    fn no_request(&self, limits: &RateLimits, now: Moment) -> Option<Refused> {
        let rate = limits.requests()?;
        refused(Kind::Requests, &self.requests, (rate, now), 1)
    }

    fn no_tokens(&self, limits: &RateLimits, now: Moment, tokens: u64) -> Option<Refused> {
        let rate = limits.tokens()?;
        refused(Kind::Tokens, &self.tokens, (rate, now), tokens)
    }

    /// Counts a request. Where the number of parallel ones is limited it takes one of the places,
    /// and that is told.
    pub fn admit(&mut self, limits: &RateLimits, now: Moment) -> Result<Admitted, Refused> {
        self.check(limits, now, None)?;
        let mut admitted = Admitted::default();
        if let Some(rate) = limits.requests() {
            admitted.counted = self.requests.take(rate, now, 1).is_ok();
        }
        if limits.parallel.is_some() {
            self.parallel = self.parallel.saturating_add(1);
            admitted.place = true;
        }
        Ok(admitted)
    }

    /// Takes back that a request was counted at `since`: it was not let in after all.
    pub fn forget(&mut self, limits: &RateLimits, since: Moment, now: Moment) {
        if let Some(rate) = limits.requests().filter(|_| is_there(since, now)) {
            self.requests.give_back(rate, now, 1);
        }
    }

    /// Gives a place back that was taken.
    pub fn leave(&mut self) {
        self.parallel = self.parallel.saturating_sub(1);
    }

    /// Reserves tokens, if they are limited and fit. Gives how many were counted: an estimate
    /// that is larger than the limit fits when nothing else is there.
    pub fn reserve(
        &mut self,
        limits: &RateLimits,
        now: Moment,
        tokens: u64,
    ) -> Result<Option<u64>, Refused> {
        if let Some(refused) = self.no_tokens(limits, now, tokens) {
            return Err(refused);
        }
        let rate = limits.tokens();
        Ok(rate.and_then(|rate| self.tokens.take(rate, now, tokens).ok()))
    }

    /// Corrects what was reserved at `since` to what was used. More is counted now, and may be
    /// more than there is: then nothing is let in until it has flowed off. Less is given back
    /// within a minute; later, it has flowed off.
    pub fn correct(
        &mut self,
        limits: &RateLimits,
        (since, now): (Moment, Moment),
        reserved: u64,
        used: u64,
    ) {
        let Some(rate) = limits.tokens() else { return };
        if used > reserved {
            self.tokens.add(rate, now, used - reserved);
        } else if is_there(since, now) {
            self.tokens.give_back(rate, now, reserved - used);
        }
    }

    /// How much is left now.
    pub fn read(&self, limits: &RateLimits, now: Moment) -> Readings {
        let read = |rate: Rate, bucket: &Bucket| (rate.per_minute(), bucket.read(rate, now));
        Readings {
            requests: limits.requests().map(|rate| read(rate, &self.requests)),
            tokens: limits.tokens().map(|rate| read(rate, &self.tokens)),
        }
    }

    /// How many places among parallel requests are taken.
    pub fn parallel(&self) -> u32 {
        self.parallel
    }
}

/// What was counted for a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// Whether it counts against a number of requests a minute.
    pub counted: bool,
    /// Whether it holds a place among parallel ones.
    pub place: bool,
}

fn is_there(since: Moment, now: Moment) -> bool {
    now.since(since) < WHILE_THERE
}

fn refused(
    kind: Kind,
    bucket: &Bucket,
    (rate, now): (Rate, Moment),
    amount: u64,
) -> Option<Refused> {
    let wait = bucket.wait(rate, now, amount);
    (!wait.is_zero()).then(|| Refused {
        kind,
        limit: rate.per_minute(),
        remaining: bucket.read(rate, now).remaining,
        wait,
    })
}

#[cfg(test)]
mod tests;
