//! The levels of a call that have budgets.

use std::sync::Arc;

use tollgate_core::budget::Controls;
use tollgate_core::error::Failure;
use tollgate_core::limit::Level;
use tollgate_core::time::Timestamp;

use super::refusal;
use crate::caller::Caller;
use crate::meter::{Meter, MeterSlot};
use crate::port::Clock;
use crate::routes::Route;
use crate::spend::{BudgetReading, Nearly};

/// Key, user, team, organization and model: where budgets were declared when the call came. What
/// is held is held there and nowhere else, whatever is declared later.
#[derive(Clone)]
pub(super) struct Levels {
    /// One bit for each level with budgets, in the order of [`MEASURED`].
    held: u8,
    model: Option<Arc<Meter>>,
    controls: Arc<Controls>,
}

/// A budget that is nearly spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Whose it is.
    pub level: Level,
    /// Where it stands.
    pub reading: BudgetReading,
}

/// The levels that have budgets.
const MEASURED: [Level; 5] = [
    Level::Key,
    Level::User,
    Level::Team,
    Level::Organization,
    Level::Model,
];

type When<'a> = (&'a dyn Clock, Timestamp);

impl Levels {
    /// Finds them for a call.
    pub(super) fn of(caller: &Caller, route: &Route) -> Self {
        let mut levels = Self {
            held: 0,
            model: None,
            controls: Arc::clone(&route.controls),
        };
        levels.model = if levels.controls.budgets.is_empty() {
            route.meter.there().cloned()
        } else {
            Some(Arc::clone(route.meter.get()))
        };
        for (bit, level) in MEASURED.into_iter().enumerate() {
            if levels.with_controls(caller, level, |controls| !controls.budgets.is_empty()) {
                levels.held |= 1 << bit;
            }
        }
        levels
    }

    /// Whether none has budgets.
    pub(super) fn are_free(&self) -> bool {
        self.held == 0
    }

    /// Sets an amount aside at every level, or at none. Gives the first budget that has reached
    /// its threshold for a warning.
    pub(super) fn hold(
        &self,
        caller: &Caller,
        amount: u64,
        when: When<'_>,
    ) -> Result<Option<Warning>, Failure> {
        let mut warning = None;
        for (bit, level) in MEASURED.into_iter().enumerate() {
            if self.held & (1 << bit) == 0 {
                continue;
            }
            let Some(meter) = self.made(caller, level) else {
                continue;
            };
            let outcome = self.with_controls(caller, level, |controls| {
                meter.spend.hold(&controls.budgets, amount, when)
            });
            match outcome {
                Ok(None) => {}
                Ok(Some(Nearly { reading, first })) => {
                    if first {
                        tell(caller, level, &reading);
                    }
                    warning.get_or_insert(Warning { level, reading });
                }
                Err(reading) => {
                    self.release_before(caller, bit, amount);
                    return Err(refusal::of_budget(level, &reading, amount));
                }
            }
        }
        Ok(warning)
    }

    /// Gives back what was set aside.
    pub(super) fn release(&self, caller: &Caller, held: u64) {
        self.release_before(caller, MEASURED.len(), held);
    }

    fn release_before(&self, caller: &Caller, end: usize, held: u64) {
        for (bit, level) in MEASURED.into_iter().enumerate().take(end) {
            if self.held & (1 << bit) != 0
                && let Some(meter) = self.made(caller, level)
            {
                meter.spend.release(held);
            }
        }
    }

    /// Ends what was set aside, and notes the cost wherever anything is counted.
    pub(super) fn settle(&self, caller: &Caller, (held, cost): (u64, u64), when: When<'_>) {
        for (bit, level) in MEASURED.into_iter().enumerate() {
            let is_held = self.held & (1 << bit) != 0;
            if let Some(meter) = self.there(caller, level) {
                let held = if is_held { held } else { 0 };
                meter.spend.settle((held, cost), when);
            }
        }
    }

    /// Takes back a cost that was noted at this time.
    pub(super) fn take_back(&self, caller: &Caller, cost: u64, at: Timestamp) {
        for level in MEASURED {
            if let Some(meter) = self.there(caller, level) {
                meter.spend.take_back(cost, at);
            }
        }
    }

    /// The meter of a level, if it has one.
    fn there<'a>(&'a self, caller: &'a Caller, level: Level) -> Option<&'a Arc<Meter>> {
        match level {
            Level::Model => self.model.as_ref(),
            level => slot(caller, level)?.there(),
        }
    }

    /// The meter of a level with budgets.
    fn made<'a>(&'a self, caller: &'a Caller, level: Level) -> Option<&'a Arc<Meter>> {
        match level {
            Level::Model => self.model.as_ref(),
            level => slot(caller, level).map(MeterSlot::get),
        }
    }

    fn with_controls<T>(
        &self,
        caller: &Caller,
        level: Level,
        read: impl FnOnce(&Controls) -> T,
    ) -> T {
        match level {
            Level::Key => read(&caller.key.controls),
            Level::User => match caller.user() {
                Some(user) => read(&user.facts().controls),
                None => read(&Controls::default()),
            },
            Level::Team => read(&caller.team().facts().controls),
            Level::Organization => read(&caller.organization().facts().controls),
            Level::Model => read(&self.controls),
            Level::Ip => read(&Controls::default()),
        }
    }
}

/// Where the meter of a level of the caller is.
fn slot(caller: &Caller, level: Level) -> Option<&MeterSlot> {
    match level {
        Level::Key => Some(caller.entry.meter()),
        Level::User => caller.user().map(|user| &user.meter),
        Level::Team => Some(&caller.team().meter),
        Level::Organization => Some(&caller.organization().meter),
        Level::Model | Level::Ip => None,
    }
}

/// Tells operators once in a period that a budget is nearly spent.
fn tell(caller: &Caller, level: Level, reading: &BudgetReading) {
    tracing::warn!(
        level = level.as_str(),
        period = reading.period.as_str(),
        spent_usd = %reading.spent,
        limit_usd = %reading.limit,
        key = caller.key.id.as_str(),
        team = caller.team().id.as_str(),
        "a budget has reached its threshold"
    );
}
