//! The formats that Tollgate reads and writes: bytes in, facts out. Nothing here waits, reads a
//! clock or touches the outside.
//!
//! Each format has a folder. `request` reads a caller's body for the few facts that decide,
//! `relay` watches answers go by that stay in the format, `parse` turns bodies and streams into
//! the [neutral form](neutral), and `write` turns the neutral form into bodies and streams.
//! [`formats`] finds the folder of a format.

pub mod answer;
pub mod anthropic;
pub mod bedrock;
mod claude;
pub mod cohere;
pub mod completions;
pub mod continuation;
mod counts;
pub mod credential;
pub mod eventstream;
pub mod failure;
mod faults;
mod fields;
pub mod formats;
pub mod gemini;
pub mod insight;
pub mod json;
mod ndjson;
pub mod neutral;
pub mod ollama;
pub mod openai;
mod output;
pub mod provider_text;
pub mod quirks;
mod relayed;
pub mod responses;
pub mod retry_after;
pub mod same;
pub mod simple;
pub mod sse;
pub mod state;
pub mod stream;
pub mod strip;
pub mod translate;
