//! What all connections share: the engine, the settings, the figures and the log.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tollgate_core::address::AddressRange;
use tollgate_core::error::dialect::Dialect;
use tollgate_core::limit::RateLimits;
use tollgate_core::secret::Secret;
use tollgate_core::time::Timestamp;
use tollgate_engine::engine::Engine;

use crate::access_log::AccessLog;
use crate::log_buffer::LogBuffer;
use crate::metrics::Metrics;
use crate::request_id::RequestIds;

/// What the HTTP face needs to be told. Bounds on connections hold for those that come after a
/// change; `listen` and `max_connections` are read once.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The most bytes of a request body, after decoding.
    pub body_limit: usize,
    /// Where callers find this gateway, without a slash at the end; used in links.
    pub public_url: Box<str>,
    /// The dialect of routes that have none of their own.
    pub dialect: Dialect,
    /// The most connections at once; further ones wait in the listener's queue.
    pub max_connections: usize,
    /// The longest time until the head of a request is there.
    pub header_timeout: Duration,
    /// The most bytes of a request's head.
    pub header_limit: usize,
    /// The longest time until the body of a request is there.
    pub body_timeout: Duration,
    /// The longest time that a client may not read anything of what is sent to it.
    pub write_timeout: Duration,
    /// The silence in a stream after which a comment is sent.
    pub keep_alive: Duration,
    /// How long requests under way may take to end when the process is asked to stop.
    pub shutdown: Duration,
    /// The most requests at once on one HTTP/2 connection.
    pub max_streams: u32,
    /// Proxies that are believed about where requests come from.
    pub trusted_proxies: Box<[AddressRange]>,
    /// Signs the webhook that adds credits; without it there is no such route.
    pub webhook_secret: Option<Secret>,
    /// What single surfaces need beside the models.
    pub surfaces: Surfaces,
}

/// What single surfaces need beside the models.
#[derive(Clone, Debug, Default)]
pub struct Surfaces {
    /// The model of requests that name none, where that is allowed.
    pub default_model: Option<Box<str>>,
    /// Words of callers of the simple chat, and the models that they stand for.
    pub hints: Box<[(Box<str>, Box<str>)]>,
    /// How fast requests of one key, and of one address, may come to the simple chat.
    pub simple_limits: RateLimits,
}

/// Where lines go.
pub struct Logs {
    /// One line per request.
    pub requests: AccessLog,
    /// Everything else; here for the count of lines that were dropped.
    pub diagnostics: Arc<LogBuffer>,
}

/// The gateway as its connections see it.
pub struct Gateway {
    pub(crate) engine: Arc<Engine>,
    settings: ArcSwap<Settings>,
    pub(crate) metrics: Metrics,
    pub(crate) log: AccessLog,
    pub(crate) ids: RequestIds,
    /// Owns what must outlive a single answer.
    pub(crate) tasks: TaskTracker,
    /// When this face was made, as the age of its models.
    pub(crate) began: Timestamp,
    draining: AtomicBool,
    /// Told when a request ends while draining.
    ended: Notify,
    /// Cancelled when requests under way have had their time: streams end in an error event.
    pub(crate) cut: CancellationToken,
    /// The same as a flag, for those who look often.
    is_cut: AtomicBool,
}

impl Gateway {
    /// Puts the face on an engine.
    pub fn new(engine: Arc<Engine>, settings: Settings, logs: Logs) -> Arc<Self> {
        Arc::new(Self {
            began: engine.clock().now(),
            ended: Notify::new(),
            metrics: Metrics::new(Arc::clone(&engine), &logs),
            engine,
            settings: ArcSwap::from_pointee(settings),
            log: logs.requests,
            ids: RequestIds::new(),
            tasks: TaskTracker::new(),
            draining: AtomicBool::new(false),
            cut: CancellationToken::new(),
            is_cut: AtomicBool::new(false),
        })
    }

    /// The settings as they are now.
    pub fn settings(&self) -> Guard<Arc<Settings>> {
        self.settings.load()
    }

    /// Replaces the settings.
    pub fn set_settings(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// A request has come to its end.
    pub(crate) fn note_end(&self) {
        if self.is_draining() {
            self.ended.notify_waiters();
        }
    }

    /// Resolves when no request is under way. Meant for the time after [`Gateway::drain`].
    pub(crate) async fn idle(&self) {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            // Enabled before the count is read, so that an end between the two is not missed.
            ended.as_mut().enable();
            if self.metrics.requests_open.get() <= 0 {
                return;
            }
            ended.await;
        }
    }

    /// Requests under way have had their time.
    pub(crate) fn cut_short(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
        self.cut.cancel();
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Relaxed)
    }

    /// From now on new calls are told that the gateway is going away.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}
