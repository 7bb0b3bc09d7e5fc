//! Google's `generateContent`, as Gemini and Vertex speak it.

pub mod parse;
pub mod relay;
pub mod request;
pub mod write;
