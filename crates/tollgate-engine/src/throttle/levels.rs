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

impl<'a> Levels<'a> {
    pub(super) fn of(
        engine: &'a Engine,
        caller: &'a Caller,
        visitor: Visitor,
        model: Option<(RateLimits, &'a MeterSlot)>,
    ) -> Self {
        let defaults = engine.limits.load();
        let seat = |level, limits, place| Seat {
            level,
            limits,
            place,
        };
        let nobody = |level| seat(level, RateLimits::NONE, Place::Nowhere);
        let metered = |level, own: RateLimits, others, meter: &'a MeterSlot| {
            seat(level, own.or(others), Place::Meter(meter))
        };
        let (team, organization) = (caller.team(), caller.organization());
        Self([
            visitor.address.map_or(nobody(Level::Ip), |address| {
                let place = Place::Table(&engine.throttle.addresses, address);
                seat(Level::Ip, defaults.ip, place)
            }),
            metered(
                Level::Key,
                caller.entry.controls().limits,
                defaults.key,
                caller.entry.meter(),
            ),
            caller.user().map_or(nobody(Level::User), |user| {
                let own = user.facts().controls.limits;
                metered(Level::User, own, defaults.user, &user.meter)
            }),
            metered(
                Level::Team,
                team.facts().controls.limits,
                defaults.team,
                &team.meter,
            ),
            metered(
                Level::Organization,
                organization.facts().controls.limits,
                defaults.organization,
                &organization.meter,
            ),
            model.map_or(nobody(Level::Model), |(own, meter)| {
                metered(Level::Model, own, defaults.model, meter)
            }),
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
