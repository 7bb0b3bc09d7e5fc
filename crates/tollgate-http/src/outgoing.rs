//! The body of an answer: a whole one or a stream, without a pointer to a trait between.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::record::Record;
use crate::stream::EventBody;

/// What leaves as the body of an answer.
pub(crate) enum Outgoing {
    /// Nothing more is known about it than its bytes.
    Whole(Bytes),
    /// The answer to a recorded request: the record ends well when the bytes are taken.
    Recorded(Bytes, Option<Box<Record>>),
    /// Events as they come.
    Events(Box<EventBody>),
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = match self.get_mut() {
            Self::Whole(bytes) => take(bytes),
            Self::Recorded(bytes, record) => {
                if let Some(record) = record.take() {
                    record.finish();
                }
                take(bytes)
            }
            Self::Events(events) => return events.poll_frame(context),
        };
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Recorded(bytes, record) => bytes.is_empty() && record.is_none(),
            Self::Events(events) => events.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) | Self::Recorded(bytes, _) => {
                SizeHint::with_exact(bytes.len() as u64)
            }
            Self::Events(_) => SizeHint::default(),
        }
    }
}

fn take(bytes: &mut Bytes) -> Option<Result<Frame<Bytes>, Infallible>> {
    if bytes.is_empty() {
        return None;
    }
    Some(Ok(Frame::data(std::mem::take(bytes))))
}
