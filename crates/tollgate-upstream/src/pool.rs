//! The open connections to one place.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::response::Parts;
use http::{Request, Response, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::task::TaskTracker;

use crate::body::RequestBody;
use crate::dial::Dialer;
use crate::fault::{Broken, Fault};
use crate::io::Io;
use crate::lane::{Drained, Http1, Http2, Inflow, Lane, Sent, Taken};
use crate::progress::Progress;
use crate::settings::HttpVersion;

/// How long a connection waits for its next call.
const IDLE: Duration = Duration::from_secs(90);
/// How often waiting connections are looked at.
const SWEEP: Duration = Duration::from_secs(15);
/// How many connections wait at most.
const MOST_IDLE: usize = 1024;
/// How many waiting connections may turn out to be dead before a new one is made.
const STALE: usize = 3;
/// How many exchanges share an HTTP/2 connection at most, whatever the provider would allow.
const MOST_SHARED: usize = 256;
/// How many share one before the provider has said how many it allows.
const FIRST_SHARED: usize = 100;
/// What one HTTP/2 exchange may have unread. The connection's window holds it for all exchanges,
/// so that callers who read slowly cannot hold up the others.
const STREAM_WINDOW: u32 = 64 * 1024;

/// Open connections to one place, and how to make more.
pub(crate) struct Pool {
    dialer: Dialer,
    http: HttpVersion,
    tasks: TaskTracker,
    idle: Mutex<IdleList>,
    shared: Mutex<Vec<Shared>>,
    /// Held while a connection is made that may turn out to be shared.
    dialing: tokio::sync::Mutex<()>,
    /// Whether TLS has shown that this place speaks HTTP/1.1.
    agreed_http1: AtomicBool,
}

#[derive(Default)]
struct IdleList {
    /// The longest waiting first.
    waiting: Vec<Idle>,
    is_swept: bool,
}

struct Idle {
    http1: Box<Http1>,
    /// The body of the last answer, when its end has not been read yet.
    rest: Option<Incoming>,
    since: Instant,
}

struct Shared {
    sender: http2::SendRequest<RequestBody>,
    taken: Arc<AtomicUsize>,
    /// How many exchanges the provider allows at the moment, by our bound at most.
    allowed: Arc<AtomicUsize>,
}

/// Something that can be asked for a request, once for each connection that is tried.
pub(crate) trait Requests {
    /// Writes the request for this version of HTTP.
    fn request(&self, version: Version) -> Request<RequestBody>;
    /// Notes how far it is on its way.
    fn note(&mut self, progress: Progress);
}

impl Pool {
    pub(crate) fn new(dialer: Dialer, http: HttpVersion, tasks: TaskTracker) -> Self {
        Self {
            dialer,
            http,
            tasks,
            idle: Mutex::default(),
            shared: Mutex::default(),
            dialing: tokio::sync::Mutex::new(()),
            agreed_http1: AtomicBool::new(false),
        }
    }

    /// Sends a request over a waiting connection or a new one, and waits for the head of the
    /// answer. A waiting connection that has died is replaced when nothing was sent on it.
    pub(crate) async fn send(
        self: &Arc<Self>,
        requests: &mut impl Requests,
        connect: Duration,
    ) -> Result<(Parts, Inflow), Broken> {
        for _ in 0..STALE {
            let Some(mut lane) = self.waiting_lane().await else {
                break;
            };
            match attempt(&mut lane, requests).await {
                Ok(answer) => return Ok(self.begun(answer, lane)),
                Err(refused) if refused.message().is_some() => {}
                Err(refused) => return Err(Broken::before_answer(refused.into_error())),
            }
        }
        // Large, and done with long before the answer: boxed, so that whoever waits for one does
        // not carry room for it.
        let mut lane = Box::pin(self.new_lane(connect)).await?;
        match attempt(&mut lane, requests).await {
            Ok(answer) => Ok(self.begun(answer, lane)),
            Err(refused) => Err(Broken::before_answer(refused.into_error())),
        }
    }

    fn begun(self: &Arc<Self>, answer: Response<Incoming>, lane: Lane) -> (Parts, Inflow) {
        let (parts, body) = answer.into_parts();
        (parts, Inflow::new(body, lane, self.clone()))
    }

    /// Makes a connection, unless another call has just made one that both can use.
    async fn new_lane(&self, connect: Duration) -> Result<Lane, Broken> {
        let until = Instant::now() + connect;
        if !self.may_share() {
            return self.dial(until).await;
        }
        let turn = timeout_at(until, self.dialing.lock())
            .await
            .map_err(|elapsed| Broken::because(Fault::ConnectTimeout, elapsed))?;
        if let Some(http2) = self.shared_lane() {
            return Ok(Lane::Two(http2));
        }
        if !self.may_share() {
            drop(turn);
        }
        self.dial(until).await
    }

    /// Whether a connection may turn out to speak HTTP/2.
    fn may_share(&self) -> bool {
        match self.http {
            HttpVersion::Http1 => false,
            HttpVersion::Http2 => true,
            HttpVersion::Auto => {
                self.dialer.is_encrypted() && !self.agreed_http1.load(Ordering::Relaxed)
            }
        }
    }

    async fn waiting_lane(&self) -> Option<Lane> {
        if let Some(http2) = self.shared_lane() {
            return Some(Lane::Two(http2));
        }
        std::future::poll_fn(|cx| Poll::Ready(self.take_idle(cx)))
            .await
            .map(Lane::One)
    }

    fn shared_lane(&self) -> Option<Http2> {
        let mut shared = lock(&self.shared);
        if shared.is_empty() {
            return None;
        }
        shared.retain(|shared| !shared.sender.is_closed());
        let free = shared.iter().find(|shared| {
            shared.taken.load(Ordering::Relaxed) < shared.allowed.load(Ordering::Relaxed)
        })?;
        Some(Http2 {
            sender: free.sender.clone(),
            taken: Taken::new(&free.taken),
        })
    }

    /// Takes the connection that has waited least: the others may time out in peace.
    fn take_idle(&self, cx: &mut Context<'_>) -> Option<Box<Http1>> {
        let mut not_yet = Vec::new();
        let found = loop {
            let Some(mut idle) = lock(&self.idle).waiting.pop() else {
                break None;
            };
            match idle.look(cx) {
                Look::Ready => break Some(idle.http1),
                Look::NotYet => not_yet.push(idle),
                Look::Dead => {}
            }
        };
        if !not_yet.is_empty() {
            lock(&self.idle).waiting.extend(not_yet.into_iter().rev());
        }
        found
    }

    async fn dial(&self, until: Instant) -> Result<Lane, Broken> {
        let dialed = self.dialer.dial(until).await?;
        let is_http2 = match self.http {
            HttpVersion::Http1 => false,
            HttpVersion::Auto => dialed.agreed_http2,
            HttpVersion::Http2 if self.dialer.is_encrypted() && !dialed.agreed_http2 => {
                return Err(Broken::because(Fault::Tls, "the provider offers no HTTP/2"));
            }
            HttpVersion::Http2 => true,
        };
        if is_http2 {
            return self.begin_http2(dialed.io).await.map(Lane::Two);
        }
        self.agreed_http1.store(true, Ordering::Relaxed);
        Http1::new(dialed.io)
            .await
            .map(|http1| Lane::One(Box::new(http1)))
    }

    async fn begin_http2(&self, io: Io) -> Result<Http2, Broken> {
        let (sender, mut driver) = http2::Builder::new(Tasks(self.tasks.clone()))
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(STREAM_WINDOW * MOST_SHARED as u32)
            .max_header_list_size(64 * 1024)
            // Notices a peer that is gone without a word while a model thinks.
            .keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(10))
            .handshake(TokioIo::new(io))
            .await
            .map_err(Broken::before_answer)?;
        // Until the provider says how many it allows.
        let allowed = Arc::new(AtomicUsize::new(FIRST_SHARED));
        let noted = allowed.clone();
        self.tasks.spawn(async move {
            let ended = std::future::poll_fn(|cx| {
                let ended = Pin::new(&mut driver).poll(cx);
                let most = driver.current_max_send_streams().clamp(1, MOST_SHARED);
                noted.store(most, Ordering::Relaxed);
                ended
            });
            if let Err(problem) = ended.await {
                tracing::debug!(%problem, "an HTTP/2 connection to a provider broke");
            }
        });
        let taken = Arc::new(AtomicUsize::new(0));
        let http2 = Http2 {
            sender: sender.clone(),
            taken: Taken::new(&taken),
        };
        lock(&self.shared).push(Shared {
            sender,
            taken,
            allowed,
        });
        Ok(http2)
    }

    /// Takes back a connection whose exchange is over, or has only the end of its body left.
    pub(crate) fn put(pool: &Arc<Self>, http1: Box<Http1>, rest: Option<Incoming>) {
        let since = Instant::now();
        let mut idle = Idle { http1, rest, since };
        // Nobody waits for it, so nobody is woken for it; one that is of no use is closed now.
        if idle.look(&mut Context::from_waker(Waker::noop())) == Look::Dead {
            return;
        }
        let mut list = lock(&pool.idle);
        if list.waiting.len() >= MOST_IDLE {
            return;
        }
        list.waiting.push(idle);
        if !std::mem::replace(&mut list.is_swept, true) {
            drop(list);
            pool.tasks.spawn(sweep(Arc::downgrade(pool)));
        }
    }

    /// Closes connections that died or waited too long. Says whether any is left.
    fn sweep(&self) -> bool {
        let waiting = std::mem::take(&mut lock(&self.idle).waiting);
        // Nobody waits for these connections, so nobody is woken for them.
        let mut cx = Context::from_waker(Waker::noop());
        let mut kept: Vec<Idle> = waiting
            .into_iter()
            .filter_map(|mut idle| (idle.look(&mut cx) != Look::Dead).then_some(idle))
            .collect();
        lock(&self.shared).retain(|shared| !shared.sender.is_closed());
        let mut list = lock(&self.idle);
        kept.append(&mut list.waiting);
        list.is_swept = !kept.is_empty();
        list.waiting = kept;
        list.is_swept
    }
}

/// Sends a request over a connection. One that comes back was not sent.
async fn attempt(lane: &mut Lane, requests: &mut impl Requests) -> Sent {
    let request = requests.request(lane.version());
    let length = request.body().size_hint().exact();
    requests.note(lane.begin(length.unwrap_or_default()));
    let sent = lane.exchange(request).await;
    if let Err(refused) = &sent
        && refused.message().is_some()
    {
        requests.note(Progress::Waiting);
    }
    sent
}

async fn sweep(pool: Weak<Pool>) {
    loop {
        sleep_until(Instant::now() + SWEEP).await;
        let Some(pool) = pool.upgrade() else { return };
        if !pool.sweep() {
            return;
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Ready,
    NotYet,
    Dead,
}

impl Idle {
    /// Looks whether the connection can be used.
    fn look(&mut self, cx: &mut Context<'_>) -> Look {
        if self.since.elapsed() > IDLE {
            return Look::Dead;
        }
        if let Some(rest) = &mut self.rest {
            match self.http1.drain(rest, cx) {
                Drained::Whole => self.rest = None,
                Drained::NotYet => return Look::NotYet,
                Drained::Broken => return Look::Dead,
            }
        }
        if self.http1.is_ready(cx) {
            Look::Ready
        } else {
            Look::Dead
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that panics runs under these locks, and what they hold is valid at every moment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs what HTTP/2 needs beside the exchanges, as tasks with an owner.
#[derive(Clone)]
struct Tasks(TaskTracker);

impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        drop(self.0.spawn(future));
    }
}
