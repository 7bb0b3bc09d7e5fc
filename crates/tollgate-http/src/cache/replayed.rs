//! A stream that is given again, part by part.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use tollgate_core::error::{Failure, StreamMark};
use tollgate_core::reply::{Piece, Usage};
use tollgate_engine::cache::Kept;
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
        let before = before.copied().unwrap_or(0);
        let last = self.next + 1 == ends.len();
        let delivered = self.delivered_until(end) - self.delivered_until(before);
        Some(Piece {
            bytes: self.kept.body.slice(before..end),
            usage: self.usage.filter(|_| last),
            finish: self.kept.finish.filter(|_| last),
            delivered: u32::try_from(delivered).unwrap_or(u32::MAX),
            content: true,
            last,
            ..Piece::default()
        })
    }

    /// About how many tokens have gone out with so many bytes: all of them with all of the bytes.
    fn delivered_until(&self, end: usize) -> u64 {
        let whole = |length: usize| u128::try_from(length).unwrap_or(u128::MAX);
        let share = u128::from(self.kept.delivered).saturating_mul(whole(end));
        let share = share / whole(self.kept.body.len()).max(1);
        u64::try_from(share).unwrap_or(u64::MAX)
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
