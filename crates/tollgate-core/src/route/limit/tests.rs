use proptest::prelude::*;

use super::*;

const NONE: Limits = Limits {
    rpm: None,
    tpm: None,
    parallel: None,
};

fn at(ms: u64) -> Moment {
    Moment::after_start(Duration::from_millis(ms))
}

fn seconds(number: u64) -> Moment {
    at(1000 * number)
}

#[test]
fn the_request_over_a_limit_waits_until_the_oldest_is_a_minute_old() {
    let limits = Limits {
        rpm: Some(3),
        ..NONE
    };
    let mut meter = Meter::default();
    for second in [0, 10, 20] {
        assert_eq!(meter.take(&limits, seconds(second), 0), Ok(()));
    }
    let wait = Duration::from_secs(35);
    assert_eq!(
        meter.take(&limits, seconds(25), 0),
        Err(Full::Requests(wait))
    );
    assert_eq!(meter.used(&limits, seconds(25)).requests, 3);
    assert_eq!(meter.take(&limits, seconds(60), 0), Ok(()));
    assert_eq!(
        meter.check(&limits, seconds(60), 0),
        Err(Full::Requests(Duration::from_secs(10)))
    );
}

#[test]
fn the_longer_of_two_waits_is_told() {
    let limits = Limits {
        rpm: Some(2),
        tpm: Some(100),
        ..NONE
    };
    let mut meter = Meter::default();
    assert_eq!(meter.take(&limits, seconds(0), 10), Ok(()));
    assert_eq!(meter.take(&limits, seconds(30), 80), Ok(()));
    // The request fits when the first one is gone, its tokens only when the second is.
    let tokens = Err(Full::Tokens(Duration::from_secs(50)));
    assert_eq!(meter.check(&limits, seconds(40), 50), tokens);
    let requests = Err(Full::Requests(Duration::from_secs(20)));
    assert_eq!(meter.check(&limits, seconds(40), 5), requests);
}

#[test]
fn a_place_is_free_when_a_request_ends_and_no_wait_is_named() {
    let limits = Limits {
        rpm: Some(1),
        parallel: Some(1),
        ..NONE
    };
    let mut meter = Meter::default();
    assert_eq!(meter.take(&limits, seconds(0), 0), Ok(()));
    assert_eq!(meter.take(&limits, seconds(1), 0), Err(Full::Parallel));
    assert_eq!(meter.take(&limits, seconds(99), 0), Err(Full::Parallel));
    meter.give_back(&limits, seconds(99), 0, None);
    assert_eq!(meter.take(&limits, seconds(99), 0), Ok(()));
}

#[test]
fn requests_under_way_are_counted_where_nothing_is_limited() {
    let mut meter = Meter::default();
    for _ in 0..3 {
        assert_eq!(meter.take(&NONE, seconds(1), 9), Ok(()));
    }
    meter.give_back(&NONE, seconds(2), 9, Some(5));
    assert_eq!(meter.parallel(), 2);
    assert_eq!(
        meter.used(&NONE, seconds(2)),
        Used {
            requests: 3,
            tokens: 0,
            parallel: 2
        }
    );
    for _ in 0..3 {
        meter.give_back(&NONE, seconds(2), 9, None);
    }
    assert_eq!(meter.parallel(), 0);
}

#[test]
fn a_refused_request_changes_nothing() {
    let limits = Limits {
        tpm: Some(100),
        ..NONE
    };
    let mut meter = Meter::default();
    assert_eq!(meter.take(&limits, seconds(0), 60), Ok(()));
    let before = meter.used(&limits, seconds(1));
    assert!(meter.take(&limits, seconds(1), 60).is_err());
    assert_eq!(meter.used(&limits, seconds(1)), before);
}

#[test]
fn what_was_used_replaces_what_was_estimated() {
    let limits = Limits {
        tpm: Some(1000),
        ..NONE
    };
    for (used, left) in [
        (Some(200), 200),
        (Some(0), 0),
        (Some(800), 800),
        (Some(900), 900),
        (None, 800),
    ] {
        let mut meter = Meter::default();
        assert_eq!(meter.take(&limits, seconds(0), 800), Ok(()));
        meter.give_back(&limits, seconds(20), 800, used);
        let counted = meter.used(&limits, seconds(20)).tokens;
        assert_eq!(counted, left, "{used:?}");
        // What was taken leaves with its own minute, what came on top a minute after it came.
        let over = used.map_or(0, |used| used.saturating_sub(800));
        let counted = meter.used(&limits, seconds(60)).tokens;
        assert_eq!(counted, over, "{used:?}");
        assert_eq!(meter.used(&limits, seconds(80)).tokens, 0, "{used:?}");
    }
}

#[test]
fn a_request_that_ran_for_longer_than_a_minute_gives_nothing_of_others_back() {
    let limits = Limits {
        tpm: Some(1000),
        ..NONE
    };
    let mut meter = Meter::default();
    assert_eq!(meter.take(&limits, seconds(0), 500), Ok(()));
    assert_eq!(meter.take(&limits, seconds(50), 400), Ok(()));
    meter.give_back(&limits, seconds(70), 500, Some(10));
    assert_eq!(meter.used(&limits, seconds(70)).tokens, 400);
}

#[test]
fn a_request_larger_than_the_limit_passes_when_the_minute_is_empty() {
    let limits = Limits {
        tpm: Some(1000),
        ..NONE
    };
    for tokens in [1001, 5000, u64::MAX] {
        let mut meter = Meter::default();
        assert_eq!(meter.take(&limits, seconds(0), 1), Ok(()));
        let wait = Duration::from_mins(1);
        assert_eq!(
            meter.take(&limits, seconds(0), tokens),
            Err(Full::Tokens(wait))
        );
        assert_eq!(meter.take(&limits, seconds(60), tokens), Ok(()));
        assert_eq!(
            meter.take(&limits, seconds(61), 1),
            Err(Full::Tokens(Duration::from_secs(59)))
        );
        // It used more than was counted, which is made up for.
        meter.give_back(&limits, seconds(70), tokens, Some(1500));
        assert_eq!(meter.used(&limits, seconds(70)).tokens, 1500);
    }
}

#[test]
fn limits_may_change_between_calls() {
    let limits = |rpm, tpm| Limits { rpm, tpm, ..NONE };
    let mut meter = Meter::default();
    for _ in 0..5 {
        assert_eq!(meter.take(&NONE, seconds(0), 100), Ok(()));
    }
    // A new limit of requests knows the minute before it.
    assert!(meter.check(&limits(Some(5), None), seconds(1), 0).is_err());
    assert!(meter.check(&limits(Some(6), None), seconds(1), 0).is_ok());
    // One of tokens counts from now on, and what was not counted gives nothing back.
    assert_eq!(
        meter.take(&limits(None, Some(300)), seconds(1), 300),
        Ok(())
    );
    meter.give_back(&limits(None, Some(300)), seconds(2), 100, Some(1));
    let used = meter.used(&limits(None, Some(300)), seconds(2));
    assert_eq!(used.tokens, 300);
    // A limit that is gone still corrects what was counted under it.
    meter.give_back(&NONE, seconds(3), 300, Some(10));
    let used = meter.used(&limits(None, Some(300)), seconds(3));
    assert_eq!(used.tokens, 10);
    // A lower one than what is used waits until that has gone.
    assert_eq!(
        meter.check(&limits(Some(1), None), seconds(4), 0),
        Err(Full::Requests(Duration::from_secs(57)))
    );
}

#[test]
fn limits_of_zero_let_nothing_pass() {
    for limits in [
        Limits {
            rpm: Some(0),
            ..NONE
        },
        Limits {
            parallel: Some(0),
            ..NONE
        },
    ] {
        assert!(Meter::default().take(&limits, seconds(0), 1).is_err());
    }
}

#[test]
fn nearly_all_of_a_limit_can_be_used() {
    // Slots make the window up to a second longer than a minute, not more.
    for rpm in [1, 7, 60, 600, 6000] {
        let limits = Limits {
            rpm: Some(rpm),
            ..NONE
        };
        let mut meter = Meter::default();
        let mut passed = 0;
        for step in 0..600_000 {
            if meter.take(&limits, at(step), 0).is_ok() {
                passed += 1;
            }
        }
        assert!(
            passed >= rpm * 10 * 60 / 61 && passed <= rpm * 10,
            "{passed} of {rpm} in ten minutes"
        );
    }
}

#[test]
fn a_meter_does_not_grow_with_what_it_counts() {
    let limits = Limits {
        tpm: Some(1 << 40),
        ..NONE
    };
    let mut meter = Meter::default();
    // Nobody gives back: as many are under way as began within a minute.
    for step in 0..1_000_000 {
        assert_eq!(meter.take(&limits, at(step * 3), 1), Ok(()));
        assert!(meter.running.len() <= 61 * 334);
    }
}

#[test]
fn moments_that_come_late_do_not_confuse_it() {
    let limits = Limits {
        rpm: Some(2),
        ..NONE
    };
    let mut meter = Meter::default();
    assert_eq!(meter.take(&limits, at(5000), 0), Ok(()));
    assert_eq!(meter.take(&limits, at(4999), 0), Ok(()));
    assert!(meter.take(&limits, at(64_999), 0).is_err());
    assert!(meter.take(&limits, at(65_000), 0).is_ok());
}

/// Something that happens to a meter.
#[derive(Clone, Debug)]
struct Step {
    /// Since the step before it.
    gap_ms: u64,
    tokens: u64,
    runs_ms: u64,
    /// In percent of the estimate; `None`: not said.
    used_percent: Option<u64>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let gap = prop_oneof![4 => 0_u64..50, 3 => 0_u64..3000, 1 => 0_u64..90_000];
    let runs = prop_oneof![0_u64..500, 0_u64..20_000, 0_u64..120_000];
    let step = (gap, 0_u64..50, runs, proptest::option::of(0_u64..150));
    let step = step.prop_map(|(gap_ms, tokens, runs_ms, used_percent)| Step {
        gap_ms,
        tokens,
        runs_ms,
        used_percent,
    });
    proptest::collection::vec(step, 1..200)
}

fn limits() -> impl Strategy<Value = Limits> {
    let one = proptest::option::of(1_u32..20);
    let tokens = proptest::option::of(1_000_u64..200_000);
    (one, tokens, proptest::option::of(1_u32..8)).prop_map(|(rpm, tpm, parallel)| Limits {
        rpm,
        tpm,
        parallel,
    })
}

/// A request that passed.
struct Passed {
    at: u64,
    tokens: u64,
    ends: u64,
    used: Option<u64>,
    is_over: bool,
}

impl Passed {
    /// The tokens that must be counted for it at a time: at its beginning its estimate or the
    /// lower truth, once that is known; at its end what went beyond.
    fn counts(&self, now: u64, tpm: u64) -> u64 {
        let estimate = self.tokens.min(tpm);
        let known = if self.is_over { self.used } else { None };
        let begun = known.unwrap_or(estimate).min(estimate);
        let more = known.unwrap_or(0).saturating_sub(estimate);
        let is_recent = |at: u64| now < at + 60_000;
        u64::from(is_recent(self.at)) * begun + u64::from(is_recent(self.ends)) * more
    }
}

/// Plays the steps, and calls `look` before each request with the meter and what passed so far.
fn play(
    limits: &Limits,
    steps: &[Step],
    mut look: impl FnMut(&Meter, u64, u64, &[Passed]) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let mut meter = Meter::default();
    let mut passed: Vec<Passed> = Vec::new();
    let mut now = 0;
    for (number, step) in steps.iter().enumerate() {
        now += step.gap_ms;
        let mut ended: Vec<_> = passed
            .iter_mut()
            .filter(|one| !one.is_over && one.ends <= now)
            .collect();
        ended.sort_by_key(|one| one.ends);
        for one in ended {
            one.is_over = true;
            meter.give_back(limits, at(one.ends), one.tokens, one.used);
        }
        // No two estimates are equal, so that each is found again as what it is.
        let tokens = step.tokens * 1000 + number as u64;
        look(&meter, now, tokens, &passed)?;
        if meter.take(limits, at(now), tokens).is_ok() {
            passed.push(Passed {
                at: now,
                tokens,
                ends: now + step.runs_ms,
                used: step.used_percent.map(|percent| tokens * percent / 100),
                is_over: false,
            });
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_minute_sees_more_than_the_limits(limits in limits(), steps in steps()) {
        play(&limits, &steps, |meter, now, tokens, passed| {
            if meter.check(&limits, at(now), tokens).is_err() {
                return Ok(());
            }
            let recent = passed.iter().filter(|one| now < one.at + 60_000).count();
            if let Some(rpm) = limits.rpm {
                prop_assert!(recent < rpm as usize);
            }
            if let Some(tpm) = limits.tpm {
                let counted: u64 = passed.iter().map(|one| one.counts(now, tpm)).sum();
                prop_assert!(counted + tokens.min(tpm) <= tpm, "{counted} + {tokens}");
            }
            let under_way = passed.iter().filter(|one| !one.is_over).count();
            prop_assert_eq!(meter.parallel() as usize, under_way);
            if let Some(parallel) = limits.parallel {
                prop_assert!(under_way < parallel as usize);
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_named_wait_is_exactly_long_enough(limits in limits(), steps in steps()) {
        play(&limits, &steps, |meter, now, tokens, _| {
            let Err(Full::Requests(wait) | Full::Tokens(wait)) =
                meter.check(&limits, at(now), tokens)
            else {
                return Ok(());
            };
            prop_assert!(!wait.is_zero() && wait <= Duration::from_secs(61), "{wait:?}");
            let mut later = meter.clone();
            prop_assert_eq!(later.take(&limits, at(now).after(wait), tokens), Ok(()));
            if let Some(sooner) = wait.checked_sub(Duration::from_nanos(1)) {
                prop_assert!(meter.check(&limits, at(now).after(sooner), tokens).is_err());
            }
            Ok(())
        })?;
    }

    #[test]
    fn what_is_given_back_in_full_leaves_no_trace(
        limits in limits(),
        requests in proptest::collection::vec((0_u64..100, 0_u64..50_000), 1..50),
    ) {
        let mut meter = Meter::default();
        let mut taken = Vec::new();
        for (gap, tokens) in requests {
            let now = at(gap * taken.len() as u64);
            if meter.take(&limits, now, tokens).is_ok() {
                taken.push(tokens);
            }
        }
        for tokens in taken {
            meter.give_back(&limits, at(5000), tokens, Some(0));
        }
        let used = meter.used(&limits, at(5000));
        prop_assert_eq!((used.tokens, used.parallel), (0, 0));
    }
}
