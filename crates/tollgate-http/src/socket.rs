//! A client's connection: bounds how long it may refuse to read, keeps what framing has to be
//! judged by, and gives the HTTP library's own refusals the form of all others.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use crate::framing::Heads;
use crate::gateway::Gateway;
use crate::refusal;

/// A TCP connection. When nothing of what waits to be written leaves within the timeout, writing
/// fails and the connection ends: a client that stops reading cannot hold a stream for ever.
pub(crate) struct Socket {
    stream: TcpStream,
    gateway: Arc<Gateway>,
    /// Where what is read is noted, for HTTP/1.1.
    heads: Option<Arc<Heads>>,
    write_timeout: Duration,
    /// Runs while a write is blocked.
    stalled: Option<Pin<Box<Sleep>>>,
    /// What is left of a refusal that replaces the library's own.
    refusal: Option<Bytes>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, gateway: Arc<Gateway>, heads: Option<Arc<Heads>>) -> Self {
        let write_timeout = gateway.settings().write_timeout;
        Self {
            stream,
            gateway,
            heads,
            write_timeout,
            stalled: None,
            refusal: None,
        }
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

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if let Some(heads) = &self.heads {
            heads.note(buffer.filled().get(before..).unwrap_or_default());
        }
        Poll::Ready(Ok(()))
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
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
