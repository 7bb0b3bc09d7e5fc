//! Who may do what, and how often.

mod audit;
mod borders;
mod connections;
mod fairness;
mod limits;
mod scene;
mod scopes;
mod standings;
mod statuses;
