//! What a breaker says of itself.

use crate::error::Code;
use crate::time::Moment;

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
