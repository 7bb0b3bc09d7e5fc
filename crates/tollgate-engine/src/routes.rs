//! The table of models: which targets serve a name that a caller asks for.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tollgate_core::budget::Controls;
use tollgate_core::id::OrgId;
use tollgate_core::model::{ModelFacts, Target};
use tollgate_core::route::condition::Fitness;
use tollgate_core::route::fallback::Fallbacks;
use tollgate_core::route::limit::Limits;
use tollgate_core::route::rules::Rules;

use crate::caller::Caller;
use crate::health::Registry;

mod route;

pub use route::{Route, RouteTarget};

/// How many names of a wildcard that were answered well are kept. Bounded, so that callers cannot
/// make states without end.
const NAMES_OF_WILDCARD: usize = 1024;
/// How many names are kept that were not answered well yet.
const FRESH_NAMES: usize = 256;

/// A model as the configuration declares it.
#[derive(Clone, Debug)]
pub struct DeclaredModel {
    /// The public name; one that ends in `/*` opens whole connections.
    pub name: Arc<str>,
    /// Other names for the same model.
    pub aliases: Vec<Arc<str>>,
    /// Who serves it.
    pub targets: Vec<DeclaredTarget>,
    /// Instead of targets: the models of a collection, any of which may answer.
    pub members: Vec<Arc<str>>,
    /// What its requests go by.
    pub rules: Arc<Rules>,
    /// Other models that answer when this one cannot.
    pub fallbacks: Arc<Fallbacks>,
    /// What is known of it.
    pub facts: Arc<ModelFacts>,
    /// Names that a wildcard is known to serve, for lists.
    pub known: Vec<Arc<str>>,
    /// What all who ask for it together are allowed. For a wildcard: for all its names together.
    pub controls: Arc<Controls>,
    /// By what teams may use it; `None`: it is declared, and keys say who may.
    pub gate: Option<Arc<Gate>>,
}

/// By what teams may use a model that operators offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// An alias: by one of these access groups.
    Alias(Box<[Box<str>]>),
    /// A model group: by having this one.
    Group(Box<str>),
}

/// A target as the configuration declares it.
#[derive(Clone, Debug)]
pub struct DeclaredTarget {
    /// Who is asked. For a wildcard the model is `*`: what the caller names behind the `/`.
    pub target: Target,
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
}

/// A row of the list of models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedModel {
    /// The name to ask for.
    pub name: Arc<str>,
    /// The connection that serves it first; for a collection `tollgate`.
    pub connection: Arc<str>,
    /// What is known of it.
    pub facts: Arc<ModelFacts>,
    /// The organizations for which it exists; `None`: for all.
    owners: Option<Arc<[OrgId]>>,
    gate: Option<Arc<Gate>>,
}

impl ListedModel {
    /// Whether the model exists for a caller.
    pub fn exists_for(&self, caller: &Caller) -> bool {
        let owners = self.owners.as_deref();
        owners.is_none_or(|owners| owners.contains(&caller.organization().id))
    }

    /// By what teams may use it.
    pub fn gate(&self) -> Option<&Gate> {
        self.gate.as_deref()
    }
}

/// The organizations for which one of these targets is; `None`: for all.
fn owners<'a>(targets: impl IntoIterator<Item = &'a Arc<RouteTarget>>) -> Option<Arc<[OrgId]>> {
    let owners: Vec<OrgId> = targets
        .into_iter()
        .map(|target| target.owner.clone())
        .collect::<Option<_>>()?;
    (!owners.is_empty()).then(|| owners.into())
}

/// Whole connections, opened under a prefix.
#[derive(Debug)]
struct Wildcard {
    /// The pattern without its `*`.
    prefix: Box<str>,
    declared: DeclaredModel,
    /// Routes of names that were answered well.
    known: Mutex<HashMap<Box<str>, Arc<Route>>>,
    /// Routes of names that were not answered well yet, the latest ones.
    fresh: Mutex<Fresh>,
    /// What they are made of.
    rest: Arc<Route>,
}

/// Finds the targets of a name. Made once per configuration, then read; only the names behind
/// wildcards are added.
#[derive(Debug, Default)]
pub struct RouteTable {
    exact: HashMap<Arc<str>, Arc<Route>>,
    /// The longest prefix first.
    wildcards: Vec<Wildcard>,
    listed: Vec<ListedModel>,
    /// The exact routes, in the order of the configuration.
    all: Vec<Arc<Route>>,
}

impl RouteTable {
    /// Makes the table. Names are unique and members exist: the configuration was checked before.
    pub fn new(models: Vec<DeclaredModel>, registry: &Registry) -> Self {
        let mut table = Self::default();
        let (plain, collections): (Vec<_>, Vec<_>) = models
            .into_iter()
            .partition(|model| model.members.is_empty());
        for model in plain {
            table.add(model, registry);
        }
        table
            .wildcards
            .sort_by_key(|wildcard| std::cmp::Reverse(wildcard.prefix.len()));
        for collection in &collections {
            table.collect(collection, registry);
        }
        table
    }

    fn add(&mut self, model: DeclaredModel, registry: &Registry) {
        let route = Arc::new(Route::declared(&model, registry));
        // An account of one organization is nobody else's business.
        let shared = route.targets.iter().find(|target| target.owner.is_none());
        let first = shared.or(route.targets.first());
        let connection = first.map_or("".into(), |first| Arc::clone(&first.target.connection));
        let owners = owners(&route.targets);
        let list = |name: &Arc<str>| ListedModel {
            name: Arc::clone(name),
            connection: Arc::clone(&connection),
            facts: Arc::clone(&model.facts),
            owners: owners.clone(),
            gate: model.gate.clone(),
        };
        let Some(prefix) = model.name.strip_suffix('*') else {
            for name in std::iter::once(&model.name).chain(&model.aliases) {
                self.listed.push(list(name));
                self.exact.insert(Arc::clone(name), Arc::clone(&route));
            }
            self.all.push(route);
            return;
        };
        if model.known.is_empty() {
            self.listed.push(list(&model.name));
        }
        self.listed.extend(model.known.iter().map(list));
        self.wildcards.push(Wildcard {
            prefix: prefix.into(),
            known: Mutex::default(),
            fresh: Mutex::default(),
            rest: route,
            declared: model,
        });
    }

    /// Adds a collection: a choice among the targets of its members.
    fn collect(&mut self, collection: &DeclaredModel, registry: &Registry) {
        let members = collection.members.iter();
        let members: Vec<_> = members.filter_map(|name| self.find(name)).collect();
        let route = Arc::new(Route::collection(collection, &members, registry));
        let owners = owners(&route.targets);
        for name in std::iter::once(&collection.name).chain(&collection.aliases) {
            self.listed.push(ListedModel {
                name: Arc::clone(name),
                connection: "tollgate".into(),
                facts: Arc::clone(&collection.facts),
                owners: owners.clone(),
                gate: collection.gate.clone(),
            });
            self.exact.insert(Arc::clone(name), Arc::clone(&route));
        }
        self.all.push(route);
    }

    /// The route of a name, if any model has it.
    pub fn find(&self, name: &str) -> Option<Arc<Route>> {
        if let Some(route) = self.exact.get(name) {
            return Some(Arc::clone(route));
        }
        self.wildcards
            .iter()
            .find_map(|wildcard| wildcard.find(name))
    }

    /// Whether a name has a route. Leaves nothing behind, where looking for it does.
    pub fn has(&self, name: &str) -> bool {
        let mut wildcards = self.wildcards.iter();
        self.exact.contains_key(name) || wildcards.any(|wildcard| wildcard.rest_of(name).is_some())
    }

    /// Keeps the route of a name behind a wildcard that was answered well, so that its targets
    /// have a state of their own from now on.
    pub(crate) fn remember(&self, route: &Route, registry: &Registry) {
        let of_route = |wildcard: &&Wildcard| wildcard.declared.name == route.label;
        if let Some(wildcard) = self.wildcards.iter().find(of_route) {
            wildcard.remember(route, registry);
        }
    }

    /// Takes over which names behind wildcards have a state of their own: one that an operator
    /// has isolated must not come back with a new configuration.
    pub(crate) fn keep_known(&self, old: &Self, registry: &Registry) {
        for wildcard in &old.wildcards {
            let same = |new: &&Wildcard| new.prefix == wildcard.prefix;
            if let Some(new) = self.wildcards.iter().find(same) {
                for known in wildcard.known().values() {
                    new.remember(known, registry);
                }
            }
        }
    }

    /// Every route but those of single names behind wildcards, which stand there as one.
    pub fn all(&self) -> impl Iterator<Item = Arc<Route>> {
        let wildcards = self.wildcards.iter().flat_map(|wildcard| {
            let known: Vec<_> = wildcard.known().values().cloned().collect();
            std::iter::once(Arc::clone(&wildcard.rest)).chain(known)
        });
        self.all.iter().cloned().chain(wildcards)
    }

    /// The row of a name in the list; `None` for names that only a wildcard serves.
    pub fn listed_as(&self, name: &str) -> Option<&ListedModel> {
        self.listed.iter().find(|model| *model.name == *name)
    }

    /// Every name that can be listed, in the order of the configuration.
    pub fn listed(&self) -> &[ListedModel] {
        &self.listed
    }
}

/// The latest names behind a wildcard that were not answered well yet. Each has a state of its
/// own, so that what one does keeps nobody from the others; a name too many forgets the oldest.
#[derive(Debug, Default)]
struct Fresh {
    routes: HashMap<Box<str>, Arc<Route>>,
    order: VecDeque<Box<str>>,
}

impl Fresh {
    fn find(&mut self, name: &str, make: impl FnOnce() -> Arc<Route>) -> Arc<Route> {
        if let Some(route) = self.routes.get(name) {
            return Arc::clone(route);
        }
        if self.order.len() >= FRESH_NAMES
            && let Some(oldest) = self.order.pop_front()
        {
            self.routes.remove(&oldest);
        }
        let route = make();
        self.routes.insert(name.into(), Arc::clone(&route));
        self.order.push_back(name.into());
        route
    }

    fn take(&mut self, name: &str) -> Option<Arc<Route>> {
        let route = self.routes.remove(name)?;
        self.order.retain(|known| **known != *name);
        Some(route)
    }
}

impl Wildcard {
    fn fresh(&self) -> MutexGuard<'_, Fresh> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Box<str>, Arc<Route>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a name asks for behind the prefix.
    fn rest_of<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(&*self.prefix)
            // A star is the list's word for any model, and the name of none.
            .filter(|model| !model.is_empty() && !model.contains('*'))
    }

    fn find(&self, name: &str) -> Option<Arc<Route>> {
        let model = self.rest_of(name)?;
        if let Some(route) = self.known().get(name) {
            return Some(Arc::clone(route));
        }
        let make = || Arc::new(self.rest.named(name, model, None));
        Some(self.fresh().find(name, make))
    }

    fn remember(&self, route: &Route, registry: &Registry) {
        let name = &*route.model;
        let Some(model) = self.rest_of(name) else {
            return;
        };
        let mut known = self.known();
        // Without room it stays as fresh as it is: nothing of it may be kept without end, nor be
        // forgotten because it went well.
        if known.len() >= NAMES_OF_WILDCARD || known.contains_key(name) {
            return;
        }
        let fresh = self.fresh().take(name);
        for target in fresh.iter().flat_map(|route| &route.targets) {
            registry.adopt(&target.health);
        }
        let waited_for = fresh.as_deref().unwrap_or(route);
        let named = self.rest.named(name, model, Some(registry));
        let named = named.with_line_of(waited_for);
        known.insert(name.into(), Arc::new(named));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::DeclaredConnection;

    fn model(name: &str, aliases: &[&str], connection: &str) -> DeclaredModel {
        DeclaredModel {
            name: name.into(),
            aliases: aliases.iter().map(|alias| (*alias).into()).collect(),
            targets: vec![DeclaredTarget {
                target: Target {
                    connection: connection.into(),
                    model: if name.ends_with('*') { "*" } else { "m" }.into(),
                    max_output: None,
                },
                enabled: true,
                priority: 0,
                weight: 1,
                limits: Limits::default(),
                fitness: Arc::default(),
                facts: Arc::default(),
            }],
            members: Vec::new(),
            rules: Arc::default(),
            fallbacks: Arc::default(),
            facts: Arc::default(),
            known: Vec::new(),
            controls: Arc::default(),
            gate: None,
        }
    }

    #[test]
    fn names_aliases_and_wildcards_find_their_target() {
        let table = RouteTable::new(
            vec![
                model("openai/*", &[], "wide"),
                model("openai/ft/*", &[], "tuned"),
                model("openai/gpt-4o", &["gpt-4o"], "main"),
            ],
            &Registry::default(),
        );
        for (name, found) in [
            ("openai/gpt-4o", Some(("openai/gpt-4o", "main", "m"))),
            ("gpt-4o", Some(("openai/gpt-4o", "main", "m"))),
            ("openai/o3", Some(("openai/o3", "wide", "o3"))),
            ("openai/ft/x/y", Some(("openai/ft/x/y", "tuned", "x/y"))),
            ("openai/", None),
            ("openai/*", None),
            ("openai/ft/*", None),
            ("openai/gpt-*", None),
            ("other", None),
        ] {
            let route = table.find(name);
            let seen = route.as_deref().map(|route| {
                let target = &route.targets[0].target;
                (&*route.model, &*target.connection, &*target.model)
            });
            assert_eq!(seen, found, "{name}");
            assert_eq!(table.has(name), found.is_some(), "{name}");
        }
    }

    #[test]
    fn a_collection_that_is_offered_is_listed_behind_its_gate() {
        let gate = Gate::Alias(["g".into()].into());
        let offered = DeclaredModel {
            targets: Vec::new(),
            members: vec!["a".into()],
            gate: Some(Arc::new(gate.clone())),
            ..model("any", &["some"], "main")
        };
        let models = vec![model("a", &[], "main"), offered];
        let table = RouteTable::new(models, &Registry::default());
        for (name, expected) in [("any", Some(&gate)), ("some", Some(&gate)), ("a", None)] {
            assert_eq!(table.listed_as(name).unwrap().gate(), expected, "{name}");
            let route = table.find(name).unwrap();
            assert_eq!(route.gate.as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn names_behind_a_wildcard_have_states_of_their_own() {
        let registry = Registry::default();
        let table = RouteTable::new(vec![model("w/*", &[], "wide")], &registry);
        let health = |name: &str| Arc::clone(&table.find(name).unwrap().targets[0].health);
        assert!(Arc::ptr_eq(&health("w/a"), &health("w/a")));
        assert!(!Arc::ptr_eq(&health("w/a"), &health("w/b")));
        // One that was answered well outlives any number of names.
        let known = table.find("w/known").unwrap();
        table.remember(&known, &registry);
        let kept = health("w/known");
        let first = health("w/a");
        for number in 0..2 * FRESH_NAMES {
            health(&format!("w/{number}"));
        }
        assert!(Arc::ptr_eq(&kept, &health("w/known")));
        assert!(
            !Arc::ptr_eq(&first, &health("w/a")),
            "the oldest are forgotten"
        );
        assert!(table.wildcards[0].fresh().routes.len() <= FRESH_NAMES);
    }

    #[test]
    fn a_name_that_finds_no_room_among_the_known_ones_keeps_its_state_and_leaves_none() {
        let registry = Registry::default();
        registry.declare(&[DeclaredConnection {
            name: "wide".into(),
            provider: "openai",
            limits: Limits::default(),
            checks: None,
            owner: None,
            fingerprint: 0,
        }]);
        let table = RouteTable::new(vec![model("w/*", &[], "wide")], &registry);
        let answered = |name: &str| {
            let route = table.find(name).unwrap();
            table.remember(&route, &registry);
            let before = Arc::clone(&route.targets[0].health);
            let after = Arc::clone(&table.find(name).unwrap().targets[0].health);
            let kept = registry.target(&"wide".into(), &route.targets[0].target.model);
            (Arc::ptr_eq(&before, &after), Arc::ptr_eq(&before, &kept))
        };
        for number in 0..NAMES_OF_WILDCARD {
            assert_eq!(answered(&format!("w/{number}")), (true, true), "{number}");
        }
        assert_eq!(answered("w/more"), (true, false));
        assert_eq!(answered("w/more"), (true, false));
    }

    #[test]
    fn what_a_model_has_used_outlives_reloads_and_is_shared_by_all_its_names() {
        let registry = Registry::default();
        let models = || vec![model("w/*", &[], "wide"), model("a/b", &["b"], "main")];
        let meter =
            |table: &RouteTable, name: &str| Arc::clone(table.find(name).unwrap().meter.get());
        let old = RouteTable::new(models(), &registry);
        let wild = old.find("w/one").unwrap();
        old.remember(&wild, &registry);
        // For a while the configuration knew no models.
        drop(RouteTable::new(Vec::new(), &registry));
        let new = RouteTable::new(models(), &registry);
        for (one, other) in [("w/one", "w/two"), ("w/one", "w/one"), ("a/b", "b")] {
            assert!(
                Arc::ptr_eq(&meter(&old, one), &meter(&new, other)),
                "{one} {other}"
            );
        }
        assert!(!Arc::ptr_eq(&meter(&new, "w/one"), &meter(&new, "b")));
    }

    #[test]
    fn lines_hedges_and_turns_outlive_reloads_and_first_answers() {
        let registry = Registry::default();
        let models = || {
            let mut all = model("all", &[], "none");
            all.targets.clear();
            all.members = vec!["a/b".into()];
            vec![model("w/*", &[], "wide"), model("a/b", &["b"], "main"), all]
        };
        let parts = |route: &Route| {
            let Route { line, hedges, .. } = route;
            (Arc::as_ptr(line), Arc::as_ptr(hedges))
        };
        let old = RouteTable::new(models(), &registry);
        let fresh = old.find("w/one").unwrap();
        old.remember(&fresh, &registry);
        assert!(!old.find("w/one").unwrap().is_new);
        assert_eq!(parts(&fresh), parts(&old.find("w/one").unwrap()));
        let new = RouteTable::new(models(), &registry);
        new.keep_known(&old, &registry);
        for (turn, name) in ["w/one", "a/b", "all"].into_iter().enumerate() {
            let (old, new) = (old.find(name).unwrap(), new.find(name).unwrap());
            assert_eq!(parts(&old), parts(&new), "{name}");
            assert_eq!((old.next_turn(), new.next_turn()), (0, 1), "{turn}");
        }
        assert_ne!(
            parts(&new.find("a/b").unwrap()),
            parts(&new.find("all").unwrap())
        );
    }

    #[test]
    fn what_only_accounts_of_others_serve_does_not_exist() {
        let registry = Registry::default();
        let connection = |name: &str, owner: Option<&str>| DeclaredConnection {
            name: name.into(),
            provider: "openai",
            limits: Limits::default(),
            checks: None,
            owner: owner.map(OrgId::from_stored),
            fingerprint: 0,
        };
        registry.declare(&[
            connection("own", Some(tollgate_core::tenant::DEFAULT)),
            connection("theirs", Some("other")),
            connection("shared", None),
        ]);
        let mut mixed = model("mixed/m", &[], "theirs");
        mixed.targets.extend(model("x", &[], "shared").targets);
        let table = RouteTable::new(
            vec![
                model("own/m", &[], "own"),
                model("theirs/m", &["alias"], "theirs"),
                model("theirs/*", &[], "theirs"),
                mixed,
            ],
            &registry,
        );
        let caller = crate::testing::caller("k", &["*"]);
        for (name, exists) in [
            ("own/m", true),
            ("theirs/m", false),
            ("alias", false),
            ("theirs/new", false),
            ("mixed/m", true),
        ] {
            assert_eq!(table.find(name).unwrap().exists_for(&caller), exists);
        }
        let listed = table.listed().iter().filter(|row| row.exists_for(&caller));
        let listed: Vec<_> = listed.map(|row| (&*row.name, &*row.connection)).collect();
        assert_eq!(listed, [("own/m", "own"), ("mixed/m", "shared")]);
        let served: Vec<_> = table
            .find("mixed/m")
            .unwrap()
            .targets
            .iter()
            .map(|target| target.serves(&caller))
            .collect();
        assert_eq!(served, [false, true]);
    }

    #[test]
    fn aliases_are_listed_beside_names() {
        let table = RouteTable::new(vec![model("a/b", &["b"], "main")], &Registry::default());
        let names: Vec<_> = table.listed().iter().map(|listed| &*listed.name).collect();
        assert_eq!(names, ["a/b", "b"]);
    }
}
