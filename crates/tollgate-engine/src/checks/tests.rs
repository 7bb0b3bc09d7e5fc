use std::collections::BTreeMap;
use std::sync::Mutex;

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tollgate_core::call::Call;
use tollgate_core::route::limit::Limits;

use super::*;
use crate::engine::Routing;
use crate::port::{Attempt, Continuation, Delivery, Insight, Upstream, Want};
use crate::testing::{Act, Script, World};

/// What a check comes to, after a time.
type Rule = dyn Fn(&str, usize) -> (Duration, Result<(), Failure>) + Send + Sync;

/// When a connection was asked, and for which model.
type Question = (Duration, Option<String>);

/// A provider of which only checks are asked.
struct Provider {
    rule: Box<Rule>,
    asked: Mutex<BTreeMap<String, Vec<Question>>>,
    begin: Instant,
}

impl Provider {
    fn asked(&self, connection: &str) -> Vec<Duration> {
        let asked = self.asked.lock().unwrap();
        let times = asked.get(connection).into_iter().flatten();
        times.map(|(time, _)| *time).collect()
    }

    fn models(&self, connection: &str) -> Vec<Option<String>> {
        let asked = self.asked.lock().unwrap();
        let models = asked.get(connection).into_iter().flatten();
        models.map(|(_, model)| model.clone()).collect()
    }
}

impl Upstream for Provider {
    fn send<'a>(&'a self, _: Attempt<'a>) -> BoxFuture<'a, Result<Delivery, Failure>> {
        unreachable!("only checks are asked")
    }

    fn read(&self, _: &Call, _: Want) -> Insight {
        unreachable!("only checks are asked")
    }

    fn check<'a>(
        &'a self,
        connection: &'a str,
        model: Option<&'a str>,
        _: Duration,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        let number = {
            let mut asked = self.asked.lock().unwrap();
            let times = asked.entry(connection.to_owned()).or_default();
            times.push((self.begin.elapsed(), model.map(str::to_owned)));
            times.len() - 1
        };
        let (wait, outcome) = (self.rule)(connection, number);
        Box::pin(async move {
            sleep_until(Instant::now() + wait).await;
            outcome
        })
    }

    fn continuation(&self, _: &Call) -> Option<Box<dyn Continuation>> {
        None
    }
}

/// An engine over such a provider, with the runner beside it.
struct Running {
    engine: Arc<Engine>,
    provider: Arc<Provider>,
    tasks: JoinSet<()>,
    end: oneshot::Sender<()>,
}

const INTERVAL: Duration = Duration::from_secs(30);

fn checks() -> Checks {
    Checks {
        interval: INTERVAL,
        timeout: Duration::from_secs(5),
        model: None,
        thresholds: Thresholds::default(),
    }
}

fn declared(name: &str, checks: Option<Checks>) -> DeclaredConnection {
    DeclaredConnection {
        name: name.into(),
        provider: "openai",
        limits: Limits::default(),
        checks,
        owner: None,
        fingerprint: 1,
    }
}

fn bad() -> Result<(), Failure> {
    Err(Failure::provider(Code::ProviderUnreachable, "openai"))
}

impl Running {
    async fn new(
        rule: impl Fn(&str, usize) -> (Duration, Result<(), Failure>) + Send + Sync + 'static,
        connections: Vec<DeclaredConnection>,
    ) -> Self {
        let script = Script::new(|_| Act::Answer(Duration::ZERO));
        let world = World::new(script, Vec::new(), 7).await;
        let mut engine = Arc::into_inner(world.engine).unwrap();
        let provider = Arc::new(Provider {
            rule: Box::new(rule),
            asked: Mutex::default(),
            begin: Instant::now(),
        });
        engine.upstream = provider.clone();
        let engine = Arc::new(engine);
        let (end, ended) = oneshot::channel();
        let run = run(Arc::clone(&engine), async move { drop(ended.await) });
        let mut tasks = JoinSet::new();
        tasks.spawn(run);
        let running = Self {
            engine,
            provider,
            tasks,
            end,
        };
        running.declare(connections);
        running
    }

    /// Every check goes as it says, at once.
    async fn simple(
        outcome: impl Fn(usize) -> Result<(), Failure> + Send + Sync + 'static,
        checks: Checks,
    ) -> Self {
        let rule = move |_: &str, number| (Duration::ZERO, outcome(number));
        Self::new(rule, vec![declared("main", Some(checks))]).await
    }

    fn declare(&self, connections: Vec<DeclaredConnection>) {
        self.engine.set_routing(Routing {
            connections,
            models: Vec::new(),
        });
    }

    fn reading(&self, name: &str) -> crate::health::ConnectionReading {
        let all = self.engine.registry.connections();
        let (_, health) = all.iter().find(|(found, _)| *found.name == *name).unwrap();
        health.read(self.engine.moment())
    }

    /// Waits until a connection was asked so often.
    async fn asked(&self, name: &str, count: usize) {
        let begin = Instant::now();
        while self.provider.asked(name).len() < count {
            assert!(begin.elapsed() < INTERVAL * 20, "nobody asks {name}");
            pass(Duration::from_millis(50)).await;
        }
        // Lets the answer be noted.
        pass(Duration::from_millis(1)).await;
    }
}

/// The times from each check to the next.
fn between(times: &[Duration]) -> impl Iterator<Item = Duration> {
    let pairs = times.windows(2);
    pairs.map(|pair| pair[1].saturating_sub(pair[0]))
}

/// Lets time pass; it is paused.
async fn pass(time: Duration) {
    sleep_until(Instant::now() + time).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_checked_from_the_end_of_one_check_to_the_next() {
    let took = Duration::from_secs(2);
    let rule = move |_: &str, _| (took, Ok(()));
    let running = Running::new(rule, vec![declared("main", Some(checks()))]).await;
    running.asked("main", 4).await;
    let times = running.provider.asked("main");
    assert!(times[0] < INTERVAL + LOOK, "{times:?}");
    for between in between(&times) {
        let more = between.checked_sub(INTERVAL + took);
        assert!(more.is_some_and(|more| more < LEAST), "{times:?}");
    }
    pass(took).await;
    let checked = running.reading("main").checked.unwrap();
    assert_eq!(checked.failure, None);
    assert!(checked.took >= took && checked.took < took + LEAST);
}

#[tokio::test(start_paused = true)]
async fn checks_of_many_connections_do_not_fire_together() {
    let names: Vec<_> = (0..30).map(|number| format!("c{number}")).collect();
    let connections = names.iter().map(|name| declared(name, Some(checks())));
    let running = Running::new(|_, _| (Duration::ZERO, Ok(())), connections.collect()).await;
    pass(INTERVAL + LOOK).await;
    let mut seconds: Vec<_> = names
        .iter()
        .map(|name| running.provider.asked(name)[0].as_secs())
        .collect();
    seconds.sort_unstable();
    seconds.dedup();
    assert!(seconds.len() > 12, "{seconds:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_checks_is_not_asked() {
    let connections = vec![declared("main", None)];
    let running = Running::new(|_, _| (Duration::ZERO, bad()), connections).await;
    pass(INTERVAL * 5).await;
    assert!(running.provider.asked("main").is_empty());
    assert!(running.reading("main").healthy);
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_make_a_connection_unhealthy_and_good_checks_bring_it_back() {
    // Bad from the second check on, good again from the sixth on.
    let outcome = |number| {
        if (1..5).contains(&number) {
            bad()
        } else {
            Ok(())
        }
    };
    let running = Running::simple(outcome, checks()).await;
    let mut standing = Vec::new();
    for count in 1..=8 {
        running.asked("main", count).await;
        standing.push(running.reading("main").healthy);
    }
    assert_eq!(
        standing,
        [true, true, true, false, false, false, true, true]
    );
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_are_told_when_a_connection_comes_back() {
    let outcome = |number| if number < 3 { bad() } else { Ok(()) };
    let running = Running::simple(outcome, checks()).await;
    running.asked("main", 3).await;
    assert!(!running.reading("main").healthy);
    let freed = &running.engine.registry.freed;
    let waiter = freed.wait();
    let mut changed = pin!(waiter.changed());
    changed.as_mut().enable();
    let told = timeout(INTERVAL * 3, changed).await;
    assert!(told.is_ok(), "nobody was told");
    assert!(running.reading("main").healthy);
    assert_eq!(running.provider.asked("main").len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_never_ends_is_ended_and_has_failed() {
    let rule = |_: &str, _| (Duration::from_hours(1), Ok(()));
    let running = Running::new(rule, vec![declared("main", Some(checks()))]).await;
    running.asked("main", 3).await;
    let checked = running.reading("main").checked.unwrap();
    assert_eq!(checked.failure, Some(Code::ProviderTimeout));
    assert!(checked.took >= Duration::from_secs(5));
    assert!(checked.took < Duration::from_secs(6));
}

#[tokio::test(start_paused = true)]
async fn a_slow_connection_does_not_hold_up_the_others() {
    let rule = |name: &str, _| {
        let wait = if name == "slow" { 4900 } else { 0 };
        (Duration::from_millis(wait), Ok(()))
    };
    let often = Checks {
        interval: Duration::from_secs(1),
        ..checks()
    };
    let connections = ["slow", "fast"].map(|name| declared(name, Some(often.clone())));
    let running = Running::new(rule, connections.into()).await;
    pass(Duration::from_mins(1)).await;
    let (slow, fast) = (
        running.provider.asked("slow"),
        running.provider.asked("fast"),
    );
    assert!((9..=11).contains(&slow.len()), "{}", slow.len());
    assert!(fast.len() >= 55, "{}", fast.len());
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_asked_says_nothing_of_the_provider() {
    let outcome = |_| Err(Failure::gateway(Code::NoTargets));
    let running = Running::simple(outcome, checks()).await;
    running.asked("main", 5).await;
    let reading = running.reading("main");
    assert!(reading.healthy && reading.checked.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_limits_its_checks_stays_as_it_is_and_is_left_alone() {
    // Limited for ever; limited between failures; limited between good ones.
    let limited = || {
        let failure = Failure::provider(Code::ProviderRateLimited, "openai");
        Err(failure.retry_after(INTERVAL * 4))
    };
    for (outcomes, healthy) in [("LLLLL", true), ("BLBLBL", false), ("BBBGLGL", true)] {
        let outcome = move |number: usize| match outcomes.as_bytes().get(number) {
            Some(b'B') => bad(),
            Some(b'G') => Ok(()),
            _ => limited(),
        };
        let running = Running::simple(outcome, checks()).await;
        pass(INTERVAL * 40).await;
        let reading = running.reading("main");
        assert_eq!(reading.healthy, healthy, "{outcomes}");
        let last = reading.checked.and_then(|checked| checked.failure);
        assert_eq!(last, Some(Code::ProviderRateLimited));
        let times = running.provider.asked("main");
        for (between, outcome) in between(&times).zip(outcomes.bytes()) {
            let named = if outcome == b'L' { 4 } else { 1 };
            let more = between.checked_sub(INTERVAL * named);
            assert!(more.is_some_and(|more| more < LEAST), "{times:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_without_end_is_not_granted_to_a_provider() {
    for (named, waited) in [(1, 30), (31, 31), (86_400, 3600)] {
        let failure = Failure::provider(Code::ProviderRateLimited, "openai");
        let limited = Err(failure.retry_after(Duration::from_secs(named)));
        assert_eq!(wait_after(&limited, INTERVAL), Duration::from_secs(waited));
        let other = Failure::provider(Code::ProviderError, "openai");
        let other = Err(other.retry_after(Duration::from_secs(named)));
        assert_eq!(wait_after(&other, INTERVAL), INTERVAL);
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_a_check_says_nothing_while_the_process_itself_is_late() {
    for (late, healthy) in [(true, true), (false, false)] {
        let rule = |_: &str, _| (Duration::from_hours(1), Ok(()));
        let running = Running::new(rule, vec![declared("main", Some(checks()))]).await;
        for _ in 0..600 {
            let lag = if late { 2000 } else { 0 };
            running.engine.overload.note(Duration::from_millis(lag));
            pass(Duration::from_secs(1)).await;
        }
        assert_eq!(running.reading("main").healthy, healthy);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reload_is_followed_within_a_second() {
    let often = |model: Option<&str>| Checks {
        interval: Duration::from_secs(1),
        model: model.map(Into::into),
        ..checks()
    };
    let running = Running::simple(|_| Ok(()), often(None)).await;
    running.asked("main", 3).await;

    // Other checks: they are made from now on, and no others.
    running.declare(vec![declared("main", Some(often(Some("m"))))]);
    pass(Duration::from_secs(1)).await;
    let before = running.provider.models("main").len();
    pass(Duration::from_secs(10)).await;
    let models = running.provider.models("main");
    assert!(models.len() >= before + 9);
    assert!(
        models[before..]
            .iter()
            .all(|model| model.as_deref() == Some("m"))
    );

    // Another connection of the same name.
    let mut other = declared("main", Some(often(Some("m"))));
    other.fingerprint = 2;
    running.declare(vec![other, declared("new", Some(often(None)))]);
    pass(Duration::from_secs(3)).await;
    assert!(running.reading("main").checked.is_some());
    assert!(!running.provider.asked("new").is_empty());

    // Nothing is left.
    running.declare(Vec::new());
    pass(Duration::from_secs(1)).await;
    let before = running.provider.asked("main").len();
    pass(Duration::from_secs(10)).await;
    assert_eq!(running.provider.asked("main").len(), before);
}

#[tokio::test(start_paused = true)]
async fn a_reload_that_changes_nothing_keeps_the_rhythm() {
    let running = Running::simple(|_| Ok(()), checks()).await;
    running.asked("main", 1).await;
    for _ in 0..100 {
        pass(Duration::from_secs(1)).await;
        running.declare(vec![declared("main", Some(checks()))]);
    }
    let times = running.provider.asked("main");
    assert!(times.len() >= 4, "{times:?}");
    for between in between(&times) {
        assert!(between < INTERVAL + LEAST, "{times:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_whose_checks_are_taken_away_is_healthy() {
    let running = Running::simple(|_| bad(), checks()).await;
    running.asked("main", 3).await;
    assert!(!running.reading("main").healthy);
    running.declare(vec![declared("main", None)]);
    pass(Duration::from_secs(1)).await;
    let reading = running.reading("main");
    assert!(reading.healthy && reading.checked.is_none());
}

#[tokio::test(start_paused = true)]
async fn other_thresholds_do_not_make_an_unhealthy_connection_healthy() {
    let running = Running::simple(|_| bad(), checks()).await;
    running.asked("main", 3).await;
    let other = Checks {
        thresholds: Thresholds {
            unhealthy: 5,
            healthy: 1,
        },
        ..checks()
    };
    running.declare(vec![declared("main", Some(other))]);
    pass(Duration::from_secs(1)).await;
    assert!(!running.reading("main").healthy);
}

#[tokio::test(start_paused = true)]
async fn the_end_ends_everything() {
    let rule = |_: &str, _| (Duration::from_secs(4), Ok(()));
    let mut running = Running::new(rule, vec![declared("main", Some(checks()))]).await;
    running.asked("main", 1).await;
    running.end.send(()).unwrap();
    // A check is under way; nobody waits for it.
    let over = timeout(Duration::from_millis(1), running.tasks.join_next()).await;
    over.unwrap().unwrap().unwrap();
}
