//! What goes wrong at one provider, and when.

use std::time::Duration;

/// Evenly drawn numbers under a seed.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

/// How a provider behaves for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    Fine,
    /// One call in four fails.
    Showers,
    /// Everything fails at once.
    Down,
    /// The connection is refused.
    Refused,
    /// Nothing comes until time runs out.
    Silent,
    /// The connection is reset after the request was sent.
    Resets,
    /// 429 that names so many seconds, or none.
    Limits(Option<u64>),
    /// 503 that names so many seconds.
    Overloaded(u64),
    /// The credential is bad.
    Locked,
    /// Streams break after they have begun; plain answers are no answers.
    Cuts,
    /// Fine, but slow.
    Slow,
}

/// The weather of one day: phases with their ends.
pub(crate) struct Forecast(Vec<(Duration, Weather)>);

/// The last part of a day in which nothing goes wrong, so that everything can recover.
pub(crate) const EVENING: Duration = Duration::from_hours(3);
pub(crate) const DAY: Duration = Duration::from_hours(24);

impl Forecast {
    pub(crate) fn new(chance: &mut Chance) -> Self {
        let mut phases = Vec::new();
        let mut at = Duration::ZERO;
        while at < DAY - EVENING {
            let minutes = 1 + chance.below(90);
            at += Duration::from_secs(60 * minutes);
            phases.push((at.min(DAY - EVENING), weather(chance)));
        }
        phases.push((Duration::MAX, Weather::Fine));
        Self(phases)
    }

    pub(crate) fn at(&self, time: Duration) -> Weather {
        let phase = self.0.iter().find(|(end, _)| time < *end);
        phase.map_or(Weather::Fine, |(_, weather)| *weather)
    }
}

fn weather(chance: &mut Chance) -> Weather {
    match chance.below(16) {
        0 => Weather::Showers,
        1 => Weather::Down,
        2 => Weather::Refused,
        3 => Weather::Silent,
        4 => Weather::Resets,
        5 => Weather::Limits(None),
        6 => Weather::Limits(Some(1 + chance.below(20))),
        7 => Weather::Limits(Some(60 + chance.below(600))),
        8 => Weather::Overloaded(1 + chance.below(30)),
        9 => Weather::Locked,
        10 => Weather::Cuts,
        11 => Weather::Slow,
        _ => Weather::Fine,
    }
}
