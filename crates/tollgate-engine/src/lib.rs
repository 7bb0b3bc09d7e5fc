//! The life of a request: admitted, planned, attempted, metered. Nothing here knows HTTP, SQL,
//! provider names or what a format looks like; the outside is four traits in [`port`].

pub mod accounts;
mod admin;
pub mod admit;
mod attempt;
pub mod chat;
pub mod engine;
pub mod keys;
pub mod mint;
pub mod port;
pub mod routes;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
