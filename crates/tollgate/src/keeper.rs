//! Connections that operators make while the gateway runs: kept in the store with their
//! credentials sealed, and in use together with the declared ones. A declared one wins.

mod change;
mod kept;
mod offered;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::MutexGuard as Turn;
use tollgate_core::error::Failure;
use tollgate_core::secret::Secret;
use tollgate_engine::accounts::Accounts;
use tollgate_engine::authority::Manager;
use tollgate_engine::engine::{Engine, Routing};
use tollgate_engine::offers::Shelf;
use tollgate_engine::port::{
    BoxFuture, ConnectionKeeper, KeptConnection, NewConnection, Offering, Store, StoredConnection,
};
use tollgate_store::MasterKeys;
use tollgate_upstream::Upstreams;
use tollgate_upstream::settings::ConnectionSettings;

use self::kept::used;
use crate::assemble;
use crate::config::{Config, Connection};
use crate::secrets::{Secrets, SecretsError};

/// What the keeper works with.
pub(crate) struct Parts {
    /// Keeps them.
    pub(crate) store: Arc<dyn Store>,
    /// Seals their credentials.
    pub(crate) secrets: Arc<Secrets>,
    /// Reaches them.
    pub(crate) upstreams: Arc<Upstreams>,
    /// Routes requests to them.
    pub(crate) engine: Arc<Engine>,
}

/// Keeps connections.
pub(crate) struct Keeper {
    store: Arc<dyn Store>,
    secrets: Arc<Secrets>,
    upstreams: Arc<Upstreams>,
    accounts: Arc<Accounts>,
    // The engine leads to the keeper.
    engine: Weak<Engine>,
    state: Mutex<State>,
    /// Held while anything changes, so that of two changes the later one sees the earlier one.
    changing: tokio::sync::Mutex<()>,
}

struct State {
    config: Arc<Config>,
    held: BTreeMap<Box<str>, Held>,
}

/// A connection as it is kept and as it is used.
#[derive(Clone)]
struct Held {
    kept: Arc<StoredConnection>,
    /// `None` for one that cannot be used any more.
    connection: Option<Connection>,
}

impl Keeper {
    /// Reads what is kept, and takes it into use. One that cannot be used is told in the log.
    pub(crate) async fn open(parts: Parts, config: &Config) -> Result<Arc<Self>, SecretsError> {
        let Parts {
            store,
            secrets,
            upstreams,
            engine,
        } = parts;
        let mut held = BTreeMap::new();
        for kept in store.connections().await? {
            let connection = used(&secrets.keys(), &kept)?;
            let kept = Arc::new(kept);
            held.insert(kept.name.clone(), Held { kept, connection });
        }
        let keeper = Arc::new(Self {
            store,
            secrets,
            upstreams,
            accounts: Arc::clone(&engine.accounts),
            engine: Arc::downgrade(&engine),
            state: Mutex::new(State {
                config: Arc::new(config.clone()),
                held,
            }),
            changing: tokio::sync::Mutex::default(),
        });
        keeper.tell_hidden(&keeper.state());
        keeper.bring_in();
        let offering = Arc::downgrade(&keeper);
        keeper.accounts.offers().when_changed(move || {
            if let Some(keeper) = offering.upgrade() {
                keeper.route(&keeper.state());
            }
        });
        let port: Arc<dyn ConnectionKeeper> = keeper.clone();
        engine.keeper.get_or_init(|| port);
        Ok(keeper)
    }

    /// Keeps everybody else from changing anything, as long as it is held.
    pub(crate) async fn turn(&self) -> Turn<'_, ()> {
        self.changing.lock().await
    }

    /// Seals every secret under other master keys. To be called in turn.
    pub(crate) async fn reseal(
        &self,
        keys: MasterKeys,
        _turn: &Turn<'_, ()>,
    ) -> Result<(), SecretsError> {
        let now = self.accounts.now();
        self.secrets.take(&*self.store, keys, now).await?;
        let all = self.store.connections().await?;
        let mut state = self.state();
        for kept in all {
            if let Some(held) = state.held.get_mut(&kept.name) {
                held.kept = Arc::new(kept);
            }
        }
        Ok(())
    }

    /// How the connections of a configuration and the kept ones are reached.
    pub(crate) fn settings(&self, config: &Config) -> Vec<ConnectionSettings> {
        self.state().settings(config)
    }

    /// What requests are routed by.
    pub(crate) fn routing(&self, config: &Config) -> Routing {
        self.state()
            .routing(config, &self.accounts.offers().shelf())
    }

    /// From now on this configuration is in effect. To be called in turn.
    pub(crate) fn remember(&self, config: &Config, _turn: &Turn<'_, ()>) {
        let mut state = self.state();
        state.config = Arc::new(config.clone());
        self.tell_hidden(&state);
        // What was offered while the configuration was read.
        self.route(&state);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what is held into use: connections before the routes that lead to them.
    fn bring_in(&self) {
        let state = self.state();
        if let Err(problem) = self.upstreams.reload(state.settings(&state.config)) {
            tracing::error!(%problem, "the connections that are kept cannot be used");
            return;
        }
        self.route(&state);
    }

    /// Has requests routed by what is held, declared and offered now.
    fn route(&self, state: &State) {
        if let Some(engine) = self.engine.upgrade() {
            let offers = self.accounts.offers().shelf();
            engine.set_routing(state.routing(&state.config, &offers));
        }
    }

    /// Says in the log what is kept or offered and cannot be reached.
    fn tell_hidden(&self, state: &State) {
        state.tell_hidden();
        let (routing, _) = state.without_offers(&state.config);
        for model in offered::hidden(&routing, &self.accounts.offers().shelf()) {
            tracing::warn!(
                model,
                "a model that is offered is hidden by one of the same name that is configured"
            );
        }
    }

    /// The same where one has gone: routes before the connections.
    fn take_out(&self) {
        let state = self.state();
        self.route(&state);
        if let Err(problem) = self.upstreams.reload(state.settings(&state.config)) {
            tracing::error!(%problem, "a connection that has gone is still known");
        }
    }
}

impl State {
    /// Those that no declared one hides.
    fn shown(&self, config: &Config) -> impl Iterator<Item = &Held> {
        let names: Vec<Box<str>> = config
            .connections
            .iter()
            .map(|known| known.name().into())
            .collect();
        self.held
            .values()
            .filter(move |held| !names.contains(&held.kept.name))
    }

    fn in_use(&self, config: &Config) -> impl Iterator<Item = (&Held, &Connection)> {
        self.shown(config)
            .filter(|held| !held.kept.facts.is_off)
            .filter_map(|held| {
                held.connection
                    .as_ref()
                    .map(|connection| (held, connection))
            })
    }

    fn settings(&self, config: &Config) -> Vec<ConnectionSettings> {
        let mut all = assemble::connections(config);
        let kept = self.in_use(config);
        all.extend(kept.map(|(_, connection)| connection.settings.clone()));
        all
    }

    /// What operators offer comes last: everything else keeps its name.
    fn routing(&self, config: &Config, offers: &Shelf) -> Routing {
        let (mut routing, private) = self.without_offers(config);
        offered::add(&mut routing, offers, &config.rules, &private);
        routing
    }

    /// Each kept connection is open under its name, unless a declared model has that name or it is
    /// the account of an alias, which leads there alone; those come beside.
    fn without_offers(&self, config: &Config) -> (Routing, BTreeSet<&str>) {
        let mut routing = assemble::routing(config);
        let mut private = BTreeSet::new();
        for (held, connection) in self.in_use(config) {
            routing.connections.push(assemble::connection(connection));
            if held.kept.facts.is_of_alias() {
                private.insert(connection.name());
                continue;
            }
            let model = config.open(connection);
            if !routing.models.iter().any(|known| known.name == model.name) {
                routing.models.push(model);
            }
        }
        (routing, private)
    }

    fn tell_hidden(&self) {
        for known in &self.config.connections {
            if self.held.contains_key(known.name()) {
                tracing::warn!(
                    connection = known.name(),
                    "a connection that is kept in the store is hidden by a declared one"
                );
            }
        }
    }
}

impl ConnectionKeeper for Keeper {
    fn list(&self) -> Vec<KeptConnection> {
        let state = self.state();
        let shown = state.shown(&state.config).map(|held| KeptConnection {
            name: held.kept.name.clone(),
            organization: held.kept.organization.clone(),
            settings: held.kept.settings.clone(),
            has_credential: held.kept.sealed.is_some(),
            facts: held.kept.facts.clone(),
            created_at: held.kept.created_at,
        });
        shown.collect()
    }

    fn create<'a>(
        &'a self,
        new: NewConnection,
        by: &'a Manager,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.create_one(new, by))
    }

    fn put_offered<'a>(
        &'a self,
        new: NewConnection,
        offering: Offering<'a>,
        by: &'a Manager,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.put_offered_one(new, offering, by))
    }

    fn delete_offered<'a>(
        &'a self,
        name: &'a str,
        offering: Offering<'a>,
        by: &'a Manager,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.delete_offered_one(name, offering, by))
    }

    fn replace<'a>(
        &'a self,
        new: NewConnection,
        by: &'a Manager,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.replace_one(new, by))
    }

    fn update_key<'a>(
        &'a self,
        name: &'a str,
        credential: Secret,
        by: &'a Manager,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.update_key_of(name, credential, by))
    }

    fn delete<'a>(&'a self, name: &'a str, by: &'a Manager) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.delete_one(name, by))
    }
}
