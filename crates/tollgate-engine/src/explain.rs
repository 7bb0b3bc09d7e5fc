//! What would happen to a request now: which models and targets would be asked, in which order,
//! and what stands in the way. Nothing is sent, and no turn, chance or place is taken.

mod chain;
mod hindrance;

use std::sync::Arc;
use std::time::Duration;

use crate::caller::Caller;
use tollgate_core::budget::Controls;
use tollgate_core::error::{Code, Failure, FieldProblem};
use tollgate_core::id::KeyId;
use tollgate_core::key::{
    KeyHash, KeyProblem, ModelScope, Permissions, Priority, Reach, Tenancy, VirtualKey,
};
use tollgate_core::route::condition::{Abilities, Asked};
use tollgate_core::route::fallback::Class;
use tollgate_core::route::story::{self, Obstacle, Story, Telling};
use tollgate_core::time::Moment;

pub use self::hindrance::Hindrance;
use crate::admit;
use crate::engine::Engine;
use crate::health::{ConnectionReading, TargetReading};
use crate::routes::{Route, RouteTarget};
use crate::select::{self, Belongs, Facts};
use crate::walk::{LONGEST_CHAIN, class_of, number_of, worth_waiting};

/// A hypothetical request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The model that it asks for.
    pub model: Box<str>,
    /// The name or the id of the key that it comes with; `None`: one that may do everything.
    pub key: Option<Box<str>>,
    /// How many tokens its prompt has.
    pub prompt_tokens: u64,
    /// The most tokens that its answer may have.
    pub max_output: Option<u64>,
    /// What a model must be able to do for it.
    pub needs: Abilities,
    /// Its tags.
    pub tags: Vec<Box<str>>,
    /// The user whom it names.
    pub user: Option<Box<str>>,
    /// What it belongs to, where requests stick to targets.
    pub session: Option<Box<str>>,
    /// Whether its answer is to be a stream.
    pub stream: bool,
    /// Whether only the model that it asks for may answer.
    pub no_fallbacks: bool,
}

/// What would become of it.
#[derive(Debug)]
pub struct Explanation {
    /// The key that it comes with, if one was named.
    pub key: Option<Arc<VirtualKey>>,
    /// What would happen now.
    pub outcome: Outcome,
    /// The model that it asks for, then those that may answer instead.
    pub models: Vec<Choice>,
}

/// What would happen to a request now.
#[derive(Debug)]
pub enum Outcome {
    /// It would be refused before any target is looked at.
    Refused(Failure),
    /// This target would be asked first.
    Asks {
        /// The place of its model among the explained ones.
        model: usize,
        /// Its place among the targets of that model.
        target: usize,
    },
    /// It would wait for a free place, for so long at most.
    Waits(Duration),
    /// It would fail without an attempt.
    Fails {
        /// The code of the failure.
        code: Code,
        /// After which asking again can help, if that is known.
        wait: Option<Duration>,
    },
}

/// One model of the chain.
#[derive(Debug)]
pub struct Choice {
    /// The model and what its requests go by.
    pub route: Arc<Route>,
    /// From where its turn comes; empty for the model that is asked for.
    pub after: Vec<After>,
    /// Whether the key may use it.
    pub allowed: bool,
    /// Its targets in the order in which they would be asked now.
    pub targets: Vec<Prospect>,
}

/// A failure after which a fallback has its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After {
    /// The place of the model that failed.
    pub model: usize,
    /// The class of its failure.
    pub class: Class,
}

/// A target, and what would become of a request there.
#[derive(Debug)]
pub struct Prospect {
    /// Its place in the route.
    pub index: usize,
    /// What stands in its way now.
    pub hindrance: Option<Hindrance>,
    /// The same for the outcome: a target that others wait for is as good as full.
    obstacle: Option<Obstacle>,
    /// How many tokens the prompt has: prices may depend on it.
    pub prompt_tokens: u64,
    /// What the request would cost there, in pico-USD: its prompt, and the longest answer that it
    /// allows (a thousand tokens where it does not say).
    pub cost: Option<u64>,
    /// What would be held for it there, in nano-USD: the most that it can cost.
    pub held: Option<u64>,
    /// What can be read of it.
    pub reading: TargetReading,
    /// What can be read of its connection.
    pub connection: ConnectionReading,
}

impl Choice {
    /// The target of a prospect.
    pub fn target(&self, prospect: &Prospect) -> Option<&Arc<RouteTarget>> {
        self.route.targets.get(prospect.index)
    }
}

/// Explains what would happen to a request now. Fails if nobody serves its model or no key has
/// the name that it gives.
pub fn explain(engine: &Engine, question: &Question) -> Result<Explanation, Failure> {
    let key = question
        .key
        .as_deref()
        .map(|name| key_of(engine, name))
        .transpose()?;
    let caller = match &key {
        Some(key) => engine.accounts.get(key.id.as_str()).map(Caller::new)?,
        None => Caller::alone(operator()),
    };
    let Some(route) = engine.routes().find(&question.model) else {
        return Err(Failure::client(Code::ModelNotFound)
            .model(&*question.model)
            .field(fault("model", "names no model of this gateway")));
    };
    let glance = Glance {
        engine,
        question,
        facts: facts(question, &caller, &route),
        now: engine.moment(),
    };
    let models = glance.chain(route);
    let outcome = glance.outcome(&models);
    Ok(Explanation {
        key,
        outcome,
        models,
    })
}

/// One look at everything, at one moment.
struct Glance<'a> {
    engine: &'a Engine,
    question: &'a Question,
    facts: Facts<'a>,
    now: Moment,
}

impl Glance<'_> {
    /// The targets of a model, in the order in which they would be asked now.
    fn choice(&self, route: Arc<Route>, after: Vec<After>) -> Choice {
        let order = if route.targets.len() > 1 {
            select::order_ahead(self.engine, &route, &self.facts, self.now)
        } else {
            (0..route.targets.len()).collect()
        };
        // Those who wait for targets of the model that is asked for come first.
        let wanted = if after.is_empty() && route.waiting() > 0 {
            route.line.wanted()
        } else {
            Vec::new()
        };
        let targets = order
            .into_iter()
            .filter_map(|index| self.prospect(&route, index, &wanted))
            .collect();
        Choice {
            allowed: true,
            after,
            targets,
            route,
        }
    }

    fn prospect(&self, route: &Route, index: usize, wanted: &[u64]) -> Option<Prospect> {
        let target = route.targets.get(index)?;
        let health = &target.health;
        let reading = health.read(&route.rules.breaker, &target.limits, self.now);
        let connection = health.connection.read(self.now);
        let obstacle = self.facts.obstacle(route, target, true, self.now).err();
        let hindrance = obstacle.map(|obstacle| {
            let unfit = target.fitness.check(&self.facts.asked).err();
            Hindrance::new(obstacle, target, &reading, unfit)
        });
        Some(Prospect {
            index,
            hindrance,
            obstacle: obstacle.or_else(|| {
                let is_wanted = wanted.contains(&number_of(target));
                is_wanted.then_some(Obstacle::Full(None))
            }),
            prompt_tokens: self.question.prompt_tokens,
            cost: select::cost(target, &self.facts),
            held: self.held(target),
            reading,
            connection,
        })
    }

    /// The most that the request can cost at a target, at its price or at that of models without
    /// one.
    fn held(&self, target: &RouteTarget) -> Option<u64> {
        let billing = self.engine.billing();
        let facts = &target.facts;
        let priced = facts.price.as_ref().or(billing.unpriced.as_ref())?;
        let longest = u64::from(facts.max_output.unwrap_or(billing.longest_answer));
        let output = match (self.question.max_output, facts.max_output) {
            (Some(asked), None) => asked,
            (Some(asked), Some(_)) => asked.min(longest),
            (None, _) => longest,
        };
        Some(priced.price.most(self.question.prompt_tokens, output))
    }

    /// What would happen now: the first steps of a request, as a walk takes them.
    fn outcome(&self, models: &[Choice]) -> Outcome {
        if let Err(failure) = self.admitted(models) {
            return Outcome::Refused(failure);
        }
        let Some(first) = models.first() else {
            return fails(Code::NoTargets, None);
        };
        let mut met = vec![0];
        let mut at = 0;
        while let Some(number) = met.get(at).copied() {
            let Some(choice) = models.get(number) else {
                break;
            };
            let free = |prospect: &Prospect| prospect.obstacle.is_none();
            if let Some(target) = choice.targets.iter().position(free) {
                return Outcome::Asks {
                    model: number,
                    target,
                };
            }
            if !self.question.no_fallbacks {
                self.fall_back(choice, models, &mut met);
            }
            at += 1;
        }
        let obstacles: Vec<Obstacle> = met
            .iter()
            .filter_map(|number| models.get(*number))
            .flat_map(|choice| &choice.targets)
            .filter_map(|prospect| prospect.obstacle)
            .filter(|obstacle| *obstacle != Obstacle::Unfit)
            .collect();
        self.without_target(first, &obstacles, met.len() > 1)
    }

    /// Lets the fallbacks of a model whose targets are all in trouble have their turn.
    fn fall_back(&self, choice: &Choice, models: &[Choice], met: &mut Vec<usize>) {
        let class = class_of(choice.targets.iter().filter_map(|target| target.obstacle));
        for name in choice.route.fallbacks.of(class) {
            let Some(found) = self.engine.routes().find(name) else {
                continue;
            };
            let known = models
                .iter()
                .position(|model| model.allowed && model.route.model == found.model);
            if let Some(known) = known.filter(|known| !met.contains(known))
                && met.len() < LONGEST_CHAIN
            {
                met.push(known);
            }
        }
    }

    /// What becomes of a request that finds no target to ask.
    fn without_target(&self, first: &Choice, obstacles: &[Obstacle], fell_back: bool) -> Outcome {
        let patience = first.route.rules.queue.wait;
        let waits = obstacles
            .iter()
            .filter_map(|obstacle| worth_waiting(Some(*obstacle), patience));
        if let Some(wait) = waits.min() {
            return Outcome::Waits(wait);
        }
        let suits = |target: &&Arc<RouteTarget>| self.facts.suits(&first.route, target).is_ok();
        let story = Story {
            attempts: &[],
            obstacles,
            targets: first.route.targets.iter().filter(suits).count(),
            fell_back,
            any_model: first.route.any_model,
            waited: false,
            out_of_time: false,
        };
        match story::tell(&story) {
            Telling::Row { code, wait } => fails(code, wait),
            Telling::Itself => fails(Code::NoHealthyTargets, None),
        }
    }

    /// Whether the request would be let in.
    fn admitted(&self, models: &[Choice]) -> Result<(), Failure> {
        let key = &self.facts.caller.key;
        match key.check(self.engine.clock().now()) {
            Ok(()) => {}
            Err(KeyProblem::Revoked) => {
                return Err(Failure::client(Code::InvalidApiKey).message("The key is revoked."));
            }
            Err(KeyProblem::Expired) => return Err(Failure::client(Code::ExpiredApiKey)),
        }
        if !key.permissions.write {
            return Err(Failure::client(Code::PermissionDenied)
                .message("This key lacks the permission \"write\". Use a key that has it."));
        }
        if models.first().is_some_and(|first| !first.allowed) {
            return Err(Failure::client(Code::ModelAccessDenied).model(&*self.question.model));
        }
        Ok(())
    }

    /// Whether the key may use a model under this name.
    fn may_use(&self, name: &str) -> bool {
        admit::route(self.engine, self.facts.caller, name).is_ok()
    }
}

fn fails(code: Code, wait: Option<Duration>) -> Outcome {
    Outcome::Fails { code, wait }
}

/// What is known of the request when targets are chosen.
fn facts<'a>(question: &Question, caller: &'a Caller, route: &Route) -> Facts<'a> {
    let belongs = Belongs {
        session: question.session.as_deref(),
        user: question.user.as_deref(),
        key: caller.key.id.as_str(),
        conversation: None,
    };
    let asked = Asked {
        prompt_tokens: question.prompt_tokens,
        max_output: question.max_output,
        needs: question.needs,
        tags: question.tags.clone(),
        user: question.user.clone(),
        key: question.key.as_ref().map(|_| caller.key.name.clone()),
    };
    let answer = question.max_output.unwrap_or(0);
    Facts {
        caller,
        asked,
        tokens: question.prompt_tokens.saturating_add(answer),
        stream: question.stream,
        sticky: select::sticky(route.rules.sticky, belongs),
    }
}

/// The key of this id, or else the one of this name.
fn key_of(engine: &Engine, name: &str) -> Result<Arc<VirtualKey>, Failure> {
    if let Ok(entry) = engine.accounts.get(name) {
        return Ok(entry.key());
    }
    let now = engine.clock().now();
    let named: Vec<_> = engine
        .accounts
        .list()
        .iter()
        .map(|entry| entry.key())
        .filter(|key| *key.name == *name)
        .collect();
    let good: Vec<_> = named.iter().filter(|key| key.check(now).is_ok()).collect();
    match (&*good, &*named) {
        ([key], _) => Ok(Arc::clone(key)),
        ([], [key]) => Ok(Arc::clone(key)),
        ([], []) => Err(of_key("names no key")),
        _ => Err(of_key("is the name of several keys: give the id of one")),
    }
}

fn of_key(what: &str) -> Failure {
    let problem = fault("key", what);
    Failure::client(Code::InvalidRequest)
        .message(problem.message.clone())
        .field(problem)
}

/// A field at fault; `what` completes the sentence that begins with its name.
fn fault(path: &str, what: &str) -> FieldProblem {
    FieldProblem {
        path: path.to_owned(),
        message: format!("`{path}` {what}."),
        kind: "value_error",
    }
}

/// Stands for a caller who may do everything.
fn operator() -> Arc<VirtualKey> {
    Arc::new(VirtualKey {
        id: KeyId::from_stored("operator"),
        name: "operator".into(),
        hash: KeyHash::from_bytes([0; 32]),
        prefix: "".into(),
        last_four: "".into(),
        permissions: Permissions::ALL,
        models: ModelScope::all(),
        created_at: tollgate_core::time::Timestamp::from_millis(0),
        expires_at: None,
        revoked_at: None,
        error_dialect: None,
        priority: Priority::default(),
        tenancy: Tenancy::default(),
        reach: Reach::default().into(),
        controls: Controls::default().into(),
        declared: false,
    })
}

#[cfg(test)]
mod tests;
