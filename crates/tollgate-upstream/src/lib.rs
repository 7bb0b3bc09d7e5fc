//! Sends requests to providers and reads what they answer.
//!
//! A connection's credential goes to its own base URL and nowhere else: no member or header of a
//! request chooses the host, and redirects are not followed.

mod body;
mod connection;
mod dial;
mod fault;
mod headers;
mod io;
mod lane;
mod pool;
pub mod provider;
pub mod settings;
mod tls;
mod upstreams;
pub mod wire_seam;

pub use fault::Fault;
pub use settings::ConnectionSettings;
pub use upstreams::{DialSimulator, Upstreams};
