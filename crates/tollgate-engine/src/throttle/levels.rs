//! The levels that a request counts for, each with what is allowed there now and where it is
//! counted.

use tollgate_core::limit::{Level, RateLimits, Usage};
use tollgate_core::time::Moment;

use super::addresses::{Address, Addresses};
use super::{Standings, Visitor};
use crate::caller::Caller;
use crate::engine::Engine;
use crate::meter::MeterSlot;

/// How many levels there are.
pub(super) const LEVELS: usize = Level::ALL.len();

/// Every level of a request, the narrowest first.
pub(super) struct Levels<'a>(pub(super) [Seat<'a>; LEVELS]);

/// One level.
#[derive(Clone, Copy)]
pub(super) struct Seat<'a> {
    pub(super) level: Level,
    /// What is allowed there: what is declared for it, and else for all of its kind.
    pub(super) limits: RateLimits,
    place: Place<'a>,
}

/// Where it is counted.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// There is nobody at this level.
    Nowhere,
    Meter(&'a MeterSlot),
    Table(&'a Addresses, Address),
}

/// What is allowed at each level now; of the model what the deployment says.
pub(super) fn limits(engine: &Engine, caller: &Caller, visitor: Visitor) -> [RateLimits; LEVELS] {
    let defaults = engine.limits.load();
    let key = caller.entry.controls().limits;
    [
        visitor.address.map_or(RateLimits::NONE, |_| defaults.ip),
        key.or(defaults.key),
        caller.user().map_or(RateLimits::NONE, |user| {
            user.facts().controls.limits.or(defaults.user)
        }),
        caller.team().facts().controls.limits.or(defaults.team),
        (caller.organization().facts().controls.limits).or(defaults.organization),
        defaults.model,
    ]
}

impl<'a> Levels<'a> {
    /// The levels of a request under these limits; that of its model where its meter is known.
    pub(super) fn of(
        engine: &'a Engine,
        caller: &'a Caller,
        visitor: Visitor,
        (limits, model): (&[RateLimits; LEVELS], Option<&'a MeterSlot>),
    ) -> Self {
        let table = |address| Place::Table(&engine.throttle.addresses, address);
        let user = caller.user().map(|user| &user.meter);
        let meter = |slot: Option<&'a MeterSlot>| slot.map_or(Place::Nowhere, Place::Meter);
        let [ip, key, of_user, team, organization, of_model] = *limits;
        let seat = |level, limits, place| Seat {
            level,
            limits: match place {
                Place::Nowhere => RateLimits::NONE,
                Place::Meter(_) | Place::Table(..) => limits,
            },
            place,
        };
        Self([
            seat(Level::Ip, ip, visitor.address.map_or(Place::Nowhere, table)),
            seat(Level::Key, key, meter(Some(caller.entry.meter()))),
            seat(Level::User, of_user, meter(user)),
            seat(Level::Team, team, meter(Some(&caller.team().meter))),
            seat(
                Level::Organization,
                organization,
                meter(Some(&caller.organization().meter)),
            ),
            seat(Level::Model, of_model, meter(model)),
        ])
    }

    /// Whether nothing is limited at any level.
    pub(super) fn is_none(&self) -> bool {
        self.0.iter().all(|seat| seat.limits.is_none())
    }

    /// Where a caller stands now.
    pub(super) fn standings(&self, engine: &Engine) -> Standings {
        let mut standings = Standings::default();
        if self.is_none() {
            return standings;
        }
        let now = engine.moment();
        for seat in &self.0 {
            if seat.is_counted() {
                let readings = seat.with(now, |usage| usage.read(&seat.limits, now));
                standings.note(seat.level, readings);
            }
        }
        standings
    }
}

impl Seat<'_> {
    /// Whether requests or tokens are counted there by the minute.
    pub(super) fn is_counted(&self) -> bool {
        self.limits.rpm.is_some() || self.limits.tpm.is_some()
    }

    /// Reads or changes what was used, under a lock that is held for as long.
    pub(super) fn with<T>(&self, now: Moment, act: impl FnOnce(&mut Usage) -> T) -> T {
        match self.place {
            Place::Nowhere => act(&mut Usage::default()),
            Place::Meter(slot) => act(&mut slot.get().rates.lock()),
            Place::Table(addresses, address) => addresses.with(address, now, act),
        }
    }
}
