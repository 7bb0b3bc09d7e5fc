mod property;

use super::*;

const RULES: BreakerRules = BreakerRules {
    failures: 5,
    share_percent: 0,
    window: Duration::from_secs(30),
    minimum: 10,
    open: Duration::from_mins(1),
    longest_open: Duration::from_secs(200),
    probes: 1,
    cooldown: true,
};
const FAILED: Verdict = Verdict::Failed(Code::ProviderError);

fn limited(seconds: Option<u64>) -> Verdict {
    Verdict::Limited {
        code: Code::ProviderRateLimited,
        wait: seconds.map(Duration::from_secs),
    }
}

/// A breaker with its rules and a clock in seconds.
struct Bench {
    breaker: Breaker,
    rules: BreakerRules,
    now: u64,
}

impl Bench {
    fn new(rules: BreakerRules) -> Self {
        Self {
            breaker: Breaker::default(),
            rules,
            // Late enough that nothing lies before the start of time.
            now: 1000,
        }
    }

    /// One that failures have just opened.
    fn opened(rules: BreakerRules) -> Self {
        let mut bench = Self::new(rules);
        while bench.call(FAILED) != Some(State::Open) {}
        bench
    }

    fn moment(&self) -> Moment {
        Moment::after_start(Duration::from_secs(self.now))
    }

    fn enter(&mut self) -> Result<Pass, Barred> {
        let now = self.moment();
        let check = self.breaker.check(&self.rules, now);
        let entered = self.breaker.enter(&self.rules, now);
        assert_eq!(check, entered.map(drop), "check and enter agree");
        entered
    }

    fn leave(&mut self, pass: Pass, verdict: Verdict) -> Option<State> {
        let now = self.moment();
        self.breaker.leave(&self.rules, now, pass, verdict)
    }

    fn call(&mut self, verdict: Verdict) -> Option<State> {
        let pass = self.enter().expect("a call passes");
        self.leave(pass, verdict)
    }

    fn calls(&mut self, count: u32, verdict: Verdict) {
        for _ in 0..count {
            assert_eq!(self.call(verdict), None);
        }
    }

    fn obey(&mut self, order: Order) {
        let now = self.moment();
        self.breaker.obey(&self.rules, now, order);
    }

    fn read(&self) -> Reading {
        self.breaker.read(&self.rules, self.moment())
    }

    fn state(&self) -> State {
        self.read().state
    }

    /// How many seconds it stays as it is, where time ends that.
    fn rest(&self) -> Option<u64> {
        let until = self.read().until?;
        Some(until.since(self.moment()).as_secs())
    }
}

fn by_share() -> BreakerRules {
    BreakerRules {
        failures: 0,
        share_percent: 50,
        ..RULES
    }
}

// Closed.

#[test]
fn failures_in_a_row_open_it() {
    let mut bench = Bench::new(RULES);
    bench.calls(4, FAILED);
    bench.calls(1, Verdict::Good);
    bench.calls(4, FAILED);
    bench.calls(3, Verdict::Neutral);
    assert_eq!(bench.read().failures, 4);
    assert_eq!(bench.call(FAILED), Some(State::Open));
    let reading = bench.read();
    assert_eq!(reading.state, State::Open);
    assert_eq!(reading.reason, Some(Code::ProviderError));
    assert_eq!(bench.rest(), Some(60));
    assert_eq!(
        (reading.failures, reading.opened, reading.cooled),
        (5, 1, 0)
    );
    assert_eq!((reading.window_good, reading.window_failed), (1, 9));
    let until = reading.until.unwrap();
    assert_eq!(bench.enter(), Err(Barred::Open { until }));
}

#[test]
fn the_share_opens_it_once_enough_calls_were_counted() {
    let mut bench = Bench::new(by_share());
    bench.calls(4, Verdict::Good);
    bench.calls(5, FAILED);
    assert_eq!(bench.state(), State::Closed, "nine calls are too few");
    assert_eq!(bench.call(FAILED), Some(State::Open));
}

#[test]
fn less_than_the_share_does_not_open_it() {
    let mut bench = Bench::new(by_share());
    bench.calls(6, Verdict::Good);
    bench.calls(5, FAILED);
    assert_eq!(bench.call(FAILED), Some(State::Open), "six of twelve");
}

#[test]
fn a_call_that_went_well_never_opens_it() {
    let mut bench = Bench::new(by_share());
    bench.calls(9, FAILED);
    bench.calls(1, Verdict::Good);
    assert_eq!(bench.state(), State::Closed);
    assert_eq!(bench.call(FAILED), Some(State::Open));
}

#[test]
fn one_failure_of_one_never_opens_it_by_share() {
    for minimum in [0, 1] {
        let mut bench = Bench::new(BreakerRules {
            minimum,
            share_percent: 1,
            ..by_share()
        });
        bench.calls(1, FAILED);
        assert_eq!(bench.call(FAILED), Some(State::Open), "two of two do");
    }
}

#[test]
fn what_has_left_the_window_does_not_count() {
    let mut bench = Bench::new(by_share());
    bench.calls(9, FAILED);
    bench.now += 30;
    bench.calls(9, FAILED);
    let reading = bench.read();
    assert_eq!((reading.window_failed, reading.failures), (9, 18));
}

#[test]
fn without_thresholds_nothing_opens_it_but_an_operator() {
    let mut bench = Bench::new(BreakerRules {
        share_percent: 0,
        ..by_share()
    });
    bench.calls(1000, FAILED);
    bench.obey(Order::Open);
    assert_eq!(bench.state(), State::Open);
}

#[test]
fn what_says_nothing_of_the_target_changes_nothing() {
    let mut bench = Bench::new(RULES);
    bench.calls(4, FAILED);
    let before = bench.read();
    bench.calls(1000, Verdict::Neutral);
    assert_eq!(bench.read(), before);
}

// Open and half-open.

#[test]
fn exactly_as_many_probes_pass_as_may_be() {
    for probes in [0, 1, 3] {
        let mut bench = Bench::opened(BreakerRules { probes, ..RULES });
        bench.now += 59;
        assert!(bench.enter().is_err());
        bench.now += 1;
        assert_eq!(bench.state(), State::HalfOpen);
        assert_eq!(bench.rest(), None);
        let passes: Vec<_> = (0..200).filter_map(|_| bench.enter().ok()).collect();
        assert_eq!(passes.len(), probes.max(1) as usize);
        assert!(passes.iter().all(|pass| pass.probe));
        assert_eq!(bench.enter(), Err(Barred::Probing { cooling: false }));
        assert_eq!(bench.read().reason, Some(Code::ProviderError));
    }
}

#[test]
fn a_good_probe_closes_it_and_its_counts_begin_anew() {
    let mut bench = Bench::opened(BreakerRules {
        share_percent: 50,
        window: Duration::from_mins(10),
        ..RULES
    });
    bench.now += 60;
    assert_eq!(bench.call(Verdict::Good), Some(State::Closed));
    let reading = bench.read();
    assert_eq!(reading.state, State::Closed);
    assert_eq!((reading.reason, reading.until), (None, None));
    assert_eq!(reading.failures, 0);
    assert_eq!((reading.window_good, reading.window_failed), (0, 0));
    assert_eq!(
        reading.opened, 1,
        "what was counted since it was made stays"
    );
    assert!(!bench.enter().unwrap().probe);
    bench.calls(4, FAILED);
    assert_eq!(bench.call(FAILED), Some(State::Open));
}

#[test]
fn each_failed_probe_doubles_the_open_time_up_to_the_longest() {
    let mut bench = Bench::opened(RULES);
    for (opened, rest) in [(2, 120), (3, 200), (4, 200)] {
        bench.now += bench.rest().unwrap();
        assert_eq!(bench.call(FAILED), Some(State::Open));
        assert_eq!(bench.rest(), Some(rest));
        assert_eq!(bench.read().opened, opened);
    }
}

#[test]
fn doubling_for_ever_stays_within_the_longest() {
    let mut bench = Bench::opened(RULES);
    for _ in 0..100 {
        bench.now += bench.rest().unwrap();
        bench.call(FAILED);
        assert!(bench.rest() <= Some(200));
    }
}

#[test]
fn one_that_opens_again_soon_stays_open_as_long_as_before() {
    for (well, rest) in [(119, 120), (120, 60)] {
        let mut bench = Bench::opened(RULES);
        bench.now += 60;
        bench.call(FAILED);
        bench.now += 120;
        assert_eq!(bench.call(Verdict::Good), Some(State::Closed));
        bench.now += well;
        bench.calls(4, FAILED);
        assert_eq!(bench.call(FAILED), Some(State::Open));
        assert_eq!(bench.rest(), Some(rest), "well for {well} s");
    }
}

#[test]
fn a_probe_that_says_nothing_gives_its_place_back() {
    for probes in [0, 1] {
        let mut bench = Bench::opened(BreakerRules { probes, ..RULES });
        bench.now += 60;
        for _ in 0..3 {
            assert_eq!(bench.call(Verdict::Neutral), None);
            assert_eq!(bench.state(), State::HalfOpen);
        }
        assert_eq!(bench.call(Verdict::Good), Some(State::Closed));
    }
}

#[test]
fn calls_begun_before_it_opened_change_nothing_when_they_end() {
    for verdict in [Verdict::Good, FAILED, limited(None), Verdict::Neutral] {
        let mut bench = Bench::new(RULES);
        let slow = [(); 4].map(|()| bench.enter().unwrap());
        while bench.call(FAILED).is_none() {}

        let open = bench.read();
        assert_eq!(bench.leave(slow[0], verdict), None);
        assert_eq!(bench.read(), open, "{verdict:?} while it is open");

        bench.now += 60;
        let probe = bench.enter().unwrap();
        let half_open = bench.read();
        assert_eq!(bench.leave(slow[1], verdict), None);
        assert_eq!(bench.read(), half_open, "{verdict:?} while it is half-open");
        assert!(bench.enter().is_err(), "and it gives no place back");

        bench.leave(probe, Verdict::Good);
        let closed = bench.read();
        assert_eq!(bench.leave(slow[2], verdict), None);
        assert_eq!(bench.read(), closed, "{verdict:?} after it closed");
    }
}

#[test]
fn the_first_probe_to_end_decides_for_the_others() {
    let mut bench = Bench::opened(BreakerRules { probes: 2, ..RULES });
    bench.now += 60;
    let (one, other) = (bench.enter().unwrap(), bench.enter().unwrap());
    assert_eq!(bench.leave(one, FAILED), Some(State::Open));
    assert_eq!(bench.leave(other, Verdict::Good), None);
    assert_eq!(bench.state(), State::Open);
}

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
