//! Accepting connections, bounding them, and letting them end in peace.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn as server;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::dispatch;
use crate::framing::Heads;
use crate::gateway::Gateway;
use crate::outgoing::Outgoing;
use crate::socket::Socket;

/// More headers than this are refused.
const MOST_HEADERS: usize = 100;
/// How long streams get to send their error event, and connections to close.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long to wait when the system cannot give us a connection (descriptors run out).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
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
                Ok((stream, _)) => {
                    let serving = connection(
                        Arc::clone(&self.gateway),
                        stream,
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
    stream: TcpStream,
    tasks: TaskTracker,
    closing: CancellationToken,
) {
    gateway.metrics.connections_open.inc();
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let patience = gateway.settings().header_timeout;
    let spoken = tokio::select! {
        spoken = tokio::time::timeout(patience, speaks_http2(&stream)) => spoken,
        () = closing.cancelled() => Ok(Ok(None)),
    };
    let ended = match spoken {
        Ok(Ok(Some(true))) => Box::pin(http2(&gateway, stream, tasks, closing)).await,
        Ok(Ok(Some(false))) => http1(&gateway, stream, closing).await,
        // It sent nothing, or went away.
        Ok(Ok(None) | Err(_)) | Err(_) => Ok(()),
    };
    if let Err(error) = ended {
        // Mostly clients that went away; the request's record says what became of it.
        tracing::debug!(%error, "a connection ended early");
    }
    gateway.metrics.connections_open.dec();
}

/// Whether the client begins with the preface of HTTP/2 (RFC 9113, section 3.4), which no request
/// of HTTP/1.1 begins with. `None` when it leaves without a word.
async fn speaks_http2(stream: &TcpStream) -> io::Result<Option<bool>> {
    let mut beginning = [0; 4];
    let count = stream.peek(&mut beginning).await?;
    Ok((count > 0).then_some(beginning == *b"PRI "))
}

async fn http1(
    gateway: &Arc<Gateway>,
    stream: TcpStream,
    closing: CancellationToken,
) -> hyper::Result<()> {
    let heads = Heads::shared();
    let settings = Arc::clone(&gateway.settings());
    let socket = Socket::new(stream, Arc::clone(gateway), Some(Arc::clone(&heads)));
    let service = service_fn(move |request| answer(gateway, Some(&heads), request));
    let serving = server::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
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
    stream: TcpStream,
    tasks: TaskTracker,
    closing: CancellationToken,
) -> hyper::Result<()> {
    let settings = Arc::clone(&gateway.settings());
    let socket = Socket::new(stream, Arc::clone(gateway), None);
    let gateway = Arc::clone(gateway);
    let service = service_fn(move |request| answer(&gateway, None, request));
    let serving = server::http2::Builder::new(Owned(tasks))
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.max_streams)
        .max_header_list_size(u32::try_from(settings.header_limit).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(MOST_RESETS)
        .max_local_error_reset_streams(MOST_RESETS)
        .max_send_buf_size(64 * 1024)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_ANSWER)
        .serve_connection(TokioIo::new(socket), service);
    tokio::pin!(serving);
    tokio::select! {
        ended = serving.as_mut() => ended,
        () = closing.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    }
}

/// Boxed, so that a connection holds no room for it between two requests.
type Answering = Pin<Box<dyn Future<Output = Result<Response<Outgoing>, Infallible>> + Send>>;

fn answer(
    gateway: &Arc<Gateway>,
    heads: Option<&Arc<Heads>>,
    request: Request<Incoming>,
) -> Answering {
    let (parts, body) = request.into_parts();
    let is_ambiguous = heads.is_some_and(|heads| heads.is_ambiguous(&parts));
    let gateway = Arc::clone(gateway);
    Box::pin(async move { Ok(dispatch::handle(gateway, parts, body, is_ambiguous).await) })
}

/// Runs the tasks of HTTP/2 connections where they are counted.
#[derive(Clone)]
struct Owned(TaskTracker);

impl<F> Executor<F> for Owned
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, task: F) {
        self.0.spawn(task);
    }
}
