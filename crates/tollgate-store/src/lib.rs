//! Keeps keys and settings in a database, and sees to it that one process at a time does.

mod control;
mod location;
mod migrations;
mod owner;
mod sqlite;
mod vault;

#[cfg(test)]
mod contract;

pub use control::{Control, ControlError};
pub use location::database_file;
pub use owner::{Owner, OwnerError};
pub use sqlite::{OpenError, SqliteStore, open};
pub use vault::{MasterKeys, Seal};
