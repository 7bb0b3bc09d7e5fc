//! What is known of targets and connections while they serve: breakers, places, budgets, times.
//! Each target has one lock, held for a few instructions when an attempt begins and ends.

mod connection;
mod permit;
mod registry;
mod target;

pub use connection::{Calls, Checked, ConnectionHealth, ConnectionReading};
pub use permit::Permit;
pub(crate) use permit::Wanted;
pub(crate) use registry::ModelState;
pub use registry::{DeclaredConnection, Registry};
pub(crate) use target::Entry;
pub use target::{TargetHealth, TargetReading};

#[cfg(test)]
mod models;
#[cfg(test)]
mod races;
