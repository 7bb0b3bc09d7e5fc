//! The commands, one file each. Every one returns the exit code of the process.

pub mod call;
pub mod check;
pub mod connection;
mod control;
pub mod credit;
pub mod docs;
pub mod errors;
pub mod explain;
pub mod key;
pub mod ledger;
pub mod maintenance;
mod manual;
pub mod org;
mod place;
pub mod serve;
pub mod simulate;
mod table;
pub mod team;
pub mod user;
