//! The body of an answer: a whole one or a stream, without a pointer to a trait between.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Response};
use http_body::{Body, Frame, SizeHint};

use crate::conversation::Answering;
use crate::record::Record;
use crate::stall::Taken;
use crate::stream::{EventBody, Leading};

/// On HTTP/2 the library takes what it is given, and keeps it until the caller gives a window: a
/// whole answer goes in parts of this size, so that the rest waits where it is bounded in time.
const PART: usize = 64 * 1024;

/// What leaves as the body of an answer.
pub(crate) enum Outgoing {
    /// Nothing more is known about it than its bytes.
    Whole(Bytes),
    /// The answer to a recorded request: the record ends well when the bytes are taken.
    Recorded(Bytes, Option<Box<Record>>),
    /// Events as they come.
    Events(Box<EventBody>),
    /// Events that others may read along.
    Led(Leading),
}

/// The body of an answer with what its connection has to know of it.
pub(crate) struct Answer {
    body: Outgoing,
    line: Line,
}

/// What carries an answer.
pub(crate) enum Line {
    Http1 {
        /// Tells the connection when the answer goes.
        _answering: Answering,
    },
    Http2(Arc<Taken>),
}

impl Answer {
    /// Sends a body on a line. From here on an HTTP/2 caller is expected to take it in.
    pub(crate) fn new(body: Outgoing, line: Line) -> Self {
        Self { body, line }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        match &this.line {
            Line::Http1 { .. } => this.body.poll_part(context, usize::MAX),
            Line::Http2(taken) => {
                let part = this.body.poll_part(context, PART);
                match &part {
                    Poll::Ready(_) => taken.hand_over(),
                    Poll::Pending => taken.catch_up(),
                }
                part
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_over()
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .length()
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Outgoing {
    fn poll_part(
        &mut self,
        context: &mut Context<'_>,
        most: usize,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = match self {
            Self::Whole(bytes) => take(bytes, most),
            Self::Recorded(bytes, record) => {
                let part = take(bytes, most);
                if bytes.is_empty()
                    && let Some(record) = record.take()
                {
                    record.finish();
                }
                part
            }
            Self::Events(events) => {
                // Not before its head has gone: until then its record is asked for.
                let Some((joining, tasks)) = events.joining() else {
                    return events.poll_frame(context);
                };
                let before = std::mem::replace(self, Self::Whole(Bytes::new()));
                if let Self::Events(events) = before {
                    *self = Self::Led(Leading::new(events, joining, tasks));
                }
                return self.poll_part(context, most);
            }
            Self::Led(leading) => return leading.poll_frame(context),
        };
        Poll::Ready(frame)
    }

    /// The record of the request that is answered, while it is open.
    pub(crate) fn record(&mut self) -> Option<&mut Record> {
        match self {
            Self::Whole(_) | Self::Led(_) => None,
            Self::Recorded(_, record) => record.as_deref_mut(),
            Self::Events(events) => events.record(),
        }
    }

    fn is_over(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Recorded(bytes, record) => bytes.is_empty() && record.is_none(),
            Self::Events(events) => events.is_over(),
            Self::Led(leading) => leading.is_over(),
        }
    }

    fn length(&self) -> Option<u64> {
        match self {
            Self::Whole(bytes) | Self::Recorded(bytes, _) => Some(bytes.len() as u64),
            Self::Events(_) | Self::Led(_) => None,
        }
    }
}

/// Keeps the head of an answer to `HEAD`, and how long its body would have been.
pub(crate) fn without_body(response: &mut Response<Outgoing>) {
    if let Some(length) = response.body().length() {
        let headers = response.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    let body = std::mem::replace(response.body_mut(), Outgoing::Whole(Bytes::new()));
    if let Outgoing::Recorded(_, Some(record)) = body {
        record.finish();
    }
}

fn take(bytes: &mut Bytes, most: usize) -> Option<Result<Frame<Bytes>, Infallible>> {
    if bytes.is_empty() {
        return None;
    }
    let part = bytes.split_to(bytes.len().min(most));
    Some(Ok(Frame::data(part)))
}
