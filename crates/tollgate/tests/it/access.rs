//! Who may do what, and how often.

mod audit;
mod borders;
mod commands;
mod connections;
mod fairness;
mod hangups;
mod limits;
mod repeats;
mod reports;
mod roles;
mod scene;
mod scopes;
mod standings;
mod statuses;
mod webhooks;
