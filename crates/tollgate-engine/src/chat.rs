//! START HERE: one call to a model, from the admitted caller to the provider's answer.

use std::sync::Arc;

use crate::caller::Caller;
use tollgate_core::budget::Controls;
use tollgate_core::call::{Call, Wishes};
use tollgate_core::error::Failure;
use tollgate_core::money::Unit;

use crate::engine::Engine;
use crate::health::Permit;
use crate::hold::{Estimate, Hold, Most};
use crate::jobs::{self, CallShare};
use crate::port::{Delivery, Want};
use crate::routes::{Route, RouteTarget};
use crate::trail::Trail;
use crate::walk::Walk;
use crate::{admit, attempt};

/// A call that may be served.
pub struct Plan<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// What is asked.
    pub call: &'a Call,
    /// What is asked of the gateway itself.
    pub wishes: &'a Wishes,
    /// The id of the request.
    pub request_id: &'a str,
    /// Who would serve it.
    pub route: Arc<Route>,
    /// What was set aside for it.
    pub hold: Option<&'a Hold>,
}

/// A call that a provider has begun to answer.
pub struct Served {
    /// The answer, or the stream.
    pub delivery: Delivery,
    /// The target that answers.
    pub answered: Arc<RouteTarget>,
    /// The place there. Whoever reads the answer says how it ended; `None` where the stream does
    /// that itself, and where nobody was asked.
    pub permit: Option<Permit>,
}

impl Served {
    /// What a provider answered cannot be given to whoever asked: its target has failed, and what
    /// it used is lost.
    pub fn spoil(self, failure: &Failure, trail: &mut Trail) {
        trail.spoil(&self.answered, failure);
        if let Some(permit) = self.permit {
            permit.fail(failure);
        }
    }
}

/// Finds who would serve the call, if this caller may have it. Nothing is sent yet.
pub fn route(engine: &Engine, caller: &Caller, call: &Call) -> Result<Arc<Route>, Failure> {
    admit::route(engine, caller, &call.model)
}

/// From this length on, in bytes, a body is looked through for what it holds.
const LONG: u64 = 32 * 1024;
/// Tokens that providers put around the messages of a prompt.
const FRAME: u64 = 16;

/// What a call may use at most, for limits and holds.
pub fn estimate(engine: &Engine, caller: &Caller, call: &Call) -> Estimate {
    let bytes = u64::try_from(call.body.len()).unwrap_or(u64::MAX);
    // Long bodies may be pictures, of which a byte costs next to nothing: whoever pays by the
    // estimate has them looked through.
    let is_looked_through = bytes > LONG && pays_by_estimate(caller);
    let counted = is_looked_through.then(|| count(engine, call));
    let (likely, prompt) = match counted.flatten() {
        Some(tokens) => (tokens, tokens.saturating_add(tokens / 4)),
        None => (bytes / 4, bytes / 3),
    };
    Estimate {
        prompt: prompt.saturating_add(FRAME),
        likely_prompt: likely,
        max_tokens: call.max_tokens,
        choices: call.choices.max(1),
    }
}

/// Whether anything is set aside for the calls of a caller, by its wallet or by budgets.
fn pays_by_estimate(caller: &Caller) -> bool {
    let has_budgets = |controls: &Controls| !controls.budgets.is_empty();
    caller.team().paying(Unit::Usd).is_some()
        || jobs::pay_by_use(caller)
        || has_budgets(&caller.key.controls)
        || has_budgets(&caller.team().facts().controls)
        || has_budgets(&caller.organization().facts().controls)
        || caller
            .user()
            .is_some_and(|user| has_budgets(&user.facts().controls))
}

/// Whether the prompt of a call is counted only when its provider does not tell how long it was.
pub fn may_be_counted(call: &Call) -> bool {
    u64::try_from(call.body.len()).is_ok_and(|bytes| bytes <= LONG)
}

/// Counts the tokens of a prompt by what it says. `None` where its format cannot be read.
pub fn count(engine: &Engine, call: &Call) -> Option<u64> {
    let want = Want {
        tokens: true,
        ..Want::default()
    };
    engine.upstream.read(call, want).prompt_tokens
}

/// Sets aside what a call may cost at most, or says why that cannot be.
pub fn hold(
    engine: &Engine,
    caller: &Caller,
    route: &Route,
    estimate: Estimate,
) -> Result<Hold, Failure> {
    Hold::take(&engine.ledger, &engine.billing(), caller, route, estimate)
}

/// The same for a call that is paid otherwise, by the job to which it belongs.
pub fn hold_counted(
    engine: &Engine,
    caller: &Caller,
    route: &Route,
    (estimate, share): (Estimate, Option<Arc<CallShare>>),
) -> Result<Hold, Failure> {
    let books = (&engine.ledger, &engine.billing());
    Hold::take_counted(books, caller, route, (estimate, share))
}

/// What a call may use at most.
pub fn most(engine: &Engine, route: &Route, estimate: Estimate) -> Most {
    Most::of(&engine.billing(), route, estimate)
}

/// Has the call served: by the targets of its route in turn, then by its fallbacks, within one
/// deadline and one number of attempts. Every attempt is noted in the trail. Dropping the future,
/// or the stream that it gave, cancels the exchange with the provider.
pub async fn serve(
    engine: &Arc<Engine>,
    plan: Plan<'_>,
    trail: &mut Trail,
) -> Result<Served, Failure> {
    let model = &plan.call.model;
    let mut walk = Walk::begin(engine, &plan);
    attempt::run(&mut walk, trail)
        .await
        .map_err(|failure| failure.model(&**model))
}
