//! `OpenAI`'s format: chat completions and embeddings.

pub mod request;
