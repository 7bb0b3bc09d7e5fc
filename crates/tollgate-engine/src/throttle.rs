//! Rate limits of callers: requests, tokens and parallel calls at every level.

mod addresses;
mod levels;
mod refusal;
mod shares;
mod surface;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tollgate_core::error::Failure;
use tollgate_core::limit::{Level, RateLimits, Readings, Usage};
use tollgate_core::time::Moment;

use self::addresses::{Address, Addresses};
use self::levels::{LEVELS, Levels};
use self::refusal::Refusals;
use self::shares::Shares;
use self::surface::Surface;
use crate::caller::Caller;
use crate::engine::Engine;
use crate::meter::MeterSlot;
use crate::routes::Route;

pub use self::refusal::Refusal;
pub use self::surface::{SurfaceReading, enter};

/// What somebody has used of their limits.
#[derive(Default)]
pub(crate) struct Rates(Mutex<Usage>);

impl Rates {
    fn lock(&self) -> MutexGuard<'_, Usage> {
        // Each change under the lock is complete before anything could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the engine keeps of limits beside the meters of those who have them.
#[derive(Default)]
pub struct Throttle {
    addresses: Addresses,
    refusals: Refusals,
    surface: Surface,
}

impl Throttle {
    /// How often something was refused, by level and kind; those that never were are left out.
    pub fn refusals(&self) -> Vec<Refusal> {
        self.refusals.read()
    }

    /// What the limits of a surface's own did.
    pub fn surface(&self) -> SurfaceReading {
        self.surface.read()
    }
}

/// The limits of levels whose own are silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DefaultLimits {
    /// Of an address.
    pub ip: RateLimits,
    /// Of a key.
    pub key: RateLimits,
    /// Of a user.
    pub user: RateLimits,
    /// Of a team.
    pub team: RateLimits,
    /// Of an organization.
    pub organization: RateLimits,
    /// Of a model.
    pub model: RateLimits,
}

/// Whoever has been let in from an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Visitor {
    /// `None` where addresses are not limited.
    address: Option<Address>,
    /// When they came, if that was looked at.
    at: Option<Moment>,
}

/// Where a caller stands: the tightest of the limits that a request counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whose limit it is.
    pub level: Level,
    /// How many a minute.
    pub limit: u64,
    /// How many would be let through now.
    pub remaining: u64,
    /// When all of them would be.
    pub reset: Duration,
}

/// Where a caller stands with requests, and with tokens; `None` where there is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standings {
    /// Requests.
    pub requests: Option<Standing>,
    /// Tokens.
    pub tokens: Option<Standing>,
}

impl Standings {
    /// Whether nothing is limited.
    pub const fn is_none(&self) -> bool {
        self.requests.is_none() && self.tokens.is_none()
    }

    fn note(&mut self, level: Level, readings: Readings) {
        for (place, reading) in [
            (&mut self.requests, readings.requests),
            (&mut self.tokens, readings.tokens),
        ] {
            let Some((limit, reading)) = reading else {
                continue;
            };
            let is_tighter = place.is_none_or(|found| reading.remaining < found.remaining);
            if is_tighter {
                *place = Some(Standing {
                    level,
                    limit,
                    remaining: reading.remaining,
                    reset: reading.reset,
                });
            }
        }
    }
}

/// Counts a request for the address that it comes from, before it is known who asks.
pub fn knock(engine: &Engine, address: IpAddr) -> Result<Visitor, Failure> {
    let limits = engine.limits.load().ip;
    if limits.is_none() {
        return Ok(Visitor::default());
    }
    let address = Address::of(address);
    let now = engine.moment();
    let visitor = Visitor {
        address: Some(address),
        at: Some(now),
    };
    if limits.rpm.is_none() {
        return Ok(visitor);
    }
    let only_requests = RateLimits {
        parallel: None,
        ..limits
    };
    let admit = |usage: &mut Usage| usage.admit(&only_requests, now);
    match engine.throttle.addresses.with(address, now, admit) {
        Ok(_) => Ok(visitor),
        Err(refused) => Err(engine.throttle.refusals.refuse(Level::Ip, refused)),
    }
}

/// Where a caller stands who was not let in.
pub fn standings(engine: &Engine, caller: &Caller, visitor: Visitor) -> Standings {
    let limits = levels::limits(engine, caller, visitor);
    Levels::of(engine, caller, visitor, (&limits, None)).standings(engine)
}

/// Where an address stands whose requests were not let in.
pub fn standings_of(engine: &Engine, address: IpAddr) -> Standings {
    let limits = engine.limits.load().ip;
    let mut standings = Standings::default();
    if !limits.is_none() {
        let now = engine.moment();
        let read = |usage: &mut Usage| usage.read(&limits, now);
        let addresses = &engine.throttle.addresses;
        standings.note(Level::Ip, addresses.with(Address::of(address), now, read));
    }
    standings
}

/// The right to one request under all limits that it counts for. Its places among parallel
/// requests are given back when it is dropped, and so are tokens that were reserved and not
/// settled.
pub struct Pass {
    whom: Whom,
    shares: Shares,
    /// Where the caller stood when it was settled.
    settled: Option<Standings>,
}

/// For whom a request counts.
struct Whom {
    engine: Arc<Engine>,
    caller: Caller,
    visitor: Visitor,
    /// The limits as they were when the request came; of the model the deployment's, until the
    /// model is known. What changes meanwhile holds for the next request.
    limits: [RateLimits; LEVELS],
    /// Where the model's requests are counted, if it is limited.
    model: Option<MeterSlot>,
}

impl Whom {
    fn levels(&self) -> Levels<'_> {
        let limits = (&self.limits, self.model.as_ref());
        Levels::of(&self.engine, &self.caller, self.visitor, limits)
    }
}

impl Pass {
    /// Counts a request for its key, user, team and organization, and takes places among the
    /// parallel ones. Everything or nothing.
    pub fn take(engine: &Arc<Engine>, caller: &Caller, visitor: Visitor) -> Result<Self, Failure> {
        let mut pass = Self {
            whom: Whom {
                engine: Arc::clone(engine),
                caller: caller.clone(),
                visitor,
                limits: levels::limits(engine, caller, visitor),
                model: None,
            },
            shares: Shares::default(),
            settled: None,
        };
        let levels = pass.whom.levels();
        if levels.is_none() {
            return Ok(pass);
        }
        let now = visitor.at.unwrap_or_else(|| engine.moment());
        match pass.shares.admit(&levels, now) {
            Ok(()) => Ok(pass),
            Err((level, refused)) => Err(engine.throttle.refusals.refuse(level, refused)),
        }
    }

    /// Counts the request for its model, and reserves tokens at every level. Everything or
    /// nothing: where it is nothing, what was taken before is given back, too.
    pub fn reserve(&mut self, route: &Route, tokens: u64) -> Result<(), Failure> {
        let [.., limits] = &mut self.whom.limits;
        *limits = route.controls.limits.or(*limits);
        self.whom.model = (!limits.is_none()).then(|| route.meter.clone());
        let engine = &self.whom.engine;
        let levels = self.whom.levels();
        if levels.is_none() {
            return Ok(());
        }
        let now = engine.moment();
        let reserved = self.shares.reserve(&levels, now, tokens);
        reserved.map_err(|(level, refused)| engine.throttle.refusals.refuse(level, refused))
    }

    /// The call is over: corrects what was reserved to what was used, and gives the places back.
    /// `None`: the estimate stands.
    pub fn settle(&mut self, used: Option<u64>) {
        let levels = self.whom.levels();
        if levels.is_none() && self.shares.is_none() {
            self.settled = Some(Standings::default());
            return;
        }
        let now = self.whom.engine.moment();
        self.settled = Some(self.shares.settle(&levels, now, used));
    }

    /// Where the caller stands now; after the call is settled, where it stood then.
    pub fn standings(&self) -> Standings {
        let now = || self.whom.levels().standings(&self.whom.engine);
        self.settled.unwrap_or_else(now)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if !self.shares.is_none() {
            let now = self.whom.engine.moment();
            self.shares.settle(&self.whom.levels(), now, Some(0));
        }
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Pass({})", self.whom.caller.key.id)
    }
}

#[cfg(test)]
mod tests;
