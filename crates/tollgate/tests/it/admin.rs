//! What operators do.

mod commands;
mod keys;
mod tenants;
