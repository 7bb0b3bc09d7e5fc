//! The rules of Tollgate: values and decisions that never wait, never read a clock and never
//! touch the outside. Time, randomness and bytes arrive as values.

pub mod call;
pub mod caller;
pub mod catalogue;
pub mod error;
pub mod format;
pub mod id;
pub mod key;
pub mod model;
pub mod overload;
pub mod price;
pub mod reply;
pub mod route;
pub mod secret;
pub mod time;
