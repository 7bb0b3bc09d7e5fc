//! Who may do what, and how often.

mod audit;
mod borders;
mod commands;
mod connections;
mod deletions;
mod fairness;
mod hangups;
mod limits;
mod repeats;
mod reports;
mod roles;
pub mod scene;
mod scopes;
mod standings;
mod statuses;
mod strength;
mod webhooks;
