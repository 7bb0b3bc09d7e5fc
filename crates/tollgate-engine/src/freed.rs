//! Tells those who wait that a place may have become free somewhere.

use std::sync::atomic::Ordering;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::sync::AtomicUsize;

/// One for the whole engine: few wait, so that each looks for itself.
#[derive(Debug, Default)]
pub(crate) struct Freed {
    waiting: AtomicUsize,
    /// How often something changed while somebody waited.
    news: AtomicUsize,
    changed: Notify,
}

/// Somebody who waits.
#[derive(Debug)]
pub(crate) struct Waiter<'a>(&'a Freed);

impl Freed {
    /// A place became free, or a target came back. Costs one read where nobody waits.
    pub(crate) fn tell(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            // Counted after the place was given back: whoever knows the count finds the place.
            self.news.fetch_add(1, Ordering::SeqCst);
            self.changed.notify_waiters();
        }
    }

    /// Counts somebody who waits, from before the last look until it goes.
    pub(crate) fn wait(&self) -> Waiter<'_> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        Waiter(self)
    }
}

impl Waiter<'_> {
    /// Resolves at the next change after it was made (and enabled).
    pub(crate) fn changed(&self) -> Notified<'_> {
        self.0.changed.notified()
    }

    /// The number of the latest change.
    pub(crate) fn news(&self) -> usize {
        self.0.news.load(Ordering::SeqCst)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod models;
