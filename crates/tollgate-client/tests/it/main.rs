//! The client from outside: the table that it shares with the Python package, and what only Rust
//! has.

mod dropped;
mod server;
mod table;
