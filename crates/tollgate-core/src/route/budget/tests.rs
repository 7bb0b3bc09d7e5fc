use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn at(ms: u64) -> Moment {
    Moment::after_start(Duration::from_millis(ms))
}

fn take_all(budget: &mut RetryBudget, now: Moment) -> u32 {
    let mut taken = 0;
    while budget.take(now) {
        taken += 1;
    }
    taken
}

#[test]
fn without_requests_there_are_ten_a_second() {
    let mut budget = RetryBudget::default();
    assert_eq!(take_all(&mut budget, at(500)), 100);
    assert_eq!(take_all(&mut budget, at(9_999)), 0);
    assert_eq!(
        take_all(&mut budget, at(10_500)),
        0,
        "not even ten seconds later"
    );
    assert_eq!(take_all(&mut budget, at(11_000)), 100);
}

#[test]
fn a_fifth_of_the_requests_comes_on_top() {
    for (requests, further) in [(4, 100), (5, 101), (9, 101), (10, 102), (1000, 300)] {
        let mut budget = RetryBudget::default();
        for _ in 0..requests {
            budget.note_first(at(0));
        }
        assert_eq!(take_all(&mut budget, at(9_999)), further, "{requests}");
    }
}

#[test]
fn requests_of_another_time_give_nothing() {
    let mut budget = RetryBudget::default();
    for _ in 0..1000 {
        budget.note_first(at(999));
    }
    assert_eq!(take_all(&mut budget, at(10_000)), 100);
}

#[test]
fn asking_changes_nothing_and_refusals_are_counted() {
    let mut budget = RetryBudget::default();
    assert!(budget.allows(at(0)));
    assert_eq!(take_all(&mut budget, at(0)), 100);
    assert_eq!(budget.refused(), 1);
    assert!(!budget.allows(at(0)));
    assert_eq!(budget.refused(), 1);
    assert!(!budget.take(at(0)));
    assert_eq!(budget.refused(), 2);
}

#[test]
fn the_end_of_time_is_a_time_like_others() {
    let mut budget = RetryBudget::default();
    let end = Moment::after_start(Duration::MAX);
    budget.note_first(end);
    assert_eq!(take_all(&mut budget, end), 100);
}

/// What happens at a target: after this many milliseconds, so many first attempts and so many
/// wishes for further ones.
fn storms() -> impl Strategy<Value = Vec<(u64, u32, u32)>> {
    prop::collection::vec((0_u64..4_000, 0_u32..400, 0_u32..200), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_ten_seconds_have_more_further_attempts_than_the_budget(storms in storms()) {
        let mut budget = RetryBudget::default();
        let mut now = 0;
        let (mut first, mut further) = (Vec::new(), Vec::new());
        let mut refused = 0;
        for (wait, requests, wishes) in storms {
            now += wait;
            for _ in 0..requests {
                budget.note_first(at(now));
                first.push(now);
            }
            for _ in 0..wishes {
                let allowed = budget.allows(at(now));
                prop_assert_eq!(budget.take(at(now)), allowed);
                if allowed { further.push(now) } else { refused += 1 }
            }
            let within = |times: &[u64]| {
                times.iter().filter(|time| **time + 10_000 > now).count()
            };
            // Only where one was let through just now is the bound a promise: before, first
            // attempts may have left the window that paid for those still in it.
            if further.last() == Some(&now) {
                prop_assert!(within(&further) * 5 <= within(&first) + 500);
            }
        }
        prop_assert_eq!(budget.refused(), refused);
    }
}
