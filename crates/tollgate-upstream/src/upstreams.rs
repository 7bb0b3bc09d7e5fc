//! All connections by name: the implementation of the engine's `Upstream`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::io::DuplexStream;
use tokio_util::task::TaskTracker;
use tollgate_core::call::Call;
use tollgate_core::error::{Code, Failure};
use tollgate_engine::port::{
    Attempt, BoxFuture, Clock, Continuation, Delivery, Insight, Upstream, Want,
};
use tollgate_wire::insight;

use crate::connection::Connection;
use crate::settings::{ConnectionSettings, Place, SettingsProblem};
use crate::tls::SystemTrust;
use crate::{check, continuation, exchange};

/// Opens a pipe to the simulated provider inside this process.
pub type DialSimulator = Arc<dyn Fn() -> DuplexStream + Send + Sync>;

/// The connections of this gateway.
pub struct Upstreams {
    connections: ArcSwap<HashMap<Arc<str>, Arc<Connection>>>,
    trust: SystemTrust,
    simulator: Option<DialSimulator>,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
}

impl Upstreams {
    /// Takes these connections into use. Nothing is dialled before the first request.
    /// Fails when settings cannot be used; see [`ConnectionSettings::check`].
    pub fn new(
        settings: Vec<ConnectionSettings>,
        simulator: Option<DialSimulator>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SettingsProblem> {
        let upstreams = Self {
            connections: ArcSwap::default(),
            trust: SystemTrust::default(),
            simulator,
            clock,
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
            let kept = old
                .get(&name)
                .filter(|kept| kept.settings.same_as(&settings));
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

    fn connection(&self, name: &str) -> Result<Arc<Connection>, Failure> {
        self.connections.load().get(name).cloned().ok_or_else(|| {
            // A reload has just taken it away; routes that are read now no longer name it.
            let mut failure = Failure::gateway(Code::NoTargets)
                .because(format!("there is no connection `{name}`"));
            failure.unsent = true;
            failure
        })
    }

    /// The names of all connections, in no order.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.connections.load().keys().cloned().collect()
    }
}

impl Upstream for Upstreams {
    fn send<'a>(&'a self, attempt: Attempt<'a>) -> BoxFuture<'a, Result<Delivery, Failure>> {
        Box::pin(async move {
            let connection = self.connection(&attempt.target.connection)?;
            exchange::run(&connection, attempt, &self.clock).await
        })
    }

    fn may_take_bare(&self, attempt: &Attempt<'_>, failure: &Failure) -> bool {
        let connection = self.connection(&attempt.target.connection);
        connection.is_ok_and(|connection| exchange::may_take_bare(&connection, attempt, failure))
    }

    fn read(&self, call: &Call, want: Want) -> Insight {
        let want = insight::Want {
            needs: want.needs,
            tokens: want.tokens,
            user: want.user,
            conversation: want.conversation,
        };
        let found = insight::read(call, want);
        Insight {
            needs: found.needs,
            prompt_tokens: found.tokens,
            user: found.user,
            conversation: found.conversation,
        }
    }

    fn check<'a>(
        &'a self,
        connection: &'a str,
        model: Option<&'a str>,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let connection = self.connection(connection)?;
            match model {
                Some(model) => check::call(&connection, model, timeout, &self.clock).await,
                None => check::ask(&connection, timeout, &self.clock).await,
            }
        })
    }

    fn endpoint(&self, connection: &str) -> Option<String> {
        match &self.connections.load().get(connection)?.settings.place {
            Place::Url(url) => Some(url.to_string()),
            Place::InProcess => None,
        }
    }

    fn continuation(&self, call: &Call) -> Option<Box<dyn Continuation>> {
        continuation::of(call)
    }
}
