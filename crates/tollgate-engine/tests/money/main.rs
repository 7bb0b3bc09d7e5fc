//! The money of a small deployment over seeded times of faults: stores that fail before, after and
//! in the middle of a write, processes that die at any moment, callers that leave at any moment.
//! After every life of the process all of it has to add up.
//!
//! `TOLLGATE_SIMULATION_SEED` runs one seed, `TOLLGATE_SIMULATION_SEEDS` as many from zero on.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    reason = "a simulation that meets something unexpected ends there, and runs on its own clock"
)]

mod life;
mod store;

use std::env;

/// How many seeds the gate runs.
const SEEDS: u64 = 100;

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap())
}

#[test]
fn money_adds_up_whatever_fails_and_whenever_the_process_dies() {
    let seeds = match number("TOLLGATE_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TOLLGATE_SIMULATION_SEEDS").unwrap_or(SEEDS),
    };
    let mut sum = life::Tally::default();
    for seed in seeds {
        println!("seed {seed}");
        sum.add(&life::run(seed));
    }
    println!("{sum:?}");
    // A world in which nothing happens proves nothing.
    assert!(
        sum.acknowledged > 0 && sum.deaths > 0 && sum.refused > 0 && sum.withheld > 0,
        "{sum:?}"
    );
}
