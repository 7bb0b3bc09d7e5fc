//! Requests whose length can be read in two ways are refused (RFC 9112, section 6.3): a proxy in
//! front might read the other one, and take the rest of the body for a request of its own.
//!
//! The HTTP library obeys `Transfer-Encoding` and drops `Content-Length` before we see the
//! headers, so the bytes of the head are kept until its request arrives.

use std::sync::{Arc, Mutex, PoisonError};

use http::header::TRANSFER_ENCODING;
use http::request::Parts;

/// How much of what was read last is kept; the head of a request is at the end of it.
const KEPT: usize = 16 * 1024;

/// The bytes that a connection of HTTP/1.1 read last.
pub(crate) struct Heads(Mutex<Vec<u8>>);

impl Heads {
    /// Nothing was read yet. Shared by the socket, which reads, and the service, which judges.
    pub(crate) fn shared() -> Arc<Self> {
        Arc::new(Self(Mutex::default()))
    }

    /// Keeps what was read.
    pub(crate) fn note(&self, read: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let read = read
            .get(read.len().saturating_sub(KEPT)..)
            .unwrap_or_default();
        let excess = (kept.len() + read.len()).saturating_sub(KEPT);
        if excess > 0 {
            let excess = excess.min(kept.len());
            kept.drain(..excess);
        }
        kept.extend_from_slice(read);
    }

    /// Whether the length of this request is ambiguous. Forgets what was read for it.
    pub(crate) fn is_ambiguous(&self, request: &Parts) -> bool {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ambiguous = request.headers.contains_key(TRANSFER_ENCODING)
            && blocks(&kept).any(|block| {
                has_line(block, b"transfer-encoding") && has_line(block, b"content-length")
            });
        kept.clear();
        ambiguous
    }
}

/// The bytes between empty lines.
fn blocks(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let all = rest?;
        let end = all.windows(2).zip(1..).find_map(|(pair, after)| {
            let blank = pair == b"\n\n" || (pair == b"\n\r" && all.get(after + 1) == Some(&b'\n'));
            blank.then_some(after)
        });
        let (block, after) = all.split_at(end.unwrap_or(all.len()));
        rest = end.map(|_| after.get(1..).unwrap_or_default());
        Some(block)
    })
}

fn has_line(block: &[u8], name: &[u8]) -> bool {
    block.split(|byte| *byte == b'\n').any(|line| {
        line.split_at_checked(name.len())
            .is_some_and(|(start, rest)| {
                start.eq_ignore_ascii_case(name) && rest.trim_ascii_start().first() == Some(&b':')
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_ambiguous(reads: &[&str], chunked: bool) -> bool {
        let heads = Heads::shared();
        for read in reads {
            heads.note(read.as_bytes());
        }
        let mut request = http::Request::builder();
        if chunked {
            request = request.header("transfer-encoding", "chunked");
        }
        heads.is_ambiguous(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn only_a_head_with_both_lengths_is_ambiguous() {
        let both =
            "POST / HTTP/1.1\r\ncontent-LENGTH: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        let one = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ncontent-length: 3\r\n0\r\n\r\n";
        let before = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}";
        let (start, rest) = both.split_at(30);
        assert!(is_ambiguous(&[both], true));
        assert!(
            is_ambiguous(&[start, rest], true),
            "split between two reads"
        );
        assert!(
            is_ambiguous(&[&both.replace('\r', "")], true),
            "bare line feeds"
        );
        assert!(
            !is_ambiguous(&[both], false),
            "the library saw no transfer encoding"
        );
        assert!(
            !is_ambiguous(&[one], true),
            "the other length stands in the body"
        );
        assert!(!is_ambiguous(&[before], true));
        assert!(
            !is_ambiguous(&[before, one], true),
            "the other length is another request's"
        );
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let heads = Heads::shared();
        for _ in 0..100 {
            heads.note(&[b'x'; 10_000]);
        }
        assert!(heads.0.lock().unwrap().len() <= KEPT);
        heads.note(&b"x".repeat(1_000_000));
        assert!(heads.0.lock().unwrap().len() <= KEPT);
    }
}
