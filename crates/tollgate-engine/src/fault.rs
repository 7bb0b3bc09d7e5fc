//! Places on the path of money at which tests let the process die, or whoever is there panic. A
//! release build holds none of this: there a point is nothing.

/// Every place. Tests go through all of them.
pub const POINTS: &[&str] = &[
    "hold.wallet",
    "hold.levels",
    "hold.taken",
    "hold.raised",
    "call.held",
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
    "store.beside_inserted",
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

    static ARMED: OnceLock<Armed> = OnceLock::new();

    struct Armed {
        point: Box<str>,
        /// How often the place still has to be reached.
        left: AtomicU64,
        /// Whether only whoever reaches it ends.
        panics: bool,
    }

    /// Lets the process die when a place is reached for the n-th time: `PLACE:N`, or only whoever
    /// reaches it: `PLACE:N:panic`. Only the first call counts. `None` if that cannot be read, or
    /// there is no such place.
    pub fn arm(fault: &str) -> Option<()> {
        let (point, rest) = fault.split_once(':')?;
        let (times, panics) = match rest.split_once(':') {
            Some((times, "panic")) => (times, true),
            Some(_) => return None,
            None => (rest, false),
        };
        let left = AtomicU64::new(times.parse().ok().filter(|times| *times > 0)?);
        let point = super::POINTS.iter().find(|known| **known == point)?;
        let point = (*point).into();
        let armed = Armed {
            point,
            left,
            panics,
        };
        ARMED.set(armed).ok()
    }

    /// A place.
    ///
    /// # Panics
    /// If a test has asked for that.
    pub fn point(name: &str) {
        debug_assert!(super::POINTS.contains(&name), "{name} is in the list");
        if let Some(armed) = ARMED.get()
            && *armed.point == *name
            && armed.left.fetch_sub(1, Ordering::SeqCst) == 1
        {
            assert!(!armed.panics, "a test has asked for a panic at {name}");
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
