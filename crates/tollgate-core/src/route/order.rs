//! In which order the targets of a model are asked.

use std::cmp::Reverse;
use std::time::Duration;

mod chance;
mod turn;

use self::chance::Chance;

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
    order.clear();
    order.extend(0..candidates.len());
    let field = Field { candidates, names };
    let tier = |index: usize| {
        let candidate = field.at(index);
        let priority = match strategy {
            Strategy::Weighted => 0,
            Strategy::Priority
            | Strategy::RoundRobin
            | Strategy::LeastBusy
            | Strategy::Latency
            | Strategy::Cost => candidate.priority,
        };
        (candidate.ailing, priority)
    };
    // Stable: within a tier they stand as they are declared, which turns and ties rely on.
    order.sort_by_key(|index| tier(*index));
    let mut chance = Chance::new(draw.chance);
    for tier in order.chunk_by_mut(|one, next| tier(*one) == tier(*next)) {
        if tier.len() < 2 {
            continue;
        }
        if let Some(hash) = draw.sticky {
            field.stick(tier, hash);
            continue;
        }
        match strategy {
            Strategy::Priority | Strategy::Weighted => field.shuffle(tier, &mut chance),
            Strategy::RoundRobin => field.rotate(tier, draw.turn),
            Strategy::LeastBusy => field.by_places(tier, &mut chance),
            Strategy::Latency => field.by_latency(tier, &mut chance),
            Strategy::Cost => field.by_cost(tier, &mut chance),
        }
    }
}

/// So many targets of one tier are put in a sticky order without allocating.
const ROOM: usize = 16;

/// The candidates, while they are put in order.
struct Field<'a> {
    candidates: &'a [Candidate],
    names: &'a [u64],
}

impl Field<'_> {
    #[expect(
        clippy::indexing_slicing,
        reason = "every index in an order was made from the length of the candidates"
    )]
    fn at(&self, index: usize) -> &Candidate {
        &self.candidates[index]
    }

    fn weight(&self, index: usize) -> u32 {
        self.at(index).weight.max(1)
    }

    /// By chance: each place goes to one of those that are left, as likely as its weight says.
    fn shuffle(&self, tier: &mut [usize], chance: &mut Chance) {
        let weights = tier.iter().map(|index| u64::from(self.weight(*index)));
        let mut total: u64 = weights.sum();
        let mut rest = tier;
        while rest.len() > 1 {
            let mut drawn = chance.below(total);
            let hit = rest.iter().position(|index| {
                let weight = u64::from(self.weight(*index));
                let is_hit = drawn < weight;
                drawn = drawn.wrapping_sub(weight);
                is_hit
            });
            rest.swap(0, hit.unwrap_or(0));
            let Some((first, others)) = rest.split_first_mut() else {
                return;
            };
            total -= u64::from(self.weight(*first));
            rest = others;
        }
    }

    /// In turn, by weight; the others follow as they stand behind the one whose turn it is.
    fn rotate(&self, tier: &mut [usize], turn: u64) {
        tier.sort_by_key(|index| Reverse(self.weight(*index)));
        let weights = tier.iter().map(|index| self.weight(*index));
        let place = turn::place(weights, turn);
        tier.rotate_left(place.min(tier.len()));
    }

    /// By the requests under way for each unit of weight. Those that are equal, by chance.
    fn by_places(&self, tier: &mut [usize], chance: &mut Chance) {
        self.shuffle(tier, chance);
        let share = |one: usize, other: usize| {
            u64::from(self.at(one).parallel) * u64::from(self.weight(other))
        };
        tier.sort_by(|one, other| share(*one, *other).cmp(&share(*other, *one)));
    }

    /// The faster one of two drawn by chance, then the others, fast ones first. Not the fastest
    /// of all: everybody would run there between two readings.
    fn by_latency(&self, tier: &mut [usize], chance: &mut Chance) {
        self.shuffle(tier, chance);
        if let [first, second, ..] = tier
            && self.load(*second) < self.load(*first)
        {
            std::mem::swap(first, second);
        }
        if let Some((_, others)) = tier.split_first_mut() {
            others.sort_by_key(|index| self.load(*index));
        }
    }

    /// How long a request would take there, roughly. Unknown ones come first, so that they
    /// become known, but last while a request is on its way to find out: one that never answers
    /// would draw all others until the first of them times out.
    fn load(&self, index: usize) -> (bool, u128) {
        let candidate = self.at(index);
        let parallel = u128::from(candidate.parallel);
        match candidate.latency {
            Some(latency) => (false, latency.as_nanos().saturating_mul(parallel + 1)),
            None => (parallel > 0, parallel),
        }
    }

    /// The cheapest one first, unknown ones last. Those that are equal, by chance.
    fn by_cost(&self, tier: &mut [usize], chance: &mut Chance) {
        self.shuffle(tier, chance);
        tier.sort_by_key(|index| {
            let cost = self.at(*index).cost;
            (cost.is_none(), cost)
        });
    }

    /// By weighted rendezvous hashing: each draws a time from the hash and its own name, the
    /// shorter the larger its weight is, and none knows of the others. So one that goes leaves
    /// the order of the others as it was.
    fn stick(&self, tier: &mut [usize], hash: u64) {
        let time = |index: usize| {
            let name = self.names.get(index).copied().unwrap_or(index as u64);
            // Until the first of events that come `weight` times in a unit of time.
            let time = -chance::fraction(hash, name).ln() / f64::from(self.weight(index));
            // Numbers above zero are in order as their bits are.
            time.to_bits()
        };
        // Logarithms are dear enough to be taken once.
        let mut room = [(0, 0); ROOM];
        let Some(timed) = room.get_mut(..tier.len()) else {
            tier.sort_by_cached_key(|index| time(*index));
            return;
        };
        for (timed, index) in timed.iter_mut().zip(&*tier) {
            *timed = (time(*index), *index);
        }
        timed.sort_unstable();
        for (index, (_, timed)) in tier.iter_mut().zip(timed) {
            *index = *timed;
        }
    }
}

#[cfg(test)]
mod tests;
