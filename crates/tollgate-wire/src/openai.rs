//! `OpenAI`'s format: chat completions and embeddings.

mod chunk;
#[cfg(test)]
mod fixtures;
pub mod parse;
pub mod reply;
pub mod request;
pub mod stream;
mod usage;
pub mod write;
