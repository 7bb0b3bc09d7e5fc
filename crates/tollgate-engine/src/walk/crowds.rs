//! Requests that meet others on their way: in lines, at shared targets, behind wildcards.

mod lines;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::task::Poll;

use tokio::time::sleep_until;
use tollgate_core::call::{Call, Wishes};
use tollgate_core::reply::{Piece, Usage};
use tollgate_core::route::condition::{Fitness, When};
use tollgate_core::route::fallback::Fallbacks;
use tollgate_core::route::limit::Limits;
use tollgate_core::route::rules::{QueueRules, Recovery};

use super::*;
use crate::chat::Served;
use crate::health::Wanted;
use crate::port::{Continuation, Reply};
use crate::routes::DeclaredModel;
use crate::testing::{Act, Scene, Script, World, call, caller, model};

const NONE: Duration = Duration::ZERO;

fn failure(code: Code) -> Failure {
    Failure::provider(code, "scripted")
}

fn piece(last: bool, completion: Option<u64>) -> Piece {
    Piece {
        content: true,
        last,
        usage: completion.map(|completion| Usage {
            completion,
            ..Usage::default()
        }),
        ..Piece::default()
    }
}

fn streams(_: &crate::port::Attempt<'_>) -> Act {
    Act::Stream(NONE, vec![Scene::Piece(NONE, piece(true, None))])
}

fn one_at_a_time(mut model: DeclaredModel) -> DeclaredModel {
    model.targets[0].limits = Limits {
        parallel: Some(1),
        ..Limits::default()
    };
    model
}

/// A model that opens all of a connection under its name.
fn wildcard(connection: &str, rules: Rules) -> DeclaredModel {
    let mut declared = model(&format!("{connection}/*"), &[connection], rules);
    declared.targets[0].target.model = "*".into();
    declared
}

fn collection(name: &str, members: &[&str]) -> DeclaredModel {
    let mut declared = model(name, &[], Rules::default());
    declared.members = members.iter().map(|name| Arc::from(*name)).collect();
    declared
}

fn short_line() -> Rules {
    Rules {
        queue: QueueRules {
            wait: Duration::from_secs(5),
            length: 1,
        },
        ..Rules::default()
    }
}

async fn serve(world: &World, call: &Call) -> Result<Served, Failure> {
    world.serve(call, &mut Trail::default()).await
}

/// Whether a future is still under way after one look at it.
async fn waits(mut future: Pin<&mut impl Future>) -> bool {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

// On the true clock: on one that only jumps, nobody would ever see the end of a spin.
#[tokio::test]
async fn a_spent_retry_budget_is_not_waited_for() {
    let script = Script::new(|attempt| match &*attempt.target.connection {
        "short" => Act::Fail(NONE, failure(Code::ContextLengthExceeded)),
        _ => Act::Answer(NONE),
    });
    let mut short = model("m", &["short"], Rules::default());
    short.fallbacks = Arc::new(Fallbacks {
        general: Vec::new(),
        by_class: vec![(Class::ContextLength, vec!["long".into()])],
    });
    let models = vec![short, model("long", &["long"], Rules::default())];
    let world = World::new(script, models, 1).await;
    let long = world.engine.routes().find("long").unwrap();
    let wanted = Wanted {
        tokens: 0,
        first: false,
        stream: false,
    };
    let repeat = || Permit::take(&long, &long.targets[0], wanted, world.engine.ticker);
    while repeat().is_ok() {}
    let begin = Instant::now();
    let failure = serve(&world, &call("m", false)).await.err().unwrap();
    assert_eq!(failure.code, Code::ContextLengthExceeded);
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_target_that_is_full_as_it_was_asked_is_not_waited_for_as_another() {
    let mut rules = Rules::default();
    rules.backoff.first = Duration::from_millis(1);
    rules.timeouts.total = Duration::from_secs(5);
    let mut limited = model("limited", &["a"], rules.clone());
    limited.targets[0].limits = Limits {
        rpm: Some(1),
        ..Limits::default()
    };
    let mut both = collection("both", &["limited", "free"]);
    both.rules = Arc::new(rules.clone());
    let mut free = model("free", &["a"], rules);
    free.targets[0].priority = 1;
    let models = vec![limited, free, both];
    let script = Script::new(|_| Act::Fail(NONE, failure(Code::ProviderError)));
    let world = World::new(script, models, 1).await;
    let begin = Instant::now();
    let failure = serve(&world, &call("both", false)).await.err().unwrap();
    assert_eq!(failure.code, Code::ProviderError);
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_turned_away_takes_no_place_from_those_who_wait() {
    let models = vec![one_at_a_time(model("m", &["a"], short_line()))];
    let world = World::new(Script::new(streams), models, 1).await;
    let call = call("m", true);
    let first = serve(&world, &call).await.unwrap();
    let mut second = pin!(serve(&world, &call));
    assert!(waits(second.as_mut()).await);
    drop(first);
    let turned_away = serve(&world, &call).await.err().unwrap();
    assert_eq!(turned_away.code, Code::RouteSelectionTimeout);
    second.await.unwrap();
}

/// A model with one target for the key `one` and one for the key `two`, each with one place, and a
/// fallback.
fn by_keys() -> Vec<DeclaredModel> {
    let mut declared = model("m", &["a", "b"], Rules::default());
    for (target, key) in declared.targets.iter_mut().zip(["one", "two"]) {
        target.limits.parallel = Some(1);
        target.fitness = Arc::new(Fitness {
            when: When {
                keys: vec![key.into()],
                ..When::default()
            },
            ..Fitness::default()
        });
    }
    declared.fallbacks = Arc::new(Fallbacks {
        general: vec!["spare".into()],
        by_class: Vec::new(),
    });
    let spare = one_at_a_time(model("spare", &["c"], Rules::default()));
    vec![declared, spare]
}

async fn serve_as(world: &World, key: &str) -> Result<Served, Failure> {
    let (caller, call) = (caller(key, &["*"]), call("m", true));
    world
        .serve_for(&caller, &call, &Wishes::default(), &mut Trail::default())
        .await
}

#[tokio::test(start_paused = true)]
async fn whom_a_free_target_suits_is_not_held_up_by_a_line_for_another() {
    let world = World::new(Script::new(streams), by_keys(), 1).await;
    let busy = serve_as(&world, "one").await.unwrap();
    // It takes the spare one's place, so that the next ones stand in line.
    let spare = serve_as(&world, "one").await.unwrap();
    assert_eq!(&*spare.answered.target.connection, "c");
    let mut waiting = pin!(serve_as(&world, "one"));
    let mut behind = pin!(serve_as(&world, "one"));
    assert!(waits(waiting.as_mut()).await && waits(behind.as_mut()).await);
    // Nobody in line wants its target: it is asked, and no fallback.
    let begin = Instant::now();
    let free = serve_as(&world, "two").await.unwrap();
    assert_eq!(&*free.answered.target.connection, "b");
    // Behind them in line, it is the first one at its own target all the same.
    let mut other = pin!(serve_as(&world, "two"));
    assert!(waits(other.as_mut()).await);
    drop(free);
    // The first in line looks first, and finds nothing.
    assert!(waits(waiting.as_mut()).await);
    let other = other.await.unwrap();
    assert_eq!(&*other.answered.target.connection, "b");
    assert_eq!(begin.elapsed(), NONE);
    assert!(waits(waiting.as_mut()).await && waits(behind.as_mut()).await);
    drop(busy);
    let waiting = waiting.await.unwrap();
    assert_eq!(&*waiting.answered.target.connection, "a");
    assert!(waits(behind.as_mut()).await);
}

#[tokio::test(start_paused = true)]
async fn who_comes_late_takes_nothing_that_somebody_in_line_waits_for() {
    let mut models = by_keys();
    // The key `three` may go to both.
    for target in &mut models[0].targets {
        let mut fitness = (*target.fitness).clone();
        fitness.when.keys.push("three".into());
        target.fitness = Arc::new(fitness);
    }
    let world = World::new(Script::new(streams), models, 1).await;
    let busy = serve_as(&world, "one").await.unwrap();
    let spare = serve_as(&world, "one").await.unwrap();
    let mut waiting = pin!(serve_as(&world, "one"));
    assert!(waits(waiting.as_mut()).await);
    // The place is free, and whoever waits for it has not looked yet.
    drop(busy);
    let late = serve_as(&world, "three").await.unwrap();
    assert_eq!(&*late.answered.target.connection, "b");
    let mut later = pin!(serve_as(&world, "three"));
    assert!(waits(later.as_mut()).await);
    let waiting = waiting.await.unwrap();
    assert_eq!(&*waiting.answered.target.connection, "a");
    drop(spare);
    assert_eq!(&*later.await.unwrap().answered.target.connection, "c");
}

#[tokio::test(start_paused = true)]
async fn a_cool_down_that_is_over_is_seen_by_the_first_whom_it_suits() {
    // The first call of each is told to wait, the others are answered.
    let calls = Mutex::new(Vec::new());
    let script = Script::new(move |attempt| {
        let name = attempt.target.connection.to_string();
        let mut calls = calls.lock().unwrap();
        calls.push(name.clone());
        let is_first = calls.iter().filter(|other| **other == name).count() == 1;
        match &*name {
            "a" | "b" if is_first => {
                let wait = Duration::from_secs(if name == "a" { 4 } else { 2 });
                Act::Fail(NONE, failure(Code::ProviderRateLimited).retry_after(wait))
            }
            _ => streams(attempt),
        }
    });
    let mut models = by_keys();
    models.truncate(1);
    models[0].fallbacks = Arc::default();
    models[0].rules = Arc::new(Rules {
        attempts: 1,
        ..Rules::default()
    });
    let world = World::new(script, models, 1).await;
    for key in ["one", "two"] {
        serve_as(&world, key).await.err().unwrap();
    }
    let begin = Instant::now();
    let (one, two) = tokio::join!(
        async { (serve_as(&world, "one").await.unwrap(), begin.elapsed()).1 },
        async { (serve_as(&world, "two").await.unwrap(), begin.elapsed()).1 },
    );
    assert_eq!((one.as_secs(), two.as_secs()), (4, 2));
}

#[tokio::test(start_paused = true)]
async fn a_name_behind_a_wildcard_has_one_line_before_it_is_known() {
    let models = vec![one_at_a_time(wildcard("w", short_line()))];
    let world = World::new(Script::new(streams), models, 1).await;
    let first = serve(&world, &call("w/x", true)).await.unwrap();
    let second = call("w/x", true);
    let mut second = pin!(serve(&world, &second));
    assert!(waits(second.as_mut()).await);
    let begin = Instant::now();
    let third = serve(&world, &call("w/x", true)).await.err().unwrap();
    assert_eq!(third.code, Code::RouteSelectionTimeout);
    assert_eq!(begin.elapsed(), NONE, "the line was full");
    drop(first);
    second.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn names_behind_a_wildcard_take_turns_until_they_are_known() {
    let world = World::new(
        Script::new(streams),
        vec![wildcard("w", Rules::default())],
        1,
    )
    .await;
    let turn = |name| world.engine.routes().find(name).unwrap().next_turn();
    assert_eq!([turn("w/x"), turn("w/y"), turn("w/x")], [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn two_names_behind_a_wildcard_are_two_fallbacks() {
    let script = Script::new(|attempt| match &*attempt.target.model {
        "y" => Act::Answer(NONE),
        _ => Act::Fail(NONE, failure(Code::ProviderModelNotFound)),
    });
    let mut asked = model("m", &["a"], Rules::default());
    asked.fallbacks = Arc::new(Fallbacks {
        general: vec!["w/x".into(), "w/y".into()],
        by_class: Vec::new(),
    });
    let models = vec![asked, wildcard("w", Rules::default())];
    let world = World::new(script, models, 1).await;
    let served = serve(&world, &call("m", false)).await.unwrap();
    assert_eq!(&*served.answered.model, "w/y");
}

#[tokio::test(start_paused = true)]
async fn who_may_use_a_collection_by_an_alias_may_use_its_members() {
    let mut auto = collection("auto", &["m"]);
    auto.aliases = vec!["any".into()];
    let models = vec![model("m", &["a"], Rules::default()), auto];
    let script = Script::new(|_| Act::Answer(NONE));
    let world = World::new(script, models, 1).await;
    let (caller, call) = (caller("app", &["any"]), call("any", false));
    let served = world
        .serve_for(&caller, &call, &Wishes::default(), &mut Trail::default())
        .await;
    assert_eq!(&*served.unwrap().answered.model, "m");
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_nothing_is_no_leave_to_come_back_at_once() {
    let script =
        Script::new(|_| Act::Fail(NONE, failure(Code::ProviderRateLimited).retry_after(NONE)));
    let mut rules = Rules::default();
    rules.breaker.cooldown = false;
    let world = World::new(script, vec![model("m", &["a"], rules)], 1).await;
    let failure = serve(&world, &call("m", false)).await.err().unwrap();
    assert_eq!(failure.code, Code::ProviderRateLimited);
    let seen = world.script.seen();
    let gaps: Vec<_> = seen
        .windows(2)
        .map(|pair| pair[1].at - pair[0].at)
        .collect();
    assert_eq!(gaps.len(), 2);
    assert!(gaps.iter().all(|gap| gap.as_millis() >= 750), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_has_begun_keeps_nobody_from_a_target_that_is_well_again() {
    for code in [Code::ProviderRateLimited, Code::ProviderError] {
        let calls = Mutex::new(0);
        let script = Script::new(move |attempt| {
            let mut calls = calls.lock().unwrap();
            *calls += 1;
            if *calls == 1 {
                Act::Fail(NONE, failure(code))
            } else {
                streams(attempt)
            }
        });
        let mut rules = Rules {
            attempts: 1,
            ..Rules::default()
        };
        rules.breaker.failures = 1;
        rules.breaker.open = Duration::from_secs(1);
        let world = World::new(script, vec![model("m", &["a"], rules)], 1).await;
        let call = call("m", true);
        serve(&world, &call).await.err().unwrap();
        sleep_until(Instant::now() + Duration::from_secs(1)).await;
        let begin = Instant::now();
        let probe = serve(&world, &call).await.unwrap();
        let beside = serve(&world, &call).await.unwrap();
        assert_eq!(begin.elapsed(), NONE, "{code:?}");
        drop((probe, beside));
    }
}

/// Adds what the broken stream used to what the next one says.
#[derive(Default)]
struct Adding(u64);

impl Continuation for Adding {
    fn watch(&mut self, piece: &Piece) {
        self.0 = piece.usage.map_or(self.0, |usage| usage.completion);
    }

    fn call(&self) -> Option<Call> {
        Some(call("m", true))
    }

    fn switch(&mut self, _: &str) {}

    fn splice(&mut self, mut piece: Piece) -> Piece {
        if let Some(usage) = &mut piece.usage {
            usage.completion += self.0;
        }
        piece
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_goes_on_with_a_stream_is_charged_with_its_own_part() {
    for (said, charged) in [(Some(7), 7), (None, 0)] {
        let script = Script::new(move |attempt| match &*attempt.target.connection {
            "a" => {
                let broken = failure(Code::StreamInterrupted);
                let scenes = vec![
                    Scene::Piece(NONE, piece(false, Some(1000))),
                    Scene::Break(NONE, broken),
                ];
                Act::Stream(NONE, scenes)
            }
            _ => Act::Stream(NONE, vec![Scene::Piece(NONE, piece(true, said))]),
        });
        let rules = Rules {
            recovery: Recovery::Continue,
            ..Rules::default()
        };
        let mut declared = model("m", &["a", "b"], rules);
        let limits = Limits {
            tpm: Some(1_000_000),
            ..Limits::default()
        };
        declared.targets[1].limits = limits;
        let script = script.continued(|| Box::new(Adding::default()));
        let world = World::new(script, vec![declared], 1).await;
        let served = serve(&world, &call("m", true)).await.unwrap();
        let Reply::Stream(mut pieces) = served.delivery.reply else {
            unreachable!("a stream was asked for");
        };
        let mut last = None;
        while let Some(piece) = poll_fn(|context| pieces.as_mut().poll_next(context)).await {
            last = Some(piece.unwrap());
        }
        let told = last.unwrap().usage.map(|usage| usage.completion);
        assert_eq!(
            told,
            said.map(|said| said + 1000),
            "callers are told of both"
        );
        let route = world.engine.routes().find("m").unwrap();
        let health = &route.targets[1].health;
        let reading = health.read(&route.rules.breaker, &limits, world.engine.moment());
        assert_eq!(reading.used.tokens, charged);
    }
}
