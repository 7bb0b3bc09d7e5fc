//! What active checks say of a connection.

use crate::error::Code;

/// How many checks in a row change its standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Failed checks in a row until it counts as unhealthy.
    pub unhealthy: u32,
    /// Good checks in a row until it counts as healthy again.
    pub healthy: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            unhealthy: 3,
            healthy: 2,
        }
    }
}

/// The standing of a connection. Healthy until checks say otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {}

impl Health {
    /// Notes a check: the code of its failure, or `None` if it went well. Says whether the
    /// standing changed.
    pub fn note(&mut self, thresholds: Thresholds, failure: Option<Code>) -> bool {
        _ = (thresholds, failure);
        false
    }

    /// Whether requests may go there.
    pub fn is_healthy(&self) -> bool {
        true
    }

    /// The code of the last failed check, while the last check failed.
    pub fn failure(&self) -> Option<Code> {
        None
    }
}
