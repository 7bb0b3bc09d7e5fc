//! Anthropic's messages.

mod base64;
mod citation;
mod facts;
#[cfg(test)]
mod fixtures;
pub(crate) mod insight;
pub mod parse;
pub mod relay;
pub mod request;
#[cfg(test)]
mod roundtrip;
mod usage;
mod words;
pub mod write;
