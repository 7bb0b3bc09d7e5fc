//! The head of an answer while it is put together.

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Room for the short texts of most answers.
const TEXTS: usize = 256;

/// Headers, and one piece of memory for all their short texts: a place for each of them would cost
/// an answer with limits a dozen allocations.
#[derive(Default)]
pub(crate) struct Head {
    pub(crate) headers: HeaderMap,
    texts: BytesMut,
}

impl Head {
    /// Without any header, and with room for so many.
    pub(crate) fn with_room(headers: usize) -> Self {
        Self {
            headers: HeaderMap::with_capacity(headers),
            texts: BytesMut::with_capacity(TEXTS),
        }
    }

    /// Sets a header. A text that no header can hold is left out.
    pub(crate) fn tell(&mut self, name: HeaderName, text: &str) {
        self.texts.extend_from_slice(text.as_bytes());
        let text = self.texts.split().freeze();
        if let Ok(value) = HeaderValue::from_maybe_shared(text) {
            self.headers.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: HeaderName = HeaderName::from_static("x-name");

    #[test]
    fn texts_stay_apart_however_many_there_are() {
        let mut head = Head::with_room(2);
        let names: Vec<_> = (0..200).map(|index| format!("x-{index}")).collect();
        for name in &names {
            head.tell(name.parse().unwrap(), &name.repeat(5));
        }
        for name in &names {
            assert_eq!(head.headers[name], name.repeat(5));
        }
    }

    #[test]
    fn what_no_header_can_hold_is_left_out() {
        let mut head = Head::default();
        head.tell(NAME, "two\r\nlines");
        assert!(head.headers.is_empty());
        head.tell(NAME, "one line");
        assert_eq!(head.headers[NAME], "one line");
    }
}
