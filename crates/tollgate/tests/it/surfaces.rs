//! The surfaces of all families, where they differ.

mod credentials;
mod errors;
mod hello;
mod models;
