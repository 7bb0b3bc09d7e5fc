//! The body of a request: a few shared slices and their length, without a box.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Slices that are sent one after the other. Cloning copies no bytes. It is kept small, because
/// the HTTP library sets aside room for many requests on every connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestBody {
    next: Bytes,
    /// What follows `next`, the last one first. Empty for most bodies, which need no allocation.
    later: Vec<Bytes>,
    left: u64,
}

impl RequestBody {
    /// A body out of these slices.
    pub(crate) fn new(parts: impl IntoIterator<Item = Bytes>) -> Self {
        let mut parts = parts.into_iter().filter(|part| !part.is_empty());
        let next = parts.next().unwrap_or_default();
        let mut later: Vec<Bytes> = parts.collect();
        later.reverse();
        let left = next.len() + later.iter().map(Bytes::len).sum::<usize>();
        Self {
            next,
            later,
            left: left as u64,
        }
    }

    /// What is left of it, in order.
    pub(crate) fn slices(&self) -> impl Iterator<Item = &Bytes> {
        std::iter::once(&self.next).chain(self.later.iter().rev())
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let later = self.later.pop().unwrap_or_default();
        let part = std::mem::replace(&mut self.next, later);
        if part.is_empty() {
            return Poll::Ready(None);
        }
        self.left -= part.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn sent(mut body: RequestBody) -> Vec<Bytes> {
        let mut frames = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut body).poll_frame(&mut cx) {
            frames.push(frame.into_data().unwrap());
        }
        assert!(body.is_end_stream());
        frames
    }

    #[test]
    fn any_number_of_slices_is_sent_whole_and_in_order() {
        for count in 0..9_usize {
            let parts: Vec<Bytes> = (0..count)
                .map(|n| Bytes::from(n.to_string().repeat(n)))
                .collect();
            let body = RequestBody::new(parts.clone());
            let expected = parts.concat();
            let slices: Vec<_> = body.slices().cloned().collect();
            assert_eq!(slices.concat(), expected, "{count} slices");
            assert_eq!(body.size_hint().exact(), Some(expected.len() as u64));
            assert_eq!(sent(body).concat(), expected, "{count} slices");
        }
    }

    #[test]
    fn a_slice_is_not_copied() {
        let part = Bytes::from(vec![b'a'; 1000]);
        let frames = sent(RequestBody::new([part.clone()]));
        assert_eq!(frames[0].as_ptr(), part.as_ptr());
    }
}
