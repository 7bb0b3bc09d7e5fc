//! The simulator itself: settings, connections, and how a request gets its answer.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::anthropic::cache::Caches;
use crate::connection::{close, converse};
use crate::control;
use crate::draft::{Draft, Hangup};
use crate::family;
use crate::fault::{self, Fault, MODEL_PREFIX, MOST_FAULTS, Scene};
use crate::record::{Entry, Received, Records, Stats};
use crate::request::Request;
use crate::script::{Rule, Script, ScriptProblem};

/// What a simulator needs to be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The same seed answers the same requests with the same bytes.
    pub seed: u64,
    /// How many requests are remembered; the oldest are forgotten first.
    pub keep_requests: usize,
    /// How many connections may be open; more of them wait.
    pub most_connections: usize,
    /// How long a connection may stay without a request.
    pub longest_idle: Duration,
    /// How long one answer may take, its silences included.
    pub longest_answer: Duration,
    /// The only API key that is accepted; `None` accepts any, and none.
    pub api_key: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 0,
            keep_requests: 10_000,
            most_connections: 20_000,
            longest_idle: Duration::from_mins(10),
            longest_answer: Duration::from_mins(15),
            api_key: None,
        }
    }
}

/// A simulated provider. Clones are the same one.
#[derive(Clone)]
pub struct Simulator {
    shared: Arc<Shared>,
}

impl Simulator {
    /// A simulator without a script. Nothing happens until it is given connections.
    pub fn new(settings: Settings) -> Self {
        Self {
            shared: Arc::new(Shared {
                records: Arc::new(Records::new(settings.keep_requests)),
                script: Mutex::default(),
                caches: Caches::default(),
                requests: AtomicU64::new(0),
                connections: AtomicU64::new(0),
                permits: Arc::new(Semaphore::new(
                    settings.most_connections.min(Semaphore::MAX_PERMITS),
                )),
                tasks: TaskTracker::new(),
                stop: CancellationToken::new(),
                settings,
            }),
        }
    }

    /// Serves connections of a TCP port until told to shut down; then waits for the tasks of its
    /// connections, which end at once. Fails when the port's address cannot be read.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: CancellationToken,
    ) -> io::Result<()> {
        listener.local_addr()?;
        let connections = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                () = self.shared.stop.cancelled() => break,
                accepted = self.shared.accept(&listener) => accepted,
            };
            match accepted {
                Ok((stream, permit)) => {
                    let serving = self.clone().serve_tcp(stream, permit, shutdown.clone());
                    connections.spawn(serving);
                }
                // Out of descriptors, most often: there will be some again when others close.
                Err(_) => sleep_until(Instant::now() + ACCEPT_AGAIN).await,
            }
        }
        connections.close();
        connections.wait().await;
        Ok(())
    }

    /// Serves one connection until it ends. Where a fault asks for a reset, the transport is
    /// dropped without an orderly end.
    pub async fn connection(&self, io: impl AsyncRead + AsyncWrite + Unpin) {
        let connection = self.shared.begin_connection();
        if self.shared.refusal().is_none() {
            drop(converse(&self.shared, io, connection.number).await);
        }
    }

    /// Opens a connection inside the process and serves it. Must be called within a runtime.
    /// When too many connections are open, the new one is at its end already.
    pub fn connect(&self) -> DuplexStream {
        let (ours, theirs) = duplex(PIPE);
        if let Ok(permit) = self.shared.permits.clone().try_acquire_owned() {
            let simulator = self.clone();
            self.shared.tasks.spawn(async move {
                tokio::select! {
                    () = simulator.shared.stop.cancelled() => {}
                    () = simulator.connection(ours) => {}
                }
                drop(permit);
            });
        }
        theirs
    }

    /// Ends all connections, of `connect` and of `serve`, and waits until their tasks are gone.
    pub async fn stop(&self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    /// Adds a rule after those that there are; fails when there are too many.
    pub fn script(&self, rule: Rule) -> Result<(), ScriptProblem> {
        self.shared.change_script(|script| script.push(rule))
    }

    /// Puts a script in the place of the one there is.
    pub fn set_script(&self, script: Script) {
        self.shared.change_script(|present| *present = script);
    }

    /// The rules as they stand, with what they have counted.
    pub fn rules(&self) -> Vec<Rule> {
        self.shared.change_script(|script| script.rules().to_vec())
    }

    /// The requests that are remembered, the oldest first.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.records.requests()
    }

    /// Forgets the requests; the counts stay.
    pub fn forget_requests(&self) {
        self.shared.records.forget();
    }

    /// The counts as they stand.
    pub fn stats(&self) -> Stats {
        *self.shared.records.stats().borrow()
    }

    /// Waits until the counts are as wanted, and returns them; fails with the counts as they
    /// stand when that takes longer than it may.
    pub async fn wait_for(
        &self,
        mut wanted: impl FnMut(&Stats) -> bool,
        longest: Duration,
    ) -> Result<Stats, NotReached> {
        let mut stats = self.shared.records.stats();
        let reached = timeout(longest, stats.wait_for(|stats| wanted(stats))).await;
        match reached {
            Ok(Ok(reached)) => Ok(*reached),
            Ok(Err(_)) | Err(_) => Err(NotReached {
                stats: self.stats(),
            }),
        }
    }

    async fn serve_tcp(
        self,
        stream: TcpStream,
        permit: OwnedSemaphorePermit,
        shutdown: CancellationToken,
    ) {
        let shared = &self.shared;
        let connection = shared.begin_connection();
        // Faults are about single writes; they may not wait for each other. Where the option
        // cannot be set, the connection is gone already.
        drop(stream.set_nodelay(true));
        let conversation = async {
            match shared.refusal() {
                Some(Hangup::Close) => {
                    let (mut reading, mut writing) = stream.into_split();
                    close(&mut reading, &mut writing).await;
                    None
                }
                Some(Hangup::Reset) => Some((stream, Hangup::Reset)),
                None => Some(converse(shared, stream, connection.number).await),
            }
        };
        let ended = tokio::select! {
            () = shutdown.cancelled() => None,
            () = shared.stop.cancelled() => None,
            ended = conversation => ended,
        };
        if let Some((stream, Hangup::Reset)) = ended {
            drop(stream.set_zero_linger());
        }
        drop(permit);
    }
}

/// The counts did not become what was waited for.
#[derive(Debug, Error)]
#[error("waited too long; the counts are {stats:?}")]
pub struct NotReached {
    /// The counts when the wait ended.
    pub stats: Stats,
}

/// How much may be on its way in a connection inside the process.
const PIPE: usize = 64 * 1024;
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// What all connections of a simulator share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) records: Arc<Records>,
    script: Mutex<Script>,
    caches: Caches,
    requests: AtomicU64,
    connections: AtomicU64,
    permits: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Shared {
    /// Decides what a request is answered with. Requests to the control address are not recorded.
    pub(crate) fn plan(&self, request: &mut Request, connection: u64) -> (Draft, Option<Entry>) {
        if request.path.starts_with(control::PREFIX) {
            return (control::answer(self, request), None);
        }
        request.number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let entry = self.records.begin(request, connection);
        let scene = Scene::of(request, self.settings.seed);
        let (draft, faults) = match self.faults(request) {
            Ok(faults) => (self.answer(request, &faults, &scene), faults),
            Err(problem) => {
                let message = format!("the simulator cannot do this: {problem}");
                let refusal = family::refusal(request.family, &message);
                (family::draft(&refusal, &scene), Vec::new())
            }
        };
        let spelled = faults.iter().map(Fault::spelling).collect();
        entry.plan(request.model().to_owned(), spelled);
        (draft, Some(entry))
    }

    fn answer(&self, request: &Request, faults: &[Fault], scene: &Scene) -> Draft {
        let mut draft = match &self.settings.api_key {
            Some(key) if !family::has_key(request, key) => {
                return family::draft(&family::wrong_key(request.family), scene);
            }
            _ => family::answer(request, self.settings.seed, &self.caches),
        };
        fault::apply(&mut draft, faults, scene);
        draft.settle();
        draft
    }

    /// The faults that the script, the model name and the headers ask for.
    fn faults(&self, request: &Request) -> Result<Vec<Fault>, ScriptProblem> {
        let seed = self.settings.seed;
        let mut faults = self.change_script(|script| script.take(request, seed));
        let mut asked = Vec::new();
        if let Some(text) = request.model().strip_prefix(MODEL_PREFIX) {
            asked.extend(Fault::parse(text)?);
        }
        if let Some(text) = request.header("x-sim-fault") {
            asked.extend(Fault::parse(text)?);
        }
        if let Some(time) = request.header("x-sim-delay-ms") {
            asked.push(Fault::named("delay-head")?.with("ms", time)?);
        }
        if let Some(fault) = asked.iter().find(|fault| fault.row.is_on_accept()) {
            return Err(ScriptProblem::OnlyInScript {
                fault: fault.row.name,
            });
        }
        faults.extend(asked);
        if faults.len() > MOST_FAULTS {
            return Err(ScriptProblem::TooManyFaults { most: MOST_FAULTS });
        }
        Ok(faults)
    }

    /// Reads or changes the script.
    pub(crate) fn change_script<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.script.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn accept(
        &self,
        listener: &TcpListener,
    ) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
        let permit = self
            .permits
            .clone()
            .acquire_owned()
            .await
            .map_err(io::Error::other)?;
        let (stream, _) = listener.accept().await?;
        Ok((stream, permit))
    }

    fn begin_connection(self: &Arc<Self>) -> Connection {
        self.records.count(|stats| {
            stats.connections += 1;
            stats.open_connections += 1;
        });
        let number = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
        Connection {
            number,
            shared: self.clone(),
        }
    }

    /// How a connection that was just accepted is to end at once, if it is.
    fn refusal(&self) -> Option<Hangup> {
        let seed = self.settings.seed;
        let faults = self.change_script(|script| script.take_on_accept(seed));
        let fault = faults.iter().find(|fault| fault.row.is_on_accept())?;
        Some(if fault.word("how") == "rst" {
            Hangup::Reset
        } else {
            Hangup::Close
        })
    }
}

/// A connection that is counted as open.
struct Connection {
    number: u64,
    shared: Arc<Shared>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared
            .records
            .count(|stats| stats.open_connections -= 1);
    }
}
