//! In which order the targets of a model are asked.

use std::time::Duration;

/// How a target is chosen among those of the lowest priority number that can be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// By priority; among targets of one number, by weight.
    #[default]
    Priority,
    /// By weight.
    Weighted,
    /// In turn, each as often as its weight says.
    RoundRobin,
    /// The one with the fewest requests under way for its weight.
    LeastBusy,
    /// The faster one of two drawn by chance (power of two choices over the peak-sensitive
    /// average, requests under way included).
    Latency,
    /// The cheapest one for this request.
    Cost,
}

impl Strategy {
    /// Every strategy.
    pub const ALL: &'static [Self] = &[
        Self::Priority,
        Self::Weighted,
        Self::RoundRobin,
        Self::LeastBusy,
        Self::Latency,
        Self::Cost,
    ];

    /// The word for settings and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Priority => "priority",
            Self::Weighted => "weighted",
            Self::RoundRobin => "round_robin",
            Self::LeastBusy => "least_busy",
            Self::Latency => "latency",
            Self::Cost => "cost",
        }
    }
}

/// What is known of a target when the order is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Candidate {
    /// Lower is asked first, under every strategy but `weighted`.
    pub priority: u32,
    /// Its share.
    pub weight: u32,
    /// Requests under way.
    pub parallel: u32,
    /// How fast it answers; `None` while it is unknown.
    pub latency: Option<Duration>,
    /// What this request would cost there, in pico-USD; `None` while that is unknown.
    pub cost: Option<u64>,
    /// Whether it lately failed in a way that waiting does not mend (a bad credential, say): it
    /// is asked after all others.
    pub ailing: bool,
}

/// Draws of chance and the turn, for one order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Draw {
    /// Any number, evenly drawn.
    pub chance: u64,
    /// Counts the requests of the model, for `round_robin`.
    pub turn: u64,
    /// A hash of what the request belongs to, where requests stick to targets: equal hashes give
    /// equal orders as long as the targets stay the same, and few change when one comes or goes
    /// (rendezvous hashing by weight).
    pub sticky: Option<u64>,
}

/// Writes the indices of `candidates` into `order`, the one to ask first in front. `names` are
/// hashes of what identifies each candidate, for sticky orders.
pub fn order(
    strategy: Strategy,
    candidates: &[Candidate],
    names: &[u64],
    draw: Draw,
    order: &mut Vec<usize>,
) {
    _ = (strategy, names, draw);
    order.clear();
    order.extend(0..candidates.len());
}
