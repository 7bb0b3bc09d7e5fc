//! Converse of AWS Bedrock.

pub mod parse;
pub mod write;
