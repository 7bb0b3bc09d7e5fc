//! Places on the path of money at which tests let the process die. A release build holds none of
//! this: there a point is nothing.

/// Every place. Tests go through all of them.
pub const POINTS: &[&str] = &[
    "hold.wallet",
    "hold.levels",
    "hold.taken",
    "hold.raised",
    "settle.begun",
    "settle.taken",
    "settle.queued",
    "clerk.gathered",
    "clerk.paged",
    "clerk.appended",
    "clerk.booked",
    "clerk.told",
    "clerk.refunded",
    "checkpoint.made",
    "checkpoint.written",
    "answer.settling",
    "answer.settled",
    "stream.settling",
    "stream.settled",
    "store.append_begun",
    "store.page_inserted",
    "store.transactions_inserted",
    "store.append_committed",
    "store.checkpoint_begun",
    "store.balances_written",
    "store.checkpoint_committed",
    "store.change_begun",
    "store.change_committed",
    "credit.posted",
    "credit.durable",
    "replay.kept",
];

#[cfg(debug_assertions)]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static ARMED: OnceLock<(Box<str>, AtomicU64)> = OnceLock::new();

    /// Lets the process die when a place is reached for the n-th time. Only the first call counts.
    pub fn arm(point: &str, times: u64) {
        _ = ARMED.set((point.into(), AtomicU64::new(times)));
    }

    /// A place.
    pub fn point(name: &str) {
        debug_assert!(super::POINTS.contains(&name), "{name} is in the list");
        if let Some((armed, left)) = ARMED.get()
            && **armed == *name
            && left.fetch_sub(1, Ordering::SeqCst) == 1
        {
            std::process::abort();
        }
    }
}

#[cfg(debug_assertions)]
pub use armed::{arm, point};

/// A place: nothing in a release build.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub const fn point(_name: &str) {}
