//! What it costs to choose among targets: whole requests through the engine, over a provider that
//! answers at once. The first row has nothing to choose; what the others cost beyond it is the
//! price of routing.
//!
//! Measured is the time on the processor, not on the clock, so that other work on the machine
//! counts as little as it can.
#![expect(clippy::expect_used, reason = "a bench may stop")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::Runtime;
use tollgate_core::call::{Call, Wishes};
use tollgate_core::error::{Code, Failure};
use tollgate_core::key::KeyHasher;
use tollgate_core::reply::Answer;
use tollgate_core::route::breaker::BreakerRules;
use tollgate_core::route::condition::{Abilities, Ability, Fitness, When};
use tollgate_core::route::fallback::Fallbacks;
use tollgate_core::route::limit::Limits;
use tollgate_core::route::order::Strategy;
use tollgate_core::route::rules::{Rules, Sticky};
use tollgate_core::time::Timestamp;
use tollgate_engine::accounts::{self, Accounts, Environment};
use tollgate_engine::caller::Caller;
use tollgate_engine::chat::{self, Plan};
use tollgate_engine::engine::{Engine, Routing};
use tollgate_engine::health::DeclaredConnection;
use tollgate_engine::port::{
    Attempt, BoxFuture, Continuation, Delivery, Insight, Reply, Upstream, Want,
};
use tollgate_engine::routes::DeclaredModel;
use tollgate_engine::testing::{self, ManualClock, MemoryStore};
use tollgate_engine::trail::Trail;

/// The connections of a model with several targets.
const FOUR: [&str; 4] = ["a", "b", "c", "d"];
/// The one that fails.
const BROKEN: &str = "broken";
/// So many requests in a row may fail over before the retry budget is spent.
const BUDGET: u64 = 90;

/// Answers at once, or fails at once.
struct Provider;

impl Upstream for Provider {
    fn send<'a>(&'a self, attempt: Attempt<'a>) -> BoxFuture<'a, Result<Delivery, Failure>> {
        Box::pin(async move {
            if *attempt.target.connection == *BROKEN {
                return Err(Failure::provider(Code::ProviderError, "scripted"));
            }
            Ok(Delivery {
                reply: Reply::Answer(Answer {
                    body: Bytes::from_static(b"{}"),
                    usage: None,
                    finish: None,
                }),
                provider_request_id: None,
                lost: Vec::new(),
                estimated: false,
            })
        })
    }

    fn read(&self, _: &Call, _: Want) -> Insight {
        Insight::default()
    }

    fn check<'a>(
        &'a self,
        _: &'a str,
        _: Option<&'a str>,
        _: Duration,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }

    fn continuation(&self, _: &Call) -> Option<Box<dyn Continuation>> {
        None
    }
}

/// An engine with the models that are measured.
struct World {
    engine: Arc<Engine>,
    caller: Caller,
    wishes: Wishes,
}

impl World {
    async fn new(models: Vec<DeclaredModel>) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_255_200_000)));
        let parts = accounts::Parts {
            store: Arc::new(MemoryStore::default()),
            clock: clock.clone(),
            hasher: KeyHasher::new(&[1; 32]),
            environment: Environment::Live,
            entropy: testing::counting_entropy,
        };
        let accounts = Accounts::open(parts).await.expect("an empty store opens");
        let engine = Engine::new(Arc::new(accounts), Arc::new(Provider), clock, 7);
        let connections = FOUR.iter().chain(&[BROKEN]);
        let connections = connections.map(|name| DeclaredConnection {
            name: (*name).into(),
            provider: "scripted",
            limits: Limits::default(),
            checks: None,
            owner: None,
            fingerprint: 0,
        });
        engine.set_routing(Routing {
            connections: connections.collect(),
            models,
        });
        Self {
            engine: Arc::new(engine),
            caller: testing::caller("app", &["*"]),
            wishes: Wishes {
                tags: vec!["batch".into(), "web".into()],
                ..Wishes::default()
            },
        }
    }

    /// What the surface does with a call, from the route to the end of the answer.
    async fn request(&self, call: &Call) {
        let route = chat::route(&self.engine, &self.caller, call).expect("the model exists");
        let plan = Plan {
            caller: &self.caller,
            call,
            wishes: &self.wishes,
            request_id: "req_1",
            route,
            hold: None,
        };
        let mut trail = Trail::default();
        let served = chat::serve(&self.engine, plan, &mut trail).await;
        let served = served.expect("one of the targets answers");
        if let Some(permit) = served.permit {
            permit.succeed(None);
        }
        black_box(trail);
    }
}

/// How long this thread has run. The kernel counts it by a few milliseconds.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("this is a Linux");
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.expect("the first number is the time on the processor"))
}

/// A model whose targets are all of one priority.
fn model(name: &str, connections: &[&str], rules: Rules) -> DeclaredModel {
    let mut model = testing::model(name, connections, rules);
    for target in &mut model.targets {
        // States of their own, so that no model is slowed down by what another one left.
        target.target.model = name.into();
        target.priority = 0;
    }
    model
}

fn limited(name: &str) -> DeclaredModel {
    let mut limited = model(name, &FOUR, Rules::default());
    for target in &mut limited.targets {
        target.limits = Limits {
            rpm: Some(u32::MAX),
            tpm: Some(u64::MAX),
            parallel: Some(1000),
        };
    }
    limited
}

fn conditional(name: &str) -> DeclaredModel {
    let mut conditional = model(name, &FOUR, Rules::default());
    let fitness = |tag: &str| Fitness {
        when: When {
            tags: vec![tag.into()],
            keys: vec!["other".into(), "app".into()],
            prompt_tokens_to: Some(100_000),
            ..When::default()
        },
        abilities: Some(Abilities::NONE.with(Ability::Tools).with(Ability::Vision)),
        context_window: Some(128_000),
    };
    for (target, tag) in conditional.targets.iter_mut().zip(["x", "y", "z", "web"]) {
        target.fitness = Arc::new(fitness(tag));
    }
    conditional
}

fn models() -> Vec<DeclaredModel> {
    let of = |strategy| Rules {
        strategy,
        ..Rules::default()
    };
    let mut models = vec![model("one target", &["a"], Rules::default())];
    for strategy in Strategy::ALL {
        let name = format!("four targets, {}", strategy.as_str());
        models.push(model(&name, &FOUR, of(*strategy)));
    }
    models.push(limited("four targets, limits"));
    models.push(conditional("four targets, conditions"));
    let sticky = Rules {
        sticky: Sticky::User,
        ..Rules::default()
    };
    models.push(model("four targets, sticky", &FOUR, sticky));
    let mut falls_back = model("four targets, fallbacks", &FOUR, Rules::default());
    falls_back.fallbacks = Arc::new(Fallbacks {
        general: vec!["one target".into(), "four targets, cost".into()],
        by_class: Vec::new(),
    });
    models.push(falls_back);
    // Open from its fifth failure on, and for as long as the bench runs.
    let opens = Rules {
        breaker: BreakerRules {
            open: Duration::from_hours(10),
            longest_open: Duration::from_hours(10),
            ..BreakerRules::default()
        },
        ..Rules::default()
    };
    let mut open = model("two targets, first open", &[BROKEN, "b"], opens);
    let never = Rules {
        breaker: BreakerRules {
            failures: 0,
            share_percent: 0,
            ..BreakerRules::default()
        },
        ..Rules::default()
    };
    let mut fails = model("two targets, first fails", &[BROKEN, "b"], never);
    for model in [&mut open, &mut fails] {
        for (target, priority) in model.targets.iter_mut().zip(0..) {
            target.priority = priority;
        }
    }
    models.extend([open, fails]);
    models
}

/// The time of so many requests, one after the other.
fn time(runtime: &Runtime, world: &World, call: &Call, count: u64) -> Duration {
    let begin = processor_time();
    runtime.block_on(async {
        for _ in 0..count {
            world.request(call).await;
        }
    });
    processor_time().saturating_sub(begin)
}

/// The same with time passing in between, so that the retry budget lets every request fail over.
fn time_in_parts(runtime: &Runtime, world: &World, call: &Call, count: u64) -> Duration {
    let begin = processor_time();
    runtime.block_on(async {
        for number in 1..=count {
            world.request(call).await;
            if number % BUDGET == 0 {
                tokio::time::advance(Duration::from_secs(12)).await;
            }
        }
        tokio::time::advance(Duration::from_secs(12)).await;
    });
    processor_time().saturating_sub(begin)
}

fn routing(criterion: &mut Criterion) {
    let paused = |paused| {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(paused)
            .build()
            .expect("a runtime starts")
    };
    let mut group = criterion.benchmark_group("routing");
    group.measurement_time(Duration::from_secs(3));
    group.sample_size(20);
    let runtime = paused(false);
    let world = runtime.block_on(World::new(models()));
    let all = models();
    let (last, others) = all.split_last().expect("there are models");
    for model in others {
        let call = testing::call(&model.name, false);
        // Breakers that are to be open are.
        time(&runtime, &world, &call, 10);
        group.bench_function(&*model.name, |bencher| {
            bencher.iter_custom(|count| time(&runtime, &world, &call, count));
        });
    }
    // A clock that is set by hand costs something itself: the row before stands for comparison.
    let runtime = paused(true);
    let world = runtime.block_on(World::new(models()));
    for (name, model) in [("one target", "one target"), (&*last.name, &*last.name)] {
        let call = testing::call(model, false);
        group.bench_function(format!("{name}, clock by hand"), |bencher| {
            bencher.iter_custom(|count| time_in_parts(&runtime, &world, &call, count));
        });
    }
    group.finish();
}

criterion_group!(benches, routing);
criterion_main!(benches);
