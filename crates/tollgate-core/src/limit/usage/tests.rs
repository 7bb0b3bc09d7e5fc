use proptest::prelude::*;

use super::*;

const LIMITS: RateLimits = RateLimits {
    rpm: Some(60),
    tpm: Some(1000),
    parallel: Some(2),
    burst: Some(3),
};

fn at(seconds: u64) -> Moment {
    Moment::after_start(Duration::from_secs(seconds))
}

fn remaining(usage: &Usage, now: Moment) -> (u64, u64) {
    let readings = usage.read(&LIMITS, now);
    let of = |reading: Option<(u64, Reading)>| reading.unwrap().1.remaining;
    (of(readings.requests), of(readings.tokens))
}

#[test]
fn places_are_taken_and_given_back() {
    let mut usage = Usage::default();
    let admitted = Admitted {
        counted: true,
        place: true,
    };
    assert_eq!(usage.admit(&LIMITS, at(0)), Ok(admitted));
    assert_eq!(usage.admit(&LIMITS, at(0)), Ok(admitted));
    let refused = usage.admit(&LIMITS, at(0)).unwrap_err();
    let (kind, wait) = (refused.kind, refused.wait);
    assert_eq!((kind, wait), (Kind::Parallel, PLACE_WAIT));
    assert_eq!((refused.limit, refused.remaining), (2, 0));
    assert_eq!(remaining(&usage, at(0)).0, 1, "a refusal counts nothing");
    usage.leave();
    assert_eq!(usage.admit(&LIMITS, at(0)), Ok(admitted));
    assert_eq!(usage.parallel(), 2);
}

#[test]
fn the_longest_wait_is_told() {
    let mut usage = Usage::default();
    let only_two = RateLimits {
        rpm: Some(2),
        burst: None,
        ..LIMITS
    };
    usage.admit(&only_two, at(0)).unwrap();
    usage.admit(&only_two, at(0)).unwrap();
    let refused = usage.admit(&only_two, at(0)).unwrap_err();
    assert_eq!(refused.kind, Kind::Requests);
    assert_eq!(refused.wait, Duration::from_secs(30));
    usage.reserve(&only_two, at(0), 1000).unwrap();
    let refused = usage.check(&only_two, at(0), Some(750)).unwrap_err();
    assert_eq!(refused.kind, Kind::Tokens);
    assert_eq!(refused.wait, Duration::from_secs(45));
    assert_eq!((refused.limit, refused.remaining), (1000, 0));
}

#[test]
fn what_is_not_limited_is_not_counted() {
    let mut usage = Usage::default();
    for _ in 0..100 {
        assert_eq!(
            usage.admit(&RateLimits::NONE, at(0)),
            Ok(Admitted::default())
        );
        assert_eq!(usage.reserve(&RateLimits::NONE, at(0), 9999), Ok(None));
    }
    assert_eq!(usage.read(&RateLimits::NONE, at(0)), Readings::default());
    assert_eq!(remaining(&usage, at(0)), (3, 1000));
    assert_eq!(usage.parallel(), 0);
}

#[test]
fn a_limit_of_nothing_lets_nothing_in() {
    for (limits, kind) in [
        (
            RateLimits {
                rpm: Some(0),
                ..RateLimits::NONE
            },
            Kind::Requests,
        ),
        (
            RateLimits {
                parallel: Some(0),
                ..RateLimits::NONE
            },
            Kind::Parallel,
        ),
    ] {
        let refused = Usage::default().admit(&limits, at(5)).unwrap_err();
        assert_eq!((refused.kind, refused.limit), (kind, 0));
        assert_eq!(refused.wait, Duration::from_mins(1));
    }
    let limits = RateLimits {
        tpm: Some(0),
        ..RateLimits::NONE
    };
    let mut usage = Usage::default();
    usage.admit(&limits, at(5)).unwrap();
    let refused = usage.reserve(&limits, at(5), 0).unwrap_err();
    assert_eq!(refused.kind, Kind::Tokens);
}

#[test]
fn reservations_are_corrected_to_what_was_used() {
    for (used, left) in [(400, 600), (0, 1000), (700, 300), (1000, 0), (1600, 0)] {
        let mut usage = Usage::default();
        let reserved = usage.reserve(&LIMITS, at(0), 700).unwrap().unwrap();
        usage.correct(&LIMITS, (at(0), at(0)), reserved, used);
        assert_eq!(remaining(&usage, at(0)).1, left, "{used}");
    }
    // 600 tokens of debt are paid in 36 seconds.
    let mut usage = Usage::default();
    usage.correct(&LIMITS, (at(0), at(0)), 0, 1600);
    assert!(usage.reserve(&LIMITS, at(36), 1).is_err());
    assert_eq!(usage.reserve(&LIMITS, at(37), 1), Ok(Some(1)));
}

#[test]
fn what_has_flowed_off_is_not_given_back() {
    let mut usage = Usage::default();
    let reserved = usage.reserve(&LIMITS, at(0), 1000).unwrap().unwrap();
    // Somebody else takes all of the next minute.
    usage.reserve(&LIMITS, at(60), 1000).unwrap();
    usage.correct(&LIMITS, (at(0), at(60)), reserved, 0);
    assert_eq!(remaining(&usage, at(60)).1, 0);
}

#[test]
fn a_request_that_was_not_let_in_is_forgotten() {
    let mut usage = Usage::default();
    usage.admit(&LIMITS, at(0)).unwrap();
    usage.forget(&LIMITS, at(0), at(0));
    assert_eq!(remaining(&usage, at(0)).0, 3);
}

proptest! {
    // Whatever is reserved and given back: what really was used never exceeds, in the long run,
    // what the minutes have and one burst.
    #[test]
    fn tokens_that_were_used_stay_within_the_limit(
        story in proptest::collection::vec((0_u64..8000, 1_u64..400, 0_u64..400), 1..200),
    ) {
        let (mut usage, mut ms, mut used) = (Usage::default(), 0, 0_u64);
        for (gap, estimate, share) in story {
            ms += gap;
            let now = Moment::after_start(Duration::from_millis(ms));
            if let Ok(Some(reserved)) = usage.reserve(&LIMITS, now, estimate) {
                let real = share.min(reserved);
                usage.correct(&LIMITS, (now, now), reserved, real);
                used += real;
            }
            prop_assert!(used * 60_000 <= 1000 * 60_000 + 1000 * ms);
        }
    }
}
