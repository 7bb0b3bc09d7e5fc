//! Ollama's own chat.

pub mod parse;
pub mod write;

#[cfg(test)]
mod fixtures;
