//! Whatever calls, times and operators do, a breaker keeps its promises.

use proptest::prelude::*;

use super::{Bench, RULES, limited};
use crate::error::Code;
use crate::route::breaker::{Barred, BreakerRules, Order, Pass, Reading, State, Verdict};

#[derive(Clone, Copy, Debug)]
enum Step {
    Enter,
    /// The call at this place, counted around, ends.
    Leave(usize, Verdict),
    /// Seconds go by.
    Wait(u64),
    Obey(Order),
}

fn step() -> impl Strategy<Value = Step> {
    let verdict = prop_oneof![
        3 => Just(Verdict::Good),
        4 => Just(Verdict::Failed(Code::ProviderTimeout)),
        2 => prop::option::of(0_u64..100).prop_map(limited),
        1 => Just(Verdict::Neutral),
    ];
    let order = prop_oneof![Just(Order::Open), Just(Order::Close), Just(Order::Isolate)];
    prop_oneof![
        10 => Just(Step::Enter),
        10 => (any::<usize>(), verdict).prop_map(|(place, verdict)| Step::Leave(place, verdict)),
        6 => (0_u64..70).prop_map(Step::Wait),
        1 => order.prop_map(Step::Obey),
    ]
}

fn rules() -> impl Strategy<Value = BreakerRules> {
    (0_u32..6, 0_u32..101, 0_u32..12, 1_u32..4, any::<bool>()).prop_map(
        |(failures, share_percent, minimum, probes, cooldown)| BreakerRules {
            failures,
            share_percent,
            minimum,
            probes,
            cooldown,
            ..RULES
        },
    )
}

/// What is known from outside.
struct World {
    bench: Bench,
    passes: Vec<Pass>,
    /// Until when nothing may pass: what it said when it opened or cooled down.
    barred_until: u64,
    last: Reading,
    good: u32,
    failed: u32,
}

impl World {
    fn new(rules: BreakerRules) -> Self {
        let bench = Bench::new(rules);
        let last = bench.read();
        Self {
            bench,
            passes: Vec::new(),
            barred_until: 0,
            last,
            good: 0,
            failed: 0,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Enter => self.enter(),
            Step::Leave(place, verdict) if !self.passes.is_empty() => self.leave(place, verdict),
            Step::Leave(..) => {}
            Step::Wait(seconds) => self.bench.now += seconds,
            Step::Obey(order) => {
                self.bench.obey(order);
                if order == Order::Close {
                    self.barred_until = 0;
                    assert_eq!(self.bench.state(), State::Closed);
                }
            }
        }
        self.look();
    }

    fn enter(&mut self) {
        let before = self.bench.state();
        match self.bench.enter() {
            Ok(pass) => {
                assert!(
                    self.bench.now >= self.barred_until,
                    "nothing passes before its time"
                );
                assert!(matches!(before, State::Closed | State::HalfOpen));
                assert_eq!(pass.probe, before == State::HalfOpen);
                self.passes.push(pass);
            }
            Err(barred) => match barred {
                Barred::Cooling { until, .. } => {
                    assert_eq!(before, State::Cooling);
                    assert!(until > self.bench.moment());
                }
                Barred::Open { until } => {
                    assert_eq!(before, State::Open);
                    assert!(until > self.bench.moment());
                }
                Barred::Probing { .. } => {
                    assert_eq!(before, State::HalfOpen);
                    assert_eq!(self.probes_out(), self.bench.rules.probes);
                }
                Barred::Isolated => assert_eq!(before, State::Isolated),
            },
        }
    }

    fn leave(&mut self, place: usize, verdict: Verdict) {
        let pass = self.passes.swap_remove(place % self.passes.len());
        let is_late = pass.generation != self.bench.breaker.generation;
        let before = self.bench.read();
        let changed = self.bench.leave(pass, verdict);
        let after = self.bench.read();
        match verdict {
            Verdict::Good => self.good += 1,
            Verdict::Failed(_) => self.failed += 1,
            Verdict::Limited { wait, .. } => {
                assert_eq!(after.opened, before.opened);
                let obeys = self.bench.rules.cooldown && after.state != State::Isolated;
                if obeys && let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
                    // From now on, whenever the call began.
                    self.barred_until = self.barred_until.max(self.bench.now + wait.as_secs());
                    assert!(self.bench.rest() >= Some(wait.as_secs()));
                }
            }
            Verdict::Neutral => assert_eq!(after, before),
        }
        assert_eq!(after.state, changed.unwrap_or(before.state));
        if is_late && !matches!(verdict, Verdict::Limited { wait: Some(_), .. }) {
            assert_eq!(after, before, "late results change nothing");
        }
        if verdict == Verdict::Good && !is_late {
            assert_eq!(after.state, State::Closed, "one good probe is enough");
        }
        if let Some(rest) = self.bench.rest() {
            self.barred_until = self.barred_until.max(self.bench.now + rest);
            if changed == Some(State::Open) && !is_late {
                let rules = &self.bench.rules;
                assert!(rest >= rules.open.as_secs() && rest <= rules.longest_open.as_secs());
            }
        }
    }

    fn probes_out(&self) -> u32 {
        let generation = self.bench.breaker.generation;
        let of_now = |pass: &&Pass| pass.probe && pass.generation == generation;
        self.passes.iter().filter(of_now).count() as u32
    }

    /// What holds after every step.
    fn look(&mut self) {
        let reading = self.bench.read();
        assert!(self.probes_out() <= self.bench.rules.probes);
        assert!(reading.failures <= self.failed);
        assert!(reading.window_good <= self.good && reading.window_failed <= self.failed);
        assert!(reading.opened >= self.last.opened && reading.opened <= self.last.opened + 1);
        assert!(reading.cooled >= self.last.cooled && reading.cooled <= self.last.cooled + 1);
        let is_timed = matches!(reading.state, State::Cooling | State::Open);
        assert_eq!(reading.until.is_some(), is_timed);
        assert!(
            reading
                .until
                .is_none_or(|until| until > self.bench.moment())
        );
        if reading.state == State::Closed {
            assert_eq!(reading.reason, None);
        }
        if !self.bench.rules.cooldown {
            assert_eq!(reading.cooled, 0);
        }
        self.last = reading;
    }

    /// Callers go away and time goes by: the next call that goes well closes it.
    fn heal(mut self) {
        for pass in std::mem::take(&mut self.passes) {
            self.bench.leave(pass, Verdict::Neutral);
        }
        if self.bench.state() == State::Isolated {
            self.bench.obey(Order::Close);
        }
        self.bench.now += self.bench.rest().unwrap_or(0);
        self.bench.call(Verdict::Good);
        assert_eq!(self.bench.state(), State::Closed);
        assert!(!self.bench.enter().unwrap().probe);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_breaker_keeps_its_promises(
        rules in rules(),
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut world = World::new(rules);
        for step in steps {
            world.take(step);
        }
        world.heal();
    }
}
