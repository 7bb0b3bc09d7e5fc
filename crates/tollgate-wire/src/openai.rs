//! `OpenAI`'s format: chat completions and embeddings.

mod chunk;
pub mod failure;
pub mod reply;
pub mod request;
pub mod stream;
#[cfg(test)]
mod fixtures;
mod usage;
