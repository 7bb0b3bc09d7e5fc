//! Callers of every family at providers of every family.

mod loops;
mod state;
mod streams;
mod unsupported;
