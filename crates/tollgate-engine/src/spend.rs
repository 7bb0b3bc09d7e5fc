//! What somebody has spent of their budgets in the periods that run now.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tollgate_core::budget::{Budget, Period, Window};
use tollgate_core::money::Money;
use tollgate_core::time::Timestamp;

use crate::port::Clock;

/// What somebody has spent.
#[derive(Default)]
pub(crate) struct Spend {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Held for calls under way: it counts for every period.
    held: u64,
    counts: Vec<Count>,
}

/// What was spent in the period that runs now.
#[derive(Clone, Debug)]
struct Count {
    period: Period,
    zone: Box<str>,
    window: Window,
    spent: u64,
    /// Whether the log was told that the threshold is reached.
    warned: bool,
}

/// Where a budget stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetReading {
    /// For how long it is counted.
    pub period: Period,
    /// Where spending stops.
    pub limit: Money,
    /// What was spent.
    pub spent: Money,
    /// What is held for calls under way.
    pub held: Money,
    /// When the next period begins; `None` for a total.
    pub resets_at: Option<Timestamp>,
    /// Whether the threshold for a warning is reached.
    pub warns: bool,
}

/// A budget that has reached its threshold for a warning.
pub(crate) struct Nearly {
    pub(crate) reading: BudgetReading,
    /// Whether nobody was warned before in this period.
    pub(crate) first: bool,
}

impl Spend {
    /// Sets an amount aside in every budget, or in none: then the one that is in the way is told.
    /// Otherwise the one is given that has reached its threshold for a warning, if one has.
    pub(crate) fn hold(
        &self,
        budgets: &[Budget],
        amount: u64,
        (clock, now): (&dyn Clock, Timestamp),
    ) -> Result<Option<Nearly>, BudgetReading> {
        let mut state = self.lock();
        let mut warning = None;
        for budget in budgets {
            let reading = state.read(budget, clock, now);
            let used = reading
                .spent
                .as_nano()
                .saturating_add(reading.held.as_nano());
            if used >= reading.limit.as_nano()
                || used.saturating_add(amount) > reading.limit.as_nano()
            {
                return Err(reading);
            }
            if reading.warns {
                let first = state.warns_first(budget);
                warning = Some(Nearly { reading, first });
            }
        }
        state.held = state.held.saturating_add(amount);
        Ok(warning)
    }

    /// Gives back what was set aside.
    pub(crate) fn release(&self, held: u64) {
        let mut state = self.lock();
        debug_assert!(state.held >= held, "only what is held is released");
        state.held = state.held.saturating_sub(held);
    }

    /// Ends a hold: notes the cost in every period that is counted.
    pub(crate) fn settle(&self, (held, cost): (u64, u64), (clock, now): (&dyn Clock, Timestamp)) {
        let mut state = self.lock();
        debug_assert!(state.held >= held, "only what is held is settled");
        state.held = state.held.saturating_sub(held);
        for count in &mut state.counts {
            count.turn(clock, now);
            count.spent = count.spent.saturating_add(cost);
        }
    }

    /// Takes back a cost that was noted at a time and is not paid after all.
    pub(crate) fn take_back(&self, cost: u64, at: Timestamp) {
        for count in &mut self.lock().counts {
            if at >= count.window.start {
                count.spent = count.spent.saturating_sub(cost);
            }
        }
    }

    /// Where each budget stands.
    pub(crate) fn read(
        &self,
        budgets: &[Budget],
        (clock, now): (&dyn Clock, Timestamp),
    ) -> Vec<BudgetReading> {
        let mut state = self.lock();
        budgets
            .iter()
            .map(|budget| state.read(budget, clock, now))
            .collect()
    }

    /// Whether a period is counted already.
    pub(crate) fn counts(&self, period: Period, zone: &str) -> bool {
        self.lock().find(period, zone).is_some()
    }

    /// Begins to count for a budget, of whose period so much is spent already.
    pub(crate) fn begin(&self, period: Period, zone: &str, window: Window, spent: u64) {
        let mut state = self.lock();
        if state.find(period, zone).is_none() {
            state.counts.push(Count {
                period,
                zone: zone.into(),
                window,
                spent,
                warned: false,
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn find(&mut self, period: Period, zone: &str) -> Option<&mut Count> {
        let mut counts = self.counts.iter_mut();
        counts.find(|count| count.period == period && *count.zone == *zone)
    }

    /// Whether a warning about a budget is the first one in its period.
    fn warns_first(&mut self, budget: &Budget) -> bool {
        let count = self.find(budget.period, &budget.zone);
        count.is_some_and(|count| !std::mem::replace(&mut count.warned, true))
    }

    fn read(&mut self, budget: &Budget, clock: &dyn Clock, now: Timestamp) -> BudgetReading {
        let held = self.held;
        if self.find(budget.period, &budget.zone).is_none() {
            self.counts.push(Count {
                period: budget.period,
                zone: budget.zone.clone(),
                window: clock.window(budget.period, &budget.zone, now),
                spent: 0,
                warned: false,
            });
        }
        let (spent, end) = match self.find(budget.period, &budget.zone) {
            Some(count) => {
                count.turn(clock, now);
                (count.spent, count.window.end)
            }
            None => (0, Window::ALWAYS.end),
        };
        let limit = u128::from(budget.limit.as_nano());
        let threshold = limit * u128::from(budget.warn_percent) / 100;
        BudgetReading {
            period: budget.period,
            limit: budget.limit,
            spent: Money::from_nano(spent),
            held: Money::from_nano(held),
            resets_at: (end != Window::ALWAYS.end).then_some(end),
            warns: u128::from(spent) >= threshold,
        }
    }
}

impl Count {
    /// Begins the next period if this one is over. A clock that was set back begins none again.
    fn turn(&mut self, clock: &dyn Clock, now: Timestamp) {
        if now >= self.window.end {
            self.window = clock.window(self.period, &self.zone, now);
            self.spent = 0;
            self.warned = false;
        }
    }
}
