//! What threads do to a target at the same time, in every order in which they may come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use shuttle::thread;
use tollgate_core::error::Code;
use tollgate_core::route::breaker::{BreakerRules, Order, Pass, State, Verdict};
use tollgate_core::route::limit::Limits;
use tollgate_core::route::story::Obstacle;
use tollgate_core::time::Moment;

use super::ConnectionHealth;
use super::target::{Ended, Entry, TargetHealth};
use crate::freed::Freed;
use crate::sync::modelled::explore;

const NO_LIMITS: Limits = Limits {
    rpm: None,
    tpm: None,
    parallel: None,
};

/// A target whose calls all have the same rules.
pub(super) struct Subject {
    target: TargetHealth,
    rules: BreakerRules,
    limits: Limits,
}

impl Subject {
    pub(super) fn new(rules: BreakerRules, limits: Limits) -> Self {
        let connection = ConnectionHealth::new("a".into(), "test", Arc::default());
        Self::at(Arc::new(connection), rules, limits)
    }

    fn at(connection: Arc<ConnectionHealth>, rules: BreakerRules, limits: Limits) -> Self {
        let target = TargetHealth::new(connection, "m".into(), Arc::<Freed>::default());
        Self {
            target,
            rules,
            limits,
        }
    }

    /// One whose breaker has been open until the moment that is given with it.
    pub(super) fn half_open(probes: u32) -> (Self, Moment) {
        let rules = BreakerRules {
            probes,
            ..BreakerRules::default()
        };
        let subject = Self::new(rules, NO_LIMITS);
        subject.target.obey(&rules, Moment::START, Order::Open);
        (subject, Moment::START.after(rules.open))
    }

    fn entry(&self, first: bool) -> Entry<'_> {
        Entry {
            rules: &self.rules,
            limits: &self.limits,
            tokens: 1,
            first,
        }
    }

    pub(super) fn enter(&self, now: Moment) -> Result<Pass, Obstacle> {
        self.target.enter(&self.entry(true), now)
    }

    fn repeat(&self, now: Moment) -> Result<Pass, Obstacle> {
        self.target.enter(&self.entry(false), now)
    }

    pub(super) fn leave(&self, now: Moment, pass: Pass, verdict: Verdict) {
        let ended = Ended {
            pass,
            verdict,
            used: None,
            ails: None,
        };
        _ = self.target.leave(&self.entry(true), now, ended);
    }

    pub(super) fn state(&self, now: Moment) -> State {
        self.target
            .read(&self.rules, &self.limits, now)
            .breaker
            .state
    }

    fn parallel(&self, now: Moment) -> u32 {
        self.target
            .read(&self.rules, &self.limits, now)
            .used
            .parallel
    }
}

/// Runs this in as many threads, and gives what came of it.
fn in_threads<T: Send + 'static>(
    count: usize,
    work: impl Fn(usize) -> T + Send + Sync + 'static,
) -> Vec<T> {
    let work = Arc::new(work);
    let threads: Vec<_> = (0..count)
        .map(|number| {
            let work = Arc::clone(&work);
            thread::spawn(move || work(number))
        })
        .collect();
    threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect()
}

#[test]
fn at_the_half_open_moment_exactly_the_probes_pass() {
    for probes in [1, 3] {
        explore(move || {
            let (subject, now) = Subject::half_open(probes);
            let passed = in_threads(6, move |_| match subject.enter(now) {
                Ok(pass) => {
                    assert!(pass.probe);
                    true
                }
                Err(obstacle) => {
                    assert_eq!(obstacle, Obstacle::Probing);
                    false
                }
            });
            let passed = passed.into_iter().filter(|passed| *passed).count();
            assert_eq!(passed, usize::try_from(probes).unwrap());
        });
    }
}

#[test]
fn a_probe_that_ends_makes_room_for_one_more_however_it_ends() {
    for verdict in [
        Verdict::Good,
        Verdict::Neutral,
        Verdict::Failed(Code::ProviderError),
        Verdict::Limited {
            code: Code::ProviderRateLimited,
            wait: None,
        },
    ] {
        explore(move || {
            let (subject, now) = Subject::half_open(1);
            let subject = Arc::new(subject);
            let shared = Arc::clone(&subject);
            let probing = crate::sync::Mutex::<u32>::default();
            in_threads(4, move |_| {
                let Ok(pass) = shared.enter(now) else { return };
                if pass.probe {
                    let before = std::mem::replace(&mut *probing.lock(), 1);
                    assert_eq!(before, 0, "two probes at once");
                    thread::yield_now();
                    *probing.lock() = 0;
                } else {
                    assert_eq!(
                        verdict,
                        Verdict::Good,
                        "it passed a breaker that is not closed"
                    );
                }
                shared.leave(now, pass, verdict);
            });
            assert_eq!(subject.parallel(now), 0);
            let left = match verdict {
                Verdict::Good => State::Closed,
                Verdict::Neutral => State::HalfOpen,
                Verdict::Failed(_) => State::Open,
                Verdict::Limited { .. } => State::Cooling,
            };
            assert_eq!(subject.state(now), left);
            // No probe is lost: as soon as time allows, one passes.
            let later = now.after(Duration::from_hours(1));
            assert!(subject.enter(later).is_ok());
        });
    }
}

#[test]
fn a_target_and_its_connection_never_serve_more_than_their_limits() {
    explore(|| {
        let limits = |parallel| Limits {
            parallel: Some(parallel),
            ..NO_LIMITS
        };
        let connection = Arc::new(ConnectionHealth::new("a".into(), "test", Arc::default()));
        connection.set_limits(limits(3));
        let rules = BreakerRules::default();
        let subjects = [(); 2].map(|()| Subject::at(Arc::clone(&connection), rules, limits(2)));
        let subjects = Arc::new(subjects);
        let shared = Arc::clone(&subjects);
        // Counted apart from what the target and the connection say themselves.
        let under_way = [(); 2].map(|()| AtomicU32::new(0));
        let now = Moment::START;
        in_threads(6, move |number| {
            let (subject, here) = (&shared[number % 2], &under_way[number % 2]);
            let Ok(pass) = subject.enter(now) else { return };
            assert!(here.fetch_add(1, Ordering::SeqCst) < 2);
            let all = under_way.iter().map(|here| here.load(Ordering::SeqCst));
            assert!(all.sum::<u32>() <= 3);
            thread::yield_now();
            here.fetch_sub(1, Ordering::SeqCst);
            subject.leave(now, pass, Verdict::Neutral);
        });
        for subject in &*subjects {
            assert_eq!(subject.parallel(now), 0);
        }
        assert_eq!(connection.read(now).used.parallel, 0);
    });
}

#[test]
fn the_retry_budget_is_spent_once_however_many_come_for_it() {
    explore(|| {
        let subject = Subject::new(BreakerRules::default(), NO_LIMITS);
        let now = Moment::START;
        // Ten a second over ten seconds, of which few are left.
        for _ in 0..98 {
            assert!(subject.repeat(now).is_ok());
        }
        let subject = Arc::new(subject);
        let shared = Arc::clone(&subject);
        let passed = in_threads(5, move |number| {
            if number == 0 {
                // A fifth of five requests is one more.
                (0..5).for_each(|_| assert!(shared.enter(now).is_ok()));
                return 0;
            }
            let passed = (0..2).filter(|_| match shared.repeat(now) {
                Ok(_) => true,
                Err(obstacle) => {
                    assert_eq!(obstacle, Obstacle::NoBudget);
                    false
                }
            });
            passed.count()
        });
        let passed: usize = passed.into_iter().sum();
        assert!((2..=3).contains(&passed), "{passed} passed");
        let read = subject.target.read(&subject.rules, &NO_LIMITS, now);
        assert_eq!(read.retries_refused, 8 - passed as u64);
        // The requests left room for three in all.
        assert_eq!(subject.repeat(now).is_ok(), passed == 2);
        assert!(subject.repeat(now).is_err());
    });
}
