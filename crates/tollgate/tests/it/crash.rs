//! What becomes of money when a process, whoever works in it, or its store dies.

// Release builds have no faults.
#[cfg(debug_assertions)]
mod panics;
#[cfg(debug_assertions)]
mod points;
mod store;
