//! Chat of Cohere's second version. No caller speaks it: requests are written, answers parsed.

#[cfg(test)]
mod fixtures;
pub mod parse;
pub mod write;
