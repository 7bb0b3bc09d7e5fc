//! The simple chat of seed 000: a caller's form around OpenAI's chat. [`request`] turns what a
//! caller sends into a chat completion, [`answer`] and [`stream`] reduce what comes back to its
//! shape.

pub mod answer;
pub mod request;
pub mod stream;
