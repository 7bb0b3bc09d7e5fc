//! One model of one connection: its breaker, places, retry budget and times.

use std::sync::Arc;
use std::time::Duration;

use tollgate_core::error::Code;
use tollgate_core::route::breaker::{
    Barred, Breaker, BreakerRules, Order, Pass, Reading, State as BreakerState, Verdict,
};
use tollgate_core::route::budget::RetryBudget;
use tollgate_core::route::latency::{FirstBytes, PeakEwma};
use tollgate_core::route::limit::{Full, Limits, Meter, Used};
use tollgate_core::route::order::Candidate;
use tollgate_core::route::story::Obstacle;
use tollgate_core::time::Moment;

use super::connection::{ConnectionHealth, Standing};
use crate::freed::Freed;
use crate::sync::{Mutex, MutexGuard};

/// How long a target that failed in a way that waiting does not mend is asked after all others.
const AILING: Duration = Duration::from_mins(1);

/// The state of one target. Routes that name the same connection and model share it.
#[derive(Debug)]
pub struct TargetHealth {
    /// Its connection.
    pub connection: Arc<ConnectionHealth>,
    /// The model as the provider calls it.
    pub model: Arc<str>,
    pub(super) freed: Arc<Freed>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    breaker: Breaker,
    budget: RetryBudget,
    meter: Meter,
    plain: PeakEwma,
    streams: PeakEwma,
    first_bytes: FirstBytes,
    /// Times until plain answers, where those are hedged.
    answers: Option<Box<FirstBytes>>,
    ailing: Option<(Moment, Code)>,
}

/// What is answered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A stream, by its first content.
    Stream,
    /// A plain call; `hedged`: the rules may give it a second attempt.
    Plain { hedged: bool },
}

/// What goes to a target: what it goes by there, and how much it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    /// When the breaker opens.
    pub(crate) rules: &'a BreakerRules,
    /// The target's own limits.
    pub(crate) limits: &'a Limits,
    /// About how many tokens the request has.
    pub(crate) tokens: u64,
    /// Whether it is the first attempt of its request.
    pub(crate) first: bool,
}

/// What can be read of a target.
#[derive(Clone, Debug)]
pub struct TargetReading {
    /// Its breaker.
    pub breaker: Reading,
    /// How much of its limits is used.
    pub used: Used,
    /// The moving average of plain answers.
    pub plain: Option<Duration>,
    /// The moving average of times until a stream began.
    pub streams: Option<Duration>,
    /// The time within which 95 of 100 streams began.
    pub first_byte_p95: Option<Duration>,
    /// A failure that waiting does not mend, and until when it is asked after all others.
    pub ailing: Option<(Moment, Code)>,
    /// Whether the retry budget allows a further attempt now.
    pub retries_allowed: bool,
    /// Attempts that the retry budget refused.
    pub retries_refused: u64,
}

impl TargetHealth {
    pub(super) fn new(
        connection: Arc<ConnectionHealth>,
        model: Arc<str>,
        freed: Arc<Freed>,
    ) -> Self {
        Self {
            connection,
            model,
            freed,
            state: Mutex::default(),
        }
    }

    /// The state of another model of the same connection, of which nothing is known yet.
    pub(crate) fn of_model(&self, model: Arc<str>) -> Self {
        Self::new(Arc::clone(&self.connection), model, Arc::clone(&self.freed))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Takes a place for an attempt, if everything allows it.
    pub(super) fn enter(&self, entry: &Entry<'_>, now: Moment) -> Result<Pass, Obstacle> {
        let mut guard = self.state();
        let state = &mut *guard;
        state
            .breaker
            .check(entry.rules, now)
            .map_err(|barred| obstacle(barred, now))?;
        state
            .meter
            .check(entry.limits, now, entry.tokens)
            .map_err(full)?;
        if !entry.first && !state.budget.allows(now) {
            // Counts the refusal.
            _ = state.budget.take(now);
            return Err(Obstacle::NoBudget);
        }
        self.connection
            .take(now, entry.tokens)
            .map_err(of_connection)?;
        // Nothing below refuses: each was asked above, under the same lock.
        if entry.first {
            state.budget.note_first(now);
        } else {
            _ = state.budget.take(now);
        }
        _ = state.meter.take(entry.limits, now, entry.tokens);
        state.breaker.enter(entry.rules, now).map_err(|barred| {
            state
                .meter
                .give_back(entry.limits, now, entry.tokens, Some(0));
            self.connection.give_back(now, entry.tokens, Some(0));
            obstacle(barred, now)
        })
    }

    /// What stands in the way of an attempt now. Changes nothing.
    pub(crate) fn check(&self, entry: &Entry<'_>, now: Moment) -> Result<(), Obstacle> {
        let state = self.state();
        state
            .breaker
            .check(entry.rules, now)
            .map_err(|barred| obstacle(barred, now))?;
        state
            .meter
            .check(entry.limits, now, entry.tokens)
            .map_err(full)?;
        if !entry.first && !state.budget.allows(now) {
            return Err(Obstacle::NoBudget);
        }
        self.connection
            .check(now, entry.tokens)
            .map_err(of_connection)
    }

    /// An attempt has ended.
    pub(super) fn leave(
        &self,
        entry: &Entry<'_>,
        now: Moment,
        ended: Ended,
    ) -> Option<BreakerState> {
        let changed = {
            let mut guard = self.state();
            let state = &mut *guard;
            state
                .meter
                .give_back(entry.limits, now, entry.tokens, ended.used);
            if let Some(code) = ended.ails {
                state.ailing = Some((now.after(AILING), code));
            } else if ended.verdict == Verdict::Good {
                state.ailing = None;
            }
            state
                .breaker
                .leave(entry.rules, now, ended.pass, ended.verdict)
        };
        self.connection.give_back(now, entry.tokens, ended.used);
        self.freed.tell();
        changed
    }

    /// An answer has begun: a whole one, or the first part of a stream.
    pub(super) fn note_answer(&self, now: Moment, took: Duration, kind: Kind) {
        let mut state = self.state();
        match kind {
            Kind::Stream => {
                state.streams.note(now, took);
                state.first_bytes.note(took);
            }
            Kind::Plain { hedged } => {
                state.plain.note(now, took);
                if hedged {
                    state.answers.get_or_insert_default().note(took);
                }
            }
        }
    }

    /// An answer was not waited for any longer, since another target was faster. Without this a
    /// target that is overtaken each time would never look slow.
    pub(super) fn note_overtaken(&self, now: Moment, after: Duration, kind: Kind) {
        let mut state = self.state();
        match kind {
            Kind::Stream => {
                state.streams.note_longer(now, after);
                state.first_bytes.note(after);
            }
            Kind::Plain { .. } => {
                state.plain.note_longer(now, after);
                state.answers.get_or_insert_default().note(after);
            }
        }
    }

    /// The answer to a probe has begun.
    pub(super) fn begin(
        &self,
        rules: &BreakerRules,
        now: Moment,
        pass: &mut Pass,
    ) -> Option<BreakerState> {
        let changed = self.state().breaker.begin(rules, now, pass);
        self.freed.tell();
        changed
    }

    /// What the order of targets depends on.
    pub(crate) fn candidate(&self, now: Moment, stream: bool) -> Candidate {
        let state = self.state();
        let times = if stream { &state.streams } else { &state.plain };
        Candidate {
            parallel: state.meter.parallel(),
            latency: times.read(now),
            ailing: state.ailing.is_some_and(|(until, _)| until > now),
            ..Candidate::default()
        }
    }

    /// The time within which 95 of 100 streams began, or plain calls were answered.
    pub(crate) fn usual(&self, stream: bool) -> Option<Duration> {
        let state = self.state();
        if stream {
            state.first_bytes.percentile(95)
        } else {
            state.answers.as_ref()?.percentile(95)
        }
    }

    /// Obeys an operator.
    pub fn obey(&self, rules: &BreakerRules, now: Moment, order: Order) {
        {
            let mut state = self.state();
            state.breaker.obey(rules, now, order);
            if order == Order::Close {
                state.ailing = None;
            }
        }
        self.freed.tell();
    }

    /// What can be read of it.
    pub fn read(&self, rules: &BreakerRules, limits: &Limits, now: Moment) -> TargetReading {
        let state = self.state();
        TargetReading {
            breaker: state.breaker.read(rules, now),
            used: state.meter.used(limits, now),
            plain: state.plain.last(),
            streams: state.streams.last(),
            first_byte_p95: state.first_bytes.percentile(95),
            ailing: state.ailing.filter(|(until, _)| *until > now),
            retries_allowed: state.budget.allows(now),
            retries_refused: state.budget.refused(),
        }
    }
}

/// How an attempt ended, for the target.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) pass: Pass,
    pub(super) verdict: Verdict,
    /// The tokens that were really used, if that is known.
    pub(super) used: Option<u64>,
    /// A failure that waiting does not mend.
    pub(super) ails: Option<Code>,
}

fn obstacle(barred: Barred, now: Moment) -> Obstacle {
    match barred {
        Barred::Cooling {
            until,
            code: Code::ProviderRateLimited,
        } => Obstacle::CoolingAfterLimit(until.since(now)),
        Barred::Cooling { until, .. } => Obstacle::Cooling(until.since(now)),
        Barred::Open { until } => Obstacle::Open(until.since(now)),
        // One that only cooled down is back as soon as its probe says so.
        Barred::Probing { cooling: true } => Obstacle::Full(None),
        Barred::Probing { cooling: false } => Obstacle::Probing,
        Barred::Isolated => Obstacle::Isolated,
    }
}

fn full(full: Full) -> Obstacle {
    match full {
        Full::Parallel => Obstacle::Full(None),
        Full::Requests(wait) | Full::Tokens(wait) => Obstacle::Full(Some(wait)),
    }
}

fn of_connection(standing: Standing) -> Obstacle {
    match standing {
        Standing::Unhealthy => Obstacle::Unhealthy,
        Standing::Full(reason) => full(reason),
    }
}
