//! The models that operators offer, as requests are routed to them: aliases lead to the targets of
//! a declared model or to a provider's connections, and groups to their first model, with the
//! others behind it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tollgate_core::model::{ModelFacts, Priced, Target};
use tollgate_core::offer::{Alias, ModelGroup, OfferStatus};
use tollgate_core::price::{Price, Rate};
use tollgate_core::route::fallback::{Class, Fallbacks};
use tollgate_core::route::limit::Limits;
use tollgate_core::route::rules::Rules;
use tollgate_engine::engine::Routing;
use tollgate_engine::offers::Shelf;
use tollgate_engine::routes::{DeclaredModel, DeclaredTarget, Gate};
use tollgate_http::providers::provider_word;

use crate::config::Config;

/// Adds what is offered. A model of the configuration keeps its name, and hides an offer of it.
/// To private connections leads nothing but what names them.
pub(super) fn add(routing: &mut Routing, shelf: &Shelf, rules: &Rules, private: &BTreeSet<&str>) {
    let mut names = Names::of(routing);
    for alias in shelf.aliases.values() {
        if alias.status != OfferStatus::Inactive && !names.has(&alias.name) {
            let groups = shelf.open_groups(alias).map(Into::into);
            let gate = Gate::Alias(groups.collect());
            let mut model = of_alias((routing, &names), alias, gate, rules);
            if alias.connection.is_none() {
                let is_open = |to: &DeclaredTarget| !private.contains(&*to.target.connection);
                model.targets.retain(is_open);
            }
            names.note(routing.models.len(), &model);
            routing.models.push(model);
        }
    }
    for group in shelf.model_groups.values() {
        if group.status != OfferStatus::Inactive && !names.has(&group.name) {
            let model = of_group((routing, &names), group, rules);
            names.note(routing.models.len(), &model);
            routing.models.push(model);
        }
    }
}

/// The names of what is offered and hidden by these models: no call gets there.
pub(super) fn hidden<'a>(
    routing: &Routing,
    shelf: &'a Shelf,
) -> impl Iterator<Item = &'a str> + use<'a> {
    let names = Names::of(routing);
    let aliases = shelf.aliases.values();
    let in_use = |status| status != OfferStatus::Inactive;
    let aliases = aliases.filter_map(move |it| in_use(it.status).then_some(&*it.name));
    let groups = shelf.model_groups.values();
    let groups = groups.filter_map(move |it| in_use(it.status).then_some(&*it.name));
    aliases.chain(groups).filter(move |name| names.has(name))
}

/// By which names the models are asked for. There may be many, and each offer is looked for.
struct Names {
    /// Where the model of a name stands.
    exact: HashMap<Arc<str>, usize>,
    /// The wildcards without their `*`.
    starts: Vec<Box<str>>,
}

impl Names {
    fn of(routing: &Routing) -> Self {
        let mut names = Self {
            exact: HashMap::new(),
            starts: Vec::new(),
        };
        for (place, model) in routing.models.iter().enumerate() {
            names.note(place, model);
        }
        names
    }

    fn note(&mut self, place: usize, model: &DeclaredModel) {
        for name in std::iter::once(&model.name).chain(&model.aliases) {
            self.exact.entry(Arc::clone(name)).or_insert(place);
        }
        if let Some(start) = model.name.strip_suffix('*') {
            self.starts.push(start.into());
        }
    }

    /// Whether there is a model of this name, by itself or behind a wildcard.
    fn has(&self, name: &str) -> bool {
        let mut rests = self.starts.iter().map(|start| name.strip_prefix(&**start));
        self.exact.contains_key(name) || rests.any(|rest| rest.is_some_and(|rest| !rest.is_empty()))
    }

    /// The model of this name, wildcards apart.
    fn find<'a>(&self, routing: &'a Routing, name: &str) -> Option<&'a DeclaredModel> {
        routing.models.get(*self.exact.get(name)?)
    }
}

fn of_alias(
    (routing, names): (&Routing, &Names),
    alias: &Alias,
    gate: Gate,
    rules: &Rules,
) -> DeclaredModel {
    let full = format!("{}/{}", provider_word(&alias.provider), alias.model);
    let find = |name: &str| names.find(routing, name);
    let meant = find(&alias.model).or_else(|| find(&full));
    let meant = meant.filter(|_| alias.connection.is_none());
    let mut targets: Vec<DeclaredTarget> = match meant {
        Some(meant) => meant.targets.clone(),
        None => targets(routing, alias),
    };
    let price = price(alias);
    if let Some(price) = &price {
        for target in &mut targets {
            target.facts = Arc::new(ModelFacts {
                price: Some(price.clone()),
                ..ModelFacts::clone(&target.facts)
            });
        }
    }
    // Of a collection nothing is known but that price.
    let facts = match targets.first() {
        Some(first) => Arc::clone(&first.facts),
        None => Arc::new(ModelFacts {
            price,
            ..ModelFacts::default()
        }),
    };
    DeclaredModel {
        name: Arc::from(&*alias.name),
        aliases: Vec::new(),
        facts,
        targets,
        members: meant.map_or_else(Vec::new, |meant| meant.members.clone()),
        rules: meant.map_or_else(|| Arc::new(rules.clone()), |meant| Arc::clone(&meant.rules)),
        fallbacks: meant.map_or_else(Arc::default, |meant| Arc::clone(&meant.fallbacks)),
        known: Vec::new(),
        controls: Arc::default(),
        gate: Some(Arc::new(gate)),
    }
}

/// The connection that an alias names, or every one of its provider: those of organizations
/// first, for they serve nobody else.
fn targets(routing: &Routing, alias: &Alias) -> Vec<DeclaredTarget> {
    let connections = routing.connections.iter();
    let meant = connections.filter(|connection| match &alias.connection {
        Some(name) => *connection.name == **name,
        None => {
            connection.provider == provider_word(&alias.provider)
                || *connection.name == *alias.provider
        }
    });
    meant
        .map(|connection| {
            let facts = Config::facts(connection.provider, &alias.model);
            DeclaredTarget {
                target: Target {
                    connection: Arc::clone(&connection.name),
                    model: Arc::from(&*alias.model),
                    max_output: facts.max_output,
                },
                enabled: true,
                priority: u32::from(connection.owner.is_none()),
                weight: 1,
                limits: Limits::default(),
                fitness: Arc::default(),
                facts: Arc::new(facts),
            }
        })
        .collect()
}

/// The price that an alias sets. Nothing sets one of its parts alone.
fn price(alias: &Alias) -> Option<Priced> {
    let (input, output) = (alias.price_input.as_ref()?, alias.price_output.as_ref()?);
    Some(Priced {
        price: Price {
            input: Rate::parse(input)?,
            output: Rate::parse(output)?,
            cached_input: None,
            cache_write: None,
            cache_write_1h: None,
        },
        version: format!("alias input={input} output={output}").into(),
    })
}

/// A group answers by its first model. Whatever is wrong there, the others are asked: a group is
/// the declaration that they stand in for each other.
fn of_group(
    (routing, names): (&Routing, &Names),
    group: &ModelGroup,
    rules: &Rules,
) -> DeclaredModel {
    let models = group.in_order();
    let (first, others) = models
        .split_first()
        .map_or(("", &[][..]), |(first, others)| (*first, others));
    let meant = found((routing, names), first);
    let others: Vec<Arc<str>> = others.iter().map(|name| Arc::from(*name)).collect();
    let by_class = [Class::ContextLength, Class::ContentFilter]
        .map(|class| (class, others.clone()))
        .into();
    let count = u32::try_from(models.len()).unwrap_or(u32::MAX);
    let rules = meant.as_ref().map_or(rules, |meant| &meant.rules).clone();
    let fallbacks = Fallbacks {
        general: others,
        by_class,
    };
    DeclaredModel {
        name: Arc::from(&*group.name),
        aliases: Vec::new(),
        facts: meant
            .as_ref()
            .map_or_else(Arc::default, |meant| Arc::clone(&meant.facts)),
        targets: meant
            .as_ref()
            .map_or_else(Vec::new, |meant| meant.targets.clone()),
        members: meant
            .as_ref()
            .map_or_else(Vec::new, |meant| meant.members.clone()),
        rules: Arc::new(Rules {
            // Each of them is tried.
            attempts: rules.attempts.max(count),
            ..rules
        }),
        fallbacks: Arc::new(fallbacks),
        known: Vec::new(),
        controls: Arc::default(),
        gate: Some(Arc::new(Gate::Group(group.name.clone()))),
    }
}

/// A model by its name, also behind a wildcard.
fn found((routing, names): (&Routing, &Names), name: &str) -> Option<DeclaredModel> {
    if let Some(model) = names.find(routing, name) {
        return Some(model.clone());
    }
    let behind = |model: &&DeclaredModel| {
        let prefix = model.name.strip_suffix('*');
        prefix.is_some_and(|prefix| name.len() > prefix.len() && name.starts_with(prefix))
    };
    let wildcard = routing
        .models
        .iter()
        .filter(behind)
        .max_by_key(|model| model.name.len())?;
    let rest = name.strip_prefix(wildcard.name.strip_suffix('*')?)?;
    let mut model = wildcard.clone();
    for target in &mut model.targets {
        if *target.target.model == *"*" {
            target.target.model = Arc::from(rest);
        }
        let mut connections = routing.connections.iter();
        let known = connections.find(|known| known.name == target.target.connection);
        if let Some(known) = known.filter(|_| target.facts.price.is_none()) {
            target.facts = Arc::new(Config::facts(known.provider, rest));
        }
    }
    Some(model)
}

#[cfg(test)]
mod tests;
