//! The binary's parts, as a library so that tests can start a whole Tollgate in their process.

pub mod command;
pub mod config;
