//! The standard library's lock, taken also after a thread has panicked with it: what is behind
//! these locks is changed by code that does not panic half-way.

use std::sync::PoisonError;

pub(crate) use std::sync::MutexGuard;

/// A lock.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// Waits for the lock.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
