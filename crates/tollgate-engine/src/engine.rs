//! The engine: the snapshots that requests read, and the ports to the outside.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::accounts::Accounts;
use crate::port::{Clock, Upstream};
use crate::routes::RouteTable;

/// Everything that a request meets. Shared by all of them; nothing in it is locked on their way.
pub struct Engine {
    /// Keys, and what operators do with them.
    pub accounts: Arc<Accounts>,
    pub(crate) upstream: Arc<dyn Upstream>,
    pub(crate) clock: Arc<dyn Clock>,
    routes: ArcSwap<RouteTable>,
}

impl Engine {
    /// Puts an engine together.
    pub fn new(
        accounts: Arc<Accounts>,
        upstream: Arc<dyn Upstream>,
        clock: Arc<dyn Clock>,
        routes: RouteTable,
    ) -> Self {
        Self {
            accounts,
            upstream,
            clock,
            routes: ArcSwap::from_pointee(routes),
        }
    }

    /// The models as they are now.
    pub fn routes(&self) -> Guard<Arc<RouteTable>> {
        self.routes.load()
    }

    /// Replaces the models. Requests on their way keep the ones that they found.
    pub fn set_routes(&self, routes: RouteTable) {
        self.routes.store(Arc::new(routes));
    }

    /// The clock that everything here goes by.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }
}
