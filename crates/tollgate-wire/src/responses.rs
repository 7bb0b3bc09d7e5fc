//! `OpenAI`'s responses.

mod event;
mod facts;
#[cfg(test)]
mod fixtures;
pub(crate) mod insight;
mod media;
pub mod parse;
pub mod relay;
pub mod request;
#[cfg(test)]
mod round_trips;
mod signature;
mod usage;
pub mod write;
