//! The same format on both sides: the received body, with the model's name and the wish for usage
//! put in and every other byte kept.

mod fit;
#[cfg(test)]
mod tests;

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use tollgate_core::call::Call;

pub use fit::fit;

/// Up to this size the parts are joined: one write of a copied body is cheaper than several
/// small ones.
const JOINED: usize = 16 * 1024;

/// Two edits leave at most five parts.
const MOST: usize = 5;

/// A body for the provider. Long stretches of it are slices of the body that was received.
#[derive(Clone, Debug, Default)]
pub struct Patched {
    parts: [Bytes; MOST],
    count: usize,
}

impl Patched {
    /// The length in bytes.
    pub fn len(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }

    /// Whether there is no byte in it.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The parts in order; none is empty.
    pub fn into_parts(self) -> impl ExactSizeIterator<Item = Bytes> + Send {
        self.parts.into_iter().take(self.count)
    }

    fn push(&mut self, part: Bytes) {
        if part.is_empty() {
            return;
        }
        if let Some(place) = self.parts.get_mut(self.count) {
            *place = part;
            self.count += 1;
        }
    }

    fn joined(self) -> Self {
        let length = self.len();
        if self.count < 2 || length > JOINED {
            return self;
        }
        let mut whole = BytesMut::with_capacity(length);
        for part in self.into_parts() {
            whole.extend_from_slice(&part);
        }
        let mut joined = Self::default();
        joined.push(whole.freeze());
        joined
    }
}

/// A stretch of the body, and what stands there instead.
struct Edit {
    range: Range<usize>,
    text: Bytes,
}

/// The body of `call` for a provider that knows the model as `model`. With `ask_usage` a stream
/// is asked to report its usage, whatever the caller wanted.
pub fn patch(call: &Call, model: &str, ask_usage: bool) -> Patched {
    let place = call.marks.model.clone();
    let name = place.filter(|_| *call.model != *model).map(|range| Edit {
        range,
        text: json_string(model),
    });
    let usage = (ask_usage && call.stream && !call.wants_usage).then(|| usage_edit(call));
    let mut edits = [name, usage];
    let begin = |edit: &Option<Edit>| edit.as_ref().map(|edit| edit.range.start);
    edits.sort_unstable_by_key(begin);
    let mut patched = Patched::default();
    let mut at = 0;
    for edit in edits.into_iter().flatten() {
        patched.push(cut(&call.body, at..edit.range.start));
        patched.push(edit.text);
        at = edit.range.end;
    }
    patched.push(cut(&call.body, at..call.body.len()));
    patched.joined()
}

/// How `stream_options.include_usage` becomes true, wherever it is missing.
fn usage_edit(call: &Call) -> Edit {
    let marks = &call.marks;
    if let Some(value) = &marks.include_usage {
        return Edit {
            range: value.clone(),
            text: Bytes::from_static(b"true"),
        };
    }
    let Some(options) = &marks.stream_options else {
        // The body has a model at least, so a comma may follow.
        let text = Bytes::from_static(b"\"stream_options\":{\"include_usage\":true},");
        return Edit {
            range: marks.start..marks.start,
            text,
        };
    };
    let value = call.body.get(options.clone()).unwrap_or_default();
    let Some(members) = value.strip_prefix(b"{") else {
        let text = Bytes::from_static(b"{\"include_usage\":true}");
        return Edit {
            range: options.clone(),
            text,
        };
    };
    let text: &[u8] = match members.trim_ascii_start().first() {
        Some(b'}') => b"\"include_usage\":true",
        _ => b"\"include_usage\":true,",
    };
    let start = options.start + 1;
    Edit {
        range: start..start,
        text: Bytes::from_static(text),
    }
}

/// A slice of the body; marks beyond it, which no reader makes, give what there is.
fn cut(body: &Bytes, range: Range<usize>) -> Bytes {
    let end = range.end.min(body.len());
    body.slice(range.start.min(end)..end)
}

/// A text as JSON writes it.
fn json_string(text: &str) -> Bytes {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut out = BytesMut::with_capacity(text.len() + 2);
    out.put_u8(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.put_slice(&[b'\\', byte]),
            0..=0x1F => {
                let low = HEX.get(usize::from(byte & 15)).copied().unwrap_or(b'0');
                out.put_slice(&[b'\\', b'u', b'0', b'0', b'0' + (byte >> 4), low]);
            }
            _ => out.put_u8(byte),
        }
    }
    out.put_u8(b'"');
    out.freeze()
}
