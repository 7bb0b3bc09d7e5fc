//! The id of a request: the caller's own if it is well-formed, otherwise one of ours.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::HeaderMap;
use http::header::HeaderValue;

/// Longer ids of callers are replaced.
const LONGEST: usize = 128;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// Makes ids that nobody can guess or meet twice: a counter hashed under a random key.
pub(crate) struct RequestIds {
    high: RandomState,
    low: RandomState,
    count: AtomicU64,
}

/// The id of one request, cheap to copy into headers.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(HeaderValue);

impl RequestIds {
    pub(crate) fn new() -> Self {
        Self {
            high: RandomState::new(),
            low: RandomState::new(),
            count: AtomicU64::new(0),
        }
    }

    /// The id of a request with these headers.
    pub(crate) fn of(&self, headers: &HeaderMap) -> RequestId {
        match headers.get("x-request-id") {
            Some(given) if is_well_formed(given.as_bytes()) => RequestId(given.clone()),
            _ => self.make(),
        }
    }

    pub(crate) fn make(&self) -> RequestId {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let mut text = *b"req_00000000000000000000000000000000";
        let random = [self.high.hash_one(count), self.low.hash_one(count)];
        let nibbles = random
            .iter()
            .flat_map(|half| (0..16).rev().map(move |at| half >> (at * 4)));
        for (place, nibble) in text.iter_mut().skip(4).zip(nibbles) {
            *place = HEX.get((nibble & 15) as usize).copied().unwrap_or(b'0');
        }
        let value = HeaderValue::from_maybe_shared(Bytes::copy_from_slice(&text));
        RequestId(value.unwrap_or_else(|_| HeaderValue::from_static("req_0")))
    }
}

impl RequestId {
    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or("")
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

/// Letters, digits and `-_.:` only, so that an id can stand in any log or header as it is.
fn is_well_formed(id: &[u8]) -> bool {
    let plain =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    !id.is_empty() && id.len() <= LONGEST && id.iter().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_formed_ids_are_kept_and_others_replaced() {
        let ids = RequestIds::new();
        for (given, kept) in [
            ("req_abc-1.2:3", true),
            ("", false),
            ("has space", false),
            ("semi;colon", false),
            (&"x".repeat(128), true),
            (&"x".repeat(129), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("x-request-id", HeaderValue::from_str(given).unwrap());
            assert_eq!(ids.of(&headers).as_str() == given, kept, "{given}");
        }
    }

    #[test]
    fn made_ids_differ_and_have_their_form() {
        let ids = RequestIds::new();
        let (one, two) = (ids.make(), ids.make());
        assert_ne!(one.as_str(), two.as_str());
        assert!(is_well_formed(one.as_str().as_bytes()));
        assert_eq!(one.as_str().len(), 36);
    }
}
