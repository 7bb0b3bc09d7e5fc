//! Days of faults: seeded worlds of providers that limit, stall, break and lie, with callers who
//! come at all times. After every step the promises of routing are checked.
//!
//! `TOLLGATE_SIMULATION_SEEDS=10000` runs more days, `TOLLGATE_SIMULATION_SEED=N` one of them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::unchecked_time_subtraction,
    clippy::disallowed_methods,
    reason = "a simulation that meets something unexpected ends there, and runs on its own clock"
)]

mod day;
mod provider;
mod weather;

/// How many days `./test` looks at.
const SEEDS: u64 = 100;

#[test]
fn no_day_of_faults_breaks_a_promise() {
    let number = |name: &str| {
        let value = std::env::var(name).ok()?;
        Some(value.parse::<u64>().expect("a number"))
    };
    if let Some(seed) = number("TOLLGATE_SIMULATION_SEED") {
        println!("{:?}", day::live(seed));
        return;
    }
    let seeds = number("TOLLGATE_SIMULATION_SEEDS").unwrap_or(SEEDS);
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let total = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers)
            .map(|worker| {
                scope.spawn(move || {
                    let mut sum = day::Tally::default();
                    for seed in (worker..seeds).step_by(workers as usize) {
                        sum.add(&day::live(seed));
                    }
                    sum
                })
            })
            .collect();
        let mut total = day::Tally::default();
        for worker in workers {
            total.add(&worker.join().expect("a day went wrong; its seed is above"));
        }
        total
    });
    println!("{seeds} days: {total:?}");
    // A world in which nothing happens would prove nothing.
    assert!(total.answered > 0 && total.failed > 0 && total.retried > 0);
    assert!(total.opened > 0 && total.cooled > 0 && total.queued > 0 && total.fell_back > 0);
    assert!(total.hedged > 0);
}
