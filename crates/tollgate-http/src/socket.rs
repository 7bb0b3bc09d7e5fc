//! A client's connection: bounds how long it may be silent or refuse to read, follows what is said
//! on it, and gives the HTTP library's own refusals the form of all others.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use crate::conversation::Conversation;
use crate::gateway::Gateway;
use crate::opening::Opening;
use crate::patience::{Patience, Waiting};
use crate::refusal;

/// A TCP connection. When nothing of what waits to be written leaves within the timeout, writing
/// fails and the connection ends: a client that stops reading cannot hold a stream for ever.
pub(crate) struct Socket {
    stream: TcpStream,
    gateway: Arc<Gateway>,
    /// What was read before it was known which protocol is spoken.
    opening: Opening,
    http1: Option<Http1>,
    write_timeout: Duration,
    /// Runs while a write is blocked.
    stalled: Option<Pin<Box<Sleep>>>,
    /// What is left of a refusal that replaces the library's own.
    refusal: Option<Bytes>,
}

/// What is looked after on connections of HTTP/1.1 only; HTTP/2 has means of its own.
struct Http1 {
    conversation: Arc<Conversation>,
    patience: Patience,
    /// The client was told that it took too long.
    leaving: bool,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, gateway: Arc<Gateway>, opening: Opening) -> Self {
        let write_timeout = gateway.settings().write_timeout;
        Self {
            stream,
            gateway,
            opening,
            http1: None,
            write_timeout,
            stalled: None,
            refusal: None,
        }
    }

    /// Speaks HTTP/1.1, and keeps no connection that is idle for longer than this.
    pub(crate) fn http1(mut self, conversation: Arc<Conversation>, idle: Duration) -> Self {
        let patience = Patience::new(idle, self.gateway.settings().header_timeout);
        self.http1 = Some(Http1 {
            conversation,
            patience,
            leaving: false,
        });
        self
    }

    /// Answers that the request did not come in time, and closes.
    pub(crate) async fn refuse_for_time(mut self) -> io::Result<()> {
        self.refusal = Some(refusal::render(&self.gateway, refusal::TOO_SLOW));
        std::future::poll_fn(|context| {
            let outcome = self.poll_rest_of_refusal(context);
            self.watch(outcome, context)
        })
        .await?;
        std::future::poll_fn(|context| Pin::new(&mut self.stream).poll_shutdown(context)).await
    }

    fn watch<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let due = Instant::now() + self.write_timeout;
        let timer = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        match timer.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Writes our refusal in place of `bytes` if those are one of the library's own.
    fn poll_refusal(
        &mut self,
        bytes: &[u8],
        context: &mut Context<'_>,
    ) -> Option<Poll<io::Result<usize>>> {
        if self.refusal.is_none() {
            // Nothing that begins with a status is written meanwhile but by the library.
            self.http1
                .as_ref()
                .filter(|http1| http1.conversation.is_listening())?;
            let status = refusal::status_of_bare_refusal(bytes)?;
            self.refusal = Some(refusal::render(&self.gateway, status));
        }
        let outcome = self.poll_rest_of_refusal(context);
        let watched = self.watch(outcome, context);
        if watched.is_ready() {
            self.refusal = None;
        }
        Some(watched.map_ok(|()| bytes.len()))
    }

    fn poll_rest_of_refusal(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.refusal.as_mut().filter(|rest| !rest.is_empty()) {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(context, rest))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            rest.advance(sent);
        }
        Poll::Ready(Ok(()))
    }
}

impl Socket {
    /// Reads from the connection, what was read before first.
    fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        self.opening.replay(buffer);
        let replayed = buffer.filled().len() > before;
        let received = Pin::new(&mut self.stream).poll_read(context, buffer);
        if received.is_pending() && !replayed {
            return Poll::Pending;
        }
        if let Some(http1) = &self.http1 {
            let read = buffer.filled().get(before..).unwrap_or_default();
            http1.conversation.hear(read);
        }
        if replayed {
            Poll::Ready(Ok(()))
        } else {
            received
        }
    }

    /// Ready when the client has kept us waiting for too long: the end of what it sends, as far
    /// as the library is told.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(http1) = &mut self.http1 else {
            return Poll::Pending;
        };
        if !http1.leaving {
            let Some(wait) = http1.conversation.waits_for() else {
                return Poll::Pending;
            };
            match ready!(http1.patience.poll(wait, context)) {
                Waiting::Request => return Poll::Ready(Ok(())),
                Waiting::RestOfHead => {
                    http1.leaving = true;
                    self.refusal = Some(refusal::render(&self.gateway, refusal::TOO_SLOW));
                }
            }
        }
        let outcome = self.poll_rest_of_refusal(context);
        self.watch(outcome, context)
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let is_leaving = self.http1.as_ref().is_some_and(|http1| http1.leaving);
        if !is_leaving {
            let received = self.poll_receive(context, buffer);
            if received.is_ready() {
                return received;
            }
        }
        self.poll_patience(context)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(refused) = self.poll_refusal(bytes, context) {
            return refused;
        }
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(refused) = parts
            .first()
            .and_then(|part| self.poll_refusal(part, context))
        {
            return refused;
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.watch(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        if let Some(http1) = &self.http1
            && http1.conversation.flushed()
        {
            // The library may not ask for more before there is some, so the wait begins here. It
            // cannot be over yet; when it is, the task wakes up and asks.
            _ = self.poll_patience(context).is_ready();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
