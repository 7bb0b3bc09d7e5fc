//! Several targets: what callers meet while providers limit, stall, break or lie.

mod deadlines;
mod fallbacks;
mod faults;
mod operators;
mod places;
mod retries;
mod rows;
pub mod scene;
mod strategies;
mod streams;
