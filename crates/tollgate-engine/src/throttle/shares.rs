//! What one request has taken at every level.

use tollgate_core::limit::{Admitted, Level, RateLimits, Refused};
use tollgate_core::time::Moment;

use super::Standings;
use super::levels::{LEVELS, Levels, Seat};

/// What one request has taken at every level.
#[derive(Default)]
pub(super) struct Shares {
    of: [Share; LEVELS],
    /// When the request was counted, and when its tokens were reserved.
    counted_at: Moment,
    reserved_at: Moment,
    is_reserved: bool,
}

/// What it has taken at one level.
#[derive(Clone, Copy, Default)]
struct Share {
    admitted: Admitted,
    reserved: Option<u64>,
}

impl Share {
    const fn is_none(self) -> bool {
        !self.admitted.counted && !self.admitted.place && self.reserved.is_none()
    }

    /// Whether something would be given back.
    const fn is_held(self) -> bool {
        self.admitted.place || self.reserved.is_some()
    }
}

type Stopped = (Level, Refused);

impl Shares {
    /// Whether there is nothing to give back.
    pub(super) fn is_none(&self) -> bool {
        !self.of.iter().any(|share| share.is_held())
    }

    /// Counts a request at every level but that of its model, which is not known yet.
    pub(super) fn admit(&mut self, levels: &Levels<'_>, now: Moment) -> Result<(), Stopped> {
        self.counted_at = now;
        let entered = self.enter(levels, now, |seat| seat.level != Level::Model);
        entered.map_err(|stopped| {
            self.withdraw(levels, now);
            worst(levels, now, None, stopped)
        })
    }

    /// Counts the request for its model, and reserves tokens at every level. Once more it does
    /// nothing: a call that failed may be given an old answer instead, which is the same call.
    pub(super) fn reserve(
        &mut self,
        levels: &Levels<'_>,
        now: Moment,
        tokens: u64,
    ) -> Result<(), Stopped> {
        if std::mem::replace(&mut self.is_reserved, true) {
            return Ok(());
        }
        self.reserved_at = now;
        let entered = self.enter(levels, now, |seat| seat.level == Level::Model);
        let booked = entered.and_then(|()| self.book(levels, now, tokens));
        booked.map_err(|stopped| {
            self.withdraw(levels, now);
            worst(levels, now, Some(tokens), stopped)
        })
    }

    fn enter(
        &mut self,
        levels: &Levels<'_>,
        now: Moment,
        counts: impl Fn(&Seat<'_>) -> bool,
    ) -> Result<(), Stopped> {
        for (share, seat) in self.of.iter_mut().zip(&levels.0) {
            let limits = entering(seat);
            if counts(seat) && (limits.rpm.is_some() || limits.parallel.is_some()) {
                let admitted = seat.with(now, |usage| usage.admit(&limits, now));
                share.admitted = admitted.map_err(|refused| (seat.level, refused))?;
            }
        }
        Ok(())
    }

    fn book(&mut self, levels: &Levels<'_>, now: Moment, tokens: u64) -> Result<(), Stopped> {
        for (share, seat) in self.of.iter_mut().zip(&levels.0) {
            if seat.limits.tpm.is_some() {
                let reserved = seat.with(now, |usage| usage.reserve(&seat.limits, now, tokens));
                share.reserved = reserved.map_err(|refused| (seat.level, refused))?;
            }
        }
        Ok(())
    }

    /// Gives everything back: the request is not let in.
    fn withdraw(&mut self, levels: &Levels<'_>, now: Moment) {
        let (counted_at, reserved_at) = (self.counted_at, self.reserved_at);
        self.is_reserved = false;
        for (share, seat) in self.of.iter_mut().zip(&levels.0) {
            let Share { admitted, reserved } = std::mem::take(share);
            let taken = Share { admitted, reserved };
            if taken.is_none() {
                continue;
            }
            seat.with(now, |usage| {
                if admitted.counted {
                    usage.forget(&seat.limits, counted_at, now);
                }
                if admitted.place {
                    usage.leave();
                }
                if let Some(reserved) = reserved {
                    usage.correct(&seat.limits, (reserved_at, now), reserved, 0);
                }
            });
        }
    }

    /// Corrects what was reserved to what was used, if that is known, and gives the places back.
    /// Says where the caller stands then.
    pub(super) fn settle(
        &mut self,
        levels: &Levels<'_>,
        now: Moment,
        used: Option<u64>,
    ) -> Standings {
        let mut standings = Standings::default();
        let reserved_at = self.reserved_at;
        for (share, seat) in self.of.iter_mut().zip(&levels.0) {
            let share = std::mem::take(share);
            if !share.is_held() && !seat.is_counted() {
                continue;
            }
            let readings = seat.with(now, |usage| {
                if share.admitted.place {
                    usage.leave();
                }
                if let Some((reserved, used)) = share.reserved.zip(used) {
                    usage.correct(&seat.limits, (reserved_at, now), reserved, used);
                }
                usage.read(&seat.limits, now)
            });
            standings.note(seat.level, readings);
        }
        standings
    }
}

/// What a request has to pass at a level. It was counted for its address when it knocked.
fn entering(seat: &Seat<'_>) -> RateLimits {
    match seat.level {
        Level::Ip => RateLimits {
            rpm: None,
            ..seat.limits
        },
        Level::Key | Level::User | Level::Team | Level::Organization | Level::Model => seat.limits,
    }
}

/// Of all limits that stand in the way, the one that does so for longest.
fn worst(levels: &Levels<'_>, now: Moment, tokens: Option<u64>, first: Stopped) -> Stopped {
    let mut worst = first;
    for seat in levels.0.iter().filter(|seat| !seat.limits.is_none()) {
        let checked = seat.with(now, |usage| usage.check(&entering(seat), now, tokens));
        if let Err(refused) = checked
            && refused.wait > worst.1.wait
        {
            worst = (seat.level, refused);
        }
    }
    worst
}
