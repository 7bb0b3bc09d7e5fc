//! `tollgate serve`: the gateway.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;
use tollgate_engine::accounts::Accounts;
use tollgate_engine::checks;
use tollgate_engine::credits::LowBalances;
use tollgate_engine::engine::Engine;
use tollgate_engine::ledger_check::{self, SelfCheck};
use tollgate_engine::port::Clock;
use tollgate_engine::refills;
use tollgate_engine::settle::{self, Ledger};
use tollgate_http::{AccessLog, Gateway, Logs};
use tollgate_simulator::Simulator;
use tollgate_upstream::Upstreams;

use crate::clock::SystemClock;
use crate::config::{Config, Environment, Overrides};
use crate::keeper::{self, Keeper};
use crate::reload::{Live, Reload};
use crate::telemetry::Telemetry;
use crate::{assemble, banner, grants, ownership, shutdown, supervise, telemetry};

/// How often the uses of keys are written.
const USES_EVERY: Duration = Duration::from_secs(10);
/// How many files may be open; each stream needs two. The system may allow fewer.
const DESCRIPTORS: u64 = 65_536;

/// The exit code of a gateway that cannot settle any more.
const CLERK_IS_GONE: i32 = 70;
/// How long what waits to be settled may take to be written at the end.
const LAST_PAGES: Duration = Duration::from_secs(15);
/// How long tasks may take to go away when everything is done.
const LEFTOVERS: Duration = Duration::from_secs(2);

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Order {
    /// The configuration file.
    pub file: Option<PathBuf>,
    /// What wins over the file.
    pub overrides: Overrides,
}

/// Reads the configuration and serves until the process is asked to stop.
pub fn run(order: &Order) -> ExitCode {
    let config = match load(order) {
        Ok(config) => config,
        Err(problems) => {
            crate::complain(&problems);
            return ExitCode::FAILURE;
        }
    };
    let telemetry = match telemetry::begin(config.log) {
        Ok(telemetry) => telemetry,
        Err(error) => {
            crate::complain(&error);
            return ExitCode::FAILURE;
        }
    };
    let served = run_to_the_end(order, config, &telemetry);
    telemetry.end();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// Serves on a runtime of its own. Everything that could still log has ended when this returns.
fn run_to_the_end(
    order: &Order,
    config: Config,
    telemetry: &Telemetry,
) -> Result<(), Box<dyn Error>> {
    for warning in config.warnings.lines() {
        tracing::warn!("{warning}");
    }
    if let Err(error) = rlimit::increase_nofile_limit(DESCRIPTORS) {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let served = runtime.block_on(serve(order, config, telemetry));
    // What blocks a thread now (a name that is looked up, say) must not keep the process.
    runtime.shutdown_timeout(LEFTOVERS);
    served
}

/// Reads the configuration that the order names.
pub fn load(order: &Order) -> Result<Config, crate::config::Problems> {
    Config::load(
        order.file.as_deref(),
        &Environment::of_process(),
        &order.overrides,
    )
}

async fn serve(order: &Order, config: Config, telemetry: &Telemetry) -> Result<(), Box<dyn Error>> {
    let possession = ownership::take(&config).await?;
    let accounts = Arc::new(possession.accounts(&config).await?);
    let clerk = Clerk::begin(accounts.ledger(), config.billing.settling);
    accounts.declare_admin(config.admin_key.as_ref());
    assemble::check_references(&config, accounts.tenants())?;
    accounts.declare(assemble::accounts(&config)).await?;
    grants::give(&config, &accounts).await?;
    let listener = bind(config.server.listen).await?;
    let address = listener.local_addr()?;
    let requests = Arc::clone(&telemetry.requests);
    let logs = Logs {
        requests: AccessLog::new(assemble::request_log(config.log), requests),
        diagnostics: Arc::clone(&telemetry.diagnostics),
    };
    let (upstreams, engine) = engine(&config, &accounts)?;
    engine.replays.set_vault(possession.secrets().answers());
    let parts = keeper::Parts {
        store: possession.store(),
        secrets: Arc::clone(possession.secrets()),
        upstreams: Arc::clone(&upstreams),
        engine: Arc::clone(&engine),
    };
    let keeper = Keeper::open(parts, &config).await?;
    let face = assemble::face(&config, address);
    let live = Live {
        order: order.clone(),
        address,
        accounts: Arc::clone(&accounts),
        upstreams,
        keeper,
        gateway: Gateway::new(Arc::clone(&engine), face, logs),
        engine,
    };
    live.engine.maintenance.restore(&accounts).await?;
    live.engine.jobs.recover().await?;
    let (gateway, engine) = (Arc::clone(&live.gateway), Arc::clone(&live.engine));
    let asked = shutdown::asked()?;
    let hangups = shutdown::reload()?;
    possession.announce(&accounts, address)?;
    banner::print(&accounts, &config, address).await?;
    let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
    let tasks = background(&engine, &ended);
    let (mut reload, end) = (Reload::new(hangups, live, config), ended.clone());
    tasks.spawn(supervise::keep("reload", ended.clone(), async move || {
        reload.at_each(&end).await;
    }));
    tasks.spawn({
        let stop = stop.clone();
        async move {
            asked.await;
            tracing::info!("asked to stop: new calls are refused, requests under way may end");
            stop.cancel();
        }
    });
    tollgate_http::serve(gateway, listener, stop).await;
    ended.cancel();
    tasks.close();
    tasks.wait().await;
    clerk.end().await;
    possession.close().await;
    Ok(())
}

/// What goes on beside requests, until the end.
fn background(engine: &Arc<Engine>, ended: &CancellationToken) -> TaskTracker {
    let background = Background {
        engine: Arc::clone(engine),
        ended: ended.clone(),
        tasks: TaskTracker::new(),
    };
    background.keep("refills", |engine, end| {
        refills::watch(Arc::clone(&engine.accounts), end)
    });
    background.keep("uses of keys", |engine, end| {
        flush_uses(Arc::clone(&engine.accounts), end)
    });
    background.keep("request log", |engine, end| {
        Arc::clone(&engine.request_log).run(end)
    });
    background.keep("overload", |engine, end| {
        Arc::clone(&engine.overload).watch(end)
    });
    background.keep("ledger check", |engine, end| {
        SelfCheck::watch(Arc::clone(&engine.ledger), ledger_check::EVERY, end)
    });
    background.keep("low balances", LowBalances::watch);
    background.keep("jobs", |engine, end| Arc::clone(&engine.jobs).watch(end));
    background.keep("replays", |engine, end| {
        let replays = Arc::clone(&engine.replays);
        async move { replays.sweep(end).await }
    });
    background.keep("checks", checks::run);
    background.tasks
}

/// Tasks that begin again after a panic.
struct Background {
    engine: Arc<Engine>,
    ended: CancellationToken,
    tasks: TaskTracker,
}

impl Background {
    fn keep<F>(
        &self,
        task: &'static str,
        begin: impl Fn(Arc<Engine>, WaitForCancellationFutureOwned) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let (engine, ended) = (Arc::clone(&self.engine), self.ended.clone());
        let keeping = supervise::keep(task, self.ended.clone(), async move || {
            begin(Arc::clone(&engine), ended.clone().cancelled_owned()).await;
        });
        self.tasks.spawn(keeping);
    }
}

/// Whoever writes settlements, from before the first call until after the last one.
struct Clerk {
    ledger: Arc<Ledger>,
    closing: CancellationToken,
    desk: TaskTracker,
}

impl Clerk {
    fn begin(ledger: &Arc<Ledger>, settings: settle::Settings) -> Self {
        ledger.set_settings(settings);
        let (closing, desk) = (CancellationToken::new(), TaskTracker::new());
        let end = closing.clone().cancelled_owned();
        let writing = desk.spawn(Arc::clone(ledger).write(end));
        desk.spawn(async move {
            if writing.await.is_err_and(|error| error.is_panic()) {
                // Without a clerk nothing is ever settled again. A new process begins with what is
                // durable.
                crate::complain(&"whoever writes the ledger has panicked: the gateway ends");
                std::process::exit(CLERK_IS_GONE);
            }
        });
        desk.close();
        Self {
            ledger: Arc::clone(ledger),
            closing,
            desk,
        }
    }

    /// Has everything written that waits. No call is under way any more.
    async fn end(self) {
        self.closing.cancel();
        if tokio::time::timeout(LAST_PAGES, self.desk.wait())
            .await
            .is_err()
        {
            let lost = self.ledger.read();
            tracing::error!(
                entries = lost.waiting,
                unwritten_nano_usd = lost.unwritten,
                "the store does not take the last entries of the ledger: they are lost"
            );
        }
    }
}

/// Makes what routes and sends requests. Nothing is dialled yet.
pub(super) fn engine(
    config: &Config,
    accounts: &Arc<Accounts>,
) -> Result<(Arc<Upstreams>, Arc<Engine>), Box<dyn Error>> {
    let simulator = Simulator::new(tollgate_simulator::Settings {
        // Nobody can ask for them here.
        keep_requests: 0,
        ..tollgate_simulator::Settings::default()
    });
    let dial = Arc::new(move || simulator.connect());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let connections = assemble::connections(config);
    let upstreams = Arc::new(Upstreams::new(connections, Some(dial), Arc::clone(&clock))?);
    let upstream = Arc::clone(&upstreams);
    let engine = Engine::new(Arc::clone(accounts), upstream, clock, seed()?);
    assemble::steer(&engine, config, assemble::routing(config));
    Ok((upstreams, Arc::new(engine)))
}

/// Where chance begins: gateways that start together must not wait and choose alike.
fn seed() -> Result<u64, Box<dyn Error>> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

async fn bind(listen: SocketAddr) -> Result<TcpListener, Box<dyn Error>> {
    TcpListener::bind(listen)
        .await
        .map_err(|error| format!("cannot listen on {listen}: {error}").into())
}

/// Writes the uses of keys every few seconds, and once more at the end.
async fn flush_uses(accounts: Arc<Accounts>, end: impl Future<Output = ()>) {
    let mut end = std::pin::pin!(end);
    let mut ticks = tokio::time::interval(USES_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let over = tokio::select! {
            _ = ticks.tick() => false,
            () = &mut end => true,
        };
        if let Err(error) = accounts.flush_uses().await {
            tracing::warn!(%error, "the uses of keys could not be written");
        }
        if over {
            return;
        }
    }
}
