//! One account at a provider: its own limits, and what active checks say of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tollgate_core::error::Code;
use tollgate_core::route::health::{Health, Thresholds};
use tollgate_core::route::limit::{Full, Limits, Meter, Used};
use tollgate_core::time::Moment;

use crate::sync::{Mutex, MutexGuard};

/// The state of one connection.
#[derive(Debug)]
pub struct ConnectionHealth {
    /// Its name.
    pub name: Arc<str>,
    /// The name of its provider.
    provider: &'static str,
    /// What all connections of its provider were asked.
    calls: Arc<Calls>,
    state: Mutex<State>,
}

/// How often the connections of a provider were asked, since the process began.
#[derive(Debug, Default)]
pub struct Calls {
    asked: AtomicU64,
    failed: AtomicU64,
}

impl Calls {
    /// How often they were asked, and how often that failed.
    pub fn read(&self) -> (u64, u64) {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (load(&self.asked), load(&self.failed))
    }
}

#[derive(Debug, Default)]
struct State {
    limits: Limits,
    meter: Meter,
    health: Health,
    checked: Option<Checked>,
    tested: Option<Checked>,
}

/// A question to the provider that was asked only to see whether it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// When it ended.
    pub at: Moment,
    /// How long it took.
    pub took: Duration,
    /// The code of its failure; `None` if it went well.
    pub failure: Option<Code>,
}

/// What can be read of a connection.
#[derive(Clone, Debug)]
pub struct ConnectionReading {
    /// Its limits.
    pub limits: Limits,
    /// How much of them is used.
    pub used: Used,
    /// Whether active checks let requests go there. `true` without checks.
    pub healthy: bool,
    /// The last active check.
    pub checked: Option<Checked>,
    /// The last test that an operator asked for.
    pub tested: Option<Checked>,
}

impl ConnectionHealth {
    pub(super) fn new(name: Arc<str>, provider: &'static str, calls: Arc<Calls>) -> Self {
        Self {
            name,
            provider,
            calls,
            state: Mutex::default(),
        }
    }

    /// It is asked.
    pub(crate) fn note_call(&self) {
        self.calls.asked.fetch_add(1, Ordering::Relaxed);
    }

    /// What it was asked failed.
    pub(super) fn note_failure(&self) {
        self.calls.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// The name of its provider, lower case.
    pub fn provider(&self) -> &'static str {
        self.provider
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    pub(super) fn set_limits(&self, limits: Limits) {
        self.state().limits = limits;
    }

    /// Whether a request of about this many tokens may go there now.
    pub(super) fn check(&self, now: Moment, tokens: u64) -> Result<(), Standing> {
        let state = self.state();
        if !state.health.is_healthy() {
            return Err(Standing::Unhealthy);
        }
        let State { limits, meter, .. } = &*state;
        meter.check(limits, now, tokens).map_err(Standing::Full)
    }

    /// Takes a place.
    pub(super) fn take(&self, now: Moment, tokens: u64) -> Result<(), Standing> {
        let mut state = self.state();
        if !state.health.is_healthy() {
            return Err(Standing::Unhealthy);
        }
        let State { limits, meter, .. } = &mut *state;
        meter.take(limits, now, tokens).map_err(Standing::Full)
    }

    /// Gives a place back.
    pub(super) fn give_back(&self, now: Moment, taken: u64, used: Option<u64>) {
        let mut state = self.state();
        let State { limits, meter, .. } = &mut *state;
        meter.give_back(limits, now, taken, used);
    }

    /// Notes an active check. Says whether the standing changed.
    pub fn note_check(&self, thresholds: Thresholds, checked: Checked) -> bool {
        let mut state = self.state();
        state.checked = Some(checked);
        state.health.note(thresholds, checked.failure)
    }

    /// Notes an active check that speaks neither for it nor against it.
    pub(crate) fn note_undecided(&self, checked: Checked) {
        self.state().checked = Some(checked);
    }

    /// Notes a test of an operator's. It changes nothing about where requests go: it may have
    /// asked for a model that no request asks for.
    pub(crate) fn note_test(&self, tested: Checked) {
        self.state().tested = Some(tested);
    }

    /// Forgets what active checks said: there are none any more.
    pub fn forget_checks(&self) {
        let mut state = self.state();
        state.checked = None;
        state.health = Health::default();
    }

    /// What can be read of it.
    pub fn read(&self, now: Moment) -> ConnectionReading {
        let state = self.state();
        ConnectionReading {
            limits: state.limits,
            used: state.meter.used(&state.limits, now),
            healthy: state.health.is_healthy(),
            checked: state.checked,
            tested: state.tested,
        }
    }
}

/// What stands in the way at a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Active checks fail.
    Unhealthy,
    /// A limit is reached.
    Full(Full),
}
