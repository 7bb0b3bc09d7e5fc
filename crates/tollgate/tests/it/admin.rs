//! What operators do.

mod commands;
mod keys;
