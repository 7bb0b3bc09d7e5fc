//! The cache of prompts: what was marked before is read, the rest is written.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::seed::hash;

/// The most prompts that are remembered; then all are forgotten.
const MOST: usize = 100_000;

/// Which beginnings of prompts are cached.
#[derive(Default)]
pub(crate) struct Caches {
    known: Mutex<HashSet<u64>>,
}

/// A place in a prompt up to which it is to be cached.
pub(crate) struct Mark {
    /// The tokens before it.
    pub(crate) tokens: u64,
    /// Everything before it.
    pub(crate) before: Vec<u8>,
    /// Whether it is to be kept for an hour.
    pub(crate) is_long: bool,
}

/// The tokens of a prompt that a cache had and got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cached {
    /// Tokens that were read.
    pub(crate) read: u64,
    /// Tokens that were written, for five minutes.
    pub(crate) written: u64,
    /// Tokens that were written, for an hour.
    pub(crate) written_long: u64,
}

impl Caches {
    /// Reads the longest beginning that is known, and writes up to the last mark.
    pub(crate) fn look_up(&self, model: &str, marks: &[Mark]) -> Cached {
        let seed = hash(0, model.as_bytes());
        // A set of numbers cannot be left half changed.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cached = Cached::default();
        let mut unknown = Vec::new();
        for mark in marks {
            let key = hash(seed, &mark.before);
            if known.contains(&key) {
                cached.read = mark.tokens;
                unknown.clear();
            } else {
                unknown.push((key, mark));
            }
        }
        let mut before = cached.read;
        for (key, mark) in unknown {
            let written = mark.tokens.saturating_sub(before);
            if mark.is_long {
                cached.written_long += written;
            } else {
                cached.written += written;
            }
            before = mark.tokens;
            if known.len() >= MOST {
                known.clear();
            }
            known.insert(key);
        }
        cached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(tokens: u64, before: &str) -> Mark {
        Mark {
            tokens,
            before: before.into(),
            is_long: false,
        }
    }

    #[test]
    fn the_longest_known_beginning_is_read_and_the_rest_is_written() {
        let caches = Caches::default();
        let first = caches.look_up("m", &[mark(10, "ab")]);
        assert_eq!((first.read, first.written), (0, 10));
        let second = caches.look_up("m", &[mark(10, "ab"), mark(25, "abc")]);
        assert_eq!((second.read, second.written), (10, 15));
        let third = caches.look_up("m", &[mark(25, "abc")]);
        assert_eq!((third.read, third.written), (25, 0));
        let other = caches.look_up("n", &[mark(25, "abc")]);
        assert_eq!((other.read, other.written), (0, 25));
    }
}
