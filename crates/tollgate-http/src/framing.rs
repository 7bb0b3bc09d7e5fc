//! Requests whose length can be read in two ways are refused (RFC 9112, section 6.3): a proxy in
//! front might read the other one, and take the rest of the body for a request of its own.
//!
//! The HTTP library obeys `Transfer-Encoding` and drops `Content-Length` before we see the
//! headers, so what is read is followed here too: the bytes of a head are kept until its request
//! arrives, those of a body are passed over.

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::request::Parts;

use self::chunks::{Chunks, Passed};

mod chunks;

/// A buffer above this size is given back when nothing is in it: most connections are idle.
const SPARE: usize = 8 * 1024;

/// Where in the requests of a connection of HTTP/1.1 the bytes stand that were read last.
pub(crate) struct Framing {
    place: Place,
    /// What was read from the beginning of the next head on.
    kept: Vec<u8>,
    /// The most bytes that are kept.
    limit: usize,
}

enum Place {
    Head,
    /// In a body, with so many bytes to come.
    Body(u64),
    Chunked(Chunks),
    /// Nobody knows where the next request begins.
    Lost,
}

impl Place {
    /// Passes over what belongs to the body; what comes after it.
    fn pass<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Head => return bytes,
            Self::Lost => return &[],
            Self::Body(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX);
                match bytes.split_at_checked(here) {
                    Some((_, rest)) => {
                        *self = Self::Head;
                        return rest;
                    }
                    None => *left -= bytes.len() as u64,
                }
            }
            Self::Chunked(chunks) => match chunks.pass(bytes) {
                Passed::All => {}
                Passed::End(rest) => {
                    *self = Self::Head;
                    return rest;
                }
                Passed::Broken => *self = Self::Lost,
            },
        }
        &[]
    }
}

impl Framing {
    /// At the beginning of a connection whose heads are no longer than this limit.
    pub(crate) fn new(header_limit: usize) -> Self {
        Self {
            place: Place::Head,
            kept: Vec::new(),
            // The library reads no further than twice its limit ahead.
            limit: header_limit.saturating_mul(4),
        }
    }

    /// Follows what was read.
    pub(crate) fn note(&mut self, read: &[u8]) {
        let mut read = self.place.pass(read);
        if self.kept.is_empty() {
            // Empty lines between requests belong to none (RFC 9112, section 2.2).
            read = without_empty_lines(read);
        }
        if self.kept.len() + read.len() > self.limit {
            self.lose();
        } else {
            self.kept.extend_from_slice(read);
        }
    }

    /// Whether a part of the next head is there.
    pub(crate) fn is_within_head(&self) -> bool {
        !self.kept.is_empty()
    }

    /// Whether the length of the request that the library has just read is ambiguous, or cannot
    /// be judged. Goes on behind its head.
    pub(crate) fn is_ambiguous(&mut self, request: &Parts) -> bool {
        let chunked = request.headers.contains_key(TRANSFER_ENCODING);
        let Some(head) = self.head_of(request) else {
            self.lose();
            return chunked;
        };
        let ambiguous = chunked && has_line(head, b"content-length");
        let end = head.len();
        self.place = if chunked {
            Place::Chunked(Chunks::default())
        } else {
            Place::Body(declared(request))
        };
        let after = self.kept.get(end..).unwrap_or_default();
        let left = without_empty_lines(self.place.pass(after)).len();
        self.kept.drain(..self.kept.len() - left);
        if self.kept.is_empty() && self.kept.capacity() > SPARE {
            self.kept = Vec::new();
        }
        ambiguous
    }

    /// The head of this request, if it stands where it should.
    fn head_of(&self, request: &Parts) -> Option<&[u8]> {
        let head = self.kept.get(..end_of_head(&self.kept)?)?;
        head.starts_with(request.method.as_str().as_bytes())
            .then_some(head)
    }

    fn lose(&mut self) {
        self.place = Place::Lost;
        self.kept = Vec::new();
    }
}

/// The library has checked it: there is one, or several that agree.
fn declared(request: &Parts) -> u64 {
    request
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok())
        .unwrap_or(0)
}

fn without_empty_lines(bytes: &[u8]) -> &[u8] {
    let lines = bytes
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    bytes.get(lines..).unwrap_or_default()
}

/// Where the first empty line ends. Lines may end in a bare line feed, as in the library.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', bytes).find_map(|end| match bytes.get(end + 1)? {
        b'\n' => Some(end + 2),
        b'\r' if bytes.get(end + 2) == Some(&b'\n') => Some(end + 3),
        _ => None,
    })
}

fn has_line(head: &[u8], name: &[u8]) -> bool {
    head.split(|byte| *byte == b'\n').any(|line| {
        line.split_at_checked(name.len())
            .is_some_and(|(start, rest)| {
                start.eq_ignore_ascii_case(name) && rest.trim_ascii_start().first() == Some(&b':')
            })
    })
}

#[cfg(test)]
mod tests;
