//! The models of a request's chain, and which of their targets were tried.

use std::sync::Arc;

use tollgate_core::error::{Code, Failure};
use tollgate_core::route::fallback::Class;
use tollgate_core::route::story::Obstacle;
use tollgate_core::time::Moment;

use super::{Walk, facts, is_met, rest};
use crate::admit;
use crate::chat::Plan;
use crate::dice;
use crate::engine::Engine;
use crate::health::Permit;
use crate::health::Wanted;
use crate::queue::Needs;
use crate::routes::{Gate, Route, RouteTarget};
use crate::select::{self, Facts};

/// The most models in one chain, the one that was asked for included.
pub(crate) const LONGEST_CHAIN: usize = 10;

/// One model of the chain.
pub(super) struct Leg<'a> {
    /// What is known of the request, as far as this model wants to know it.
    pub(super) facts: Facts<'a>,
    pub(super) route: Arc<Route>,
    /// The places of its targets in the order in which they are asked; empty for a single one.
    order: Vec<usize>,
    /// Whether none of its targets can serve this request: the model itself was the trouble.
    is_closed: bool,
    /// The classes of failure for which its fallbacks have joined the chain.
    joined: Vec<Class>,
    /// The class of the last failure at it.
    class: Option<Class>,
}

/// A target that failed for this request.
#[derive(Clone)]
pub(crate) struct Tried {
    /// The name of the model of the chain as which it was asked.
    model: Arc<str>,
    target: Arc<RouteTarget>,
    failures: u32,
    /// From when on it may be tried again; `None`: not by this request.
    pub(super) again: Option<Moment>,
    /// Until when its provider, which limited it, wants to be left alone.
    pub(super) limited: Option<Moment>,
    /// Whether it refused state in the request, and is asked without.
    bare: Bare,
}

/// Whether a target is asked without the state in the request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bare {
    /// It gets all of the request.
    No,
    /// It is to be asked without, before any other target is.
    Due,
    /// It was.
    Asked,
}

impl Tried {
    /// A target that is not to be tried again by this request.
    fn for_good(permit: &Permit) -> Self {
        Self {
            model: Arc::clone(&permit.route().model),
            target: Arc::clone(permit.aim()),
            failures: 1,
            again: None,
            limited: None,
            bare: Bare::No,
        }
    }
}

/// What a request has met on its way, for one that goes on where it ended.
#[derive(Clone, Default)]
pub(crate) struct Past {
    /// The targets that failed for it.
    pub(super) tried: Vec<Tried>,
    /// The models none of whose targets can serve it, by name, and why.
    closed: Vec<(Arc<str>, Class)>,
}

impl Past {
    /// A stream of this target broke: it is not to be tried again by this request.
    pub(crate) fn break_off(&mut self, permit: &Permit) {
        let tried = Tried::for_good(permit);
        let is_it = |known: &&mut Tried| is_same(&known.target, &tried.target);
        match self.tried.iter_mut().find(is_it) {
            Some(known) => *known = tried,
            None => self.tried.push(tried),
        }
    }

    /// A model of the chain, with what is known of it.
    pub(super) fn tell(&self, leg: &mut Leg<'_>) {
        let mut closed = self.closed.iter();
        if let Some((_, class)) = closed.find(|(model, _)| *model == leg.route.model) {
            leg.is_closed = true;
            leg.class = Some(*class);
        }
    }
}

impl<'a> Leg<'a> {
    pub(super) fn new(engine: &Engine, plan: &'a Plan<'a>, route: Arc<Route>, now: Moment) -> Self {
        let facts = facts(engine, plan, &route);
        let order = if route.targets.len() > 1 {
            select::order(engine, &route, &facts, now)
        } else {
            Vec::new()
        };
        Self {
            facts,
            route,
            order,
            is_closed: false,
            joined: Vec::new(),
            class: None,
        }
    }

    fn place(&self, position: usize) -> usize {
        self.order.get(position).copied().unwrap_or(position)
    }
}

impl Walk<'_> {
    /// Takes a place at the first target that can be asked now.
    pub(super) fn pick(&mut self, first: bool) -> Option<Permit> {
        self.pick_behind(&[], first)
    }

    /// The same; targets of the asked model that others `wanted` before are left to them.
    pub(super) fn pick_behind(&mut self, wanted: &[u64], first: bool) -> Option<Permit> {
        if let Some(permit) = self.pick_again(|tried| tried.bare == Bare::Due) {
            return Some(permit);
        }
        let mut number = 0;
        while number < self.legs.len() {
            let left = if number == 0 { wanted } else { &[] };
            if let Some(permit) = self.pick_in(number, left, first) {
                return Some(permit);
            }
            self.fall_back(number, left, first);
            number += 1;
        }
        self.pick_again(|_| true)
    }

    fn pick_in(&self, number: usize, left: &[u64], first: bool) -> Option<Permit> {
        let leg = self.legs.get(number).filter(|leg| !leg.is_closed)?;
        (0..leg.route.targets.len()).find_map(|position| {
            let index = leg.place(position);
            let target = leg.route.targets.get(index)?;
            if self.was_tried(target) {
                return None;
            }
            if !left.is_empty() && left.contains(&number_of(target)) {
                return None;
            }
            self.take(leg, target, first)
        })
    }

    /// One of these targets that failed already and has rested.
    fn pick_again(&self, which: impl Fn(&Tried) -> bool) -> Option<Permit> {
        if self.past.tried.is_empty() {
            return None;
        }
        let now = self.engine.moment();
        let mut tried = self.past.tried.iter().filter(|tried| which(tried));
        tried.find_map(|tried| {
            let mut legs = self.legs.iter();
            let leg = legs.find(|leg| leg.route.model == tried.model)?;
            if leg.is_closed {
                return None;
            }
            tried.again.filter(|again| *again <= now)?;
            self.take(leg, &tried.target, false)
        })
    }

    fn take(&self, leg: &Leg<'_>, target: &Arc<RouteTarget>, first: bool) -> Option<Permit> {
        leg.facts.suits(&leg.route, target).ok()?;
        let wanted = Wanted {
            tokens: leg.facts.tokens,
            first,
            stream: leg.facts.stream,
        };
        Permit::take(&leg.route, target, wanted, self.engine.ticker).ok()
    }

    /// A target that was not tried yet, for an attempt beside the one that is under way.
    pub(crate) fn pick_beside(&self, other: &Permit) -> Option<Permit> {
        let busy = other.aim();
        self.legs
            .iter()
            .filter(|leg| !leg.is_closed)
            .find_map(|leg| {
                (0..leg.route.targets.len()).find_map(|position| {
                    let index = leg.place(position);
                    let target = leg.route.targets.get(index)?;
                    if self.was_tried(target) || is_same(target, busy) {
                        return None;
                    }
                    self.take(leg, target, false)
                })
            })
    }

    fn tried(&self, target: &RouteTarget) -> Option<&Tried> {
        self.past
            .tried
            .iter()
            .find(|tried| is_same(&tried.target, target))
    }

    fn known(&self, target: &RouteTarget) -> Option<usize> {
        let mut tried = self.past.tried.iter();
        tried.position(|tried| is_same(&tried.target, target))
    }

    fn was_tried(&self, target: &RouteTarget) -> bool {
        !self.past.tried.is_empty() && self.tried(target).is_some()
    }

    /// Notes a failed attempt. Gives how often the target has failed for this request.
    pub(super) fn note_tried(&mut self, permit: &Permit, failure: &Failure, now: Moment) -> u32 {
        let number = self.number(permit.route());
        let class = Class::of(failure.code);
        if let Some(leg) = self.legs.get_mut(number) {
            leg.class = class;
        }
        let known = self.known(permit.aim());
        let before = known.and_then(|known| self.past.tried.get(known));
        let failures = before.map_or(1, |tried| tried.failures + 1);
        let bare = match before.map(|tried| tried.bare) {
            None | Some(Bare::No) => Bare::No,
            Some(Bare::Due | Bare::Asked) => Bare::Asked,
        };
        let chance = self.engine.dice.roll();
        let again = rest(failure, self.rules(), failures, chance).map(|wait| now.after(wait));
        let is_limit = failure.code == Code::ProviderRateLimited;
        let named = failure.retry_after.filter(|_| is_limit);
        let tried = Tried {
            model: Arc::clone(&permit.route().model),
            target: Arc::clone(permit.aim()),
            failures,
            again,
            limited: named.map(|wait| now.after(wait)),
            bare,
        };
        self.keep_tried(known, tried);
        failures
    }

    fn keep_tried(&mut self, known: Option<usize>, tried: Tried) {
        match known.and_then(|known| self.past.tried.get_mut(known)) {
            Some(known) => *known = tried,
            None => self.past.tried.push(tried),
        }
    }

    /// The target refused state in the request. It is to be asked without.
    pub(super) fn note_refused_state(&mut self, permit: &Permit, now: Moment) {
        let known = self.known(permit.aim());
        let failures = known.and_then(|known| self.past.tried.get(known));
        let tried = Tried {
            failures: failures.map_or(0, |tried| tried.failures),
            again: Some(now),
            bare: Bare::Due,
            ..Tried::for_good(permit)
        };
        self.keep_tried(known, tried);
    }

    /// Whether a target is asked without the state in the request.
    pub(crate) fn is_bare(&self, permit: &Permit) -> bool {
        let tried = self.tried(permit.aim());
        tried.is_some_and(|tried| tried.bare != Bare::No)
    }

    fn number(&self, route: &Arc<Route>) -> usize {
        let found = self.legs.iter();
        let mut found = found
            .enumerate()
            .filter(|(_, leg)| Arc::ptr_eq(&leg.route, route));
        found.next().map_or(0, |(number, _)| number)
    }

    /// None of the model's targets can serve the request. Says whether there is another model.
    pub(super) fn leave_model(&mut self, route: &Arc<Route>, class: Class, now: Moment) -> bool {
        let number = self.number(route);
        if let Some(leg) = self.legs.get_mut(number) {
            leg.is_closed = true;
            leg.class = Some(class);
            self.past.closed.push((Arc::clone(&leg.route.model), class));
        }
        let before = self.legs.len();
        self.add_fallbacks(number, class, now);
        self.legs.len() > before
    }

    /// Lets the fallbacks of a model join the chain: those that the caller may use and that are
    /// not in it yet. Targets that are `left` to others are as good as full.
    fn fall_back(&mut self, number: usize, left: &[u64], first: bool) {
        let leg = self.legs.get(number);
        let Some(leg) = leg.filter(|leg| !leg.route.fallbacks.is_empty()) else {
            return;
        };
        let class = leg.class;
        let class = class.unwrap_or_else(|| self.class_of_obstacles(number, left, first));
        let now = self.engine.moment();
        self.add_fallbacks(number, class, now);
    }

    /// Lets the fallbacks of a model for one class of failure join the chain, once. A later failure
    /// can be of another class, with a list of its own.
    fn add_fallbacks(&mut self, number: usize, class: Class, now: Moment) {
        if self.plan.wishes.no_fallbacks {
            return;
        }
        let Some(leg) = self.legs.get_mut(number) else {
            return;
        };
        if leg.joined.contains(&class) {
            return;
        }
        leg.joined.push(class);
        let route = Arc::clone(&leg.route);
        for name in route.fallbacks.of(class) {
            // Whoever has a group may use what is in it.
            let found = if matches!(route.gate.as_deref(), Some(Gate::Group(_))) {
                admit::route_of_group(self.engine, self.plan.caller, name)
            } else {
                admit::route(self.engine, self.plan.caller, name).ok()
            };
            let Some(found) = found else {
                continue;
            };
            let is_new = self.legs.len() < LONGEST_CHAIN && !is_met(&self.legs, &found);
            if is_new && self.covers(&found) {
                let mut leg = Leg::new(self.engine, self.plan, found, now);
                self.past.tell(&mut leg);
                self.legs.push(leg);
            }
        }
    }

    /// Whether what is held pays for another model, or more can be held for it.
    fn covers(&self, route: &Route) -> bool {
        let hold = self.plan.hold;
        hold.is_none_or(|hold| match hold.cover(route) {
            Ok(()) => true,
            Err(failure) => {
                tracing::info!(
                    request_id = self.plan.request_id,
                    model = &*route.model,
                    code = failure.code.slug(),
                    "a fallback is left out: the caller cannot pay for it"
                );
                false
            }
        })
    }

    /// The class of failure that the obstacles at a model's targets amount to.
    fn class_of_obstacles(&self, number: usize, left: &[u64], first: bool) -> Class {
        let now = self.engine.moment();
        let leg = self.legs.get(number).into_iter();
        let obstacles = leg.flat_map(|leg| {
            let targets = leg.route.targets.iter();
            targets.filter_map(
                |target| match leg.facts.obstacle(&leg.route, target, first, now) {
                    Err(obstacle) => Some(obstacle),
                    Ok(()) => left
                        .contains(&number_of(target))
                        .then_some(Obstacle::Full(None)),
                },
            )
        });
        class_of(obstacles)
    }

    /// What stands in the way of every target of the chain that takes such requests, with when it
    /// may be tried again where this request has tried it. `first`: nothing was attempted yet.
    pub(super) fn obstacles(
        &self,
        first: bool,
        now: Moment,
    ) -> Vec<(Option<Obstacle>, Option<&Tried>)> {
        let legs = self.legs.iter().filter(|leg| !leg.is_closed);
        legs.flat_map(|leg| {
            leg.route.targets.iter().filter_map(move |target| {
                let tried = self.tried(target);
                // A target that several models have is tried again as the one that it was: its
                // limits can be others elsewhere.
                let is_other = |tried: &Tried| {
                    tried.model != leg.route.model || !Arc::ptr_eq(&tried.target, target)
                };
                if tried.is_some_and(is_other) {
                    return None;
                }
                match leg.facts.obstacle(&leg.route, target, first, now) {
                    Err(Obstacle::Unfit) => None,
                    Err(obstacle) => Some((Some(obstacle), tried)),
                    Ok(()) => Some((None, tried)),
                }
            })
        })
        .collect()
    }

    /// What the request waits for in line: the targets of the chain that suit it, those that have
    /// failed for it apart, since they have to rest. `first`: nothing was attempted yet.
    pub(super) fn needs(&self, first: bool) -> Needs {
        let legs = self.legs.iter().filter(|leg| !leg.is_closed);
        let suiting = legs.flat_map(|leg| {
            let targets = leg.route.targets.iter();
            targets.filter(|target| leg.facts.suits(&leg.route, target).is_ok())
        });
        let mut targets: Vec<(u64, bool)> = suiting
            .filter_map(|target| match self.tried(target) {
                None => Some((number_of(target), false)),
                Some(tried) => tried.again.map(|_| (number_of(target), true)),
            })
            .collect();
        targets.sort_unstable();
        targets.dedup();
        // A retry budget may bar later attempts from what first ones can have.
        let kind = targets.iter().fold(u64::from(first), |kind, target| {
            let (number, was_tried) = *target;
            dice::mix(kind ^ number).wrapping_add(u64::from(was_tried))
        });
        Needs {
            kind,
            targets: targets.into_iter().map(|(number, _)| number).collect(),
        }
    }

    /// How many targets of the asked model take such requests.
    pub(super) fn targets(&self) -> usize {
        let asked = self.legs.first().into_iter();
        let targets = asked.flat_map(|leg| {
            let targets = leg.route.targets.iter();
            targets.filter(|target| leg.facts.suits(&leg.route, target).is_ok())
        });
        targets.count()
    }

    /// Whether fallback models have joined the chain.
    pub(super) fn fell_back(&self) -> bool {
        self.legs.len() > 1
    }
}

/// Whether two targets are one. The names behind a wildcard can share what is known of them, and
/// are different models all the same.
fn is_same(one: &RouteTarget, other: &RouteTarget) -> bool {
    Arc::ptr_eq(&one.health, &other.health) && one.target.model == other.target.model
}

/// The number of a target among all that are known: the same for those that are one.
pub(crate) fn number_of(target: &RouteTarget) -> u64 {
    let health = Arc::as_ptr(&target.health).addr();
    let health = u64::try_from(health).unwrap_or(u64::MAX);
    dice::mix(health) ^ dice::hash(target.target.model.as_bytes())
}

/// The class of failure that obstacles at all targets of a model amount to.
pub(crate) fn class_of(obstacles: impl Iterator<Item = Obstacle>) -> Class {
    let limits = |obstacle: &Obstacle| {
        matches!(
            obstacle,
            Obstacle::CoolingAfterLimit(_) | Obstacle::Full(_) | Obstacle::NoBudget
        )
    };
    let real = |obstacle: &Obstacle| {
        !matches!(
            obstacle,
            Obstacle::Disabled | Obstacle::Isolated | Obstacle::Unfit
        )
    };
    let obstacles: Vec<_> = obstacles.filter(real).collect();
    if obstacles.is_empty() {
        Class::Other
    } else if obstacles.iter().all(|one| *one == Obstacle::TooLong) {
        Class::ContextLength
    } else if obstacles.iter().all(limits) {
        Class::RateLimit
    } else {
        Class::Other
    }
}
