//! Locks and counters that are shuttle's where a model made them, else the usual ones.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner};

use super::plain;

/// How many orders each of the two schedulers tries.
const ORDERS: usize = 1000;
/// How many switches at chosen places it may take for a fault to show.
const SWITCHES: usize = 3;

thread_local! {
    /// Whether this thread runs a model. All threads of a model run on one of the system's.
    static IS_MODEL: Cell<bool> = const { Cell::new(false) };
}

/// Runs a model in many orders of what its threads do: drawn evenly, and drawn so that faults of
/// few switches show. A failure prints the order, which `shuttle::replay` runs again.
pub(crate) fn explore(model: impl Fn() + Send + Sync + 'static) {
    struct Ended;
    impl Drop for Ended {
        fn drop(&mut self) {
            IS_MODEL.set(false);
        }
    }
    let _ended = Ended;
    IS_MODEL.set(true);
    let model = std::sync::Arc::new(model);
    let again = std::sync::Arc::clone(&model);
    Runner::new(RandomScheduler::new(ORDERS), Config::new()).run(move || model());
    Runner::new(PctScheduler::new(SWITCHES, ORDERS), Config::new()).run(move || again());
}

/// A lock.
#[derive(Debug)]
pub(crate) enum Mutex<T> {
    Plain(plain::Mutex<T>),
    Modelled(shuttle::sync::Mutex<T>),
}

/// A lock that is held.
#[derive(Debug)]
pub(crate) enum MutexGuard<'a, T> {
    Plain(plain::MutexGuard<'a, T>),
    /// `None` once it is let go.
    Modelled(Option<shuttle::sync::MutexGuard<'a, T>>),
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        if let Self::Modelled(guard) = self {
            drop(guard.take());
            if !std::thread::panicking() {
                // Shuttle switches threads before it locks, not after it unlocks; but what follows
                // may be of parts that it does not know, such as tokio's channels.
                shuttle::sync::atomic::AtomicBool::default().load(Ordering::SeqCst);
            }
        }
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        if IS_MODEL.get() {
            Self::Modelled(shuttle::sync::Mutex::default())
        } else {
            Self::Plain(plain::Mutex::default())
        }
    }
}

impl<T> Mutex<T> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        match self {
            Self::Plain(lock) => MutexGuard::Plain(lock.lock()),
            Self::Modelled(lock) => {
                let guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
                MutexGuard::Modelled(Some(guard))
            }
        }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Plain(guard) => guard,
            Self::Modelled(guard) => guard.as_ref().unwrap(),
        }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match self {
            Self::Plain(guard) => guard,
            Self::Modelled(guard) => guard.as_mut().unwrap(),
        }
    }
}

/// A counter. Models know one order for all threads only, so that weaker ones are not explored.
#[derive(Debug)]
pub(crate) enum AtomicUsize {
    Plain(std::sync::atomic::AtomicUsize),
    Modelled(shuttle::sync::atomic::AtomicUsize),
}

impl Default for AtomicUsize {
    fn default() -> Self {
        if IS_MODEL.get() {
            Self::Modelled(shuttle::sync::atomic::AtomicUsize::default())
        } else {
            Self::Plain(std::sync::atomic::AtomicUsize::default())
        }
    }
}

impl AtomicUsize {
    pub(crate) fn load(&self, order: Ordering) -> usize {
        match self {
            Self::Plain(counter) => counter.load(order),
            Self::Modelled(counter) => counter.load(Ordering::SeqCst),
        }
    }

    pub(crate) fn store(&self, value: usize, order: Ordering) {
        match self {
            Self::Plain(counter) => counter.store(value, order),
            Self::Modelled(counter) => counter.store(value, Ordering::SeqCst),
        }
    }

    pub(crate) fn fetch_add(&self, value: usize, order: Ordering) -> usize {
        match self {
            Self::Plain(counter) => counter.fetch_add(value, order),
            Self::Modelled(counter) => counter.fetch_add(value, Ordering::SeqCst),
        }
    }

    pub(crate) fn fetch_sub(&self, value: usize, order: Ordering) -> usize {
        match self {
            Self::Plain(counter) => counter.fetch_sub(value, order),
            Self::Modelled(counter) => counter.fetch_sub(value, Ordering::SeqCst),
        }
    }
}
