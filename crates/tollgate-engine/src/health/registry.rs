//! All targets, connections and models by name. What is known of them outlives a reload.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use tollgate_core::id::OrgId;
use tollgate_core::route::limit::Limits;

use super::{Calls, ConnectionHealth, TargetHealth};
use crate::freed::Freed;
use crate::hedges::Hedges;
use crate::meter::MeterSlot;
use crate::queue::Line;

/// A connection as the configuration declares it.
#[derive(Clone, Debug)]
pub struct DeclaredConnection {
    /// Its name.
    pub name: Arc<str>,
    /// The name of its provider.
    pub provider: &'static str,
    /// The limits of the account.
    pub limits: Limits,
    /// Active checks, if they are wanted.
    pub checks: Option<crate::checks::Checks>,
    /// The organization whose account it is; `None`: everybody's.
    pub owner: Option<OrgId>,
    /// Changes when the address, the credential or anything else of the connection does, so that
    /// what was known of the old one is forgotten.
    pub fingerprint: u64,
}

/// Everything known of targets and connections, and what models have been used.
#[derive(Debug, Default)]
pub struct Registry {
    tables: Mutex<Tables>,
    pub(crate) freed: Arc<Freed>,
}

#[derive(Debug, Default)]
struct Tables {
    connections: HashMap<Arc<str>, Known>,
    /// By the names of providers, of which there is a fixed number.
    providers: BTreeMap<&'static str, Arc<Calls>>,
    targets: HashMap<(Arc<str>, Arc<str>), Arc<TargetHealth>>,
    /// Kept also while the configuration leaves a model out: what was spent of its budget stays
    /// spent. As many as configurations ever named.
    models: HashMap<Arc<str>, ModelState>,
}

/// What is kept of a model, or of all names behind a wildcard, by what the configuration calls it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ModelState {
    /// What all who ask for it have used of it.
    pub(crate) meter: MeterSlot,
    /// Those who wait for a free place. A new line would let newcomers go before them.
    pub(crate) line: Arc<Line>,
    /// What it has earned for second attempts beside slow ones.
    pub(crate) hedges: Arc<Hedges>,
    /// How many requests have taken their turn.
    pub(crate) turn: Arc<AtomicU64>,
}

impl Tables {
    /// What the connections of a provider were asked.
    fn calls(&mut self, provider: &'static str) -> Arc<Calls> {
        Arc::clone(self.providers.entry(provider).or_default())
    }
}

#[derive(Debug)]
struct Known {
    declared: DeclaredConnection,
    health: Arc<ConnectionHealth>,
}

impl Registry {
    /// Takes other connections into use. Those that stay the same keep what is known of them.
    pub(crate) fn declare(&self, connections: &[DeclaredConnection]) {
        let mut tables = self.tables();
        let mut old = std::mem::take(&mut tables.connections);
        for declared in connections {
            let kept = old
                .remove(&declared.name)
                .filter(|known| known.declared.fingerprint == declared.fingerprint);
            let health = if let Some(known) = kept {
                known.health
            } else {
                tables
                    .targets
                    .retain(|(connection, _), _| *connection != declared.name);
                let calls = tables.calls(declared.provider);
                let name = Arc::clone(&declared.name);
                Arc::new(ConnectionHealth::new(name, declared.provider, calls))
            };
            health.set_limits(declared.limits);
            let known = Known {
                declared: declared.clone(),
                health,
            };
            tables.connections.insert(Arc::clone(&declared.name), known);
        }
        for gone in old.into_keys() {
            tables
                .targets
                .retain(|(connection, _), _| *connection != gone);
        }
    }

    /// The organization whose account a connection is.
    pub(crate) fn owner(&self, connection: &str) -> Option<OrgId> {
        let tables = self.tables();
        let known = tables.connections.get(connection)?;
        known.declared.owner.clone()
    }

    /// The state of a target. Made at first sight.
    pub(crate) fn target(&self, connection: &Arc<str>, model: &Arc<str>) -> Arc<TargetHealth> {
        let mut tables = self.tables();
        let name = (Arc::clone(connection), Arc::clone(model));
        if let Some(target) = tables.targets.get(&name) {
            return Arc::clone(target);
        }
        let of = if let Some(known) = tables.connections.get(connection) {
            Arc::clone(&known.health)
        } else {
            let name = Arc::clone(connection);
            Arc::new(ConnectionHealth::new(name, "unknown", Arc::default()))
        };
        let freed = Arc::clone(&self.freed);
        let target = Arc::new(TargetHealth::new(of, Arc::clone(model), freed));
        tables.targets.insert(name, Arc::clone(&target));
        target
    }

    /// What is kept of a model by its name. Its meter is made at first sight, so that every copy of
    /// the place leads to the same one.
    pub(crate) fn model(&self, model: &Arc<str>) -> ModelState {
        let mut tables = self.tables();
        let state = tables.models.entry(Arc::clone(model)).or_default();
        state.meter.get();
        state.clone()
    }

    /// Keeps the state of a target that was known by its route alone, unless one is kept already.
    pub(crate) fn adopt(&self, target: &Arc<TargetHealth>) {
        let connection = Arc::clone(&target.connection.name);
        let mut tables = self.tables();
        // A reload may have taken the connection away meanwhile, or made another one of it.
        let is_same = tables
            .connections
            .get(&connection)
            .is_some_and(|known| Arc::ptr_eq(&known.health, &target.connection));
        if is_same {
            let name = (connection, Arc::clone(&target.model));
            let kept = tables.targets.entry(name);
            kept.or_insert_with(|| Arc::clone(target));
        }
    }

    /// The connections as they are declared, with what is known of them, by name.
    pub fn connections(&self) -> Vec<(DeclaredConnection, Arc<ConnectionHealth>)> {
        let tables = self.tables();
        let mut all: Vec<_> = tables
            .connections
            .values()
            .map(|known| (known.declared.clone(), Arc::clone(&known.health)))
            .collect();
        all.sort_by(|one, other| one.0.name.cmp(&other.0.name));
        all
    }

    /// The providers that were ever connected, with what they were asked, by name.
    pub fn providers(&self) -> Vec<(&'static str, Arc<Calls>)> {
        let tables = self.tables();
        let all = tables.providers.iter();
        all.map(|(name, calls)| (*name, Arc::clone(calls)))
            .collect()
    }

    fn tables(&self) -> std::sync::MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
