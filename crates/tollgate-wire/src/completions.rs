//! `OpenAI`'s older text completions.

pub mod parse;
pub mod relay;
pub mod request;
pub mod write;
