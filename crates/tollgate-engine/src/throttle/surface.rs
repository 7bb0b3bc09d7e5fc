//! Limits that one surface has beside all others: so many requests of one key, and of one address.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use tollgate_core::error::Failure;
use tollgate_core::limit::{Level, RateLimits, Usage};

use super::addresses::{Address, Addresses};
use crate::caller::Caller;
use crate::engine::Engine;

/// What keys and addresses have used of such limits, in a table of a fixed size.
#[derive(Default)]
pub(super) struct Surface {
    seats: Addresses,
    high: RandomState,
    low: RandomState,
    allowed: AtomicU64,
    blocked: AtomicU64,
}

/// How many requests the limits let in, and how many not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SurfaceReading {
    /// Let in.
    pub allowed: u64,
    /// Refused.
    pub blocked: u64,
}

impl Surface {
    pub(super) fn read(&self) -> SurfaceReading {
        SurfaceReading {
            allowed: self.allowed.load(Ordering::Relaxed),
            blocked: self.blocked.load(Ordering::Relaxed),
        }
    }

    fn key(&self, caller: &Caller) -> Address {
        let id = caller.key.id.as_str();
        let (high, low) = (self.high.hash_one(id), self.low.hash_one(id));
        Address::of_key((u128::from(high) << 64) | u128::from(low))
    }
}

/// Counts a request for its key and its address under these limits. Everything or nothing.
pub fn enter(
    engine: &Engine,
    limits: &RateLimits,
    caller: &Caller,
    client: Option<IpAddr>,
) -> Result<(), Failure> {
    let surface = &engine.throttle.surface;
    let entered = count(engine, limits, caller, client);
    let counter = match entered {
        Ok(()) => &surface.allowed,
        Err(_) => &surface.blocked,
    };
    counter.fetch_add(1, Ordering::Relaxed);
    entered
}

fn count(
    engine: &Engine,
    limits: &RateLimits,
    caller: &Caller,
    client: Option<IpAddr>,
) -> Result<(), Failure> {
    if limits.is_none() {
        return Ok(());
    }
    let surface = &engine.throttle.surface;
    let now = engine.moment();
    let admit = |usage: &mut Usage| usage.admit(limits, now);
    let key = surface.key(caller);
    let refusals = &engine.throttle.refusals;
    if let Err(refused) = surface.seats.with(key, now, admit) {
        return Err(refusals.refuse(Level::Key, refused));
    }
    let Some(client) = client else { return Ok(()) };
    if let Err(refused) = surface.seats.with(Address::of(client), now, admit) {
        surface
            .seats
            .with(key, now, |usage| usage.forget(limits, now, now));
        return Err(refusals.refuse(Level::Ip, refused));
    }
    Ok(())
}
