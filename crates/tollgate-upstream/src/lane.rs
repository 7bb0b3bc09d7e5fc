//! One exchange over one connection.
//!
//! An HTTP/1.1 connection is driven by whoever uses it, inside the same task: no task of its own,
//! no channel between two threads, and dropping the exchange closes the socket at once. HTTP/2
//! carries many exchanges, so its connection has a task.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body::{Body as _, Frame};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::TokioIo;

use crate::body::RequestBody;
use crate::fault::{Broken, Fault};
use crate::io::Io;
use crate::pool::Pool;
use crate::progress::{Counted, Progress, Tally};

/// What comes of sending a request.
pub(crate) type Sent = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>;

/// What drives an HTTP/1.1 connection.
type Driver = http1::Connection<TokioIo<Counted>, RequestBody>;

/// The most that a connection buffers of a head, or reads at once.
const BUFFER: usize = 64 * 1024;

/// A way to send one request.
pub(crate) enum Lane {
    /// A whole HTTP/1.1 connection.
    One(Box<Http1>),
    /// A place on an HTTP/2 connection.
    Two(Http2),
}

impl Lane {
    /// The version that requests must be written for.
    pub(crate) fn version(&self) -> Version {
        match self {
            Self::One(_) => Version::HTTP_11,
            Self::Two(_) => Version::HTTP_2,
        }
    }

    /// How far a request with a body of this length will have got that is sent next.
    pub(crate) fn begin(&self, length: u64) -> Progress {
        match self {
            Self::One(http1) => Progress::begin(&http1.tally, length),
            Self::Two(_) => Progress::Given,
        }
    }

    /// Sends a request and waits for the head of the answer.
    pub(crate) async fn exchange(&mut self, request: Request<RequestBody>) -> Sent {
        match self {
            Self::One(http1) => http1.exchange(request).await,
            Self::Two(http2) => http2.sender.try_send_request(request).await,
        }
    }
}

/// An HTTP/1.1 connection with the future that drives it.
pub(crate) struct Http1 {
    sender: http1::SendRequest<RequestBody>,
    /// `None` when the connection is over.
    driver: Option<Driver>,
    tally: Tally,
}

impl Http1 {
    /// Begins to speak HTTP/1.1.
    pub(crate) async fn new(io: Io) -> Result<Self, Broken> {
        let tally = Tally::default();
        let (sender, driver) = http1::Builder::new()
            .max_buf_size(BUFFER)
            .handshake(TokioIo::new(Counted::new(io, tally.clone())))
            .await
            .map_err(Broken::before_answer)?;
        Ok(Self {
            sender,
            driver: Some(driver),
            tally,
        })
    }

    async fn exchange(&mut self, request: Request<RequestBody>) -> Sent {
        let Self { sender, driver, .. } = self;
        let answer = sender.try_send_request(request);
        tokio::pin!(answer);
        std::future::poll_fn(|cx| {
            drive(driver, cx);
            answer.as_mut().poll(cx)
        })
        .await
    }

    /// Reads the next frame of an answer.
    fn poll_frame(
        &mut self,
        body: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        // Only the driver below can make the body ready, so the body needs no waker; with one,
        // each chunk would wake this task a second time.
        let mut unwoken = Context::from_waker(Waker::noop());
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(&mut unwoken) {
            return Poll::Ready(checked(frame));
        }
        drive(&mut self.driver, cx);
        match Pin::new(body).poll_frame(&mut unwoken) {
            Poll::Ready(frame) => Poll::Ready(checked(frame)),
            Poll::Pending if self.driver.is_none() => {
                Poll::Ready(Some(Err(Fault::ClosedInAnswer.into())))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Whether the connection can take another request now.
    pub(crate) fn is_ready(&mut self, cx: &mut Context<'_>) -> bool {
        drive(&mut self.driver, cx);
        self.driver.is_some() && self.sender.is_ready()
    }

    /// Reads what is left behind the end of a stream, as far as it is there.
    pub(crate) fn drain(&mut self, rest: &mut Incoming, cx: &mut Context<'_>) -> Drained {
        const MOST: usize = 16 * 1024;
        let mut seen = 0;
        loop {
            match self.poll_frame(rest, cx) {
                Poll::Ready(None) => return Drained::Whole,
                Poll::Ready(Some(Ok(frame))) => {
                    seen += frame.data_ref().map_or(0, Bytes::len);
                    if seen > MOST {
                        return Drained::Broken;
                    }
                }
                Poll::Ready(Some(Err(_))) => return Drained::Broken,
                Poll::Pending => return Drained::NotYet,
            }
        }
    }
}

fn checked(
    frame: Option<Result<Frame<Bytes>, hyper::Error>>,
) -> Option<Result<Frame<Bytes>, Broken>> {
    frame.map(|frame| frame.map_err(Broken::in_answer))
}

/// What was found behind the end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drained {
    /// The end of the body: the connection can go on.
    Whole,
    /// Nothing yet.
    NotYet,
    /// Too much, or a connection that broke.
    Broken,
}

fn drive(driver: &mut Option<Driver>, cx: &mut Context<'_>) {
    // How a connection ended is told to whoever waits for the answer or its body.
    if let Some(connection) = driver
        && Pin::new(connection).poll(cx).is_ready()
    {
        *driver = None;
    }
}

/// A place on an HTTP/2 connection, counted as long as it is taken.
pub(crate) struct Http2 {
    pub(crate) sender: http2::SendRequest<RequestBody>,
    pub(crate) taken: Taken,
}

/// Counts one exchange of a connection until it is dropped.
pub(crate) struct Taken(Arc<AtomicUsize>);

impl Taken {
    /// Counts one more.
    pub(crate) fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count.clone())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of an answer, with the connection that brings it. Dropping it ends the exchange:
/// HTTP/1.1 closes the connection, HTTP/2 resets the stream.
pub(crate) struct Inflow {
    body: Incoming,
    lane: Lane,
    pool: Arc<Pool>,
}

impl Inflow {
    pub(crate) fn new(body: Incoming, lane: Lane, pool: Arc<Pool>) -> Self {
        Self { body, lane, pool }
    }

    /// Reads what has come. One result is what one read of the connection brought.
    pub(crate) fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Broken>>> {
        loop {
            let frame = match &mut self.lane {
                Lane::One(http1) => http1.poll_frame(&mut self.body, cx),
                Lane::Two(_) => Pin::new(&mut self.body).poll_frame(cx).map(checked),
            };
            match frame {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(broken))) => return Poll::Ready(Some(Err(broken))),
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers say nothing that is relayed.
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
            }
        }
    }

    /// Waits for what comes next.
    pub(crate) async fn data(&mut self) -> Option<Result<Bytes, Broken>> {
        std::future::poll_fn(|cx| self.poll_data(cx)).await
    }

    /// Whether the end is known to have come already.
    pub(crate) fn is_over(&self) -> bool {
        self.body.is_end_stream()
    }

    /// How long the body is, if its sender said so.
    pub(crate) fn length(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// Gives the connection back for other calls. What is left of the body must be no more than
    /// its end; the connection is looked at again before it is used.
    pub(crate) fn release(self) {
        match self.lane {
            Lane::One(http1) => {
                let rest = (!self.body.is_end_stream()).then_some(self.body);
                Pool::put(&self.pool, http1, rest);
            }
            Lane::Two(Http2 { taken, .. }) => drop(taken),
        }
    }
}
