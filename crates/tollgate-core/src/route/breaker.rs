//! The breaker of one target: closed while calls pass, cooling down after a provider's 429, open
//! after failures, half-open while a counted few find out whether it is well again.

mod reading;
mod window;

use std::time::Duration;

pub use self::reading::{Barred, Reading, State};
use self::window::Window;
use crate::error::Code;
use crate::time::Moment;

/// The first wait after a 429 that names none; doubled with each one in a row…
const FIRST_COOLDOWN: Duration = Duration::from_secs(1);
/// …this many times at most.
const COOLDOWN_DOUBLINGS: u32 = 5;
/// The longest wait that a provider is granted: its next answer can name another one.
const LONGEST_COOLDOWN: Duration = Duration::from_hours(1);

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerRules {
    /// Failures in a row that open it. 0: failures never open it.
    pub failures: u32,
    /// The share of failures within `window` that opens it, in percent. 0: no share does.
    pub share_percent: u32,
    /// Over how long the share is counted.
    pub window: Duration,
    /// The fewest calls within `window` for the share to count.
    pub minimum: u32,
    /// How long it stays open the first time; doubled each time that a probe fails.
    pub open: Duration,
    /// The longest that it stays open.
    pub longest_open: Duration,
    /// How many calls may be under way while it is half-open.
    pub probes: u32,
    /// Whether a provider's 429 (or the wait that it names) keeps calls away.
    pub cooldown: bool,
}

impl Default for BreakerRules {
    fn default() -> Self {
        Self {
            failures: 5,
            share_percent: 50,
            window: Duration::from_secs(30),
            minimum: 10,
            open: Duration::from_mins(1),
            longest_open: Duration::from_mins(10),
            probes: 1,
            cooldown: true,
        }
    }
}

/// How a call at a target went, as far as the target's health is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Well.
    Good,
    /// The target failed.
    Failed(Code),
    /// The provider limits, or asks to be left alone for a time.
    Limited {
        /// What it was: `provider_rate_limited`, or another code that came with a wait.
        code: Code,
        /// The time that it named, if it named one.
        wait: Option<Duration>,
    },
    /// It says nothing of the target: the caller's fault, or the caller has gone.
    Neutral,
}

/// What a call got when it was let through, to be given back when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// The breaker's state at that time: how a call of an earlier one went changes nothing.
    generation: u64,
    /// Whether it is a probe.
    pub probe: bool,
}

/// What an operator can do to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Open it as failures would: probes follow.
    Open,
    /// Close it and forget what was counted.
    Close,
    /// Let nothing through until it is closed by hand.
    Isolate,
}

impl Order {
    /// Every order.
    pub const ALL: &'static [Self] = &[Self::Open, Self::Close, Self::Isolate];

    /// The word for the API and the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Close => "close",
            Self::Isolate => "isolate",
        }
    }
}

/// A breaker. Each change of its state begins a new generation: what calls of an earlier one say
/// comes too late to change anything, but for the wait that a provider names.
#[derive(Clone, Debug, Default)]
pub struct Breaker {
    phase: Phase,
    generation: u64,
    /// Failures in a row. A 429 between them does not end the row.
    failures: u32,
    /// 429s in a row. Only a call that went well ends the row.
    limited: u32,
    window: Window,
    /// How often the open time was doubled.
    doublings: u32,
    /// When it last closed after it had been open.
    closed: Moment,
    reason: Option<Code>,
    opened: u64,
    cooled: u64,
}

/// The state as it was left. Cooling and open ones whose time is over count as half-open; the
/// first probe makes them so.
#[derive(Clone, Copy, Debug, Default)]
enum Phase {
    #[default]
    Closed,
    Cooling {
        until: Moment,
        code: Code,
        cause: Cause,
    },
    Open {
        until: Moment,
    },
    HalfOpen {
        cause: Cause,
        /// Probes that are under way.
        out: u32,
    },
    Isolated,
}

/// What probes have to disprove. A breaker that was open and meets a 429 while it is half-open is
/// still suspected of failures after the cool-down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Limits,
    Failures,
}

impl Breaker {
    /// Whether a call would pass now. Changes nothing.
    pub fn check(&self, rules: &BreakerRules, now: Moment) -> Result<(), Barred> {
        match self.phase {
            Phase::Cooling { until, code, .. } if now < until => {
                Err(Barred::Cooling { until, code })
            }
            Phase::Open { until } if now < until => Err(Barred::Open { until }),
            // Without any probe nothing would ever close it.
            Phase::HalfOpen { cause, out } if out >= rules.probes.max(1) => Err(Barred::Probing {
                cooling: cause == Cause::Limits,
            }),
            Phase::Isolated => Err(Barred::Isolated),
            Phase::Closed | Phase::Cooling { .. } | Phase::Open { .. } | Phase::HalfOpen { .. } => {
                Ok(())
            }
        }
    }

    /// Lets a call through, if it may pass.
    pub fn enter(&mut self, rules: &BreakerRules, now: Moment) -> Result<Pass, Barred> {
        self.check(rules, now)?;
        let over = match self.phase {
            Phase::Cooling { cause, .. } => Some(cause),
            Phase::Open { .. } => Some(Cause::Failures),
            Phase::Closed | Phase::HalfOpen { .. } | Phase::Isolated => None,
        };
        if let Some(cause) = over {
            self.change(Phase::HalfOpen { cause, out: 0 }, self.reason);
        }
        let probe = if let Phase::HalfOpen { out, .. } = &mut self.phase {
            *out = out.saturating_add(1);
            true
        } else {
            false
        };
        Ok(Pass {
            generation: self.generation,
            probe,
        })
    }

    /// A call that was let through has ended. Says which state it brought the breaker into, if it
    /// changed it.
    pub fn leave(
        &mut self,
        rules: &BreakerRules,
        now: Moment,
        pass: Pass,
        verdict: Verdict,
    ) -> Option<State> {
        let verdict = match verdict {
            Verdict::Limited { .. } if !rules.cooldown => Verdict::Neutral,
            verdict => verdict,
        };
        if pass.generation != self.generation {
            return self.hear_late(now, verdict);
        }
        match self.phase {
            Phase::Closed => self.leave_closed(rules, now, verdict),
            Phase::HalfOpen { cause, out } => {
                let out = out.saturating_sub(1);
                self.phase = Phase::HalfOpen { cause, out };
                self.leave_half_open(rules, now, cause, verdict)
            }
            // Their generations let no call through.
            Phase::Cooling { .. } | Phase::Open { .. } | Phase::Isolated => None,
        }
    }

    /// The answer to a call has begun. A probe has found out what it was sent for then, however
    /// long its stream may take; how that ends counts like any other call. Says which state it
    /// brought the breaker into, if it changed it.
    pub fn begin(&mut self, rules: &BreakerRules, now: Moment, pass: &mut Pass) -> Option<State> {
        if !pass.probe || pass.generation != self.generation {
            return None;
        }
        let changed = self.leave(rules, now, *pass, Verdict::Good);
        *pass = Pass {
            generation: self.generation,
            probe: false,
        };
        changed
    }

    /// Obeys an operator. An isolated one is only closed by hand, so that nobody opens it, and by
    /// that its probes, by mistake.
    pub fn obey(&mut self, rules: &BreakerRules, now: Moment, order: Order) {
        match (order, self.phase) {
            (Order::Open | Order::Isolate, Phase::Isolated) => {}
            (Order::Open, Phase::Open { until }) if now < until => {
                let until = until.max(now.after(self.open_time(rules)));
                self.change(Phase::Open { until }, None);
            }
            (Order::Open, _) => _ = self.open(rules, now, None),
            (Order::Isolate, _) => self.change(Phase::Isolated, None),
            (Order::Close, _) => {
                *self = Self {
                    generation: self.generation.wrapping_add(1),
                    opened: self.opened,
                    cooled: self.cooled,
                    ..Self::default()
                }
            }
        }
    }

    /// What can be read of it.
    pub fn read(&self, rules: &BreakerRules, now: Moment) -> Reading {
        let (state, until) = match self.phase {
            Phase::Closed => (State::Closed, None),
            Phase::Cooling { until, .. } if now < until => (State::Cooling, Some(until)),
            Phase::Open { until } if now < until => (State::Open, Some(until)),
            Phase::Cooling { .. } | Phase::Open { .. } | Phase::HalfOpen { .. } => {
                (State::HalfOpen, None)
            }
            Phase::Isolated => (State::Isolated, None),
        };
        let (window_good, window_failed) = self.window.read(now, rules.window);
        Reading {
            state,
            reason: self.reason,
            until,
            failures: self.failures,
            window_good,
            window_failed,
            opened: self.opened,
            cooled: self.cooled,
        }
    }

    fn change(&mut self, phase: Phase, reason: Option<Code>) {
        self.phase = phase;
        self.reason = reason;
        self.generation = self.generation.wrapping_add(1);
    }

    /// A call of an earlier state has ended. What it says of the target comes too late, but the wait
    /// that a 429 names begins as it is answered, whatever has become of the breaker meanwhile.
    fn hear_late(&mut self, now: Moment, verdict: Verdict) -> Option<State> {
        let Verdict::Limited {
            code: latest,
            wait: Some(wait),
        } = verdict
        else {
            return None;
        };
        if wait.is_zero() {
            return None;
        }
        let named = now.after(wait.min(LONGEST_COOLDOWN));
        match &mut self.phase {
            // Calls that were under way together are limited together: that is one event, not
            // several in a row. The longest wait counts.
            Phase::Cooling { until, code, .. } if *until < named => {
                let was_over = *until <= now;
                (*until, *code) = (named, latest);
                self.reason = Some(latest);
                was_over.then_some(State::Cooling)
            }
            // Its probes come when both times are over.
            Phase::Open { until } if *until < named => {
                let was_over = *until <= now;
                *until = named;
                was_over.then_some(State::Open)
            }
            Phase::Closed => Some(self.cool(now, latest, Some(wait), Cause::Limits)),
            // A probe that is out was sent before the provider said so.
            Phase::HalfOpen { cause, .. } => {
                let cause = *cause;
                Some(self.cool(now, latest, Some(wait), cause))
            }
            Phase::Cooling { .. } | Phase::Open { .. } | Phase::Isolated => None,
        }
    }

    fn leave_closed(
        &mut self,
        rules: &BreakerRules,
        now: Moment,
        verdict: Verdict,
    ) -> Option<State> {
        match verdict {
            Verdict::Good => {
                self.note_good(rules, now);
                None
            }
            Verdict::Failed(code) => self.note_failure(rules, now, code),
            Verdict::Limited { code, wait } => Some(self.cool(now, code, wait, Cause::Limits)),
            Verdict::Neutral => None,
        }
    }

    fn leave_half_open(
        &mut self,
        rules: &BreakerRules,
        now: Moment,
        cause: Cause,
        verdict: Verdict,
    ) -> Option<State> {
        match (verdict, cause) {
            (Verdict::Good, _) => {
                self.note_good(rules, now);
                if cause == Cause::Failures {
                    // The failures that opened it are answered for.
                    self.window = Window::default();
                    self.closed = now;
                }
                self.change(Phase::Closed, None);
                Some(State::Closed)
            }
            (Verdict::Failed(code), Cause::Failures) => {
                self.count_failure(rules, now);
                self.doublings = self.doublings.saturating_add(1);
                Some(self.open(rules, now, Some(code)))
            }
            (Verdict::Failed(code), Cause::Limits) => {
                self.change(Phase::Closed, None);
                let opened = self.note_failure(rules, now, code);
                Some(opened.unwrap_or(State::Closed))
            }
            (Verdict::Limited { code, wait }, cause) => Some(self.cool(now, code, wait, cause)),
            (Verdict::Neutral, _) => None,
        }
    }

    fn note_good(&mut self, rules: &BreakerRules, now: Moment) {
        self.failures = 0;
        self.limited = 0;
        self.window.note(now, rules.window, (1, 0));
    }

    fn count_failure(&mut self, rules: &BreakerRules, now: Moment) {
        self.failures = self.failures.saturating_add(1);
        self.window.note(now, rules.window, (0, 1));
    }

    /// Counts a failure, and opens if it was one too many.
    fn note_failure(&mut self, rules: &BreakerRules, now: Moment, code: Code) -> Option<State> {
        self.count_failure(rules, now);
        if !self.has_too_many(rules, now) {
            return None;
        }
        Some(self.open(rules, now, Some(code)))
    }

    fn has_too_many(&self, rules: &BreakerRules, now: Moment) -> bool {
        if rules.failures > 0 && self.failures >= rules.failures {
            return true;
        }
        let (good, failed) = self.window.read(now, rules.window);
        let total = u64::from(good) + u64::from(failed);
        // One failure alone is no share of anything.
        rules.share_percent > 0
            && total >= u64::from(rules.minimum.max(2))
            && u64::from(failed) * 100 >= u64::from(rules.share_percent) * total
    }

    fn open(&mut self, rules: &BreakerRules, now: Moment, reason: Option<Code>) -> State {
        // One that was closed for as long as it had been open has stayed well.
        if matches!(self.phase, Phase::Closed) && now.since(self.closed) >= self.open_time(rules) {
            self.doublings = 0;
        }
        let mut until = now.after(self.open_time(rules));
        if let Phase::Cooling { until: named, .. } = self.phase {
            // An operator opens it: the provider still wants to be left alone.
            until = until.max(named);
        }
        self.change(Phase::Open { until }, reason);
        self.opened = self.opened.saturating_add(1);
        State::Open
    }

    fn open_time(&self, rules: &BreakerRules) -> Duration {
        let factor = 1_u32.checked_shl(self.doublings).unwrap_or(u32::MAX);
        let longest = rules.longest_open.max(rules.open);
        rules.open.saturating_mul(factor).min(longest)
    }

    fn cool(&mut self, now: Moment, code: Code, wait: Option<Duration>, cause: Cause) -> State {
        let doublings = self.limited.min(COOLDOWN_DOUBLINGS);
        self.limited = self.limited.saturating_add(1);
        // A wait of nothing names nothing: some providers send it with every refusal.
        let wait = wait
            .filter(|wait| !wait.is_zero())
            .map_or(FIRST_COOLDOWN * (1 << doublings), |wait| {
                wait.min(LONGEST_COOLDOWN)
            });
        let until = now.after(wait);
        self.change(Phase::Cooling { until, code, cause }, Some(code));
        self.cooled = self.cooled.saturating_add(1);
        State::Cooling
    }
}

#[cfg(test)]
mod tests;
