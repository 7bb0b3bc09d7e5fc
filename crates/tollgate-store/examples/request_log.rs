//! Fills a request log through the real writer and times its queries:
//!
//! ```text
//! cargo run --release -p tollgate-store --example request_log -- sqlite:///tmp/log.db 10000000
//! ```
//!
//! On a log that is filled already it only times the queries. Rows are spread over thirty days,
//! 2,000 keys of 40 teams in four organizations and twelve models, as real traffic is: a few of
//! each make most of it.
#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::cast_sign_loss,
    clippy::too_many_lines,
    reason = "a measurement for people, which may stop at the first thing that is wrong"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;
use tollgate_core::budget::{Period, Window};
use tollgate_core::id::{KeyId, TeamId};
use tollgate_core::key::VirtualKey;
use tollgate_core::model::Target;
use tollgate_core::reply::Usage;
use tollgate_core::request_log::Filter;
use tollgate_core::route::limit::Limits;
use tollgate_core::route::rules::Rules;
use tollgate_core::time::Timestamp;
use tollgate_engine::caller::Caller;
use tollgate_engine::engine::Routing;
use tollgate_engine::health::DeclaredConnection;
use tollgate_engine::port::{BoxFuture, Clock};
use tollgate_engine::request_log::{Called, Draft, RequestLog, Settings};
use tollgate_engine::routes::{DeclaredModel, DeclaredTarget, Route};
use tollgate_engine::testing::{self, Script};

const NOW: i64 = 1_795_255_200_000;
const SPAN: i64 = 30 * 24 * 60 * 60 * 1000;
const KEYS: usize = 2000;
const TEAMS: usize = 40;
const MODELS: usize = 12;
const PROVIDERS: [&str; 4] = ["openai", "anthropic", "google", "mistral"];
const CODES: [(&str, u16); 6] = [
    ("provider_error", 502),
    ("rate_limit_exceeded", 429),
    ("provider_timeout", 504),
    ("client_closed", 200),
    ("insufficient_credits", 402),
    ("context_length_exceeded", 400),
];
const SURFACES: [&str; 3] = ["chat", "messages", "responses"];

/// The time at which all rows have ended.
struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(NOW)
    }

    fn window(&self, _: Period, _: &str, _: Timestamp) -> Window {
        Window::ALWAYS
    }

    fn is_zone(&self, _: &str) -> bool {
        true
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep_until(
            tokio::time::Instant::now() + duration,
        ))
    }
}

struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 11) as usize % bound
    }

    /// A few of so many make most of it.
    fn skewed(&mut self, bound: usize) -> usize {
        let even = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        (((bound as f64).powf(even)) as usize - 1).min(bound - 1)
    }
}

fn callers() -> Vec<Caller> {
    let base = testing::caller("app", &["*"]).key;
    (0..KEYS)
        .map(|number| {
            let mut key = VirtualKey::clone(&base);
            key.id = KeyId::from_stored(&format!("key_019ab{number:022x}"));
            key.tenancy.team = TeamId::from_stored(&format!("team_{}", number % TEAMS));
            Caller::alone(Arc::new(key))
        })
        .collect()
}

async fn routes() -> Vec<Arc<Route>> {
    let connections: Vec<_> = PROVIDERS
        .iter()
        .map(|provider| DeclaredConnection {
            name: format!("{provider}-main").into(),
            provider,
            limits: Limits::default(),
            checks: None,
            fingerprint: 0,
            owner: None,
        })
        .collect();
    let nobody = Script::new(|_| panic!("nobody is asked here"));
    let engine = testing::World::new(nobody, Vec::new(), 1).await.engine;
    engine.set_routing(Routing {
        connections,
        models: (0..MODELS).map(model).collect(),
    });
    let routes = engine.routes();
    (0..MODELS)
        .map(|number| routes.find(&name(number)).unwrap())
        .collect()
}

fn name(number: usize) -> String {
    format!("{}/model-{number}", PROVIDERS[number % 4])
}

fn model(number: usize) -> DeclaredModel {
    let target = DeclaredTarget {
        target: Target {
            connection: format!("{}-main", PROVIDERS[number % 4]).into(),
            model: format!("model-{number}").into(),
            max_output: None,
        },
        enabled: true,
        priority: 0,
        weight: 1,
        limits: Limits::default(),
        fitness: Arc::default(),
        facts: Arc::default(),
    };
    testing::model(&name(number), &[], Rules::default()).with(target)
}

trait With {
    fn with(self, target: DeclaredTarget) -> Self;
}

impl With for DeclaredModel {
    fn with(mut self, target: DeclaredTarget) -> Self {
        self.targets = vec![target];
        self
    }
}

fn draft(dice: &mut Dice, callers: &[Caller], routes: &[Arc<Route>], at: i64) -> Draft {
    let route = &routes[dice.skewed(MODELS)];
    let is_bad = dice.below(50) == 0;
    let (code, status) = if is_bad {
        CODES[dice.skewed(CODES.len())]
    } else {
        ("ok", 200)
    };
    let stream = dice.below(2) == 0;
    let duration = Duration::from_micros(200_000 + dice.skewed(60_000_000) as u64);
    let (high, low) = (dice.next(), dice.next());
    Draft {
        at: Timestamp::from_millis(at),
        duration,
        request_id: format!("req_{high:016x}{low:016x}").into(),
        caller: callers[dice.skewed(KEYS)].clone(),
        called: Called {
            answered: (!is_bad).then(|| Arc::clone(&route.targets[0])),
            route: Some(Arc::clone(route)),
            ..Called::default()
        },
        surface: SURFACES[dice.skewed(SURFACES.len())],
        code,
        status,
        stream,
        attempts: 1,
        usage: (!is_bad).then(|| Usage {
            prompt: dice.skewed(30_000) as u64,
            completion: dice.skewed(4_000) as u64,
            cached: dice.skewed(10_000) as u64,
            ..Usage::default()
        }),
        cost: dice.skewed(50_000_000) as u64,
        lost: 0,
        first_byte: stream.then(|| duration / 10),
        provider_request_id: Some(format!("chatcmpl-{:020x}", dice.next()).into()),
        trail: None,
        bodies: None,
    }
}

/// Pushes rows as fast as they are written. Gives the processor time that making them took.
async fn fill(log: &RequestLog, rows: i64) -> Duration {
    let (callers, routes) = (callers(), routes().await);
    let mut dice = Dice(88_172_645_463_325_252);
    let (mut making, mut pushing) = (Duration::ZERO, Duration::ZERO);
    let mut made = Vec::with_capacity(4096);
    for begin in (0..rows).step_by(4096) {
        let began = used_here();
        for number in begin..rows.min(begin + 4096) {
            let at = NOW - SPAN + (SPAN - 1) / rows * number;
            made.push(draft(&mut dice, &callers, &routes, at));
        }
        let between = used_here();
        for draft in made.drain(..) {
            log.push(draft);
        }
        making += between.saturating_sub(began);
        pushing += used_here().saturating_sub(between);
        while log.read().waiting > 40_000 {
            tokio::time::sleep_until(tokio::time::Instant::now() + Duration::from_millis(1)).await;
        }
    }
    let each = pushing.as_nanos() / u128::from(rows.unsigned_abs().max(1));
    println!("push                     {each:>10} ns of CPU a row");
    making
}

/// How much processor time this thread has used.
fn used_here() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// How much processor time this process has used.
fn used() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind = stat.rsplit(") ").next().unwrap_or_default();
    let mut fields = behind.split(' ').skip(11);
    let ticks: u64 = [fields.next(), fields.next()]
        .into_iter()
        .flatten()
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}

/// What is asked for: in words, the filter, how many rows to pass over.
fn questions() -> Vec<(&'static str, Filter, u64)> {
    let text = |text: &str| Some(Box::from(text));
    let none = Filter::default;
    let ago = |days: i64| Some(Timestamp::from_millis(NOW - days * 24 * 60 * 60 * 1000));
    let rare = "key_019ab00000000000000000003e7";
    vec![
        ("no filter", none(), 0),
        ("no filter, row 5,000,000", none(), 5_000_000),
        (
            "model",
            Filter {
                model: text("openai/model-0"),
                ..none()
            },
            0,
        ),
        (
            "model, rare",
            Filter {
                model: text("google/model-10"),
                ..none()
            },
            0,
        ),
        (
            "provider, row 100,000",
            Filter {
                provider: text("google"),
                ..none()
            },
            100_000,
        ),
        (
            "status error",
            Filter {
                success: Some(false),
                ..none()
            },
            0,
        ),
        (
            "status error, row 10,000",
            Filter {
                success: Some(false),
                ..none()
            },
            10_000,
        ),
        (
            "code, rare",
            Filter {
                code: text("insufficient_credits"),
                ..none()
            },
            0,
        ),
        (
            "endpoint",
            Filter {
                surface: text("messages"),
                ..none()
            },
            0,
        ),
        (
            "team",
            Filter {
                team: text("team_7"),
                ..none()
            },
            0,
        ),
        (
            "team, row 20,000",
            Filter {
                team: text("team_7"),
                ..none()
            },
            20_000,
        ),
        (
            "key",
            Filter {
                key: text("key_019ab0000000000000000000005"),
                ..none()
            },
            0,
        ),
        (
            "key, rare",
            Filter {
                key: text(rare),
                ..none()
            },
            0,
        ),
        (
            "key, unknown",
            Filter {
                key: text("key_x"),
                ..none()
            },
            0,
        ),
        (
            "period, one day",
            Filter {
                from: ago(15),
                to: ago(14),
                ..none()
            },
            0,
        ),
        (
            "min latency 50 s",
            Filter {
                min_ms: Some(50_000),
                ..none()
            },
            0,
        ),
        (
            "max latency 200 ms",
            Filter {
                max_ms: Some(200),
                ..none()
            },
            0,
        ),
        (
            "team and error",
            Filter {
                team: text("team_7"),
                success: Some(false),
                ..none()
            },
            0,
        ),
        (
            "team, model, error, latency, period",
            Filter {
                team: text("team_39"),
                model: text("google/model-10"),
                success: Some(false),
                min_ms: Some(100),
                from: ago(29),
                ..none()
            },
            0,
        ),
        (
            "rare key and rare code",
            Filter {
                key: text(rare),
                code: text("insufficient_credits"),
                ..none()
            },
            0,
        ),
    ]
}

async fn ask(log: &RequestLog) {
    let mut worst = Duration::ZERO;
    for (words, filter, offset) in questions() {
        let (mut times, mut page) = (Vec::new(), None);
        for _ in 0..5 {
            let began = Instant::now();
            page = Some(log.query(&filter, 50, offset).await.unwrap());
            times.push(began.elapsed());
        }
        let page = page.unwrap();
        let first = times[0];
        times.sort();
        worst = worst.max(first);
        println!(
            "{words:36} first {:>6.1} ms, median {:>6.1} ms, {:>2} rows of {:>8}{}",
            first.as_secs_f64() * 1e3,
            times[2].as_secs_f64() * 1e3,
            page.rows.len(),
            page.total,
            if page.is_exact { "" } else { " or more" },
        );
    }
    println!(
        "worst first page         {:>10.1} ms",
        worst.as_secs_f64() * 1e3
    );
    let row = log.query(&Filter::default(), 1, 3_000_000).await.unwrap();
    for id in row
        .rows
        .iter()
        .flat_map(|row| [row.id(), row.request_id.to_string()])
    {
        let began = Instant::now();
        assert!(log.get(&id, &Filter::default()).await.unwrap().is_some());
        println!(
            "one row by {id:36} {:>6.1} ms",
            began.elapsed().as_secs_f64() * 1e3
        );
    }
    let began = Instant::now();
    let errors = log.errors(&Filter::default()).await.unwrap();
    let took = began.elapsed().as_secs_f64() * 1e3;
    println!(
        "errors of all days       {took:>10.1} ms, {} kinds",
        errors.rows.len()
    );
    let began = Instant::now();
    let stats = log.stats(&Filter::default()).await.unwrap();
    let took = began.elapsed().as_secs_f64() * 1e3;
    println!("sums of {:>9} rows    {took:>10.1} ms", stats.all.calls);
}

#[tokio::main]
async fn main() {
    let mut words = std::env::args().skip(1);
    let url = words.next().unwrap();
    let rows: i64 = words.next().map_or(0, |rows| rows.parse().unwrap());
    let store = Arc::new(tollgate_store::open(&url).await.unwrap());
    let log = Arc::new(RequestLog::new(store.clone(), Arc::new(FixedClock)));
    log.set_settings(Settings {
        retention: Duration::from_hours(31 * 24),
        ..Settings::default()
    });
    let (tell, told) = oneshot::channel();
    let tasks = TaskTracker::new();
    let began = Instant::now();
    tasks.spawn(Arc::clone(&log).run(async move {
        told.await.unwrap_or_default();
    }));
    tasks.close();
    // Only a log that has been read answers.
    while log.query(&Filter::default(), 1, 0).await.is_err() {}
    println!(
        "read at the start        {:>10.1} ms",
        began.elapsed().as_secs_f64() * 1e3
    );
    let there = i64::try_from(log.read().rows).unwrap();
    if there < rows {
        let (began, before) = (Instant::now(), used());
        let making = fill(&log, rows - there).await;
        while log.read().waiting > 0 {
            tokio::task::yield_now().await;
        }
        let took = began.elapsed();
        let cpu =
            used().saturating_sub(before + making).as_nanos() / u128::from(rows.unsigned_abs());
        println!("filled in                {:>10.1} s", took.as_secs_f64());
        println!(
            "all of it                {cpu:>10} ns of CPU a row, pushed, put together and written"
        );
    }
    let reading = log.read();
    println!("{reading:?}");
    ask(&log).await;
    tell.send(()).unwrap_or_default();
    tasks.wait().await;
    store.close().await;
}
