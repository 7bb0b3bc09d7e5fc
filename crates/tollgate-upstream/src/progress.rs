//! How much of a request has left, so that a failure can say whether it may be sent again.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::io::Io;

/// How far a request got.
#[derive(Debug, Default)]
pub(crate) enum Progress {
    /// No connection has taken it.
    #[default]
    Waiting,
    /// A connection of its own has taken it and counts what it writes.
    Writing {
        /// What was written.
        tally: Tally,
        /// With fewer bytes than these the request cannot be whole.
        least: u64,
    },
    /// A connection has taken it that does not tell what it writes for whom.
    Given,
}

impl Progress {
    /// A request with a body of this length is about to be written.
    pub(crate) fn begin(tally: &Tally, length: u64) -> Self {
        Self::Writing {
            tally: tally.clone(),
            // Heads have a length, too, but it is not known here.
            least: tally.get() + length.max(1),
        }
    }

    /// Whether the provider surely has not got the whole request.
    pub(crate) fn is_unsent(&self) -> bool {
        match self {
            Self::Waiting => true,
            Self::Writing { tally, least } => tally.get() < *least,
            Self::Given => false,
        }
    }
}

/// How many bytes a connection has written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<AtomicU64>);

impl Tally {
    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, written: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = written {
            self.0.fetch_add(*bytes as u64, Ordering::Relaxed);
        }
    }
}

/// A byte stream that counts what is written to it. Over TLS that is what was given to be
/// encrypted: never less than what has left.
#[derive(Debug)]
pub(crate) struct Counted {
    io: Io,
    tally: Tally,
}

impl Counted {
    /// Counts from now on.
    pub(crate) fn new(io: Io, tally: Tally) -> Self {
        Self { io, tally }
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self { io, tally } = self.get_mut();
        let written = Pin::new(io).poll_write(cx, bytes);
        tally.add(&written);
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self { io, tally } = self.get_mut();
        let written = Pin::new(io).poll_write_vectored(cx, slices);
        tally.add(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_surely_is_not_whole_is_unsent() {
        let tally = Tally::default();
        let write = |bytes| tally.add(&Poll::Ready(Ok(bytes)));
        assert!(Progress::Waiting.is_unsent());
        assert!(!Progress::Given.is_unsent());
        let empty = Progress::begin(&tally, 0);
        assert!(empty.is_unsent());
        let full = Progress::begin(&tally, 10);
        write(9);
        assert!(!empty.is_unsent());
        assert!(full.is_unsent());
        write(1);
        assert!(!full.is_unsent());
        let second = Progress::begin(&tally, 10);
        write(5);
        assert!(second.is_unsent());
        tally.add(&Poll::Ready(Err(io::Error::other("broken"))));
        tally.add(&Poll::Pending);
        assert!(second.is_unsent());
        write(5);
        assert!(!second.is_unsent());
    }
}
