//! Keeps everything that must survive the process in a database, SQLite or PostgreSQL, and sees to
//! it that one process at a time does.

mod control;
mod database;
mod location;
mod migrations;
mod open;
mod owner;
mod store;
mod vault;

#[cfg(test)]
mod contract;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use control::{Control, ControlError};
pub use location::Location;
pub use open::{OpenError, open};
pub use owner::{Owner, OwnerError};
pub use store::SqlStore;
pub use vault::{MasterKeys, Seal};
