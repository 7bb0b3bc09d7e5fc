//! The breaker of one target: closed while calls pass, cooling down after a provider's 429, open
//! after failures, half-open while a counted few find out whether it is well again.

use std::time::Duration;

use crate::error::Code;
use crate::time::Moment;

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

/// Why no call is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barred {
    /// The provider asked to be left alone until then.
    Cooling {
        /// When the next call may pass.
        until: Moment,
        /// What it answered.
        code: Code,
    },
    /// It is open.
    Open {
        /// When the first probe may pass.
        until: Moment,
    },
    /// As many probes as may be are under way. `cooling` if it was only cooling down before.
    Probing {
        /// Whether a cool-down, not failures, came before.
        cooling: bool,
    },
    /// An operator has taken the target out.
    Isolated,
}

/// What a call got when it was let through, to be given back when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// The breaker's state at that time: what a call of an earlier one says changes nothing.
    generation: u64,
    /// Whether it is a probe.
    pub probe: bool,
}

/// The word for a breaker's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Calls pass.
    Closed,
    /// Left alone after a 429.
    Cooling,
    /// Calls are refused.
    Open,
    /// Probes pass.
    HalfOpen,
    /// Taken out by an operator.
    Isolated,
}

impl State {
    /// Every state.
    pub const ALL: &'static [Self] = &[
        Self::Closed,
        Self::Cooling,
        Self::Open,
        Self::HalfOpen,
        Self::Isolated,
    ];

    /// The word for the API and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Cooling => "cooling",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::Isolated => "isolated",
        }
    }
}

/// What can be read of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Its state.
    pub state: State,
    /// What brought it there: the last failure, or `None` for an operator or a fresh one.
    pub reason: Option<Code>,
    /// Until when it stays so, where time ends it.
    pub until: Option<Moment>,
    /// Failures in a row.
    pub failures: u32,
    /// Calls that went well within the window.
    pub window_good: u32,
    /// Calls that failed within the window.
    pub window_failed: u32,
    /// How often it has opened since it was made.
    pub opened: u64,
    /// How often it began to cool down since it was made.
    pub cooled: u64,
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

/// A breaker.
#[derive(Clone, Debug, Default)]
pub struct Breaker {}

impl Breaker {
    /// Whether a call would pass now. Changes nothing.
    pub fn check(&self, rules: &BreakerRules, now: Moment) -> Result<(), Barred> {
        _ = (rules, now);
        Ok(())
    }

    /// Lets a call through, if it may pass.
    pub fn enter(&mut self, rules: &BreakerRules, now: Moment) -> Result<Pass, Barred> {
        _ = (rules, now);
        Ok(Pass {
            generation: 0,
            probe: false,
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
        _ = (rules, now, pass, verdict);
        None
    }

    /// Obeys an operator.
    pub fn obey(&mut self, rules: &BreakerRules, now: Moment, order: Order) {
        _ = (rules, now, order);
    }

    /// What can be read of it.
    pub fn read(&self, rules: &BreakerRules, now: Moment) -> Reading {
        _ = (rules, now);
        Reading {
            state: State::Closed,
            reason: None,
            until: None,
            failures: 0,
            window_good: 0,
            window_failed: 0,
            opened: 0,
            cooled: 0,
        }
    }
}
