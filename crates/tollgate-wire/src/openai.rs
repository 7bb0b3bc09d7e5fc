//! `OpenAI`'s format: chat completions and embeddings.

mod chunk;
pub mod failure;
#[cfg(test)]
mod fixtures;
pub mod reply;
pub mod request;
pub mod stream;
mod usage;
