//! The surface for `OpenAI` clients.

mod chat;
mod embeddings;
mod models;
mod validation;
