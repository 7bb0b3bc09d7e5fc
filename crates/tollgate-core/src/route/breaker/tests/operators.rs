//! What an operator opens, closes and isolates.

use super::*;

// Operators.

#[test]
fn an_operator_opens_it_and_probes_follow() {
    let mut bench = Bench::new(RULES);
    bench.obey(Order::Open);
    let reading = bench.read();
    assert_eq!((reading.state, reading.reason), (State::Open, None));
    assert_eq!((bench.rest(), reading.opened), (Some(60), 1));
    bench.now += 60;
    assert_eq!(bench.call(Verdict::Good), Some(State::Closed));
}

#[test]
fn opening_an_open_one_lengthens_its_time_only() {
    let mut bench = Bench::opened(RULES);
    bench.now += 20;
    bench.obey(Order::Open);
    assert_eq!((bench.rest(), bench.read().opened), (Some(60), 1));
    bench.rules.open = Duration::from_secs(5);
    bench.obey(Order::Open);
    assert_eq!(bench.rest(), Some(60));
    bench.now += 60;
    bench.obey(Order::Open);
    assert_eq!((bench.rest(), bench.read().opened), (Some(5), 2));
}

#[test]
fn an_operator_closes_it_and_everything_is_forgotten() {
    let mut bench = Bench::opened(RULES);
    bench.now += 60;
    bench.call(FAILED);
    bench.now += 120;
    bench.call(limited(None));
    bench.obey(Order::Close);
    let reading = bench.read();
    assert_eq!(reading.state, State::Closed);
    assert_eq!((reading.reason, reading.until), (None, None));
    assert_eq!((reading.failures, reading.window_failed), (0, 0));
    assert_eq!((reading.opened, reading.cooled), (2, 1));
    bench.call(limited(None));
    assert_eq!(bench.rest(), Some(1));
    bench.now += 1;
    bench.call(Verdict::Good);
    bench.calls(4, FAILED);
    bench.call(FAILED);
    assert_eq!(bench.rest(), Some(60));
}

#[test]
fn calls_from_before_it_was_closed_by_hand_count_nothing() {
    let mut bench = Bench::new(RULES);
    let pass = bench.enter().unwrap();
    bench.obey(Order::Close);
    assert_eq!(bench.leave(pass, FAILED), None);
    assert_eq!(bench.read().failures, 0);
}

#[test]
fn an_isolated_one_lets_nothing_through_until_it_is_closed() {
    let mut bench = Bench::new(RULES);
    let pass = bench.enter().unwrap();
    bench.obey(Order::Isolate);
    for order in [Order::Isolate, Order::Open] {
        bench.obey(order);
        bench.now += 1_000_000;
        let reading = bench.read();
        assert_eq!(reading.state, State::Isolated);
        assert_eq!((reading.reason, reading.until), (None, None));
        assert_eq!(bench.enter(), Err(Barred::Isolated));
    }
    assert_eq!(bench.leave(pass, Verdict::Good), None);
    assert_eq!(bench.state(), State::Isolated);
    bench.obey(Order::Close);
    assert_eq!(bench.call(Verdict::Good), None);
    assert_eq!(bench.state(), State::Closed);
}

#[test]
fn isolating_ends_every_other_state() {
    let mut open = Bench::opened(RULES);
    open.obey(Order::Isolate);
    assert_eq!(open.state(), State::Isolated);

    let mut half_open = Bench::opened(RULES);
    half_open.now += 60;
    let probe = half_open.enter().unwrap();
    half_open.obey(Order::Isolate);
    assert_eq!(half_open.leave(probe, Verdict::Good), None);
    assert_eq!(half_open.state(), State::Isolated);
}

#[test]
fn times_beyond_all_bounds_do_no_harm() {
    let rules = BreakerRules {
        open: Duration::MAX,
        window: Duration::MAX,
        ..RULES
    };
    let mut bench = Bench::opened(rules);
    assert_eq!(bench.state(), State::Open);
    bench.now = u64::MAX;
    bench.obey(Order::Open);
    bench.obey(Order::Close);
    bench.call(limited(Some(u64::MAX)));
    bench.call(FAILED);
}

#[test]
fn a_probe_ends_when_its_answer_begins_and_the_rest_still_counts() {
    let rules = BreakerRules {
        failures: 1,
        ..BreakerRules::default()
    };
    let mut breaker = Breaker::default();
    breaker.obey(&rules, Moment::START, Order::Open);
    let now = Moment::START.after(rules.open);
    let mut probe = breaker.enter(&rules, now).unwrap();
    assert!(probe.probe && breaker.check(&rules, now).is_err());
    let begun = breaker.begin(&rules, now, &mut probe);
    assert_eq!(begun, Some(State::Closed));
    assert!(!probe.probe);
    assert_eq!(breaker.begin(&rules, now, &mut probe), None, "only once");
    let verdict = Verdict::Failed(Code::StreamInterrupted);
    let broke = breaker.leave(&rules, now, probe, verdict);
    assert_eq!(broke, Some(State::Open), "it breaks like any other call");
}
