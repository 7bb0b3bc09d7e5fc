//! Active checks of connections: a cheap question to the provider at every interval.

use std::time::Duration;

use tollgate_core::route::health::Thresholds;

/// When and how a connection is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checks {
    /// From the end of one check to the next.
    pub interval: Duration,
    /// The longest that a check may take.
    pub timeout: Duration,
    /// A model that is asked for one token; left out, the provider's list of models is asked for.
    pub model: Option<std::sync::Arc<str>>,
    /// How many in a row change the connection's standing.
    pub thresholds: Thresholds,
}
