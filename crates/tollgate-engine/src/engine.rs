//! The engine: the snapshots that requests read, and the ports to the outside.

use std::sync::{Arc, OnceLock};

use arc_swap::{ArcSwap, Guard};
use tokio::time::Instant;
use tollgate_core::time::Moment;

use crate::accounts::Accounts;
use crate::cache::Cache;
use crate::dice::Dice;
use crate::health::{DeclaredConnection, Registry};
use crate::hold::Billing;
use crate::jobs::Jobs;
use crate::maintenance::Maintenance;
use crate::overload::Overload;
use crate::port::{Clock, ConnectionKeeper, Upstream};
use crate::replay::Replays;
use crate::request_log::RequestLog;
use crate::routes::{DeclaredModel, RouteTable};
use crate::settle::Ledger;
use crate::throttle::{DefaultLimits, Throttle};

/// Everything that a request meets. Shared by all of them; what is locked on their way is locked
/// for a few instructions.
pub struct Engine {
    /// Keys, and what operators do with them.
    pub accounts: Arc<Accounts>,
    /// What is known of targets and connections.
    pub registry: Registry,
    /// Says no before everything becomes slow.
    pub overload: Arc<Overload>,
    /// Refuses calls while operators work.
    pub maintenance: Maintenance,
    /// What calls cost, and who pays.
    pub ledger: Arc<Ledger>,
    /// Keeps the connections that operators make, where a gateway serves.
    pub keeper: OnceLock<Arc<dyn ConnectionKeeper>>,
    /// Requests with idempotency keys.
    pub replays: Arc<Replays>,
    /// Answers that are given again.
    pub cache: Arc<Cache>,
    /// One row for each call.
    pub request_log: Arc<RequestLog>,
    /// Several calls for one purpose.
    pub jobs: Arc<Jobs>,
    /// The limits of whoever has none of their own.
    pub limits: ArcSwap<DefaultLimits>,
    /// What is kept of limits beside the meters of those who have them.
    pub throttle: Throttle,
    billing: ArcSwap<Billing>,
    pub(crate) upstream: Arc<dyn Upstream>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) dice: Dice,
    pub(crate) ticker: Ticker,
    routes: ArcSwap<RouteTable>,
}

/// What requests are routed by, as the configuration declares it.
#[derive(Clone, Debug, Default)]
pub struct Routing {
    /// The accounts at providers.
    pub connections: Vec<DeclaredConnection>,
    /// What callers may ask for.
    pub models: Vec<DeclaredModel>,
}

/// Turns the clock that only goes forward into values.
#[derive(Clone, Copy, Debug)]
pub struct Ticker(Instant);

impl Ticker {
    /// Begins now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Now.
    pub fn moment(self) -> Moment {
        Moment::after_start(self.0.elapsed())
    }

    /// The instant of a moment.
    pub(crate) fn instant(self, moment: Moment) -> Instant {
        self.0 + moment.since(Moment::START)
    }

    /// The moment of an instant.
    pub(crate) fn moment_of(self, instant: Instant) -> Moment {
        Moment::after_start(instant.saturating_duration_since(self.0))
    }
}

impl Engine {
    /// Puts an engine together. The seed is for spreading requests and waits.
    pub fn new(
        accounts: Arc<Accounts>,
        upstream: Arc<dyn Upstream>,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Self {
        let ledger = Arc::clone(accounts.ledger());
        let store = ledger.store();
        let ticker = Ticker::start();
        Self {
            keeper: OnceLock::new(),
            replays: Arc::new(Replays::new(Arc::clone(store), Arc::clone(&clock))),
            request_log: Arc::new(RequestLog::new(Arc::clone(store), Arc::clone(&clock))),
            jobs: Arc::new(Jobs::new(Arc::clone(&accounts))),
            ledger,
            accounts,
            registry: Registry::default(),
            overload: Arc::default(),
            maintenance: Maintenance::default(),
            limits: ArcSwap::default(),
            throttle: Throttle::default(),
            billing: ArcSwap::default(),
            upstream,
            clock,
            dice: Dice::new(seed),
            ticker,
            cache: Arc::new(Cache::new(ticker)),
            routes: ArcSwap::default(),
        }
    }

    /// The models as they are now.
    pub fn routes(&self) -> Guard<Arc<RouteTable>> {
        self.routes.load()
    }

    /// Takes other connections and models into use. Requests on their way keep the ones that they
    /// found; what is known of targets that stay is kept.
    pub fn set_routing(&self, routing: Routing) {
        self.registry.declare(&routing.connections);
        let table = RouteTable::new(routing.models, &self.registry);
        table.keep_known(&self.routes.load(), &self.registry);
        self.routes.store(Arc::new(table));
        self.cache.clear();
    }

    /// What calls are charged by now.
    pub fn billing(&self) -> Arc<Billing> {
        self.billing.load_full()
    }

    /// Takes other rules of charging into use.
    pub fn set_billing(&self, billing: Billing) {
        self.billing.store(Arc::new(billing));
    }

    /// The clock that everything here goes by.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Now, on the clock that only goes forward.
    pub fn moment(&self) -> Moment {
        self.ticker.moment()
    }
}
