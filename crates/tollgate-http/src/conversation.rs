//! What the socket and the service of one connection of HTTP/1.1 tell each other.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::request::Parts;

use crate::framing::Framing;
use crate::patience::Waiting;

/// Nothing of ours is under way.
const LISTENING: u8 = 0;
/// A request is being answered.
const ANSWERING: u8 = 1;
/// The answer is whole, but not all of it has left.
const FLUSHING: u8 = 2;

/// The state of a connection. Socket and service run in the same task, so that the lock is never
/// contended and the order of memory is no matter.
pub(crate) struct Conversation {
    phase: AtomicU8,
    requests: AtomicU32,
    framing: Mutex<Framing>,
}

impl Conversation {
    /// Nothing was said yet. Heads are no longer than this limit.
    pub(crate) fn new(header_limit: usize) -> Arc<Self> {
        Arc::new(Self {
            phase: AtomicU8::new(LISTENING),
            requests: AtomicU32::new(0),
            framing: Mutex::new(Framing::new(header_limit)),
        })
    }

    fn framing(&self) -> MutexGuard<'_, Framing> {
        self.framing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something was read.
    pub(crate) fn hear(&self, read: &[u8]) {
        self.framing().note(read);
    }

    /// A request was read; it is being answered until the guard goes. Tells too whether its
    /// length is ambiguous.
    pub(crate) fn begin(self: &Arc<Self>, request: &Parts) -> (Answering, bool) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.phase.store(ANSWERING, Ordering::Relaxed);
        let ambiguous = self.framing().is_ambiguous(request);
        (Answering(Arc::clone(self)), ambiguous)
    }

    /// All that was to be written has left. Whether that was the end of an answer.
    pub(crate) fn flushed(&self) -> bool {
        let ended = self.phase.load(Ordering::Relaxed) == FLUSHING;
        if ended {
            self.phase.store(LISTENING, Ordering::Relaxed);
        }
        ended
    }

    /// Whether nothing of ours is being written.
    pub(crate) fn is_listening(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == LISTENING
    }

    /// What the connection waits for, and how many requests came before; `None` while an answer
    /// is under way.
    pub(crate) fn waits_for(&self) -> Option<(Waiting, u32)> {
        if !self.is_listening() {
            return None;
        }
        let waiting = if self.framing().is_within_head() {
            Waiting::RestOfHead
        } else {
            Waiting::Request
        };
        Some((waiting, self.requests.load(Ordering::Relaxed)))
    }
}

/// Held by an answer until its body is written or given up.
pub(crate) struct Answering(Arc<Conversation>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.phase.store(FLUSHING, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_under_way_until_its_last_byte_has_left() {
        let conversation = Conversation::new(1024);
        conversation.hear(b"GET / HTTP/1.1\r\n");
        assert_eq!(conversation.waits_for(), Some((Waiting::RestOfHead, 0)));
        conversation.hear(b"\r\nGET /");
        let request = http::Request::new(()).into_parts().0;
        let (answering, _) = conversation.begin(&request);
        assert!(!conversation.flushed(), "a part of it has left");
        assert_eq!(conversation.waits_for(), None);
        drop(answering);
        assert!(!conversation.is_listening());
        assert_eq!(conversation.waits_for(), None);
        assert!(conversation.flushed());
        assert!(conversation.is_listening());
        assert_eq!(conversation.waits_for(), Some((Waiting::RestOfHead, 1)));
    }
}
