//! Which target of a route is asked first, and what stands in the way of the others.

use crate::caller::Caller;
use tollgate_core::route::condition::{Asked, Unfit};
use tollgate_core::route::order::{self, Candidate, Draw};
use tollgate_core::route::rules::Sticky;
use tollgate_core::route::story::Obstacle;
use tollgate_core::time::Moment;

use crate::dice;
use crate::engine::Engine;
use crate::health::Entry;
use crate::routes::{Route, RouteTarget};

/// What is known of a request when targets are chosen.
pub(crate) struct Facts<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) asked: Asked,
    /// About how many tokens it has in all, for limits.
    pub(crate) tokens: u64,
    pub(crate) stream: bool,
    /// The hash of what it belongs to.
    pub(crate) sticky: Option<u64>,
}

impl Facts<'_> {
    /// Whether a target takes the request at all.
    pub(crate) fn suits(&self, route: &Route, target: &RouteTarget) -> Result<(), Obstacle> {
        if !target.enabled || !target.serves(self.caller) {
            return Err(Obstacle::Disabled);
        }
        if route.any_model && !route.is_open_to(self.caller) && !self.caller.may_use(&target.model)
        {
            return Err(Obstacle::Unfit);
        }
        let fitness = target.fitness.check(&self.asked);
        fitness.map_err(|unfit| match unfit {
            Unfit::TooLong => Obstacle::TooLong,
            Unfit::Rule(_) | Unfit::Lacks(_) => Obstacle::Unfit,
        })
    }

    /// What stands in the way of an attempt at a target now, if anything does.
    pub(crate) fn obstacle(
        &self,
        route: &Route,
        target: &RouteTarget,
        first: bool,
        now: Moment,
    ) -> Result<(), Obstacle> {
        self.suits(route, target)?;
        let entry = Entry {
            rules: &route.rules.breaker,
            limits: &target.limits,
            tokens: self.tokens,
            first,
        };
        target.health.check(&entry, now)
    }
}

/// What a request belongs to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Belongs<'a> {
    pub(crate) session: Option<&'a str>,
    pub(crate) user: Option<&'a str>,
    /// The id of the key that sends it.
    pub(crate) key: &'a str,
    /// The hash of what the requests of its conversation share.
    pub(crate) conversation: Option<u64>,
}

/// The hash by which a request sticks to a target, if it does.
pub(crate) fn sticky(rule: Sticky, belongs: Belongs<'_>) -> Option<u64> {
    let session = belongs
        .session
        .map(|session| dice::hash(session.as_bytes()));
    let user = || dice::hash(belongs.user.unwrap_or(belongs.key).as_bytes());
    match rule {
        Sticky::Off => None,
        Sticky::User => session.or_else(|| Some(user())),
        Sticky::Conversation => session.or(belongs.conversation),
    }
}

/// The places of the targets of a route in the order in which they are asked.
pub(crate) fn order(engine: &Engine, route: &Route, facts: &Facts<'_>, now: Moment) -> Vec<usize> {
    let draw = Draw {
        chance: engine.dice.roll(),
        turn: route.next_turn(),
        sticky: facts.sticky,
    };
    ordered(route, facts, draw, now)
}

/// The order that the next request would meet. Takes neither its turn nor its chance.
pub(crate) fn order_ahead(
    engine: &Engine,
    route: &Route,
    facts: &Facts<'_>,
    now: Moment,
) -> Vec<usize> {
    let draw = Draw {
        chance: engine.dice.ahead(),
        turn: route.turn_ahead(),
        sticky: facts.sticky,
    };
    ordered(route, facts, draw, now)
}

fn ordered(route: &Route, facts: &Facts<'_>, draw: Draw, now: Moment) -> Vec<usize> {
    let candidates: Vec<_> = route
        .targets
        .iter()
        .map(|target| candidate(target, facts, now))
        .collect();
    // Only what sticks goes by names.
    let sticks = facts.sticky.is_some();
    let targets = route.targets.iter().filter(|_| sticks);
    let names: Vec<_> = targets.map(|target| target.name).collect();
    let mut order = Vec::with_capacity(candidates.len());
    order::order(route.rules.strategy, &candidates, &names, draw, &mut order);
    order
}

fn candidate(target: &RouteTarget, facts: &Facts<'_>, now: Moment) -> Candidate {
    Candidate {
        priority: target.priority,
        weight: target.weight,
        cost: cost(target, facts),
        ..target.health.candidate(now, facts.stream)
    }
}

/// What the request would cost at a target, in pico-USD: its prompt, and as much answer as it may
/// have at most (a thousand tokens where it does not say).
pub(crate) fn cost(target: &RouteTarget, facts: &Facts<'_>) -> Option<u64> {
    const ANSWER: u64 = 1000;
    let price = &target.facts.price.as_ref()?.price;
    let prompt = facts.asked.prompt_tokens;
    let answer = facts.asked.max_output.unwrap_or(ANSWER);
    let input = price.input.at(prompt).checked_mul(prompt)?;
    let output = price.output.at(prompt).checked_mul(answer)?;
    input.checked_add(output)
}
