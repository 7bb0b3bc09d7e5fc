//! What limits cost a request: counted, reserved, settled and told, at no level and at five.
//!
//! Measured is the time on the processor, not on the clock, so that other work on the machine
//! counts as little as it can.
#![expect(clippy::expect_used, reason = "a bench may stop")]

use std::hint::black_box;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use tollgate_core::limit::RateLimits;
use tollgate_core::route::rules::Rules;
use tollgate_engine::caller::Caller;
use tollgate_engine::engine::Engine;
use tollgate_engine::routes::Route;
use tollgate_engine::testing::{Script, World, caller, model};
use tollgate_engine::throttle::{self, DefaultLimits, Pass};

fn limits(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime");
    let models = vec![model("m", &["c"], Rules::default())];
    let script = Script::new(|_| unreachable!("no provider is asked here"));
    let world = runtime.block_on(World::new(script, models, 1));
    let engine = &world.engine;
    let app = caller("app", &["*"]);
    let route = engine.routes().find("m").expect("a route");
    let wide = RateLimits {
        // As wide as the figures of usual limits are: they fit into a word.
        rpm: Some(300_000_000),
        tpm: Some(300_000_000),
        parallel: Some(u32::MAX),
        burst: None,
    };
    c.bench_function("throttle/no_limits", |b| {
        b.iter_custom(|count| time(count, || call(engine, &app, &route)));
    });
    set(engine, |defaults| {
        defaults.key = RateLimits {
            rpm: wide.rpm,
            ..RateLimits::NONE
        };
    });
    c.bench_function("throttle/requests_of_a_key", |b| {
        b.iter_custom(|count| time(count, || call(engine, &app, &route)));
    });
    set(engine, |defaults| {
        defaults.ip = wide;
        defaults.key = wide;
        defaults.team = wide;
        defaults.organization = wide;
        defaults.model = wide;
    });
    c.bench_function("throttle/five_levels", |b| {
        b.iter_custom(|count| time(count, || call(engine, &app, &route)));
    });
    set(engine, |defaults| {
        defaults.organization.rpm = Some(0);
        defaults.ip = RateLimits::NONE;
    });
    c.bench_function("throttle/refused", |b| {
        let take = || Pass::take(engine, &app, throttle::Visitor::default()).is_err();
        b.iter_custom(|count| time(count, take));
    });
    set(engine, |defaults| {
        *defaults = DefaultLimits {
            ip: RateLimits {
                rpm: Some(0),
                ..RateLimits::NONE
            },
            ..DefaultLimits::default()
        };
    });
    let address = IpAddr::from([192, 0, 2, 1]);
    c.bench_function("throttle/refused_address", |b| {
        b.iter_custom(|count| time(count, || throttle::knock(engine, address).is_err()));
    });
}

/// The time on the processor that so many rounds take.
fn time<T>(count: u64, round: impl Fn() -> T) -> Duration {
    let begin = processor_time();
    for _ in 0..count {
        black_box(round());
    }
    processor_time().saturating_sub(begin)
}

fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("this is a Linux");
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.expect("the first number is the time on the processor"))
}

fn set(engine: &Engine, change: impl FnOnce(&mut DefaultLimits)) {
    let mut defaults = **engine.limits.load();
    change(&mut defaults);
    engine.limits.store(Arc::new(defaults));
}

/// Everything that limits do for a call that is let in.
fn call(engine: &Arc<Engine>, caller: &Caller, route: &Route) {
    let address = IpAddr::from([192, 0, 2, 1]);
    let visitor = throttle::knock(engine, black_box(address)).expect("let in");
    let mut pass = Pass::take(engine, caller, visitor).expect("let in");
    pass.reserve(route, black_box(2)).expect("let in");
    pass.settle(Some(black_box(1)));
    black_box(pass.standings());
}

criterion_group!(benches, limits);
criterion_main!(benches);
