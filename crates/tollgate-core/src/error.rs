//! How failures work. Whatever goes wrong is one [`Failure`] with one [`Code`] from one table
//! ([`catalog`]). The code says what happened, the [`Origin`] who failed; status, headers and
//! body follow from them in the caller's [`dialect::Dialect`]. A cause is kept for the log and
//! never leaves the process.

pub mod advice;
pub mod catalog;
pub mod detail;
pub mod dialect;
pub mod document;
pub mod failure;
mod guide;
mod texts;
pub mod trail;

pub use catalog::{Code, Retry};
pub use failure::{
    AttemptRecord, Failure, FieldProblem, Lost, LostCost, Origin, ProviderAnswer, StreamMark,
};
