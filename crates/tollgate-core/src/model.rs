//! What callers may ask for, and who serves it.

use std::sync::Arc;
use std::time::Duration;

use crate::price::Price;

/// What becomes of the parts of a request that a target's format has no words for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Unsupported {
    /// They are left out, and a header of the answer names them.
    #[default]
    Warn,
    /// They are left out.
    Drop,
    /// The request is refused, and the error names them.
    Refuse,
}

/// What is known of a model beyond its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelFacts {
    /// How many tokens prompt and answer may have together.
    pub context_window: Option<u64>,
    /// The most tokens that an answer can have.
    pub max_output: Option<u32>,
    /// What tokens cost.
    pub price: Option<Priced>,
}

/// A price, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// The price.
    pub price: Price,
    /// Where it comes from: the version of the catalogue, or `configuration`.
    pub version: Arc<str>,
}

/// One model of one connection.
#[derive(Clone, Debug)]
pub struct Target {
    /// The name of the connection in the configuration.
    pub connection: Arc<str>,
    /// The model as the provider calls it.
    pub model: Arc<str>,
    /// The most tokens that an answer of the model can have, if that is known.
    pub max_output: Option<u32>,
}

/// Bounds on the parts of an exchange with a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands, TLS included.
    pub connect: Duration,
    /// Streams: until the first event with content; headers alone do not count.
    pub first_byte: Duration,
    /// Streams: the longest silence after that.
    pub idle: Duration,
    /// Plain calls: until the whole answer is there.
    pub answer: Duration,
    /// Everything, retries included.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_mins(1),
            idle: Duration::from_secs(30),
            answer: Duration::from_mins(5),
            total: Duration::from_mins(10),
        }
    }
}
