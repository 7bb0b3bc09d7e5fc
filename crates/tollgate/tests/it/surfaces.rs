//! The surfaces of all families, where they differ.

mod calls;
mod credentials;
mod errors;
mod hello;
mod models;
