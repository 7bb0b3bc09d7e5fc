//! Streams that are given again, part by part: those that are kept, and those that an equal
//! request is just getting.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use tollgate_core::error::{Failure, StreamMark};
use tollgate_core::reply::{Piece, Usage};
use tollgate_engine::cache::{Kept, Reader};
use tollgate_engine::port::PieceStream;

/// The parts of a stream that is kept. All of them are there, so it never breaks.
pub(super) struct Replayed {
    kept: Arc<Kept>,
    usage: Option<Usage>,
    next: usize,
}

impl Replayed {
    /// From its beginning. The usage is that which is to be paid.
    pub(super) fn new(kept: Arc<Kept>, usage: Option<Usage>) -> Self {
        Self {
            kept,
            usage,
            next: 0,
        }
    }

    fn piece(&self) -> Option<Piece> {
        let ends = self.kept.ends.as_deref().unwrap_or_default();
        let end = *ends.get(self.next)?;
        let before = self.next.checked_sub(1).and_then(|index| ends.get(index));
        let last = self.next + 1 == ends.len();
        Some(Piece {
            bytes: self.kept.body.slice(before.copied().unwrap_or(0)..end),
            usage: self.usage.filter(|_| last),
            finish: self.kept.finish.filter(|_| last),
            delivered: if last { self.kept.delivered } else { 0 },
            content: true,
            last,
        })
    }
}

impl Stream for Replayed {
    type Item = Result<Piece, Failure>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let piece = this.piece();
        this.next += 1;
        Poll::Ready(piece.map(Ok))
    }
}

impl PieceStream for Replayed {
    fn mark(&self) -> Option<StreamMark> {
        None
    }
}

/// A stream that an equal request is just getting.
pub(super) struct Along {
    reader: Reader,
    /// Whether its use is to be paid.
    is_paid: bool,
    mark: Option<StreamMark>,
}

impl Along {
    /// From its beginning.
    pub(super) fn new(reader: Reader, is_paid: bool) -> Self {
        Self {
            reader,
            is_paid,
            mark: None,
        }
    }
}

impl Stream for Along {
    type Item = Result<Piece, Failure>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let mut polled = this.reader.poll_next(context);
        match &mut polled {
            Poll::Ready(Some(Ok(piece))) if !this.is_paid => piece.usage = None,
            Poll::Ready(Some(Err(failure))) => this.mark.clone_from(&failure.stream),
            Poll::Ready(Some(Ok(_)) | None) | Poll::Pending => {}
        }
        polled
    }
}

impl PieceStream for Along {
    fn mark(&self) -> Option<StreamMark> {
        self.mark.clone()
    }
}
