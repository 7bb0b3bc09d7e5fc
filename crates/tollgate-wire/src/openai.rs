//! `OpenAI`'s format: chat completions and embeddings.

pub mod failure;
pub mod request;
