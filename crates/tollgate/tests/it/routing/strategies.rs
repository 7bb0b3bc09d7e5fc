//! Which target is asked.

mod abilities;
mod collections;
mod conditions;
mod orders;
mod pools;
mod sticky;
