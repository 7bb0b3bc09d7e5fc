//! What a model's requests go by on their way to its targets: data that the configuration gives.

use std::time::Duration;

use super::backoff::Backoff;
use super::breaker::BreakerRules;
use super::cache;
use super::order::Strategy;
use crate::model::{Timeouts, Unsupported};

/// The rules of one model.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// How long each part of the exchange may take.
    pub timeouts: Timeouts,
    /// What becomes of parts of a request that the target cannot be told.
    pub unsupported: Unsupported,
    /// How a target is chosen.
    pub strategy: Strategy,
    /// How many attempts one request may take in all, over every target and fallback: 1 to 5.
    pub attempts: u32,
    /// How long the same target is left alone after a failure.
    pub backoff: Backoff,
    /// When a target is taken out for a while.
    pub breaker: BreakerRules,
    /// When a request is sent again that a provider may have worked on already.
    pub repeat: Repeat,
    /// How long, and how many, requests wait for a free place.
    pub queue: QueueRules,
    /// What keeps requests that belong together at one target.
    pub sticky: Sticky,
    /// Whether a second target is asked when the first one is slow.
    pub hedge: Option<Hedge>,
    /// What becomes of a stream that breaks after it has begun.
    pub recovery: Recovery,
    /// Which answers are kept for the next who asks the same.
    pub cache: cache::Rules,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            timeouts: Timeouts::default(),
            unsupported: Unsupported::default(),
            strategy: Strategy::default(),
            attempts: 3,
            backoff: Backoff::default(),
            breaker: BreakerRules::default(),
            repeat: Repeat::default(),
            queue: QueueRules::default(),
            sticky: Sticky::default(),
            hedge: None,
            recovery: Recovery::default(),
            cache: cache::Rules::default(),
        }
    }
}

/// When a request is sent again whose whole body had left before the exchange broke without an
/// answer, so that a provider may have worked on it and may charge for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeat {
    /// Streams are: closing the exchange ends the work on them. Plain calls are not.
    #[default]
    Streams,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How requests wait when every target is busy or cooling down for a short while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueRules {
    /// The longest wait. Zero: nobody waits.
    pub wait: Duration,
    /// How many requests may wait for one model.
    pub length: usize,
}

impl Default for QueueRules {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(5),
            length: 1000,
        }
    }
}

/// What keeps requests that belong together at one target, for the sake of its prompt cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sticky {
    /// Nothing.
    #[default]
    Off,
    /// The user whom the request names; the key, if it names none.
    User,
    /// The conversation: its first messages.
    Conversation,
}

/// A second attempt at another target while the first one is slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hedge {
    /// The shortest wait before the second attempt; the 95th percentile of the first target's
    /// times until the first byte, or until a plain answer, counts where it is longer.
    pub after: Duration,
    /// The most hedged requests among a hundred.
    pub share_percent: u32,
    /// Whether plain calls are hedged as well as streams.
    pub plain: bool,
}

/// What becomes of a stream that breaks after it has begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recovery {
    /// It ends with an error event.
    #[default]
    Off,
    /// Another target is given what was said as the assistant's beginning and goes on from there.
    Continue,
}
