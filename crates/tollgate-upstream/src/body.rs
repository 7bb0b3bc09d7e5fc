//! The body of a request: a few shared slices and their length, without a box.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// How many slices fit without an allocation: a body with the model and the usage option patched.
const PARTS: usize = 5;

/// Slices that are sent one after the other. Cloning copies no bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestBody {
    parts: [Bytes; PARTS],
    next: usize,
    left: u64,
}

impl RequestBody {
    /// A body out of these slices. More than fit are joined into one.
    pub(crate) fn new(parts: impl IntoIterator<Item = Bytes>) -> Self {
        let mut body = Self::default();
        let mut parts = parts.into_iter().filter(|part| !part.is_empty());
        let (last, others) = body.parts.split_at_mut(PARTS - 1);
        for (slot, part) in last.iter_mut().zip(&mut parts) {
            *slot = part;
        }
        if let Some(slot) = others.first_mut() {
            let rest: Vec<Bytes> = parts.collect();
            *slot = match rest.as_slice() {
                [] => Bytes::new(),
                [one] => one.clone(),
                several => several.concat().into(),
            };
        }
        body.left = body.parts.iter().map(|part| part.len() as u64).sum();
        body
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.next;
        let part = self
            .parts
            .get_mut(next)
            .map(std::mem::take)
            .filter(|part| !part.is_empty());
        let Some(part) = part else {
            return Poll::Ready(None);
        };
        self.next += 1;
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
