//! The right to one attempt at a target. It is given back exactly once, however the attempt ends.

use std::sync::Arc;
use std::time::Duration;

use tollgate_core::error::{Code, Failure};
use tollgate_core::model::Target;
use tollgate_core::reply::Usage;
use tollgate_core::route::breaker::{Pass, State, Verdict};
use tollgate_core::route::story::Obstacle;
use tollgate_core::time::Moment;

use super::target::{Ended, Entry, Kind};
use crate::engine::Ticker;
use crate::routes::{Route, RouteTarget};

/// A place at a target. Dropping it says nothing of the target: the caller has gone.
#[derive(Debug)]
pub struct Permit {
    route: Arc<Route>,
    aim: Arc<RouteTarget>,
    pass: Pass,
    tokens: u64,
    stream: bool,
    began: Moment,
    ticker: Ticker,
    is_over: bool,
}

/// A request for a place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) tokens: u64,
    pub(crate) first: bool,
    pub(crate) stream: bool,
}

impl Permit {
    /// Takes a place at a target of a route, if everything allows it.
    pub(crate) fn take(
        route: &Arc<Route>,
        aim: &Arc<RouteTarget>,
        wanted: Wanted,
        ticker: Ticker,
    ) -> Result<Self, Obstacle> {
        let now = ticker.moment();
        let entry = entry(route, aim, wanted.tokens, wanted.first);
        let pass = aim.health.enter(&entry, now)?;
        Ok(Self {
            route: Arc::clone(route),
            aim: Arc::clone(aim),
            pass,
            tokens: wanted.tokens,
            stream: wanted.stream,
            began: now,
            ticker,
            is_over: false,
        })
    }

    /// The route that the target belongs to.
    pub fn route(&self) -> &Arc<Route> {
        &self.route
    }

    /// The target, as the route knows it.
    pub fn aim(&self) -> &Arc<RouteTarget> {
        &self.aim
    }

    /// Who is asked.
    pub fn target(&self) -> &Target {
        &self.aim.target
    }

    /// How long ago it was taken.
    pub fn age(&self) -> Duration {
        self.ticker.moment().since(self.began)
    }

    /// The answer has begun: a whole one, or the first part of a stream.
    pub fn note_answer(&mut self) {
        let now = self.ticker.moment();
        let took = now.since(self.began);
        self.aim.health.note_answer(now, took, self.kind());
        if self.pass.probe {
            let rules = &self.route.rules.breaker;
            let changed = self.aim.health.begin(rules, now, &mut self.pass);
            self.tell(changed);
        }
    }

    /// The attempt is given up because another one was faster.
    pub(crate) fn give_up(self) {
        let (now, after) = (self.ticker.moment(), self.age());
        self.aim.health.note_overtaken(now, after, self.kind());
    }

    fn kind(&self) -> Kind {
        if self.stream {
            Kind::Stream
        } else {
            let hedge = self.route.rules.hedge;
            Kind::Plain {
                hedged: hedge.is_some_and(|hedge| hedge.plain),
            }
        }
    }

    /// The target was not asked after all.
    pub(crate) fn leave_unused(mut self) {
        self.end(Verdict::Neutral, Some(0), None);
    }

    /// The attempt went well to its end.
    pub fn succeed(mut self, usage: Option<Usage>) {
        let used = usage.map(|usage| usage.prompt.saturating_add(usage.completion));
        self.end(Verdict::Good, used, None);
    }

    /// The attempt failed.
    pub fn fail(mut self, failure: &Failure) {
        self.aim.health.connection.note_failure();
        let (verdict, ails) = judge(failure);
        // What a provider refused or never got is no use of its tokens; of an answer that broke,
        // or that nobody knows of, the estimate stays.
        let refused = failure.unsent || failure.provider_status.is_some_and(|status| status >= 400);
        self.end(verdict, refused.then_some(0), ails);
    }

    /// The attempt failed to end in all the time that its model has.
    pub(crate) fn fail_in_time(mut self, failure: &Failure) {
        self.aim.health.connection.note_failure();
        self.end(Verdict::Failed(failure.code), None, None);
    }

    fn end(&mut self, verdict: Verdict, used: Option<u64>, ails: Option<Code>) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let target = &self.aim;
        let entry = entry(&self.route, target, self.tokens, false);
        let ended = Ended {
            pass: self.pass,
            verdict,
            used,
            ails,
        };
        let now = self.ticker.moment();
        let changed = target.health.leave(&entry, now, ended);
        self.tell(changed);
    }

    /// Tells the log of another state.
    fn tell(&self, changed: Option<State>) {
        let Some(state) = changed else {
            return;
        };
        let (rules, now) = (&self.route.rules.breaker, self.ticker.moment());
        let breaker = self.aim.health.read(rules, &self.aim.limits, now).breaker;
        let rest = breaker.until.map(|until| until.since(now).as_millis());
        let target = self.target();
        tracing::info!(
            connection = &*target.connection,
            model = &*target.model,
            breaker = state.as_str(),
            reason = breaker.reason.map(Code::slug),
            for_ms = rest.and_then(|rest| u64::try_from(rest).ok()),
            "a target changed its state"
        );
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.end(Verdict::Neutral, None, None);
    }
}

fn entry<'a>(route: &'a Route, target: &'a RouteTarget, tokens: u64, first: bool) -> Entry<'a> {
    Entry {
        rules: &route.rules.breaker,
        limits: &target.limits,
        tokens,
        first,
    }
}

/// What a failure says of the target: for its breaker, and whether it ails in a way that waiting
/// does not mend.
fn judge(failure: &Failure) -> (Verdict, Option<Code>) {
    let code = failure.code;
    match code {
        Code::ProviderRateLimited => (
            Verdict::Limited {
                code,
                wait: failure.retry_after,
            },
            None,
        ),
        Code::ProviderOverloaded
        | Code::ProviderError
        | Code::ProviderUnreachable
        | Code::ProviderInvalidResponse
        | Code::ProviderTimeout
        | Code::StreamInterrupted => {
            // The caller's own deadline may be shorter than any provider can be.
            if failure.exchange == Some("deadline") {
                (Verdict::Neutral, None)
            } else {
                (Verdict::Failed(code), None)
            }
        }
        Code::ProviderAuthenticationFailed
        | Code::ProviderPermissionDenied
        | Code::ProviderQuotaExhausted
        | Code::ProviderModelNotFound
        | Code::ProviderDataPolicy => (Verdict::Neutral, Some(code)),
        _ => (Verdict::Neutral, None),
    }
}
