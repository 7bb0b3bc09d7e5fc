mod cooling;
mod operators;
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
