//! Answers that are estimated here: they say nothing of the targets that were not asked.

use super::*;
use crate::testing::Script;

/// Fails for as long as `fails` says so at the connection `a`, estimates where `estimates` is set,
/// and answers everything else.
fn switched() -> (Script, Arc<Mutex<&'static str>>) {
    let mode = Arc::new(Mutex::new("fails"));
    let told = Arc::clone(&mode);
    let script = Script::new(move |_| match *told.lock().unwrap() {
        "fails" => Act::Fail(NONE, failure(Code::ProviderError)),
        "estimates" => Act::Estimate,
        _ => Act::Answer(NONE),
    });
    (script, mode)
}

fn once_each() -> Rules {
    let mut rules = Rules {
        attempts: 1,
        ..Rules::default()
    };
    rules.breaker.failures = 3;
    rules.breaker.minimum = 1000;
    rules
}

fn state(world: &World) -> State {
    let route = world.engine.routes().find("m").unwrap();
    let now = world.engine.moment();
    let health = &route.targets[0].health;
    let reading = health.read(&route.rules.breaker, &Limits::default(), now);
    assert_eq!(reading.used.parallel, 0);
    assert_eq!(reading.plain, None, "nobody was asked");
    reading.breaker.state
}

#[tokio::test(start_paused = true)]
async fn an_estimate_closes_no_breaker_and_leaves_the_probe_to_others() {
    let (script, mode) = switched();
    let world = World::new(script, vec![model("m", &["a"], once_each())], 1).await;
    for _ in 0..3 {
        serve(&world, "m").await.0.unwrap_err();
    }
    assert_eq!(state(&world), State::Open);
    sleep_until(Instant::now() + Rules::default().breaker.open).await;
    *mode.lock().unwrap() = "estimates";
    for _ in 0..2 {
        serve(&world, "m").await.0.unwrap();
        assert_eq!(state(&world), State::HalfOpen);
    }
    *mode.lock().unwrap() = "fails";
    serve(&world, "m").await.0.unwrap_err();
    assert_eq!(state(&world), State::Open);
}

#[tokio::test(start_paused = true)]
async fn an_estimate_ends_no_row_of_failures() {
    let (script, mode) = switched();
    let world = World::new(script, vec![model("m", &["a"], once_each())], 1).await;
    for turn in ["fails", "fails", "estimates"] {
        *mode.lock().unwrap() = turn;
        _ = serve(&world, "m").await;
    }
    assert_eq!(state(&world), State::Closed);
    *mode.lock().unwrap() = "fails";
    serve(&world, "m").await.0.unwrap_err();
    assert_eq!(state(&world), State::Open);
}

#[tokio::test(start_paused = true)]
async fn an_estimate_uses_none_of_a_targets_tokens() {
    let mut declared = model("m", &["a"], Rules::default());
    let limits = Limits {
        tpm: Some(1_000_000),
        ..Limits::default()
    };
    declared.targets[0].limits = limits;
    let world = World::new(Script::new(|_| Act::Estimate), vec![declared], 1).await;
    let mut counted = call("m", false);
    counted.max_tokens = Some(1000);
    let mut trail = Trail::default();
    let served = world.serve(&counted, &mut trail).await.unwrap();
    assert!(served.permit.is_none(), "there is nothing to end");
    let route = world.engine.routes().find("m").unwrap();
    let health = &route.targets[0].health;
    let reading = health.read(&route.rules.breaker, &limits, world.engine.moment());
    assert_eq!(reading.used.tokens, 0);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_only_estimated_is_not_kept() {
    for (estimated, kept) in [(true, false), (false, true)] {
        let script = Script::new(move |_| {
            if estimated {
                Act::Estimate
            } else {
                Act::Answer(NONE)
            }
        });
        let mut wild = model("w/*", &["a"], Rules::default());
        wild.targets[0].target.model = "*".into();
        let world = World::new(script, vec![wild], 1).await;
        serve(&world, "w/x").await.0.unwrap();
        let known = world.engine.routes();
        let known = known.all().any(|route| *route.model == *"w/x");
        assert_eq!(known, kept);
    }
}
