//! One request on its way over targets and fallbacks: what was tried, what may be tried next, and
//! when.

mod legs;
mod telling;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tollgate_core::error::{Code, Failure};
use tollgate_core::route::condition::Asked;
use tollgate_core::route::fallback::Class;
use tollgate_core::route::rules::{Repeat, Rules};
use tollgate_core::time::Moment;

use self::legs::Leg;
pub(crate) use self::legs::{LONGEST_CHAIN, Past, class_of, number_of};
pub(crate) use self::waiting::after as worth_waiting;
use crate::chat::Plan;
use crate::engine::Engine;
use crate::health::Permit;
use crate::routes::Route;
use crate::select::{self, Belongs, Facts};
use crate::trail::Trail;

/// The state of a request on its way.
pub(crate) struct Walk<'a> {
    pub(crate) engine: &'a Arc<Engine>,
    pub(crate) plan: &'a Plan<'a>,
    /// The model that was asked for, then fallbacks in the order in which they came to be needed.
    legs: Vec<Leg<'a>>,
    past: Past,
    /// When the whole request must be over.
    pub(crate) deadline: Instant,
    /// Until when an answer must have begun, or be there.
    pub(crate) begin_by: Instant,
    /// Since when it waits for a free place.
    queued: Option<Moment>,
    /// Whether the line was full.
    is_turned_away: bool,
    waited: bool,
    /// How long it waited in all, in line or for targets to rest.
    idle: Duration,
    out_of_time: bool,
    /// Whether a provider may have worked on it, and it must not be repeated for that.
    is_spent: bool,
    /// What all attempts have in common, where a provider is told.
    pub(crate) repetition: Option<u64>,
    /// How many attempts may be made.
    attempts: u32,
}

impl<'a> Walk<'a> {
    /// Sets out.
    pub(crate) fn begin(engine: &'a Arc<Engine>, plan: &'a Plan<'a>) -> Self {
        let now = Instant::now();
        let total = plan.route.rules.timeouts.total;
        let deadline = now + plan.wishes.total.map_or(total, |wish| wish.min(total));
        let patience = plan.wishes.first_byte;
        let begin_by = patience.map_or(deadline, |wish| deadline.min(now + wish));
        // Nobody reads a plain answer by parts: its caller's patience bounds all of it.
        let deadline = if plan.call.stream { deadline } else { begin_by };
        let moment = engine.ticker.moment_of(now);
        let first = Leg::new(engine, plan, Arc::clone(&plan.route), moment);
        let is_repeatable = plan.route.rules.repeat == Repeat::Always;
        Self {
            engine,
            plan,
            legs: vec![first],
            past: Past::default(),
            deadline,
            begin_by,
            queued: None,
            is_turned_away: false,
            waited: false,
            idle: Duration::ZERO,
            out_of_time: false,
            is_spent: false,
            repetition: is_repeatable.then(|| engine.dice.roll()),
            attempts: plan.route.rules.attempts,
        }
    }

    /// Sets out again with a part of the request's attempts and time left, and with what it met
    /// before.
    pub(crate) fn resume(
        engine: &'a Arc<Engine>,
        plan: &'a Plan<'a>,
        deadline: Instant,
        past: Past,
        attempts: u32,
    ) -> Self {
        let mut walk = Self::begin(engine, plan);
        walk.deadline = deadline;
        walk.begin_by = deadline;
        walk.attempts = attempts;
        for leg in &mut walk.legs {
            past.tell(leg);
        }
        walk.past = past;
        walk
    }

    /// What it has met so far.
    pub(crate) fn past(&self) -> &Past {
        &self.past
    }

    /// Gives up what it has met, for one that goes on.
    pub(crate) fn into_past(self) -> Past {
        self.past
    }

    /// Whether the next attempt is the first one of the whole request.
    pub(crate) fn is_first(&self, trail: &Trail) -> bool {
        trail.is_empty() && self.past.tried.is_empty()
    }

    /// How long it has waited so far, in line or for targets to rest.
    pub(crate) fn queued_for(&self) -> Duration {
        self.idle
    }

    /// How many attempts may be made.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// What the request goes by: the rules of the model that was asked for.
    pub(crate) fn rules(&self) -> &Rules {
        &self.plan.route.rules
    }

    /// Notes a failed attempt, and says whether another one makes sense.
    pub(crate) fn goes_on_after(&mut self, permit: &Permit, failure: &Failure) -> bool {
        let now = self.engine.moment();
        let Some(class) = Class::of(failure.code) else {
            return false;
        };
        if failure.exchange == Some("deadline") {
            self.out_of_time = true;
            return false;
        }
        if matches!(class, Class::ContextLength | Class::ContentFilter) {
            return !self.is_spent && self.leave_model(permit.route(), class, now);
        }
        // Another attempt may be under way beside this one: what it comes to ends the request, too.
        self.is_spent |= may_have_been_processed(failure) && !self.may_repeat();
        let failures = self.note_tried(permit, failure, now);
        tracing::debug!(
            request_id = self.plan.request_id,
            code = failure.code.slug(),
            failures,
            "an attempt failed"
        );
        !self.is_spent
    }

    /// The target refused state in the request: says whether it is asked again without. A
    /// conversation must not end with the first failover in it.
    pub(crate) fn goes_bare(&mut self, permit: &Permit) -> bool {
        let goes = !self.is_spent && !self.is_bare(permit);
        if goes {
            self.note_refused_state(permit, self.engine.moment());
        }
        goes
    }

    /// Whether a timeout may be our own: the process comes too late to what has arrived.
    pub(crate) fn is_late_itself(&self, failure: &Failure) -> bool {
        self.engine.overload.may_be_to_blame_for(failure)
    }

    /// Whether a target that the deadline ended had nearly all of the time that its model gives,
    /// so that its silence says something of it. A caller's own haste, and time that other
    /// attempts took, say nothing.
    pub(crate) fn has_had_its_time(&self, permit: &Permit, failure: &Failure) -> bool {
        let wishes = self.plan.wishes;
        let total = permit.route().rules.timeouts.total;
        failure.exchange == Some("deadline")
            && wishes.total.is_none()
            && wishes.first_byte.is_none()
            && permit.age() >= total.mul_f64(0.9)
    }

    /// An answer of the target was cut off by a content filter: says whether other models are
    /// declared for that.
    pub(crate) fn leaves_filtered(&mut self, permit: &Permit) -> bool {
        let now = self.engine.moment();
        !self.is_spent && self.leave_model(permit.route(), Class::ContentFilter, now)
    }

    fn may_repeat(&self) -> bool {
        match self.rules().repeat {
            Repeat::Always => true,
            Repeat::Streams => self.plan.call.stream,
            Repeat::Never => false,
        }
    }
}

/// Whether a provider may have worked on a request whose exchange broke: all of it had left, then
/// came nothing.
fn may_have_been_processed(failure: &Failure) -> bool {
    !failure.unsent
        && matches!(
            failure.exchange,
            Some(
                "reset_before_answer"
                    | "closed_before_answer"
                    | "answer_timeout"
                    | "first_byte_timeout"
            )
        )
}

/// What is known of the request before it is sent anywhere, as far as a route wants to know it:
/// its body is read only for routes that ask for that.
fn facts<'a>(engine: &Engine, plan: &'a Plan<'a>, route: &Route) -> Facts<'a> {
    let Plan {
        caller,
        call,
        wishes,
        ..
    } = plan;
    let want = route.want_of(call.body.len());
    let insight = if want == crate::port::Want::default() {
        crate::port::Insight::default()
    } else {
        engine.upstream.read(call, want)
    };
    // Four bytes to a token is the usual estimate for English.
    let prompt_tokens = insight
        .prompt_tokens
        .unwrap_or(u64::try_from(call.body.len() / 4).unwrap_or(u64::MAX));
    let belongs = Belongs {
        session: wishes.session.as_deref(),
        user: insight.user.as_deref(),
        key: caller.key.id.as_str(),
        conversation: insight.conversation,
    };
    let sticky = select::sticky(route.rules.sticky, belongs);
    let asked = Asked {
        prompt_tokens,
        max_output: call.max_tokens,
        needs: insight.needs,
        tags: if route.is_conditional {
            wishes.tags.clone()
        } else {
            Vec::new()
        },
        user: insight.user,
        key: route.is_conditional.then(|| caller.key.name.clone()),
    };
    Facts {
        caller,
        tokens: prompt_tokens.saturating_add(call.max_tokens.unwrap_or(0)),
        asked,
        stream: call.stream,
        sticky,
    }
}

/// How long a target is left alone by this request after a failure; `None`: for good.
fn rest(failure: &Failure, rules: &Rules, failures: u32, chance: u64) -> Option<Duration> {
    use tollgate_core::error::Retry;
    match failure.code.retry() {
        Retry::Never | Retry::Elsewhere => None,
        Retry::Later | Retry::ElsewhereThenLater => {
            let own = rules.backoff.wait(failures, chance);
            // A wait of nothing names nothing: some providers send it with every refusal.
            match failure.retry_after.filter(|wait| !wait.is_zero()) {
                // A provider that limits knows best; it is asked again when it said, not before.
                Some(named) if failure.code == Code::ProviderRateLimited => Some(named),
                named => Some(named.map_or(own, |named| named.max(own))),
            }
        }
    }
}

/// Whether a route with this name was met already.
fn is_met(legs: &[Leg<'_>], route: &Arc<Route>) -> bool {
    legs.iter().any(|leg| leg.route.model == route.model)
}

#[cfg(test)]
mod crowds;
#[cfg(test)]
mod tests;
