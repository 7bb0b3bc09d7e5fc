//! Chat of Cohere's second version.

pub mod parse;
pub mod write;
