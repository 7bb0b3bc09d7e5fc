//! The commands, one file each. Every one returns the exit code of the process.

pub mod check;
mod control;
pub mod docs;
pub mod errors;
pub mod key;
pub mod serve;
pub mod simulate;
