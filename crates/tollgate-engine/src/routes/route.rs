//! One name that callers may ask for, with its targets and what its requests go by.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::caller::Caller;
use tollgate_core::budget::Controls;
use tollgate_core::id::OrgId;
use tollgate_core::model::{ModelFacts, Target};
use tollgate_core::route::condition::{Abilities, Fitness, When};
use tollgate_core::route::fallback::Fallbacks;
use tollgate_core::route::limit::Limits;
use tollgate_core::route::rules::{Rules, Sticky};

use super::{DeclaredModel, DeclaredTarget, Gate};
use crate::dice;
use crate::health::{ModelState, Registry, TargetHealth};
use crate::hedges::Hedges;
use crate::meter::MeterSlot;
use crate::port::Want;
use crate::queue::Line;

/// A name that callers may ask for.
#[derive(Debug)]
pub struct Route {
    /// The public name, for example `openai/gpt-4o`. For a wildcard the name that was asked for.
    pub model: Arc<str>,
    /// The name under which metrics count it: the public name, or the pattern of a wildcard, so
    /// that callers cannot make labels without end.
    pub label: Arc<str>,
    /// What its requests go by.
    pub rules: Arc<Rules>,
    /// Who serves it.
    pub targets: Vec<Arc<RouteTarget>>,
    /// Other models that answer when this one cannot.
    pub fallbacks: Arc<Fallbacks>,
    /// What all who ask for it together are allowed.
    pub controls: Arc<Controls>,
    /// By what teams may use it.
    pub gate: Option<Arc<Gate>>,
    /// What they have used of it. All names behind a wildcard share one, and it outlives the
    /// route.
    pub(crate) meter: MeterSlot,
    /// Other names for it.
    aliases: Vec<Arc<str>>,
    /// Whether it is a collection: no particular model is asked for.
    pub any_model: bool,
    /// Whether targets look at tags, users or keys.
    pub(crate) is_conditional: bool,
    /// What has to be read from the body of a call to choose among the targets.
    want: Want,
    /// The smallest window among the targets, if any is known.
    window: Option<u64>,
    /// Those who wait for a free place.
    pub(crate) line: Arc<Line>,
    /// What it has earned for second attempts beside slow ones.
    pub(crate) hedges: Arc<Hedges>,
    /// Whether the table has to be told when it was answered well: a name behind a wildcard.
    pub(crate) is_new: bool,
    turn: Arc<AtomicU64>,
}

/// A target of a route.
#[derive(Clone, Debug)]
pub struct RouteTarget {
    /// Who is asked.
    pub target: Target,
    /// The public name of the model that answers: the route's, or that of a collection's member.
    pub model: Arc<str>,
    /// The name under which metrics count that model.
    pub label: Arc<str>,
    /// Whether it is in use.
    pub enabled: bool,
    /// Lower is asked first.
    pub priority: u32,
    /// Its share.
    pub weight: u32,
    /// Its own limits.
    pub limits: Limits,
    /// The requests that it takes.
    pub fitness: Arc<Fitness>,
    /// What is known of the model there.
    pub facts: Arc<ModelFacts>,
    /// The organization whose account it is; `None`: everybody's.
    pub owner: Option<OrgId>,
    /// What is known of it while it serves.
    pub health: Arc<TargetHealth>,
    /// The hash of what identifies it, for sticky orders.
    pub(crate) name: u64,
}

impl RouteTarget {
    fn declared(model: &DeclaredModel, declared: &DeclaredTarget, registry: &Registry) -> Self {
        let target = &declared.target;
        Self {
            target: target.clone(),
            model: Arc::clone(&model.name),
            label: Arc::clone(&model.name),
            enabled: declared.enabled,
            priority: declared.priority,
            weight: declared.weight,
            limits: declared.limits,
            fitness: Arc::clone(&declared.fitness),
            facts: Arc::clone(&declared.facts),
            owner: registry.owner(&target.connection),
            health: registry.target(&target.connection, &target.model),
            name: dice::hash(target.connection.as_bytes()) ^ dice::hash(target.model.as_bytes()),
        }
    }
}

impl RouteTarget {
    /// Whether requests of this caller may go there: nobody's account serves anybody else.
    pub fn serves(&self, caller: &Caller) -> bool {
        let owner = self.owner.as_ref();
        owner.is_none_or(|owner| *owner == caller.organization().id)
    }
}

impl Route {
    pub(super) fn declared(model: &DeclaredModel, registry: &Registry) -> Self {
        let targets = model.targets.iter();
        let targets: Vec<_> = targets
            .map(|target| Arc::new(RouteTarget::declared(model, target, registry)))
            .collect();
        Self::new(model, targets, registry)
    }

    pub(super) fn collection(
        model: &DeclaredModel,
        members: &[Arc<Self>],
        registry: &Registry,
    ) -> Self {
        let targets = members.iter().flat_map(|member| &member.targets);
        // A price of its own is charged whichever of them answers.
        let priced = |target: &Arc<RouteTarget>| match &model.facts.price {
            None => Arc::clone(target),
            Some(price) => Arc::new(RouteTarget {
                facts: Arc::new(ModelFacts {
                    price: Some(price.clone()),
                    ..ModelFacts::clone(&target.facts)
                }),
                ..RouteTarget::clone(target)
            }),
        };
        let targets = targets.map(priced).collect();
        let mut route = Self::new(model, targets, registry);
        route.any_model = true;
        route
    }

    fn new(model: &DeclaredModel, targets: Vec<Arc<RouteTarget>>, registry: &Registry) -> Self {
        let fitness = targets.iter().map(|target| &*target.fitness);
        let ModelState {
            meter,
            line,
            hedges,
            turn,
        } = registry.model(&model.name);
        Self {
            model: Arc::clone(&model.name),
            label: Arc::clone(&model.name),
            is_conditional: fitness
                .clone()
                .any(|fitness| fitness.when != When::default()),
            window: fitness
                .clone()
                .filter_map(|fitness| fitness.context_window)
                .min(),
            want: want(&model.rules, fitness),
            rules: Arc::clone(&model.rules),
            targets,
            fallbacks: Arc::clone(&model.fallbacks),
            controls: Arc::clone(&model.controls),
            gate: model.gate.clone(),
            meter,
            aliases: model.aliases.clone(),
            any_model: false,
            line,
            hedges,
            is_new: false,
            turn,
        }
    }

    /// This pattern's route for one name behind it, with a state of its own: the one that the
    /// registry keeps, or one that goes with the route.
    pub(super) fn named(&self, name: &str, model: &str, registry: Option<&Registry>) -> Self {
        let is_new = registry.is_none();
        let public: Arc<str> = name.into();
        let model: Arc<str> = model.into();
        let targets = self.targets.iter().map(|target| {
            let aim = Target {
                model: Arc::clone(&model),
                ..target.target.clone()
            };
            let health = match registry {
                Some(registry) => registry.target(&aim.connection, &aim.model),
                None => Arc::new(target.health.of_model(Arc::clone(&model))),
            };
            Arc::new(RouteTarget {
                target: aim,
                model: Arc::clone(&public),
                health,
                ..RouteTarget::clone(target)
            })
        });
        Self {
            model: Arc::clone(&public),
            label: Arc::clone(&self.label),
            rules: Arc::clone(&self.rules),
            targets: targets.collect(),
            fallbacks: Arc::clone(&self.fallbacks),
            controls: Arc::clone(&self.controls),
            gate: self.gate.clone(),
            meter: self.meter.clone(),
            aliases: Vec::new(),
            any_model: false,
            is_conditional: self.is_conditional,
            want: self.want,
            window: self.window,
            line: Arc::default(),
            // One name may come once; together they take turns and earn hedges.
            hedges: Arc::clone(&self.hedges),
            is_new,
            turn: Arc::clone(&self.turn),
        }
    }

    /// The same with the line of those who wait for it already.
    pub(super) fn with_line_of(self, other: &Self) -> Self {
        Self {
            line: Arc::clone(&other.line),
            ..self
        }
    }

    /// Whether there is anything for this caller: where every target is somebody else's, the model
    /// does not exist.
    pub fn exists_for(&self, caller: &Caller) -> bool {
        self.targets.is_empty()
            || self.targets.iter().any(|target| target.serves(caller))
            // Where its first model is somebody else's, the others may do.
            || matches!(self.gate.as_deref(), Some(Gate::Group(_)))
    }

    /// Whether a caller may use it by one of its names.
    pub(crate) fn is_open_to(&self, caller: &Caller) -> bool {
        caller.may_use(&self.model) || self.aliases.iter().any(|alias| caller.may_use(alias))
    }

    /// What has to be read from a body of this many bytes. That a prompt is too long is only
    /// looked at where it could be: few languages have tokens of a single byte.
    pub(crate) fn want_of(&self, bytes: usize) -> Want {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let may_be_too_long = self
            .window
            .is_some_and(|window| bytes > window.saturating_mul(2));
        Want {
            tokens: self.want.tokens || may_be_too_long,
            ..self.want
        }
    }

    /// Whether its targets look at who of a team asks: by tags, users or keys, or because a
    /// collection has models that this caller may not use.
    pub fn looks_at(&self, caller: &Caller) -> bool {
        self.is_conditional || (self.any_model && !self.is_open_to(caller))
    }

    /// Whether nobody waits for a place at its targets.
    pub fn is_idle(&self) -> bool {
        self.line.is_empty()
    }

    /// Counts the requests, for taking turns.
    pub(crate) fn next_turn(&self) -> u64 {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }

    /// The number that [`Self::next_turn`] would give now. Takes no turn.
    pub(crate) fn turn_ahead(&self) -> u64 {
        self.turn.load(Ordering::Relaxed)
    }

    /// How many requests wait for a free place.
    pub fn waiting(&self) -> usize {
        self.line.len()
    }
}

/// What has to be read from the body of a call for these rules.
fn want<'a>(rules: &Rules, mut fitness: impl Iterator<Item = &'a Fitness>) -> Want {
    let mut want = Want {
        user: rules.sticky == Sticky::User,
        conversation: rules.sticky == Sticky::Conversation,
        ..Want::default()
    };
    for fitness in fitness.by_ref() {
        want.needs |= fitness.abilities.is_some() || fitness.when.needs != Abilities::NONE;
        want.tokens |=
            fitness.when.prompt_tokens_from.is_some() || fitness.when.prompt_tokens_to.is_some();
        want.user |= !fitness.when.users.is_empty();
    }
    want
}
