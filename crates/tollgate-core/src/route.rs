//! What routing decides: which target next, when again, when not at all, and which row of the
//! catalogue tells what happened. State machines and rules without a clock, a lock or chance:
//! time comes as [`Moment`](crate::time::Moment), chance as a number that somebody else drew.

pub mod backoff;
pub mod breaker;
pub mod budget;
pub mod cache;
pub mod condition;
pub mod fallback;
pub mod health;
pub mod latency;
pub mod limit;
pub mod order;
mod ring;
pub mod rules;
pub mod story;
