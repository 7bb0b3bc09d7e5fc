//! The commands, one file each. Every one returns the exit code of the process.

pub mod check;
pub mod docs;
