//! The client from outside: the table that it shares with the Python package, and what only Rust
//! has.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::duration_suboptimal_units,
    reason = "a test that meets something unexpected ends there"
)]

mod dropped;
mod repeats;
mod server;
mod table;
