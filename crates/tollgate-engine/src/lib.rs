//! The life of a request: admitted, planned, attempted, metered. Nothing here knows HTTP, SQL,
//! provider names or what a format looks like; the outside is four traits in [`port`].

pub mod accounts;
mod admin;
pub mod admit;
mod attempt;
mod audit;
pub mod authority;
pub mod cache;
pub mod caller;
pub mod chat;
pub mod checks;
pub mod credits;
mod dice;
pub mod engine;
pub mod explain;
pub mod fault;
mod freed;
pub mod health;
mod hedges;
pub mod hold;
pub mod jobs;
pub mod keys;
pub mod ledger_check;
pub mod maintenance;
mod meter;
pub mod mint;
pub mod offers;
pub mod operate;
pub mod overload;
pub mod port;
pub mod queue;
mod recover;
pub mod refills;
pub mod replay;
pub mod request_log;
pub mod routes;
mod select;
pub mod settle;
pub mod spend;
mod sync;
pub mod tenants;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod throttle;
pub mod trail;
mod walk;
pub mod wallet;
