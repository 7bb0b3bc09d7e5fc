//! Money: what calls cost, who pays, and that no amount is lost, made up or doubled.

mod budgets;
mod endings;
mod fallbacks;
mod parallel;
mod prices;
mod refusals;
mod repeats;
mod restarts;
pub mod scene;
mod usage;
mod ways;
