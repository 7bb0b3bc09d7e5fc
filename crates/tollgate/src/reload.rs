//! SIGHUP: the file is read again. A good one takes effect, a bad one changes nothing.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::signal::unix::Signal;
use tokio_util::sync::CancellationToken;
use tollgate_engine::accounts::Accounts;
use tollgate_engine::engine::Engine;
use tollgate_http::Gateway;
use tollgate_upstream::Upstreams;

use tollgate_store::MasterKeys;

use crate::command::serve::{self, Order};
use crate::config::Config;
use crate::keeper::Keeper;
use crate::{assemble, grants, master_key, ownership};

/// What a new configuration is given to.
pub(crate) struct Live {
    /// Where the configuration comes from.
    pub(crate) order: Order,
    /// Where the gateway listens.
    pub(crate) address: SocketAddr,
    /// Takes the declared keys.
    pub(crate) accounts: Arc<Accounts>,
    /// Takes the connections.
    pub(crate) upstreams: Arc<Upstreams>,
    /// Keeps the connections that operators make.
    pub(crate) keeper: Arc<Keeper>,
    /// Takes the models.
    pub(crate) engine: Arc<Engine>,
    /// Takes the settings of the HTTP face.
    pub(crate) gateway: Arc<Gateway>,
}

/// Whoever waits for signals.
pub(crate) struct Reload {
    hangups: Signal,
    live: Live,
    /// What is in effect.
    current: Config,
}

impl Reload {
    pub(crate) fn new(hangups: Signal, live: Live, current: Config) -> Self {
        Self {
            hangups,
            live,
            current,
        }
    }

    /// Reads the configuration again at each signal, until the end.
    pub(crate) async fn at_each(&mut self, ended: &CancellationToken) {
        loop {
            tokio::select! {
                signal = self.hangups.recv() => if signal.is_none() { return },
                () = ended.cancelled() => return,
            }
            self.again().await;
        }
    }

    async fn again(&mut self) {
        let Self { live, current, .. } = self;
        match serve::load(&order_again(&live.order, current)) {
            Ok(config) => match live.take(current, &config).await {
                Ok(()) => {
                    tell(current, &config);
                    *current = config;
                }
                Err(error) => {
                    tracing::error!(%error, "the new configuration is refused, the old one stays");
                }
            },
            Err(problems) => {
                for problem in problems.lines() {
                    tracing::error!("{problem}");
                }
                tracing::error!("the new configuration is refused, the old one stays");
            }
        }
    }
}

/// The order, bound to the file that is in effect: a file that was found at the start and is gone
/// now is a mistake, not the wish for the built-in settings.
fn order_again(order: &Order, current: &Config) -> Order {
    Order {
        file: order.file.clone().or_else(|| current.file.clone()),
        ..order.clone()
    }
}

impl Live {
    /// Gives the configuration to every part. What can refuse it comes first and changes nothing
    /// then; connections come before the models that refer to them.
    async fn take(
        &self,
        current: &Config,
        config: &Config,
    ) -> Result<(), Box<dyn std::error::Error>> {
        assemble::check_references(config, self.accounts.tenants())?;
        let turn = self.keeper.turn().await;
        self.reseal(config, &turn).await?;
        self.upstreams.reload(self.keeper.settings(config))?;
        if let Err(refusal) = self.accounts.declare(assemble::accounts(config)).await {
            // The old models need the old connections.
            self.upstreams.reload(self.keeper.settings(current))?;
            return Err(refusal.into());
        }
        if let Err(error) = grants::give(config, &self.accounts).await {
            tracing::error!(%error, "read the configuration again to give the rest");
        }
        self.accounts.declare_admin(config.admin_key.as_ref());
        assemble::steer(&self.engine, config, self.keeper.routing(config));
        self.keeper.remember(config, &turn);
        self.gateway
            .set_settings(assemble::face(config, self.address));
        Ok(())
    }
}

impl Live {
    /// Seals every stored secret under the master key of the configuration.
    async fn reseal(
        &self,
        config: &Config,
        turn: &tokio::sync::MutexGuard<'_, ()>,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let directory = &config.database.directory;
        let current = master_key::find_again(config.master_key.as_ref(), directory)?;
        let previous = master_key::previous(&config.previous_master_keys)?;
        let keys = MasterKeys::new(&current, &previous, ownership::random);
        self.keeper.reseal(keys, turn).await?;
        Ok(())
    }
}

fn tell(old: &Config, new: &Config) {
    for warning in new.warnings.lines() {
        tracing::warn!("{warning}");
    }
    for key in new.differs_in_restart_only_keys(old) {
        tracing::warn!("{key} has changed: it takes effect at the next start");
    }
    tracing::info!("the configuration was read again and is in effect");
}
