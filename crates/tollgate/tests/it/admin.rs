//! What operators do.

mod call;
mod commands;
mod keys;
mod tenants;
