//! All connections by name: the implementation of the engine's `Upstream`.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::io::DuplexStream;
use tokio_util::task::TaskTracker;

use crate::connection::Connection;
use crate::settings::{ConnectionSettings, SettingsProblem};
use crate::tls::SystemTrust;

/// Opens a pipe to the simulated provider inside this process.
pub type DialSimulator = Arc<dyn Fn() -> DuplexStream + Send + Sync>;

/// The connections of this gateway.
pub struct Upstreams {
    connections: ArcSwap<HashMap<Arc<str>, Arc<Connection>>>,
    trust: SystemTrust,
    simulator: Option<DialSimulator>,
    tasks: TaskTracker,
}

impl Upstreams {
    /// Takes these connections into use. Nothing is dialled before the first request.
    /// Fails when settings cannot be used; see [`ConnectionSettings::check`].
    pub fn new(
        settings: Vec<ConnectionSettings>,
        simulator: Option<DialSimulator>,
    ) -> Result<Self, SettingsProblem> {
        let upstreams = Self {
            connections: ArcSwap::default(),
            trust: SystemTrust::default(),
            simulator,
            tasks: TaskTracker::new(),
        };
        upstreams.reload(settings)?;
        Ok(upstreams)
    }

    /// Takes other connections into use. Those whose settings stay the same keep their open
    /// connections; calls under way end on the ones they have. Changes nothing on failure.
    pub fn reload(&self, settings: Vec<ConnectionSettings>) -> Result<(), SettingsProblem> {
        let old = self.connections.load();
        let mut new = HashMap::with_capacity(settings.len());
        for settings in settings {
            let name = settings.name.clone();
            let kept = old.get(&name).filter(|kept| kept.settings.same_as(&settings));
            let connection = match kept {
                Some(kept) => kept.clone(),
                None => Arc::new(Connection::new(
                    settings,
                    &self.trust,
                    self.simulator.clone(),
                    self.tasks.clone(),
                )?),
            };
            new.insert(name, connection);
        }
        self.connections.store(Arc::new(new));
        Ok(())
    }

    /// The names of all connections, in no order.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.connections.load().keys().cloned().collect()
    }

    pub(crate) fn connection(&self, name: &str) -> Option<Arc<Connection>> {
        self.connections.load().get(name).cloned()
    }
}
