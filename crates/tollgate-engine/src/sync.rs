//! The locks and counters that requests share on their way. In tests they can be shuttle's, whose
//! scheduler tries out in which order threads come to them.

#[cfg(test)]
pub(crate) mod modelled;
mod plain;

#[cfg(test)]
pub(crate) use self::modelled::{AtomicUsize, Mutex, MutexGuard};
#[cfg(not(test))]
pub(crate) use self::plain::{Mutex, MutexGuard};
#[cfg(not(test))]
pub(crate) use std::sync::atomic::AtomicUsize;
