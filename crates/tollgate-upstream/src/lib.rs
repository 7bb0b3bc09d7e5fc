//! Sends requests to providers and reads what they answer.
//!
//! A connection's credential goes to its own base URL and nowhere else: no member or header of a
//! request chooses the host, and redirects are not followed. Only what a service account signs
//! goes to the token endpoint that its own key file names.

mod address;
mod asking;
mod body;
mod check;
mod connection;
mod credential;
mod dial;
mod exchange;
mod fault;
mod gather;
mod headers;
mod io;
mod judge;
mod lane;
mod peer;
mod pool;
mod progress;
pub mod provider;
mod relay;
pub mod settings;
mod tls;
mod upstreams;

pub use credential::{AccessKey, ServiceAccount};
pub use fault::Fault;
pub use settings::ConnectionSettings;
pub use upstreams::{DialSimulator, Upstreams};
