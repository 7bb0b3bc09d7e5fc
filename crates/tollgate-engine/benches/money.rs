//! What it costs to hold and to settle, and to make settlements durable in groups: per call, over
//! a store that does nothing but keep pages in memory.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a bench may stop"
)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Runtime;
use tollgate_core::budget::{Budget, Controls, Period};
use tollgate_core::id::{OrgId, TeamId};
use tollgate_core::key::{KeyHasher, ModelScope, Permissions, Priority, Reach, Tenancy};
use tollgate_core::model::{ModelFacts, Priced};
use tollgate_core::money::{Money, USD, Unit};
use tollgate_core::price::{Price, Rate};
use tollgate_core::reply::Usage;
use tollgate_core::route::rules::Rules;
use tollgate_core::tenant::{DEFAULT, Status, Team};
use tollgate_core::time::Timestamp;
use tollgate_engine::accounts::{self, Accounts, Environment, NewKey};
use tollgate_engine::admit;
use tollgate_engine::caller::Caller;
use tollgate_engine::engine::{Engine, Routing};
use tollgate_engine::hold::{Ending, Estimate, Hold};
use tollgate_engine::port::{Change, TenantStore as _};
use tollgate_engine::routes::Route;
use tollgate_engine::testing::{self, Act, ManualClock, MemoryStore, Script, counting_entropy};

/// How many calls are settled together.
const GROUP: u64 = 200;

struct World {
    engine: Arc<Engine>,
    caller: Caller,
    route: Arc<Route>,
}

fn monthly() -> Controls {
    let budget = Budget {
        period: Period::Monthly,
        limit: Money::from_nano(1_000_000 * USD),
        warn_percent: 80,
        zone: "UTC".into(),
    };
    Controls {
        budgets: Box::new([budget]),
        ..Controls::default()
    }
}

impl World {
    /// `budgets`: at the key and at the team.
    async fn new(budgets: bool) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_255_200_000)));
        let controls = if budgets {
            monthly()
        } else {
            Controls::default()
        };
        let store = Arc::new(MemoryStore::default());
        let team = Team {
            id: TeamId::from_stored("team"),
            organization: OrgId::from_stored(DEFAULT),
            name: "team".into(),
            status: Status::Active,
            controls: controls.clone(),
            job_terms: None,
            created_at: Timestamp::from_millis(0),
            metadata: None,
            updated_at: None,
            declared: false,
        };
        let change = [Change::PutTeam(Arc::new(team))];
        store.change(&change, &[]).await.expect("it is kept");
        let parts = accounts::Parts {
            store,
            clock: clock.clone(),
            hasher: KeyHasher::new(&[1; 32]),
            environment: Environment::Live,
            entropy: counting_entropy,
        };
        let accounts = Accounts::open(parts).await.expect("it opens");
        let new = NewKey {
            name: "app".into(),
            permissions: Permissions::ALL,
            models: ModelScope::all(),
            expires_at: None,
            error_dialect: None,
            priority: Priority::Normal,
            tenancy: Tenancy {
                team: TeamId::from_stored("team"),
                user: None,
            },
            reach: Reach::default(),
            controls,
        };
        let (_, secret) = accounts.create(new).await.expect("a key is made");
        let script = Script::new(|_| Act::Answer(std::time::Duration::ZERO));
        let engine = Engine::new(Arc::new(accounts), Arc::new(script), clock, 1);
        let mut model = testing::model("m", &["a"], Rules::default());
        for target in &mut model.targets {
            target.facts = Arc::new(ModelFacts {
                price: Some(Priced {
                    price: Price {
                        input: Rate::flat(1_000),
                        output: Rate::flat(3_000),
                        ..Price::default()
                    },
                    version: "v1".into(),
                }),
                ..ModelFacts::default()
            });
        }
        engine.set_routing(Routing {
            connections: Vec::new(),
            models: vec![model],
        });
        let caller = admit::caller(&engine, secret.expose().as_bytes()).expect("it is known");
        caller.team().wallet(Unit::Usd).give(1_000_000 * USD);
        let route = engine.routes().find("m").expect("it is there");
        Self {
            engine: Arc::new(engine),
            caller,
            route,
        }
    }

    fn call(&self) {
        let estimate = Estimate {
            prompt: 300,
            likely_prompt: 250,
            max_tokens: Some(500),
            choices: 1,
        };
        let (ledger, billing) = (&self.engine.ledger, self.engine.billing());
        let hold = Hold::take(ledger, &billing, &self.caller, &self.route, estimate);
        let settled = hold.expect("there is enough").settle(&Ending {
            answered: &self.route.targets[0],
            asked: &self.route,
            usage: Some(Usage {
                prompt: 280,
                completion: 100,
                ..Usage::default()
            }),
            delivered: 0,
            prompt: None,
            whole: true,
            request_id: "req_0123456789abcdef0123456789",
        });
        drop(black_box(settled));
    }

    fn drain(&self, runtime: &Runtime) {
        let ledger = Arc::clone(&self.engine.ledger);
        runtime.block_on(ledger.write(async {}));
    }
}

fn money(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let mut group = criterion.benchmark_group("money");
    group.throughput(Throughput::Elements(GROUP));
    for (name, budgets) in [("wallet", false), ("wallet and two budgets", true)] {
        let world = runtime.block_on(World::new(budgets));
        group.bench_function(format!("hold and settle: {name}"), |bencher| {
            bencher.iter_batched(
                || world.drain(&runtime),
                |()| (0..GROUP).for_each(|_| world.call()),
                BatchSize::PerIteration,
            );
        });
        group.bench_function(format!("write a group: {name}"), |bencher| {
            bencher.iter_batched(
                || (0..GROUP).for_each(|_| world.call()),
                |()| world.drain(&runtime),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, money);
criterion_main!(benches);
