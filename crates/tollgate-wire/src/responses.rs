//! `OpenAI`'s responses.

pub mod parse;
pub mod relay;
pub mod request;
pub mod write;
