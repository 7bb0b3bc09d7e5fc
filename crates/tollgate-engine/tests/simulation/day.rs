//! One day: a gateway, its providers' weather, and callers who come at all times.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::{Instant, sleep, timeout};
use tollgate_core::call::Wishes;
use tollgate_core::error::{AttemptRecord, Code, Failure};
use tollgate_core::id::TeamId;
use tollgate_core::key::Tenancy;
use tollgate_core::route::condition::{Fitness, When};
use tollgate_core::route::fallback::{Class, Fallbacks};
use tollgate_core::route::limit::Limits;
use tollgate_core::route::order::Strategy;
use tollgate_core::route::rules::{Hedge, Repeat, Rules};
use tollgate_engine::chat::{self, Plan, Served};
use tollgate_engine::port::Reply;
use tollgate_engine::routes::DeclaredModel;
use tollgate_engine::testing::{Script, World, call, member, model};
use tollgate_engine::trail::Trail;

use crate::provider::Providers;
use crate::weather::{Chance, DAY};

/// When everything must have recovered from the last fault.
const RECOVERED: Duration = Duration::from_mins(90);
const PROVIDERS: [&str; 4] = ["a", "b", "c", "d"];
/// Those of even and of odd places are of one team each.
const KEYS: [&str; 3] = ["one", "two", "three"];

/// What happened in a day.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    pub(crate) interrupted: u64,
    pub(crate) hung_up: u64,
    pub(crate) retried: u64,
    pub(crate) fell_back: u64,
    pub(crate) queued: u64,
    pub(crate) hedged: u64,
    pub(crate) opened: u64,
    pub(crate) cooled: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.answered += other.answered;
        self.failed += other.failed;
        self.interrupted += other.interrupted;
        self.hung_up += other.hung_up;
        self.retried += other.retried;
        self.fell_back += other.fell_back;
        self.queued += other.queued;
        self.hedged += other.hedged;
        self.opened += other.opened;
        self.cooled += other.cooled;
    }
}

/// Lives through the day of a seed. Panics, naming the seed, when a promise is broken.
pub(crate) fn live(seed: u64) -> Tally {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let day = std::panic::AssertUnwindSafe(|| runtime.block_on(whole(seed)));
    std::panic::catch_unwind(day).unwrap_or_else(|panic| {
        eprintln!("the day of seed {seed} went wrong: TOLLGATE_SIMULATION_SEED={seed}");
        std::panic::resume_unwind(panic)
    })
}

struct Day {
    world: World,
    providers: Arc<Providers>,
    models: Vec<(String, Rules)>,
    begin: Instant,
    chance: RefCell<Chance>,
    tally: RefCell<Tally>,
}

async fn whole(seed: u64) -> Tally {
    let mut chance = Chance::new(seed ^ 0x5eed);
    let providers = Providers::new(seed, &PROVIDERS);
    let models = models(&mut chance);
    let rules = models
        .iter()
        .map(|model| (model.name.to_string(), (*model.rules).clone()));
    let script = Script::new({
        let providers = Arc::clone(&providers);
        move |attempt| providers.act(attempt)
    });
    let script = script.heard({
        let providers = Arc::clone(&providers);
        move |attempt, failure| providers.told(attempt, failure)
    });
    let day = Day {
        models: rules.collect(),
        world: World::new(script, models, seed).await,
        providers,
        begin: Instant::now(),
        chance: RefCell::new(chance),
        tally: RefCell::default(),
    };
    day.pass().await;
    day.tally.into_inner()
}

/// The models of a day: several targets in one order or another, limits, and fallbacks that go
/// round in a circle.
fn models(chance: &mut Chance) -> Vec<DeclaredModel> {
    let mut links = Vec::new();
    for (name, targets, fallbacks) in [
        ("one", &["a", "b"][..], &["two"][..]),
        ("two", &["c", "b", "d"], &["three", "one"]),
        ("three", &["d"], &["one"]),
        ("alone", &["a", "c"], &[]),
        ("single", &["b"], &[]),
    ] {
        let mut declared = model(name, targets, rules(chance));
        if chance.one_in(2) {
            // Without tiers, so that the strategy decides.
            for target in &mut declared.targets {
                target.priority = 0;
            }
        }
        for target in &mut declared.targets {
            target.limits = Limits {
                parallel: chance.one_in(3).then_some(3),
                rpm: chance.one_in(4).then_some(60),
                tpm: None,
            };
        }
        if chance.one_in(3) {
            // Some keys may go to one target only, so that those who wait do not all wait for the
            // same.
            let target = chance.below(declared.targets.len() as u64) as usize;
            let keys = KEYS.iter().filter(|_| chance.one_in(2));
            let when = When {
                keys: keys.map(|key| Arc::from(*key)).collect(),
                ..When::default()
            };
            declared.targets[target].fitness = Arc::new(Fitness {
                when,
                ..Fitness::default()
            });
        }
        declared.fallbacks = Arc::new(Fallbacks {
            general: fallbacks.iter().map(|name| Arc::from(*name)).collect(),
            by_class: Vec::new(),
        });
        links.push(declared);
    }
    links
}

fn rules(chance: &mut Chance) -> Rules {
    let strategies = Strategy::ALL;
    let repeats = [Repeat::Streams, Repeat::Always, Repeat::Never];
    let mut rules = Rules {
        strategy: strategies[chance.below(strategies.len() as u64) as usize],
        attempts: 1 + chance.below(5) as u32,
        repeat: repeats[chance.below(3) as usize],
        ..Rules::default()
    };
    rules.timeouts.first_byte = Duration::from_secs(10);
    rules.timeouts.answer = Duration::from_secs(30);
    rules.timeouts.total = Duration::from_secs(20 + chance.below(100));
    rules.breaker.probes = 1 + chance.below(2) as u32;
    rules.hedge = chance.one_in(3).then(|| Hedge {
        after: Duration::from_millis(200 + chance.below(3_000)),
        share_percent: 1 + chance.below(100) as u32,
        plain: chance.one_in(2),
    });
    rules
}

impl Day {
    async fn pass(&self) {
        let mut under_way = FuturesUnordered::new();
        let mut number = 0;
        while self.begin.elapsed() < DAY {
            let (pause, burst) = {
                let mut chance = self.chance.borrow_mut();
                let burst = if chance.one_in(25) { 20 } else { 1 };
                (Duration::from_millis(chance.below(240_000)), burst)
            };
            let pause = sleep(pause);
            tokio::pin!(pause);
            loop {
                tokio::select! {
                    () = &mut pause => break,
                    Some(()) = under_way.next() => self.look(),
                }
            }
            for _ in 0..burst {
                number += 1;
                under_way.push(self.request(number));
            }
        }
        while let Some(()) = under_way.next().await {
            self.look();
        }
        self.end();
    }

    /// What must hold at every step.
    fn look(&self) {
        let complaints = self.providers.complaints();
        assert!(complaints.is_empty(), "{complaints:?}");
        let now = self.world.engine.moment();
        let mut most: HashMap<&str, (u32, u32)> = HashMap::new();
        let routes: Vec<_> = self.world.engine.routes().all().collect();
        for route in &routes {
            for target in &route.targets {
                let rules = &route.rules.breaker;
                let reading = target.health.read(rules, &target.limits, now);
                // Routes share a target: the most generous limit bounds it.
                let limit = target.limits.parallel.unwrap_or(u32::MAX);
                let row = most.entry(&*target.target.connection).or_default();
                *row = (row.0.max(limit), reading.used.parallel);
            }
        }
        for (name, (limit, parallel)) in most {
            assert!(
                parallel <= limit,
                "{parallel} at {name}, which takes {limit}"
            );
        }
    }

    /// What must hold at the end of the day.
    fn end(&self) {
        assert_eq!(self.world.script.open(), 0, "exchanges were left open");
        let now = self.world.engine.moment();
        let mut tally = self.tally.borrow_mut();
        for route in self.world.engine.routes().all() {
            assert!(route.is_idle(), "{} still has a line", route.model);
            for target in &route.targets {
                let reading = target
                    .health
                    .read(&route.rules.breaker, &target.limits, now);
                assert_eq!(reading.used.parallel, 0, "places were not given back");
                tally.opened += reading.breaker.opened;
                tally.cooled += reading.breaker.cooled;
            }
        }
    }

    async fn request(&self, number: u64) {
        let (which, stream, key, patience) = {
            let mut chance = self.chance.borrow_mut();
            let hangs_up = chance.one_in(20);
            (
                chance.below(self.models.len() as u64) as usize,
                chance.one_in(2),
                chance.below(KEYS.len() as u64) as usize,
                hangs_up.then(|| Duration::from_millis(chance.below(20_000))),
            )
        };
        let (name, rules) = &self.models[which];
        self.tally.borrow_mut().requests += 1;
        let begin = Instant::now();
        let mut trail = Trail::default();
        let id = format!("req_{number}");
        let serving = self.serve(&id, name, (stream, key), &mut trail);
        let outcome = match patience {
            None => Some(serving.await),
            Some(patience) => timeout(patience, serving).await.ok(),
        };
        let took = begin.elapsed();
        let attempts = self.providers.attempts_of(&id);
        assert!(attempts <= rules.attempts, "{attempts} attempts");
        let Some(outcome) = outcome else {
            self.tally.borrow_mut().hung_up += 1;
            return;
        };
        assert_eq!(trail.len(), attempts, "the trail lies");
        assert!(
            took <= rules.timeouts.total + Duration::from_millis(10) || outcome.is_ok(),
            "{took:?} for {:?}",
            rules.timeouts.total
        );
        let records: Vec<_> = trail.records().cloned().collect();
        check_trail(&records);
        let mut tally = self.tally.borrow_mut();
        tally.retried += u64::from(attempts > 1);
        tally.hedged += u64::from(records.iter().any(|record| record.cancelled));
        if took > Duration::from_secs(1) && attempts == 0 {
            tally.queued += 1;
        }
        let recovered = begin.duration_since(self.begin) > DAY - RECOVERED;
        match outcome {
            Ok(Ended { model, whole }) => {
                tally.answered += 1;
                tally.interrupted += u64::from(!whole);
                tally.fell_back += u64::from(model != *name);
                assert!(whole || !recovered, "a stream broke in fine weather");
            }
            Err(failure) => {
                tally.failed += 1;
                check_story(&failure, &records);
                let code = failure.code;
                assert!(
                    !recovered
                        || code == Code::ProviderInvalidRequest
                        || code == Code::NoTargets
                        || code == Code::RouteSelectionTimeout,
                    "{code:?} long after the last fault: {records:?}"
                );
            }
        }
    }

    async fn serve(
        &self,
        id: &str,
        name: &str,
        (stream, key): (bool, usize),
        trail: &mut Trail,
    ) -> Result<Ended, Failure> {
        let tenancy = Tenancy {
            team: TeamId::from_stored(["this", "that"][key % 2]),
            user: None,
        };
        let caller = member(KEYS[key], &["*"], tenancy);
        let call = call(name, stream);
        let engine = &self.world.engine;
        let plan = Plan {
            caller: &caller,
            call: &call,
            wishes: &Wishes::default(),
            request_id: id,
            route: chat::route(engine, &caller, &call)?,
            hold: None,
        };
        let served = chat::serve(engine, plan, trail).await?;
        Ok(read(served).await)
    }
}

struct Ended {
    model: String,
    whole: bool,
}

/// Reads an answer to its end, as the callers' side does.
async fn read(served: Served) -> Ended {
    let model = served.answered.model.to_string();
    let permit = served.permit;
    let whole = match served.delivery.reply {
        Reply::Answer(answer) => {
            if let Some(permit) = permit {
                permit.succeed(answer.usage);
            }
            true
        }
        Reply::Stream(mut pieces) => loop {
            match pieces.next().await {
                Some(Ok(piece)) if piece.last => {
                    if let Some(permit) = permit {
                        permit.succeed(piece.usage);
                    }
                    break true;
                }
                Some(Ok(_)) => {}
                Some(Err(failure)) => {
                    if let Some(permit) = permit {
                        permit.fail(&failure);
                    }
                    break false;
                }
                None => break false,
            }
        },
    };
    Ended { model, whole }
}

/// Nothing follows what the caller has to change, and nothing follows success. An attempt that was
/// given up has not ended at all.
fn check_trail(records: &[AttemptRecord]) {
    let mut ended = records.iter().filter(|record| !record.cancelled);
    ended.next_back();
    for record in ended {
        let class = record.code.and_then(Class::of);
        assert!(
            matches!(class, Some(Class::RateLimit | Class::Other)),
            "{records:?}"
        );
    }
}

/// The row that tells the story is one that these attempts can have.
fn check_story(failure: &Failure, records: &[AttemptRecord]) {
    let code = failure.code;
    assert_eq!(failure.attempts, records, "{code:?}");
    let failed = records.iter().filter(|record| !record.cancelled);
    let failed: Vec<_> = failed.cloned().collect();
    let told = match &failed[..] {
        [] => matches!(
            code,
            Code::NoHealthyTargets
                | Code::CircuitBreakerOpen
                | Code::ProviderRateLimited
                | Code::RouteSelectionTimeout
                | Code::NoTargets
        ),
        [only] => only.code == Some(code),
        [.., last] => {
            let limited = Some(Code::ProviderRateLimited);
            let all_limited = failed.iter().all(|record| record.code == limited);
            match code {
                Code::ProviderRateLimited => all_limited,
                Code::RetryLimitExceeded
                | Code::RouteSelectionFailed
                | Code::FallbackChainExhausted
                | Code::ProviderTimeout => !all_limited || code == Code::ProviderTimeout,
                code => last.code == Some(code) && Class::of(code).is_none(),
            }
        }
    };
    assert!(told, "{code:?} does not tell the story of {records:?}");
}
