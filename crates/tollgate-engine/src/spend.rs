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

impl Spend {
    /// Sets an amount aside in every budget, or in none: then the one that is in the way is told.
    pub(crate) fn hold(
        &self,
        budgets: &[Budget],
        amount: u64,
        (clock, now): (&dyn Clock, Timestamp),
    ) -> Result<(), BudgetReading> {
        let mut state = self.lock();
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
        }
        state.held = state.held.saturating_add(amount);
        Ok(())
    }

    /// Gives back what was set aside.
    pub(crate) fn release(&self, held: u64) {
        let mut state = self.lock();
        debug_assert!(state.held >= held, "only what is held is released");
        state.held = state.held.saturating_sub(held);
    }

    /// Ends a hold: notes the cost in every period that is counted. Says whether a budget has
    /// reached its threshold for a warning.
    pub(crate) fn settle(
        &self,
        budgets: &[Budget],
        (held, cost): (u64, u64),
        (clock, now): (&dyn Clock, Timestamp),
    ) -> Option<BudgetReading> {
        let mut state = self.lock();
        debug_assert!(state.held >= held, "only what is held is settled");
        state.held = state.held.saturating_sub(held);
        for count in &mut state.counts {
            count.turn(clock, now);
            count.spent = count.spent.saturating_add(cost);
        }
        let readings = budgets.iter().map(|budget| state.read(budget, clock, now));
        readings.filter(|reading| reading.warns).last()
    }

    /// Takes back a cost that was noted and is not paid after all.
    pub(crate) fn take_back(&self, cost: u64) {
        for count in &mut self.lock().counts {
            count.spent = count.spent.saturating_sub(cost);
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

    /// Begins to count for a budget, with what was spent in its period before. Gives whether it
    /// was not counted yet.
    pub(crate) fn begin(&self, period: Period, zone: &str, window: Window) -> bool {
        let mut state = self.lock();
        if state.find(period, zone).is_some() {
            return false;
        }
        state.counts.push(Count {
            period,
            zone: zone.into(),
            window,
            spent: 0,
        });
        true
    }

    /// Adds what was spent before the count began, if the same period runs still.
    pub(crate) fn add_before(&self, period: Period, zone: &str, window: Window, spent: u64) {
        let mut state = self.lock();
        if let Some(count) = state.find(period, zone)
            && count.window == window
        {
            count.spent = count.spent.saturating_add(spent);
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

    fn read(&mut self, budget: &Budget, clock: &dyn Clock, now: Timestamp) -> BudgetReading {
        let held = self.held;
        if self.find(budget.period, &budget.zone).is_none() {
            self.counts.push(Count {
                period: budget.period,
                zone: budget.zone.clone(),
                window: clock.window(budget.period, &budget.zone, now),
                spent: 0,
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
        }
    }
}
