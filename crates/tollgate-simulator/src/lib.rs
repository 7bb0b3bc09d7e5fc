//! A simulated provider: it speaks the wire formats of real ones, and shows their faults.
//!
//! Start at [`Simulator`]. It serves a TCP port or connections inside the process, answers in the
//! formats of `OpenAI`, Anthropic and Gemini, and does what scripts, headers and model names ask
//! of it: errors, cuts, stalls, odd bytes. The table of what it can do is [`faults`]; it writes
//! down every request that it received, and how it ended.
//!
//! The models are the same in all formats: what they say depends on the conversation, not on the
//! form in which it came. [`MODELS`] lists them, and [`documentation`] tells what each does.
//!
//! HTTP is written by hand here. A library would refuse to send most of what has to be tested.

mod address;
mod anthropic;
mod base64;
mod connection;
mod control;
mod conversation;
mod draft;
mod family;
mod fault;
mod google;
mod gzip;
mod models;
mod openai;
mod percent;
mod problem;
mod record;
mod reply;
mod request;
mod script;
mod seed;
mod signature;
mod simulator;
mod text;
mod usage;

#[cfg(test)]
mod tests;

pub use fault::{Fault, FaultRow, Group, Kind, Parameter, documentation, faults};
pub use models::MODELS;
pub use record::{Outcome, Received, Stats};
pub use script::{Rule, Script, ScriptProblem};
pub use simulator::{NotReached, Settings, Simulator};
