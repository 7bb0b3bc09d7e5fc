//! The rules of Tollgate: values and decisions that never wait, never read a clock and never
//! touch the outside. Time, randomness and bytes arrive as values.

pub mod address;
pub mod audit;
pub mod budget;
pub mod call;
pub mod catalogue;
pub mod charge;
pub mod error;
pub mod format;
pub mod id;
pub mod job;
pub mod key;
pub mod ledger;
pub mod limit;
pub mod model;
pub mod money;
pub mod offer;
pub mod overload;
pub mod price;
pub mod rare;
pub mod reply;
pub mod request_log;
pub mod right;
pub mod route;
pub mod secret;
pub mod tenant;
pub mod time;
pub mod tokens;
pub mod webhook;
