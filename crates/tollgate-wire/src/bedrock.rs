//! Converse of AWS Bedrock. Providers only: nobody calls in this format.

#[cfg(test)]
mod fixtures;
pub mod parse;
mod words;
pub mod write;
