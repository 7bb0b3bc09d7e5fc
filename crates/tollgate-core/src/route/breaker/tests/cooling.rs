//! Waits that a provider names, or that grow from 429 to 429.

use super::*;

// Cooling.

#[test]
fn a_named_wait_cools_it_down_for_that_long() {
    for (named, rest) in [(7, 7), (3600, 3600), (3601, 3600), (u64::MAX, 3600)] {
        let mut bench = Bench::new(RULES);
        assert_eq!(bench.call(limited(Some(named))), Some(State::Cooling));
        assert_eq!(bench.rest(), Some(rest));
        let reading = bench.read();
        assert_eq!((reading.opened, reading.cooled), (0, 1));
        let (code, until) = (Code::ProviderRateLimited, reading.until.unwrap());
        assert_eq!(reading.reason, Some(code));
        assert_eq!(bench.enter(), Err(Barred::Cooling { until, code }));
    }
}

#[test]
fn waits_that_nobody_names_double_from_429_to_429() {
    for unnamed in [None, Some(0)] {
        let mut bench = Bench::new(RULES);
        for rest in [1, 2, 4, 8, 16, 32, 32] {
            assert_eq!(bench.call(limited(unnamed)), Some(State::Cooling));
            assert_eq!(bench.rest(), Some(rest));
            bench.now += rest;
            assert_eq!(bench.state(), State::HalfOpen);
        }
        assert_eq!(bench.call(Verdict::Good), Some(State::Closed));
        bench.call(limited(unnamed));
        assert_eq!(bench.rest(), Some(1), "a good call ends the row");
    }
}

#[test]
fn the_429s_of_calls_under_way_are_one_cool_down() {
    let mut bench = Bench::new(RULES);
    let passes = [(); 50].map(|()| bench.enter().unwrap());
    assert_eq!(bench.leave(passes[0], limited(None)), Some(State::Cooling));
    for pass in &passes[1..] {
        assert_eq!(bench.leave(*pass, limited(None)), None);
    }
    assert_eq!(bench.read().cooled, 1);
    assert_eq!(bench.rest(), Some(1));
    bench.now += 1;
    bench.call(limited(None));
    assert_eq!(bench.rest(), Some(2), "the second 429 in a row");
}

#[test]
fn the_longest_wait_that_is_named_counts() {
    let mut bench = Bench::new(RULES);
    let passes = [(); 5].map(|()| bench.enter().unwrap());
    bench.leave(passes[0], limited(Some(10)));
    assert_eq!(bench.leave(passes[1], limited(Some(2))), None);
    assert_eq!(bench.rest(), Some(10), "a shorter one changes nothing");
    bench.leave(passes[2], limited(Some(40)));
    assert_eq!(bench.rest(), Some(40));
    bench.leave(passes[3], limited(Some(10_000)));
    assert_eq!(bench.rest(), Some(3600));
    assert_eq!(bench.read().cooled, 1);
    bench.rules.cooldown = false;
    bench.now += 100;
    bench.leave(passes[4], limited(Some(3600)));
    assert_eq!(bench.rest(), Some(3500));
}

/// Makes something of a breaker.
type Meanwhile = fn(&mut Bench);

/// Everything that can become of a breaker while a call is under way: what it is after the call
/// was told to wait for 500 seconds, and what is told of that.
const MEANWHILES: &[(&str, Meanwhile, State, Option<State>)] = &[
    (
        "cooled down twice",
        |bench| {
            bench.call(limited(Some(3)));
            bench.now += 3;
            bench.call(limited(Some(3)));
        },
        State::Cooling,
        None,
    ),
    (
        "a cool-down that is over",
        |bench| {
            bench.call(limited(Some(3)));
            bench.now += 3;
        },
        State::Cooling,
        Some(State::Cooling),
    ),
    (
        "closed again after a cool-down",
        |bench| {
            bench.call(limited(Some(3)));
            bench.now += 3;
            bench.call(Verdict::Good);
        },
        State::Cooling,
        Some(State::Cooling),
    ),
    (
        "open",
        |bench| while bench.call(FAILED).is_none() {},
        State::Open,
        None,
    ),
    (
        "an open time that is over",
        |bench| {
            while bench.call(FAILED).is_none() {}
            bench.now += 60;
        },
        State::Open,
        Some(State::Open),
    ),
    (
        "half-open, a probe under way",
        |bench| {
            while bench.call(FAILED).is_none() {}
            bench.now += 60;
            bench.enter().unwrap();
        },
        State::Cooling,
        Some(State::Cooling),
    ),
    (
        "closed by a probe",
        |bench| {
            while bench.call(FAILED).is_none() {}
            bench.now += 60;
            bench.call(Verdict::Good);
        },
        State::Cooling,
        Some(State::Cooling),
    ),
    (
        "opened by hand",
        |bench| bench.obey(Order::Open),
        State::Open,
        None,
    ),
    (
        "closed by hand",
        |bench| bench.obey(Order::Close),
        State::Cooling,
        Some(State::Cooling),
    ),
];

#[test]
fn a_wait_that_is_named_late_is_obeyed_whatever_became_of_it_meanwhile() {
    for (name, meanwhile, state, told) in MEANWHILES {
        let mut bench = Bench::new(RULES);
        let [slow, silent, nothing] = [(); 3].map(|()| bench.enter().unwrap());
        meanwhile(&mut bench);
        let before = bench.read();
        assert_eq!(bench.leave(silent, limited(None)), None, "{name}");
        assert_eq!(bench.leave(nothing, limited(Some(0))), None, "{name}");
        assert_eq!(bench.read(), before, "{name}: nothing was named");
        assert_eq!(bench.leave(slow, limited(Some(500))), *told, "{name}");
        assert_eq!((bench.state(), bench.rest()), (*state, Some(500)), "{name}");
        bench.now += 499;
        assert!(bench.enter().is_err(), "{name}");
        bench.now += 1;
        assert!(bench.enter().unwrap().probe, "{name}");
    }
}

#[test]
fn a_late_wait_shortens_nothing_and_lets_nobody_in() {
    let mut bench = Bench::new(RULES);
    let slow = [(); 3].map(|()| bench.enter().unwrap());
    bench.call(limited(Some(30)));
    assert_eq!(bench.leave(slow[0], limited(Some(2))), None);
    assert_eq!(bench.rest(), Some(30));
    bench.obey(Order::Open);
    assert_eq!(bench.leave(slow[1], limited(Some(2))), None);
    assert_eq!(bench.rest(), Some(60));
    bench.obey(Order::Isolate);
    assert_eq!(bench.leave(slow[2], limited(Some(2))), None);
    assert_eq!(bench.state(), State::Isolated);
}

#[test]
fn a_probe_from_before_a_late_wait_does_not_end_it() {
    for verdict in [Verdict::Good, FAILED, Verdict::Neutral] {
        let mut bench = Bench::new(RULES);
        let slow = bench.enter().unwrap();
        while bench.call(FAILED).is_none() {}
        bench.now += 60;
        let mut probe = bench.enter().unwrap();
        bench.leave(slow, limited(Some(20)));
        let now = bench.moment();
        assert_eq!(bench.breaker.begin(&RULES, now, &mut probe), None);
        assert_eq!(bench.leave(probe, verdict), None);
        assert_eq!((bench.state(), bench.rest()), (State::Cooling, Some(20)));
        bench.now += 20;
        // It is still suspected of failures.
        assert_eq!(bench.call(FAILED), Some(State::Open));
        assert_eq!(bench.rest(), Some(120));
    }
}

#[test]
fn opening_by_hand_does_not_shorten_the_wait_that_a_provider_named() {
    for (named, rest) in [(20, 60), (500, 500)] {
        let mut bench = Bench::new(RULES);
        bench.call(limited(Some(named)));
        bench.obey(Order::Open);
        assert_eq!((bench.state(), bench.rest()), (State::Open, Some(rest)));
    }
}

#[test]
fn a_429_never_opens_it_and_breaks_no_row() {
    let mut bench = Bench::new(RULES);
    bench.calls(4, FAILED);
    for _ in 0..20 {
        assert_eq!(bench.call(limited(Some(1))), Some(State::Cooling));
        bench.now += 1;
    }
    let reading = bench.read();
    assert_eq!((reading.failures, reading.opened), (4, 0));
}

#[test]
fn after_a_cool_down_only_probes_pass_until_one_went_well() {
    let mut bench = Bench::new(RULES);
    bench.calls(2, Verdict::Good);
    bench.call(limited(Some(3)));
    bench.now += 3;
    let probe = bench.enter().unwrap();
    assert!(probe.probe);
    assert_eq!(bench.enter(), Err(Barred::Probing { cooling: true }));
    assert_eq!(bench.leave(probe, Verdict::Good), Some(State::Closed));
    let reading = bench.read();
    assert_eq!((reading.state, reading.reason), (State::Closed, None));
    assert_eq!(reading.window_good, 3, "what was counted before stays");
}

#[test]
fn a_failed_probe_after_a_cool_down_is_one_failure() {
    let mut bench = Bench::new(RULES);
    bench.call(limited(Some(3)));
    bench.now += 3;
    assert_eq!(bench.call(FAILED), Some(State::Closed));
    let reading = bench.read();
    assert_eq!((reading.failures, reading.window_failed), (1, 1));
    assert_eq!((reading.reason, reading.opened), (None, 0));
}

#[test]
fn a_failed_probe_after_a_cool_down_opens_it_if_it_is_one_too_many() {
    let mut bench = Bench::new(RULES);
    bench.calls(4, FAILED);
    bench.call(limited(Some(3)));
    bench.now += 3;
    assert_eq!(bench.call(FAILED), Some(State::Open));
    assert_eq!(bench.rest(), Some(60));
}

#[test]
fn a_probe_that_is_limited_cools_it_down() {
    let mut bench = Bench::opened(RULES);
    bench.now += 60;
    assert_eq!(bench.call(limited(Some(5))), Some(State::Cooling));
    bench.now += 5;
    let probe = bench.enter().unwrap();
    assert_eq!(bench.enter(), Err(Barred::Probing { cooling: false }));
    assert_eq!(bench.leave(probe, FAILED), Some(State::Open));
    assert_eq!(
        bench.rest(),
        Some(120),
        "it was open before, and still is ill"
    );
}

#[test]
fn without_cool_downs_a_429_says_nothing() {
    let rules = BreakerRules {
        cooldown: false,
        ..RULES
    };
    let mut bench = Bench::new(rules);
    let before = bench.read();
    bench.calls(20, limited(Some(9)));
    assert_eq!(bench.read(), before);

    let mut bench = Bench::opened(rules);
    bench.now += 60;
    assert_eq!(bench.call(limited(Some(9))), None);
    assert_eq!(bench.state(), State::HalfOpen);
    assert!(bench.enter().is_ok(), "the place was given back");
}
