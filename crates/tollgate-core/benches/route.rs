//! What it costs to choose among the targets of a model: an order of four under every strategy,
//! and counting a request against the limits of a target.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use tollgate_core::route::limit::{Limits, Meter};
use tollgate_core::route::order::{Candidate, Draw, Strategy, order};
use tollgate_core::time::Moment;

const NAMES: [u64; 4] = [
    0x1234_5678_9abc_def0,
    0x0fed_cba9_8765_4321,
    0x5a5a_a5a5_1234_4321,
    0x0bad_cafe_f00d_beef,
];

/// Four targets of one tier that differ in all that is looked at.
fn candidates() -> [Candidate; 4] {
    let candidate = |weight, parallel, latency, cost| Candidate {
        priority: 0,
        weight,
        parallel,
        latency: Some(Duration::from_millis(latency)),
        cost: Some(cost),
        ailing: false,
    };
    [
        candidate(5, 3, 700, 40_000_000),
        candidate(3, 9, 300, 10_000_000),
        candidate(2, 1, 450, 90_000_000),
        candidate(1, 7, 900, 20_000_000),
    ]
}

fn orders(criterion: &mut Criterion) {
    let candidates = candidates();
    let mut group = criterion.benchmark_group("order of 4");
    let mut draws = |name: &str, strategy, sticky: bool| {
        let mut into = Vec::with_capacity(candidates.len());
        let mut number = 0_u64;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let draw = Draw {
                    chance: number,
                    turn: number >> 32,
                    sticky: sticky.then_some(number),
                };
                order(strategy, black_box(&candidates), &NAMES, draw, &mut into);
                into.first().copied()
            });
        });
    };
    for strategy in Strategy::ALL {
        draws(strategy.as_str(), *strategy, false);
    }
    draws("sticky", Strategy::Priority, true);
    group.finish();
}

/// Requests that come one after the other, ten milliseconds apart, each while the 50 before it
/// are under way.
fn places(criterion: &mut Criterion) {
    const UNDER_WAY: u64 = 50;
    let mut group = criterion.benchmark_group("take and give back");
    let limited = Limits {
        rpm: Some(1_000_000),
        tpm: Some(1_000_000_000),
        parallel: Some(1000),
    };
    for (name, limits) in [("unlimited", Limits::default()), ("limited", limited)] {
        let mut meter = Meter::default();
        let mut number = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                number += 1;
                let now = Moment::after_start(Duration::from_millis(10 * number));
                let taken = meter.take(black_box(&limits), now, 1000 + number);
                if let Some(before) = number.checked_sub(UNDER_WAY) {
                    meter.give_back(&limits, now, 1000 + before, Some(700));
                }
                taken
            });
        });
    }
    group.finish();
}

criterion_group!(benches, orders, places);
criterion_main!(benches);
