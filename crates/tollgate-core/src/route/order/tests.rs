use proptest::prelude::{prop_assert, prop_assert_eq, prop_assume, prop_oneof, proptest};
use proptest::strategy::Strategy as Generator;

use super::*;

fn target(priority: u32, weight: u32) -> Candidate {
    Candidate {
        priority,
        weight,
        ..Candidate::default()
    }
}

fn named(count: usize) -> Vec<u64> {
    (0..count as u64)
        .map(|number| Chance::new(number * 77).below(u64::MAX))
        .collect()
}

fn ordered(way: Strategy, candidates: &[Candidate], draw: Draw) -> Vec<usize> {
    let mut into = vec![9; 3];
    order(way, candidates, &named(candidates.len()), draw, &mut into);
    into
}

fn by_chance(way: Strategy, candidates: &[Candidate], number: u64) -> Vec<usize> {
    let chance = Chance::new(number).below(u64::MAX);
    let draw = Draw {
        chance,
        ..Draw::default()
    };
    ordered(way, candidates, draw)
}

/// How often each was first, in percent of many orders under numbers from a fixed seed.
fn shares(way: Strategy, candidates: &[Candidate]) -> Vec<f64> {
    const ROUNDS: u32 = 20_000;
    let mut first = vec![0_u32; candidates.len()];
    for number in 0..ROUNDS {
        first[by_chance(way, candidates, number.into())[0]] += 1;
    }
    let percent = |count: &u32| f64::from(*count) * 100.0 / f64::from(ROUNDS);
    first.iter().map(percent).collect()
}

#[track_caller]
fn assert_shares(seen: &[f64], expected: &[f64]) {
    let is_near = |(seen, expected): (&f64, &f64)| (seen - expected).abs() < 1.5;
    assert!(
        seen.iter().zip(expected).all(is_near),
        "{seen:?} instead of {expected:?}"
    );
}

#[test]
fn lower_priority_numbers_come_first_but_under_weighted() {
    let candidates = [target(2, 1), target(0, 1), target(1, 1), target(0, 1)];
    for way in Strategy::ALL {
        for sticky in [None, Some(5)] {
            for chance in 0..50 {
                let draw = Draw {
                    chance,
                    turn: chance,
                    sticky,
                };
                let order = ordered(*way, &candidates, draw);
                if *way != Strategy::Weighted {
                    assert_eq!(order[2..], [2, 0], "{way:?} {sticky:?}");
                }
            }
        }
    }
    let seen = shares(Strategy::Weighted, &candidates);
    assert_shares(&seen, &[25.0; 4]);
}

#[test]
fn ailing_targets_come_last_in_order_of_their_tiers() {
    let ailing = |priority| Candidate {
        ailing: true,
        ..target(priority, 100)
    };
    let candidates = [ailing(1), target(7, 1), ailing(0), target(3, 1)];
    for way in Strategy::ALL {
        for chance in 0..50 {
            let order = by_chance(*way, &candidates, chance);
            let mut well = order[..2].to_vec();
            if *way == Strategy::Weighted {
                well.sort_unstable();
                assert_eq!(well, [1, 3]);
            } else {
                assert_eq!(order, [3, 1, 2, 0], "{way:?}");
            }
        }
    }
}

#[test]
fn shares_follow_weights() {
    let candidates = [target(0, 6), target(0, 3), target(0, 0)];
    for way in [Strategy::Priority, Strategy::Weighted] {
        assert_shares(&shares(way, &candidates), &[60.0, 30.0, 10.0]);
    }
}

#[test]
fn what_follows_the_first_is_drawn_by_weight_too() {
    let candidates = [target(0, 1), target(0, 3), target(0, 6)];
    let mut second = [0_u32; 3];
    let mut rounds = 0;
    for number in 0..60_000 {
        let order = by_chance(Strategy::Weighted, &candidates, number);
        if order[0] == 2 {
            rounds += 1;
            second[order[1]] += 1;
        }
    }
    let share = f64::from(second[1]) / f64::from(rounds);
    assert!((share - 0.75).abs() < 0.015, "{share}");
}

fn turns(weights: &[u32], count: u64) -> Vec<usize> {
    let candidates: Vec<_> = weights.iter().map(|weight| target(0, *weight)).collect();
    let first = |turn| {
        let draw = Draw {
            turn,
            ..Draw::default()
        };
        ordered(Strategy::RoundRobin, &candidates, draw)[0]
    };
    (0..count).map(first).collect()
}

#[test]
fn turns_are_spread_evenly() {
    for (weights, expected) in [
        (&[1, 1][..], "ABAB"),
        (&[2, 1], "ABAABA"),
        (&[1, 2], "BABBAB"),
        (&[1, 1, 1], "ABCABC"),
        (&[7, 7, 7], "ABCABC"),
        (&[5, 1, 1], "ABAAACA"),
        (&[0, 2, 1], "BABC"),
        (&[1, 2, 3], "CBCACB"),
        (&[3, 3, 1], "BABACAB"),
    ] {
        let seen = turns(weights, expected.len() as u64);
        let seen: String = seen.iter().map(|index| ['A', 'B', 'C'][*index]).collect();
        assert_eq!(seen, expected, "{weights:?}");
    }
}

#[test]
fn the_rest_follows_in_rotation() {
    let candidates = [target(0, 1), target(1, 1), target(0, 1), target(0, 1)];
    for (turn, expected) in [
        (0, [0, 2, 3, 1]),
        (1, [2, 3, 0, 1]),
        (2, [3, 0, 2, 1]),
        (3, [0, 2, 3, 1]),
        (u64::MAX, [0, 2, 3, 1]),
    ] {
        let draw = Draw {
            chance: 77,
            turn,
            sticky: None,
        };
        let order = ordered(Strategy::RoundRobin, &candidates, draw);
        assert_eq!(order, expected, "{turn}");
    }
}

fn busy(weight: u32, parallel: u32) -> Candidate {
    Candidate {
        parallel,
        ..target(0, weight)
    }
}

#[test]
fn least_busy_goes_by_requests_for_each_unit_of_weight() {
    let candidates = [busy(1, 2), busy(4, 6), busy(2, 5), busy(0, 1)];
    for number in 0..100 {
        let order = by_chance(Strategy::LeastBusy, &candidates, number);
        assert_eq!(order, [3, 1, 0, 2]);
    }
}

#[test]
fn equally_busy_ones_are_drawn_by_weight() {
    let candidates = [busy(1, 0), busy(3, 0), busy(9, 1)];
    let seen = shares(Strategy::LeastBusy, &candidates);
    assert_shares(&seen, &[25.0, 75.0, 0.0]);
}

fn timed(latency_ms: Option<u64>, parallel: u32) -> Candidate {
    Candidate {
        latency: latency_ms.map(Duration::from_millis),
        parallel,
        ..target(0, 1)
    }
}

#[test]
fn latency_takes_the_better_one_of_two_drawn() {
    // Of four equally likely ones the best wins in every pair that it is in: 3 of 6; the next
    // one in 2, the next in 1, and the worst never.
    let candidates = [
        timed(Some(100), 3),
        timed(Some(100), 0),
        timed(Some(900), 0),
        timed(Some(300), 0),
    ];
    let seen = shares(Strategy::Latency, &candidates);
    assert_shares(&seen, &[100.0 / 6.0, 50.0, 0.0, 200.0 / 6.0]);
    for number in 0..100 {
        let order = by_chance(Strategy::Latency, &candidates, number);
        let mut best = vec![1, 3, 0, 2];
        best.retain(|index| *index != order[0]);
        assert_eq!(order[1..], best, "the others by the same measure");
    }
}

#[test]
fn unknown_latency_is_tried_first_but_by_one_at_a_time() {
    for (candidates, expected) in [
        ([timed(Some(1), 0), timed(None, 0)], [1, 0]),
        ([timed(Some(5000), 9), timed(None, 1)], [0, 1]),
        ([timed(None, 2), timed(None, 1)], [1, 0]),
        ([timed(None, 2), timed(None, 0)], [1, 0]),
    ] {
        for number in 0..20 {
            let order = by_chance(Strategy::Latency, &candidates, number);
            assert_eq!(order, expected, "{candidates:?}");
        }
    }
}

#[test]
fn cost_asks_the_cheapest_and_those_without_a_price_last() {
    let priced = |cost| Candidate {
        cost,
        ..target(0, 1)
    };
    let candidates = [
        priced(None),
        priced(Some(30)),
        priced(Some(0)),
        priced(Some(10)),
    ];
    for number in 0..100 {
        let order = by_chance(Strategy::Cost, &candidates, number);
        assert_eq!(order, [2, 3, 1, 0]);
    }
    let candidates = [priced(Some(5)), priced(None), priced(Some(5))];
    let seen = shares(Strategy::Cost, &candidates);
    assert_shares(&seen, &[50.0, 0.0, 50.0]);
}

#[test]
fn sticky_orders_share_callers_out_by_weight() {
    const ROUNDS: u32 = 20_000;
    let candidates = [target(0, 5), target(0, 3), target(0, 2)];
    let mut first = [0_u32; 3];
    for number in 0..ROUNDS {
        let draw = Draw {
            sticky: Some(number.into()),
            ..Draw::default()
        };
        first[ordered(Strategy::Cost, &candidates, draw)[0]] += 1;
    }
    let seen = first.map(|count| f64::from(count) * 100.0 / f64::from(ROUNDS));
    assert_shares(&seen, &[50.0, 30.0, 20.0]);
}

#[test]
fn few_or_no_candidates_are_in_order() {
    for way in Strategy::ALL {
        for sticky in [None, Some(1)] {
            let draw = Draw {
                chance: 1,
                turn: 1,
                sticky,
            };
            assert_eq!(ordered(*way, &[], draw), Vec::<usize>::new());
            assert_eq!(ordered(*way, &[target(3, 0)], draw), [0]);
        }
    }
}

fn candidate() -> impl Generator<Value = Candidate> {
    let weight = prop_oneof![0_u32..4, 0_u32..1000, proptest::num::u32::ANY];
    let latency = proptest::option::of(prop_oneof![0_u64..10_000, proptest::num::u64::ANY]);
    let cost = proptest::option::of(0_u64..50);
    let flags = (0_u32..3, proptest::bool::weighted(0.2));
    (flags, weight, proptest::num::u32::ANY, latency, cost).prop_map(
        |((priority, ailing), weight, parallel, latency, cost)| Candidate {
            priority,
            weight,
            parallel,
            latency: latency.map(Duration::from_millis),
            cost,
            ailing,
        },
    )
}

fn candidates() -> impl Generator<Value = Vec<Candidate>> {
    proptest::collection::vec(candidate(), 0..30)
}

fn way() -> impl Generator<Value = Strategy> {
    proptest::sample::select(Strategy::ALL)
}

fn draw() -> impl Generator<Value = Draw> {
    let any = proptest::num::u64::ANY;
    (any, any, proptest::option::of(any)).prop_map(|(chance, turn, sticky)| Draw {
        chance,
        turn,
        sticky,
    })
}

proptest! {
    #[test]
    fn an_order_holds_everyone_once_and_tiers_in_their_order(
        way in way(),
        candidates in candidates(),
        draw in draw(),
    ) {
        let order = ordered(way, &candidates, draw);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        prop_assert_eq!(sorted, (0..candidates.len()).collect::<Vec<_>>());
        let tier = |index: &usize| {
            let candidate = &candidates[*index];
            let counts = way != Strategy::Weighted;
            (candidate.ailing, u32::from(counts) * candidate.priority)
        };
        prop_assert!(order.is_sorted_by_key(tier));
        prop_assert_eq!(order, ordered(way, &candidates, draw), "equal draws, equal orders");
    }

    #[test]
    fn who_leaves_a_sticky_order_moves_nobody_else(
        way in way(),
        candidates in candidates(),
        draw in draw(),
        hash in proptest::num::u64::ANY,
        leaves in proptest::num::usize::ANY,
    ) {
        prop_assume!(!candidates.is_empty());
        let leaves = leaves % candidates.len();
        let draw = Draw { sticky: Some(hash), ..draw };
        let mut names = named(candidates.len());
        let mut before = Vec::new();
        order(way, &candidates, &names, draw, &mut before);
        before.retain(|index| *index != leaves);

        let mut fewer = candidates.clone();
        fewer.remove(leaves);
        names.remove(leaves);
        // Chance and turn have no say.
        let draw = Draw { chance: !draw.chance, turn: !draw.turn, ..draw };
        let mut after = Vec::new();
        order(way, &fewer, &names, draw, &mut after);
        let after: Vec<_> = after.iter().map(|index| index + usize::from(*index >= leaves)).collect();
        prop_assert_eq!(before, after);
    }

    #[test]
    fn turns_are_shared_out_exactly_and_at_any_time_nearly_so(
        weights in proptest::collection::vec(0_u32..12, 1..6),
    ) {
        let total: u32 = weights.iter().map(|weight| (*weight).max(1)).sum();
        let mut had = vec![0_u32; weights.len()];
        for (turn, first) in turns(&weights, u64::from(total)).into_iter().enumerate() {
            had[first] += 1;
            for (had, weight) in had.iter().zip(&weights) {
                let due = (turn + 1) as f64 * f64::from((*weight).max(1)) / f64::from(total);
                prop_assert!((f64::from(*had) - due).abs() < 1.3, "{had} of {due} at {turn}");
            }
        }
        let due: Vec<_> = weights.iter().map(|weight| (*weight).max(1)).collect();
        prop_assert_eq!(had, due);
    }
}
