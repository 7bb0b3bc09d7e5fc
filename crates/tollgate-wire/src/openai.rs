//! `OpenAI`'s format: chat completions and embeddings.

mod chunk;
#[cfg(test)]
mod fixtures;
pub(crate) mod harmless;
pub(crate) mod insight;
mod media;
pub mod parse;
pub mod reply;
pub mod request;
pub mod stream;
pub(crate) mod thought;
mod usage;
pub mod write;
