//! Accepting connections, bounding them, and letting them end in peace.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn as server;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::conversation::Conversation;
use crate::dispatch;
use crate::gateway::Gateway;
use crate::opening::{self, Opening, Speaks};
use crate::outgoing::{self, Answer, Line};
use crate::refusal::Flaw;
use crate::socket::Socket;
use crate::stall::{Owned, Streams};

/// More headers than this are refused.
const MOST_HEADERS: usize = 100;
/// How long streams get to send their error event, and connections to close.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long what outlives requests may take at the end: calls of jobs that are noted, answers that
/// are kept, what is being made.
const LAST_WORK: Duration = Duration::from_secs(15);
/// How long to wait when the system cannot give us a connection (descriptors run out).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a connection without a request is kept. Proxies in front keep theirs for 60 s by
/// default, and have to be the first to close: what they send on a connection that is closing is
/// lost.
const IDLE: Duration = Duration::from_secs(75);
/// HTTP/2 may send heads this many times as long as they may be, so that what is too long gets a
/// proper answer.
const LONG_HEADS: usize = 4;
/// How many streams a client may have reset before it is taken for an attack (rapid reset).
const MOST_RESETS: usize = 64;
/// HTTP/2 pings a silent peer this often, and gives it as long to answer.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_ANSWER: Duration = Duration::from_secs(15);

/// Serves connections until `stop`, then lets requests under way end: new calls are refused with
/// `maintenance`, and what has not ended after the shutdown time ends in an error.
pub async fn serve(gateway: Arc<Gateway>, listener: TcpListener, stop: CancellationToken) {
    let connections = Connections {
        gateway: Arc::clone(&gateway),
        tasks: TaskTracker::new(),
        closing: CancellationToken::new(),
        slots: Arc::new(Semaphore::new(gateway.settings().max_connections)),
    };
    tokio::select! {
        () = connections.accept(&listener) => {}
        () = stop.cancelled() => {}
    }
    gateway.drain();
    let limit = gateway.settings().shutdown;
    tokio::select! {
        () = connections.accept(&listener) => {}
        () = gateway.idle() => {}
        () = tokio::time::sleep_until(Instant::now() + limit) => {}
    }
    drop(listener);
    gateway.cut_short();
    // Waiting in vain here has no consequence: whatever is left is closed with the process.
    _ = tokio::time::timeout(LAST_WORDS, gateway.idle()).await;
    connections.closing.cancel();
    connections.tasks.close();
    _ = tokio::time::timeout(LAST_WORDS, connections.tasks.wait()).await;
    gateway.tasks.close();
    if tokio::time::timeout(LAST_WORK, gateway.tasks.wait())
        .await
        .is_err()
    {
        let tasks = gateway.tasks.len();
        tracing::error!(tasks, "what requests have left to do is not done in time");
    }
}

struct Connections {
    gateway: Arc<Gateway>,
    tasks: TaskTracker,
    closing: CancellationToken,
    slots: Arc<Semaphore>,
}

impl Connections {
    async fn accept(&self, listener: &TcpListener) {
        loop {
            // The semaphore is never closed.
            let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let serving = connection(
                        Arc::clone(&self.gateway),
                        (stream, peer.ip()),
                        self.tasks.clone(),
                        self.closing.clone(),
                    );
                    self.tasks.spawn(async move {
                        serving.await;
                        drop(slot);
                    });
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections");
                    tokio::time::sleep_until(Instant::now() + ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// The connection failed before it was ours; the next one may be fine.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

async fn connection(
    gateway: Arc<Gateway>,
    (mut stream, peer): (TcpStream, IpAddr),
    tasks: TaskTracker,
    closing: CancellationToken,
) {
    let _open = Open::new(&gateway);
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let patience = gateway.settings().header_timeout;
    let spoken = tokio::select! {
        spoken = opening::listen(&mut stream, IDLE, patience) => spoken,
        () = closing.cancelled() => Ok(Speaks::Nothing),
    };
    let ended = match spoken {
        Ok(Speaks::Http2(opening)) => {
            Box::pin(http2(&gateway, (stream, peer), opening, tasks, closing)).await
        }
        Ok(Speaks::Http1(opening)) => http1(&gateway, (stream, peer), opening, closing).await,
        Ok(Speaks::Slowly(opening)) => {
            let socket = Socket::new(stream, Arc::clone(&gateway), opening);
            if let Err(error) = socket.refuse_for_time().await {
                tracing::debug!(%error, "a refusal was not read");
            }
            Ok(())
        }
        Ok(Speaks::Nothing) | Err(_) => Ok(()),
    };
    if let Err(error) = ended {
        // Mostly clients that went away; the request's record says what became of it.
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Counts a connection for as long as it is there, however it ends.
struct Open<'a>(&'a Gateway);

impl<'a> Open<'a> {
    fn new(gateway: &'a Gateway) -> Self {
        gateway.metrics.connections_open.inc();
        Self(gateway)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.metrics.connections_open.dec();
    }
}

async fn http1(
    gateway: &Arc<Gateway>,
    (stream, peer): (TcpStream, IpAddr),
    opening: Opening,
    closing: CancellationToken,
) -> hyper::Result<()> {
    let settings = Arc::clone(&gateway.settings());
    let conversation = Conversation::new(settings.header_limit);
    let socket =
        Socket::new(stream, Arc::clone(gateway), opening).http1(Arc::clone(&conversation), IDLE);
    let service = service_fn(move |request: Request<Incoming>| {
        let (parts, body) = request.into_parts();
        let (answering, ambiguous) = conversation.begin(&parts);
        let flaw = ambiguous.then_some(Flaw::TwoLengths);
        let line = Line::Http1 {
            _answering: answering,
        };
        answer(gateway, peer, (parts, body), flaw, line)
    });
    // The socket bounds heads and idle times, so the library has no timer here.
    let serving = server::http1::Builder::new()
        .header_read_timeout(None)
        .max_headers(MOST_HEADERS)
        .max_buf_size(settings.header_limit)
        .half_close(false)
        .serve_connection(TokioIo::new(socket), service);
    tokio::pin!(serving);
    // Waking up here makes requests under way see that their time is over.
    tokio::select! {
        ended = serving.as_mut() => return ended,
        () = gateway.cut.cancelled() => {}
    }
    tokio::select! {
        ended = serving.as_mut() => ended,
        () = closing.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    }
}

async fn http2(
    gateway: &Arc<Gateway>,
    (stream, peer): (TcpStream, IpAddr),
    opening: Opening,
    tasks: TaskTracker,
    closing: CancellationToken,
) -> hyper::Result<()> {
    let settings = Arc::clone(&gateway.settings());
    let socket = Socket::new(stream, Arc::clone(gateway), opening);
    let streams = Streams::new(tasks, settings.write_timeout);
    let limit = settings.header_limit;
    let service = service_fn(|request: Request<Incoming>| {
        let (parts, body) = request.into_parts();
        let flaw = is_too_large(&parts, limit).then_some(Flaw::LargeHead);
        let line = Line::Http2(streams.begin());
        answer(gateway, peer, (parts, body), flaw, line)
    });
    let most = limit.saturating_mul(LONG_HEADS);
    let serving = server::http2::Builder::new(Owned(Arc::clone(&streams)))
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.max_streams)
        .max_header_list_size(u32::try_from(most).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(MOST_RESETS)
        .max_local_error_reset_streams(MOST_RESETS)
        .max_send_buf_size(64 * 1024)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_ANSWER)
        .serve_connection(TokioIo::new(socket), service);
    tokio::pin!(serving);
    let mut seen = 0;
    let mut is_leaving = false;
    loop {
        tokio::select! {
            ended = serving.as_mut() => return ended,
            () = closing.cancelled() => break,
            () = tokio::time::sleep_until(Instant::now() + IDLE) => {}
        }
        if streams.was_idle_since(&mut seen) {
            if is_leaving {
                // It was told long ago, and stays.
                return Ok(());
            }
            is_leaving = true;
            serving.as_mut().graceful_shutdown();
        }
    }
    serving.as_mut().graceful_shutdown();
    serving.await
}

/// Whether a head is longer than HTTP/1.1 would let it be.
fn is_too_large(parts: &Parts, limit: usize) -> bool {
    const BETWEEN: usize = ": \r\n".len();
    let lines = parts.headers.iter();
    let size: usize = lines
        .map(|(name, value)| name.as_str().len() + value.len() + BETWEEN)
        .sum();
    let target = parts.uri.path_and_query().map_or(0, |it| it.as_str().len());
    parts.headers.len() > MOST_HEADERS || size + target > limit
}

/// Boxed, so that a connection holds no room for it between two requests.
type Answering = Pin<Box<dyn Future<Output = Result<Response<Answer>, Infallible>> + Send>>;

fn answer(
    gateway: &Arc<Gateway>,
    peer: IpAddr,
    (parts, body): (Parts, Incoming),
    flaw: Option<Flaw>,
    line: Line,
) -> Answering {
    let gateway = Arc::clone(gateway);
    Box::pin(async move {
        let is_head = parts.method == Method::HEAD;
        let mut response = dispatch::handle(gateway, peer, parts, body, flaw).await;
        if is_head {
            outgoing::without_body(&mut response);
        }
        Ok(response.map(|body| Answer::new(body, line)))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::testing;

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_what_requests_have_left_to_do_and_not_for_ever() {
        for (takes, expected) in [(LAST_WORK / 2, true), (LAST_WORK * 2, false)] {
            let gateway = testing::gateway().await;
            let is_done = Arc::new(AtomicBool::new(false));
            gateway.tasks.spawn({
                let is_done = Arc::clone(&is_done);
                async move {
                    tokio::time::sleep_until(Instant::now() + takes).await;
                    is_done.store(true, Ordering::Relaxed);
                }
            });
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let stop = CancellationToken::new();
            stop.cancel();
            serve(gateway, listener, stop).await;
            assert_eq!(is_done.load(Ordering::Relaxed), expected, "{takes:?}");
        }
    }
}
