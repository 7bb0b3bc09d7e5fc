//! Collecting what goes on to the caller: one slice of what was received as long as nothing is
//! left out, a copy otherwise.

use std::ops::Range;

use bytes::{Buf, Bytes, BytesMut};

/// The parts of a piece, in order.
#[derive(Default)]
pub(crate) struct Relayed {
    /// What was collected before the current run.
    joined: BytesMut,
    buffer: Bytes,
    range: Range<usize>,
}

impl Relayed {
    /// Adds a part of a buffer.
    pub(crate) fn keep(&mut self, buffer: &Bytes, range: Range<usize>) {
        let same = self.buffer.as_ptr() == buffer.as_ptr();
        if same && self.range.end == range.start && !self.range.is_empty() {
            self.range.end = range.end;
            return;
        }
        self.flush();
        // The run holds its buffer, so that no other can come to lie at the same address.
        self.buffer = buffer.clone();
        self.range = range;
    }

    /// Adds bytes of our own.
    pub(crate) fn append(&mut self, bytes: &'static [u8]) {
        self.flush();
        self.joined.extend_from_slice(bytes);
    }

    /// Everything that was added.
    pub(crate) fn into_bytes(mut self) -> Bytes {
        if self.joined.is_empty() {
            self.buffer.truncate(self.range.end);
            self.buffer.advance(self.range.start.min(self.buffer.len()));
            return self.buffer;
        }
        self.flush();
        self.joined.freeze()
    }

    fn flush(&mut self) {
        self.joined
            .extend_from_slice(self.buffer.get(self.range.clone()).unwrap_or_default());
        self.buffer = Bytes::new();
        self.range = 0..0;
    }
}
