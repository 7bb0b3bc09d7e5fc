use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn at(nanos: u64) -> Moment {
    Moment::after_start(Duration::from_nanos(nanos))
}

fn any_rate() -> impl Strategy<Value = Rate> {
    let burst = prop_oneof![Just(None), (1_u64..30).prop_map(Some)];
    (1_u64..200, burst).prop_map(|(per_minute, burst)| Rate::new(per_minute, burst))
}

/// Gaps from nothing to half a minute, and sizes.
fn any_story() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let gap = prop_oneof![Just(0), 0..SECOND / 10, 0..30 * SECOND];
    proptest::collection::vec((gap, 0_u64..5), 1..60)
}

/// The most that came within one minute.
fn most_in_a_minute(granted: &[(u64, u64)]) -> u64 {
    let from = |start: u64| {
        granted
            .iter()
            .filter(move |(time, _)| (start..start + 60 * SECOND).contains(time))
            .map(|(_, amount)| amount)
            .sum()
    };
    granted
        .iter()
        .map(|(time, _)| from(*time))
        .max()
        .unwrap_or(0)
}

proptest! {
    #[test]
    fn no_minute_sees_more_than_a_burst_and_a_minutes_worth(
        rate in any_rate(),
        story in any_story(),
    ) {
        let (mut bucket, mut now, mut granted) = (Bucket::default(), 0, Vec::new());
        for (gap, amount) in story {
            now += gap;
            if let Ok(counted) = bucket.take(rate, at(now), amount) {
                granted.push((now, counted));
            }
        }
        prop_assert!(most_in_a_minute(&granted) <= rate.burst + rate.per_minute);
    }

    #[test]
    fn limits_that_change_let_no_more_in_than_the_widest_of_them(
        rates in proptest::collection::vec(any_rate(), 2..5),
        story in any_story(),
    ) {
        let (mut bucket, mut now, mut granted) = (Bucket::default(), 0, Vec::new());
        for (step, (gap, amount)) in story.into_iter().enumerate() {
            now += gap;
            let rate = rates[step % rates.len()];
            if let Ok(counted) = bucket.take(rate, at(now), amount) {
                granted.push((now, counted));
            }
        }
        let burst = rates.iter().map(|rate| rate.burst).max().unwrap();
        let per_minute = rates.iter().map(|rate| rate.per_minute).max().unwrap();
        prop_assert!(most_in_a_minute(&granted) <= burst + per_minute);
    }

    #[test]
    fn what_is_advertised_is_granted_and_no_more(rate in any_rate(), story in any_story()) {
        let (mut bucket, mut now) = (Bucket::default(), 0);
        for (gap, amount) in story {
            now += gap;
            _ = bucket.take(rate, at(now), amount);
            let reading = bucket.read(rate, at(now));
            let mut ahead = bucket;
            for _ in 0..reading.remaining {
                prop_assert!(ahead.take(rate, at(now), 1).is_ok());
            }
            prop_assert!(ahead.take(rate, at(now), 1).is_err());
            let later = at(now).after(reading.reset);
            prop_assert_eq!(bucket.read(rate, later).remaining, rate.burst);
            prop_assert!(bucket.take(rate, later, rate.burst).is_ok());
            now = later.as_nanos();
        }
    }

    #[test]
    fn the_wait_that_is_told_is_exact(rate in any_rate(), story in any_story()) {
        let (mut bucket, mut now) = (Bucket::default(), 0);
        for (gap, amount) in story {
            now += gap;
            if let Err(wait) = bucket.take(rate, at(now), amount) {
                let nanos = u64::try_from(wait.as_nanos()).unwrap();
                prop_assert!(nanos > 0);
                prop_assert!(bucket.take(rate, at(now + nanos - 1), amount).is_err());
                prop_assert!(bucket.take(rate, at(now + nanos), amount).is_ok());
                now += nanos;
            }
        }
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_lets_nothing_more_in(
        rate in any_rate(),
        story in any_story(),
        back in 0..100 * SECOND,
    ) {
        let (mut bucket, mut now) = (Bucket::default(), 100 * SECOND);
        for (gap, amount) in story {
            now += gap;
            _ = bucket.take(rate, at(now), amount);
            let here = bucket.read(rate, at(now));
            let before = bucket.read(rate, at(now - back));
            prop_assert!(before.remaining <= here.remaining);
            let mut other = bucket;
            _ = other.take(rate, at(now - back), 1);
            prop_assert!(other.read(rate, at(now)).remaining <= here.remaining);
        }
    }
}

#[test]
fn a_million_requests_at_the_very_rate_pass_and_none_earlier() {
    let rate = Rate::new(7, Some(2));
    let mut bucket = Bucket::default();
    assert_eq!(bucket.take(rate, at(0), 2), Ok(2));
    for number in 1..=1_000_000_u64 {
        // The first nanosecond at which so many have flowed off.
        let due = (number * 60 * SECOND).div_ceil(7);
        assert!(bucket.take(rate, at(due - 1), 1).is_err(), "{number}");
        assert!(bucket.take(rate, at(due), 1).is_ok(), "{number}");
    }
}

#[test]
fn lowering_and_raising_a_limit_gives_nothing_for_free() {
    let (wide, narrow) = (Rate::new(60, None), Rate::new(1, None));
    let mut bucket = Bucket::default();
    assert_eq!(bucket.take(wide, at(0), 60), Ok(60));
    assert!(bucket.take(narrow, at(0), 1).is_err());
    assert!(bucket.take(Rate::new(0, None), at(0), 1).is_err());
    assert!(bucket.take(wide, at(0), 1).is_err());
    // One flows off in a second.
    assert_eq!(bucket.read(wide, at(SECOND)).remaining, 1);
}

#[test]
fn a_limit_of_nothing_lets_nothing_in() {
    for rate in [
        Rate::new(0, None),
        Rate::new(0, Some(5)),
        Rate::new(60, Some(0)),
    ] {
        let mut bucket = Bucket::default();
        for (moment, amount) in [(0, 1), (0, 0), (u64::MAX, 1)] {
            assert_eq!(bucket.take(rate, at(moment), amount), Err(minute()));
        }
        let reading = bucket.read(rate, at(0));
        assert_eq!((reading.remaining, reading.reset), (0, minute()));
    }
}

#[test]
fn what_is_larger_than_everything_fits_when_nothing_else_is_there() {
    let rate = Rate::new(100, None);
    let mut bucket = Bucket::default();
    assert_eq!(bucket.take(rate, at(0), 5000), Ok(100));
    assert_eq!(bucket.take(rate, at(30 * SECOND), 5000), Err(minute() / 2));
    assert_eq!(bucket.take(rate, at(60 * SECOND), 5000), Ok(100));
}

#[test]
fn debts_are_paid_before_anything_is_let_in() {
    let rate = Rate::new(60, None);
    let mut bucket = Bucket::default();
    bucket.add(rate, at(0), 180);
    assert_eq!(bucket.read(rate, at(0)).remaining, 0);
    assert_eq!(bucket.read(rate, at(0)).reset, minute() * 3);
    assert!(bucket.take(rate, at(120 * SECOND), 1).is_err());
    assert_eq!(bucket.take(rate, at(121 * SECOND), 1), Ok(1));
    bucket.give_back(rate, at(121 * SECOND), u64::MAX);
    assert_eq!(bucket.read(rate, at(121 * SECOND)).remaining, 60);
}

#[test]
fn the_largest_figures_are_counted_without_wrapping() {
    let rate = Rate::new(u64::MAX, None);
    let mut bucket = Bucket::default();
    for _ in 0..3 {
        bucket.add(rate, at(0), u64::MAX);
    }
    assert!(bucket.take(rate, at(0), u64::MAX).is_err());
    assert_eq!(bucket.read(rate, at(u64::MAX)).remaining, u64::MAX);
    let slow = Rate::new(1, None);
    assert_eq!(bucket.read(slow, at(0)).remaining, 0);
}

fn minute() -> Duration {
    Duration::from_mins(1)
}
