//! Accepting connections, bounding them, and letting them end in peace.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::dispatch;
use crate::framing::Heads;
use crate::gateway::{Gateway, Settings};
use crate::socket::Socket;

/// More headers than this are refused.
const MOST_HEADERS: usize = 100;
/// How long streams get to send their error event, and connections to close.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long to wait when the system cannot give us a connection (descriptors run out).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
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
    gateway.cut.cancel();
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
    let settings = Arc::clone(&gateway.settings());
    let heads = Arc::new(Heads::default());
    let socket = Socket::new(stream, Arc::clone(&gateway), Arc::clone(&heads));
    let protocol = protocol(&settings, tasks);
    let service = service_fn(|request: http::Request<Incoming>| {
        let (gateway, heads) = (Arc::clone(&gateway), Arc::clone(&heads));
        async move { Ok::<_, Infallible>(dispatch::handle(gateway, &heads, request).await) }
    });
    let serving = protocol.serve_connection(TokioIo::new(socket), service);
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = closing.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        // Mostly clients that went away; the request's record says what became of it.
        tracing::debug!(error, "a connection ended early");
    }
    gateway.metrics.connections_open.dec();
}

/// Every bound on a connection in one place.
fn protocol(settings: &Settings, tasks: TaskTracker) -> auto::Builder<Owned> {
    let mut protocol = auto::Builder::new(Owned(tasks));
    protocol
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
        .max_headers(MOST_HEADERS)
        .max_buf_size(settings.header_limit)
        .half_close(false);
    protocol
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.max_streams)
        .max_header_list_size(u32::try_from(settings.header_limit).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(64)
        .max_send_buf_size(64 * 1024)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_ANSWER);
    protocol
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
