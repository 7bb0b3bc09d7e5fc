use proptest::prelude::*;

use super::*;

/// The chance that leaves a wait as it is.
const MIDDLE: u64 = 1 << 63;

#[test]
fn waits_double_up_to_the_longest() {
    let backoff = Backoff::default();
    for (failures, seconds) in [
        (0, 1),
        (1, 1),
        (2, 2),
        (3, 4),
        (5, 16),
        (6, 32),
        (7, 32),
        (u32::MAX, 32),
    ] {
        let wait = backoff.wait(failures, MIDDLE);
        assert_eq!(wait, Duration::from_secs(seconds), "{failures}");
    }
}

#[test]
fn chance_spreads_a_wait_to_both_sides() {
    let backoff = Backoff::default();
    assert_eq!(backoff.wait(1, 0), Duration::from_millis(750));
    assert_eq!(backoff.wait(1, MIDDLE / 2), Duration::from_millis(875));
    let most = backoff.wait(1, u64::MAX);
    assert!(most < Duration::from_millis(1250));
    assert!(most > Duration::from_micros(1_249_999));
    assert_eq!(backoff.wait(9, 0), Duration::from_secs(24));
}

#[test]
fn a_factor_of_one_or_nothing_keeps_the_wait() {
    for factor in [0, 1] {
        let even = Backoff {
            factor,
            ..Backoff::default()
        };
        assert_eq!(even.wait(30, MIDDLE), even.first);
    }
}

#[test]
fn requests_that_failed_together_do_not_come_back_together() {
    const REQUESTS: u64 = 1000;
    let seed = 0x7011_6a7e_u64;
    let backoff = Backoff::default();
    let waits = |seed: u64| -> Vec<Duration> {
        let chances = (1..=REQUESTS).map(|number| split_mix(seed, number));
        chances.map(|chance| backoff.wait(1, chance)).collect()
    };
    let all = waits(seed);
    assert_eq!(all, waits(seed), "the same chance gives the same waits");
    assert_ne!(all, waits(seed + 1));

    let mut bins = [0_u64; 16];
    for wait in all {
        bins[usize::try_from(wait.as_millis() / 100).unwrap()] += 1;
    }
    let used = bins.iter().filter(|count| **count > 0).count() as u64;
    assert_eq!(used, 6, "750 to 1250 ms, seed {seed}: {bins:?}");
    let mean = REQUESTS / used;
    assert!(
        bins.iter().all(|count| *count <= 3 * mean),
        "seed {seed}: {bins:?}"
    );
    // More than the bar asks: what lies wholly within the interval is about even.
    assert!(
        bins[8..12].iter().all(|count| (160..240).contains(count)),
        "seed {seed}: {bins:?}"
    );
}

/// A number of the sequence that a seed gives (`SplitMix64`).
fn split_mix(seed: u64, number: u64) -> u64 {
    let mut mixed = seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[test]
fn the_extremes_do_not_overflow() {
    for first in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        for longest in [Duration::ZERO, Duration::from_secs(1), Duration::MAX] {
            for number in [0, 1, 100, u32::MAX] {
                let backoff = Backoff {
                    first,
                    factor: number,
                    longest,
                    jitter_percent: number,
                };
                for failures in [0, 1, 2, u32::MAX] {
                    for chance in [0, MIDDLE, u64::MAX] {
                        let wait = backoff.wait(failures, chance);
                        assert!(wait <= longest.saturating_mul(2), "{backoff:?}");
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_wait_stays_within_its_spread(
        first in 0_u64..100_000,
        factor in 0_u32..10,
        longest in 0_u64..100_000,
        jitter_percent in 0_u32..150,
        failures in any::<u32>(),
        chance in any::<u64>(),
    ) {
        let (first, longest) = (Duration::from_millis(first), Duration::from_millis(longest));
        let backoff = Backoff { first, factor, longest, jitter_percent };
        let wait = backoff.wait(failures, chance);
        let spread = jitter_percent.min(100);
        prop_assert!(wait <= longest * (100 + spread) / 100);
        prop_assert!(wait >= first.min(longest) * (100 - spread) / 100);
    }
}
