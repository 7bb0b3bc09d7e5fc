//! Stands for the outside in tests: a store in memory and a clock that is set by hand.

mod script;
mod world;

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tollgate_core::id::KeyId;
use tollgate_core::key::VirtualKey;
use tollgate_core::time::Timestamp;

use crate::engine::Ticker;
use crate::health::{Permit, Wanted};
use crate::port::{BoxFuture, Clock, Store, StoreError, StoredKey};
use crate::routes::Route;

pub use script::{Act, Scene, Script, Seen};
pub use world::{World, call, caller, model};

/// A store that forgets everything when it is dropped.
#[derive(Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
    broken: AtomicBool,
}

#[derive(Default)]
struct Tables {
    keys: BTreeMap<KeyId, StoredKey>,
    settings: BTreeMap<String, String>,
}

impl MemoryStore {
    /// From here on everything fails, or works again.
    pub fn set_broken(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }

    fn tables(&self) -> Result<MutexGuard<'_, Tables>, StoreError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(StoreError("the store is broken on purpose".into()));
        }
        Ok(self.tables.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn insert(&self, key: &VirtualKey) -> Result<(), StoreError> {
        let mut tables = self.tables()?;
        let taken = tables
            .keys
            .values()
            .any(|stored| stored.key.id == key.id || stored.key.hash == key.hash);
        if taken {
            return Err(StoreError(
                "there is a key of this id or hash already".into(),
            ));
        }
        tables.keys.insert(
            key.id.clone(),
            StoredKey {
                key: key.clone(),
                last_used_at: None,
            },
        );
        Ok(())
    }

    fn update(&self, key: &VirtualKey) -> Result<(), StoreError> {
        let mut tables = self.tables()?;
        let stored = tables
            .keys
            .get_mut(&key.id)
            .ok_or_else(|| StoreError("there is no key of this id".into()))?;
        let created_at = stored.key.created_at;
        stored.key = VirtualKey {
            created_at,
            ..key.clone()
        };
        Ok(())
    }

    fn note(&self, uses: &[(KeyId, Timestamp)]) -> Result<(), StoreError> {
        let mut tables = self.tables()?;
        for (id, at) in uses {
            if let Some(stored) = tables.keys.get_mut(id) {
                stored.last_used_at = stored.last_used_at.max(Some(*at));
            }
        }
        Ok(())
    }
}

impl Store for MemoryStore {
    fn keys(&self) -> BoxFuture<'_, Result<Vec<StoredKey>, StoreError>> {
        Box::pin(async { Ok(self.tables()?.keys.values().cloned().collect()) })
    }

    fn insert_key<'a>(&'a self, key: &'a VirtualKey) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async { self.insert(key) })
    }

    fn update_key<'a>(&'a self, key: &'a VirtualKey) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async { self.update(key) })
    }

    fn note_uses<'a>(
        &'a self,
        uses: &'a [(KeyId, Timestamp)],
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async { self.note(uses) })
    }

    fn setting<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        Box::pin(async { Ok(self.tables()?.settings.get(name).cloned()) })
    }

    fn set_setting<'a>(
        &'a self,
        name: &'a str,
        value: &'a str,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async {
            self.tables()?
                .settings
                .insert(name.to_owned(), value.to_owned());
            Ok(())
        })
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { self.tables().map(drop) })
    }
}

/// A place at the first target of a route.
///
/// # Panics
/// If something stands in the way.
#[expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "for tests only"
)]
pub fn permit(route: &Arc<Route>) -> Permit {
    let wanted = Wanted {
        tokens: 0,
        first: true,
        stream: false,
    };
    Permit::take(route, &route.targets[0], wanted, Ticker::start())
        .expect("nothing stands in the way")
}

/// A clock that stands still until it is moved.
pub struct ManualClock(watch::Sender<Timestamp>);

impl ManualClock {
    /// A clock that shows this time.
    pub fn new(now: Timestamp) -> Self {
        Self(watch::Sender::new(now))
    }

    /// Moves the clock; whoever sleeps until then wakes up.
    pub fn advance(&self, duration: Duration) {
        self.0.send_modify(|now| *now = now.after(duration));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let end = self.now().after(duration);
        let mut time = self.0.subscribe();
        Box::pin(async move {
            if time.wait_for(|now| *now >= end).await.is_err() {
                // The clock is gone and will never move again.
                std::future::pending::<()>().await;
            }
        })
    }
}

/// Bytes that differ from call to call and are the same in every run of a process that makes the
/// same calls in the same order. Not random: for tests only.
pub fn counting_entropy(bytes: &mut [u8]) -> io::Result<()> {
    static STEP: AtomicU64 = AtomicU64::new(1);
    for byte in bytes {
        let step = STEP
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let [.., last] = (step ^ (step >> 29))
            .wrapping_mul(0xbf58_476d_1ce4_e5b9)
            .to_le_bytes();
        *byte = last;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn sleepers_wake_when_the_clock_reaches_their_time() {
        let clock = ManualClock::new(Timestamp::from_millis(0));
        let mut sleep = clock.sleep(Duration::from_secs(1));
        let mut context = Context::from_waker(Waker::noop());
        clock.advance(Duration::from_millis(999));
        assert!(sleep.as_mut().poll(&mut context).is_pending());
        clock.advance(Duration::from_millis(1));
        assert!(sleep.as_mut().poll(&mut context).is_ready());
    }
}
