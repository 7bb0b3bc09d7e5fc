//! A simulated provider: it speaks the wire formats of real ones, and shows their faults.
//!
//! Start at [`Simulator`]. It serves a TCP port or connections inside the process, answers like
//! an OpenAI-format provider, and does what scripts, headers and model names ask of it: errors,
//! cuts, stalls, odd bytes. The table of what it can do is [`faults`]; it writes down every
//! request that it received, and how it ended.
//!
//! HTTP is written by hand here. A library would refuse to send most of what has to be tested.

mod connection;
mod control;
mod draft;
mod fault;
mod gzip;
mod openai;
mod record;
mod request;
mod script;
mod seed;
mod simulator;
mod text;

#[cfg(test)]
mod tests;

pub use fault::{Fault, FaultRow, Group, Kind, Parameter, documentation, faults};
pub use openai::models::MODELS;
pub use record::{Outcome, Received, Stats};
pub use script::{Rule, Script, ScriptProblem};
pub use simulator::{NotReached, Settings, Simulator};
