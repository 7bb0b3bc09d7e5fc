//! Which answers of a model are kept for the next who asks the same, and for how long.

use std::time::Duration;

/// Which requests are looked for in the cache, and kept there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheMode {
    /// None.
    #[default]
    Off,
    /// Those that ask for it.
    Ask,
    /// All that do not decline it.
    On,
}

/// What a model says differently from the deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Which requests.
    pub mode: Option<CacheMode>,
    /// How long an answer is given again.
    pub ttl: Option<Duration>,
    /// How much longer it is kept for calls that no provider can answer.
    pub stale: Option<Duration>,
}
