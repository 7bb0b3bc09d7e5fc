//! Providers that the simulator does not speak for: recorded answers, and requests checked.

mod bedrock;
mod cohere;
mod ollama;
pub mod stub;
mod vertex;
