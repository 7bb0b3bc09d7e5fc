//! What becomes of money when a process, whoever works in it, or its store dies.

mod panics;
mod points;
mod store;
