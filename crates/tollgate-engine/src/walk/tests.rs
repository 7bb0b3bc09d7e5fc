//! Requests on their way over targets and fallbacks, in worlds whose clock jumps.

mod deadlines;
mod estimates;
mod fallbacks;
mod hedging;
mod recovering;
mod refused_state;
mod waits;

use std::sync::Mutex;

use tollgate_core::call::Wishes;
use tollgate_core::route::breaker::State;
use tollgate_core::route::condition::{Fitness, When};
use tollgate_core::route::fallback::Fallbacks;
use tollgate_core::route::limit::Limits;
use tollgate_core::route::rules::{Hedge, QueueRules};

use super::*;
use crate::port::{Attempt, Insight};
use crate::routes::DeclaredModel;
use crate::testing::{Act, Scene, Script, World, call, caller, model};
use tollgate_core::reply::Piece;

use tokio::time::sleep_until;

const NONE: Duration = Duration::ZERO;

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn failure(code: Code) -> Failure {
    Failure::provider(code, "scripted")
}

fn broken(code: Code, exchange: &'static str, unsent: bool) -> Failure {
    let mut failure = failure(code);
    failure.exchange = Some(exchange);
    failure.unsent = unsent;
    failure
}

/// Answers at every connection but those in the table, which fail with these codes for ever.
fn failing(table: &'static [(&'static str, Code)]) -> Script {
    Script::new(move |attempt| {
        let row = table
            .iter()
            .find(|(name, _)| *attempt.target.connection == **name);
        match row {
            Some((_, code)) => Act::Fail(NONE, failure(*code)),
            None => Act::Answer(NONE),
        }
    })
}

fn begun() -> Act {
    Act::Stream(
        NONE,
        vec![Scene::Piece(
            NONE,
            Piece {
                content: true,
                last: true,
                ..Piece::default()
            },
        )],
    )
}

fn with_fallbacks(mut model: DeclaredModel, fallbacks: Fallbacks) -> DeclaredModel {
    model.fallbacks = Arc::new(fallbacks);
    model
}

fn general(names: &[&str]) -> Fallbacks {
    Fallbacks {
        general: names.iter().map(|name| Arc::from(*name)).collect(),
        by_class: Vec::new(),
    }
}

/// Which connections were asked, and when, in milliseconds.
fn asked(world: &World, begin: Instant) -> Vec<(String, u128)> {
    let seen = world.script.seen();
    let seen = seen
        .iter()
        .map(|seen| (seen.connection.to_string(), (seen.at - begin).as_millis()));
    seen.collect()
}

async fn serve(world: &World, name: &str) -> (Result<String, Failure>, Trail) {
    let mut trail = Trail::default();
    let served = world.serve(&call(name, false), &mut trail).await;
    let served = served.map(|served| {
        if let Some(permit) = served.permit {
            permit.succeed(None);
        }
        served.answered.target.connection.to_string()
    });
    (served, trail)
}

#[tokio::test(start_paused = true)]
async fn another_target_is_tried_at_once() {
    for code in [
        Code::ProviderError,
        Code::ProviderRateLimited,
        Code::ProviderAuthenticationFailed,
        Code::ProviderInvalidResponse,
    ] {
        let script = Script::new(move |attempt| match &*attempt.target.connection {
            "a" => Act::Fail(NONE, failure(code)),
            _ => Act::Answer(NONE),
        });
        let world = World::new(script, vec![model("m", &["a", "b"], Rules::default())], 1).await;
        let begin = Instant::now();
        let (served, trail) = serve(&world, "m").await;
        assert_eq!(served.unwrap(), "b", "{code:?}");
        assert_eq!(trail.len(), 2);
        assert_eq!(trail.records().next().unwrap().code, Some(code));
        let asked = asked(&world, begin);
        assert_eq!(asked, [("a".to_owned(), 0), ("b".to_owned(), 0)]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_target_is_tried_again_after_growing_waits() {
    let script = failing(&[("a", Code::ProviderError)]);
    let world = World::new(script, vec![model("m", &["a"], Rules::default())], 1).await;
    let begin = Instant::now();
    let (served, trail) = serve(&world, "m").await;
    let failure = served.unwrap_err();
    assert_eq!(failure.code, Code::RetryLimitExceeded);
    assert_eq!(failure.attempts.len(), 3);
    assert_eq!(trail.len(), 3);
    assert_eq!(trail.queued, begin.elapsed(), "nothing but rests took time");
    let times: Vec<_> = asked(&world, begin).iter().map(|(_, at)| *at).collect();
    assert!((750..=1250).contains(&times[1]), "{times:?}");
    assert!((1500..=2500).contains(&(times[2] - times[1])), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_caller_has_to_change_is_never_tried_twice() {
    for code in [
        Code::ProviderInvalidRequest,
        Code::ProviderRequestTooLarge,
        Code::ContextLengthExceeded,
        Code::ContentFiltered,
    ] {
        let script = Script::new(move |_| Act::Fail(NONE, failure(code)));
        let models = vec![
            with_fallbacks(
                model("m", &["a", "b"], Rules::default()),
                general(&["other"]),
            ),
            model("other", &["c"], Rules::default()),
        ];
        let world = World::new(script, models, 1).await;
        let (served, _) = serve(&world, "m").await;
        assert_eq!(served.unwrap_err().code, code);
        assert_eq!(world.script.seen().len(), 1, "{code:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_named_wait_is_obeyed_where_it_fits() {
    for (named, total, attempts) in [(3.0, 60.0, 3), (30.0, 20.0, 1)] {
        let script = Script::new(move |_| {
            let failure = failure(Code::ProviderRateLimited).retry_after(seconds(named));
            Act::Fail(NONE, failure)
        });
        let mut rules = Rules::default();
        rules.timeouts.total = seconds(total);
        let world = World::new(script, vec![model("m", &["a"], rules)], 1).await;
        let begin = Instant::now();
        let (served, trail) = serve(&world, "m").await;
        let failure = served.unwrap_err();
        assert_eq!(failure.code, Code::ProviderRateLimited);
        assert_eq!(trail.len(), attempts, "{named}");
        let times: Vec<_> = asked(&world, begin).iter().map(|(_, at)| *at).collect();
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 3000));
        if attempts == 1 {
            assert_eq!(begin.elapsed(), NONE, "nobody waits in vain");
            assert_eq!(failure.retry_after, Some(seconds(named)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_everything() {
    let script = Script::new(|_| Act::Fail(seconds(3.0), failure(Code::ProviderError)));
    let mut rules = Rules::default();
    rules.timeouts.total = seconds(5.0);
    let world = World::new(script, vec![model("m", &["a"], rules)], 1).await;
    let begin = Instant::now();
    let (served, _) = serve(&world, "m").await;
    assert_eq!(served.unwrap_err().code, Code::ProviderTimeout);
    assert_eq!(begin.elapsed(), seconds(5.0));
    assert_eq!(world.script.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_callers_patience_shortens_ours() {
    let script = Script::new(|_| Act::Answer(seconds(30.0)));
    let world = World::new(script, vec![model("m", &["a"], Rules::default())], 1).await;
    for stream in [false, true] {
        let wishes = Wishes {
            first_byte: Some(seconds(2.0)),
            ..Wishes::default()
        };
        let begin = Instant::now();
        let (caller, call) = (caller("app", &["*"]), call("m", stream));
        let mut trail = Trail::default();
        let served = world.serve_for(&caller, &call, &wishes, &mut trail).await;
        assert_eq!(served.err().unwrap().code, Code::ProviderTimeout);
        assert_eq!(begin.elapsed(), seconds(2.0), "stream: {stream}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_worked_on_is_repeated_by_rule() {
    for (repeat, stream, unsent, attempts) in [
        (Repeat::Streams, false, false, 1),
        (Repeat::Streams, true, false, 2),
        (Repeat::Streams, false, true, 2),
        (Repeat::Always, false, false, 2),
        (Repeat::Never, true, false, 1),
        (Repeat::Never, true, true, 2),
    ] {
        let rule = move |attempt: &Attempt<'_>| match &*attempt.target.connection {
            "a" => {
                let exchange = if unsent {
                    "refused"
                } else {
                    "reset_before_answer"
                };
                Act::Fail(NONE, broken(Code::ProviderUnreachable, exchange, unsent))
            }
            _ if stream => begun(),
            _ => Act::Answer(NONE),
        };
        let rules = Rules {
            repeat,
            ..Rules::default()
        };
        let world = World::new(Script::new(rule), vec![model("m", &["a", "b"], rules)], 1).await;
        let mut trail = Trail::default();
        let served = world.serve(&call("m", stream), &mut trail).await;
        assert_eq!(trail.len(), attempts, "{repeat:?} {stream} {unsent}");
        assert_eq!(served.is_ok(), attempts == 2);
    }
}

#[tokio::test(start_paused = true)]
async fn fallbacks_end_whatever_their_loops() {
    let rules = Rules {
        attempts: 5,
        ..Rules::default()
    };
    let link = |name: &str, connection: &str, next: &[&str]| {
        with_fallbacks(model(name, &[connection], rules.clone()), general(next))
    };
    let models = vec![
        link("a", "a", &["b", "a"]),
        link("b", "b", &["c", "a"]),
        link("c", "c", &["a", "b"]),
    ];
    let script = Script::new(|_| Act::Fail(NONE, failure(Code::ProviderAuthenticationFailed)));
    let world = World::new(script, models, 1).await;
    let (served, _) = serve(&world, "a").await;
    assert_eq!(served.unwrap_err().code, Code::FallbackChainExhausted);
    let seen: Vec<_> = world.script.seen();
    let seen: Vec<_> = seen.iter().map(|seen| &*seen.connection).collect();
    assert_eq!(seen, ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_needs_the_callers_right_and_may_be_refused() {
    let models = || {
        vec![
            with_fallbacks(model("a", &["a"], Rules::default()), general(&["b"])),
            model("b", &["b"], Rules::default()),
        ]
    };
    for (patterns, no_fallbacks, answered) in [
        (&["*"][..], false, true),
        (&["a"][..], false, false),
        (&["*"][..], true, false),
    ] {
        let script = failing(&[("a", Code::ProviderQuotaExhausted)]);
        let world = World::new(script, models(), 1).await;
        let wishes = Wishes {
            no_fallbacks,
            ..Wishes::default()
        };
        let mut trail = Trail::default();
        let (caller, call) = (caller("app", patterns), call("a", false));
        let served = world.serve_for(&caller, &call, &wishes, &mut trail).await;
        match served {
            Ok(served) => assert_eq!(&*served.answered.model, "b"),
            Err(failure) => assert_eq!(failure.code, Code::ProviderQuotaExhausted),
        }
        assert_eq!(trail.len(), if answered { 2 } else { 1 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_prompt_goes_to_its_own_fallback_and_leaves_the_model_at_once() {
    let fallbacks = Fallbacks {
        general: vec!["general".into()],
        by_class: vec![(Class::ContextLength, vec!["long".into()])],
    };
    let models = vec![
        with_fallbacks(model("m", &["a", "b"], Rules::default()), fallbacks),
        model("general", &["g"], Rules::default()),
        model("long", &["l"], Rules::default()),
    ];
    let script = failing(&[
        ("a", Code::ContextLengthExceeded),
        ("b", Code::ContextLengthExceeded),
    ]);
    let world = World::new(script, models, 1).await;
    let (served, trail) = serve(&world, "m").await;
    assert_eq!(served.unwrap(), "l");
    assert_eq!(trail.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn requests_wait_for_a_free_place_and_not_for_ever() {
    let mut declared = model(
        "m",
        &["a"],
        Rules {
            queue: QueueRules {
                wait: seconds(5.0),
                length: 10,
            },
            ..Rules::default()
        },
    );
    declared.targets[0].limits = Limits {
        parallel: Some(1),
        ..Limits::default()
    };
    let world = World::new(Script::new(|_| begun()), vec![declared], 1).await;
    let call = call("m", true);
    let mut trail = Trail::default();
    let first = world.serve(&call, &mut trail).await.unwrap();
    let begin = Instant::now();
    let (mut second_trail, mut third_trail) = (Trail::default(), Trail::default());
    let release = async {
        sleep_until(Instant::now() + seconds(2.0)).await;
        drop(first);
    };
    let second = async {
        let served = world.serve(&call, &mut second_trail).await.unwrap();
        assert_eq!(begin.elapsed(), seconds(2.0));
        sleep_until(Instant::now() + seconds(10.0)).await;
        drop(served);
    };
    let third = async {
        sleep_until(Instant::now() + seconds(1.0)).await;
        let failure = world.serve(&call, &mut third_trail).await.err().unwrap();
        assert_eq!(failure.code, Code::RouteSelectionTimeout);
        assert_eq!(begin.elapsed(), seconds(6.0));
        assert!(failure.attempts.is_empty());
    };
    tokio::join!(release, second, third);
    assert_eq!(trail.queued, NONE);
    assert_eq!(second_trail.queued, seconds(2.0));
    assert_eq!(third_trail.queued, seconds(5.0));
}

#[tokio::test(start_paused = true)]
async fn a_cooling_target_is_waited_for_only_if_it_comes_back_soon() {
    for (named, waits) in [(3.0, true), (60.0, false)] {
        let calls = Mutex::new(0);
        let script = Script::new(move |_| {
            let mut calls = calls.lock().unwrap();
            *calls += 1;
            if *calls == 1 {
                let failure = failure(Code::ProviderRateLimited).retry_after(seconds(named));
                Act::Fail(NONE, failure)
            } else {
                Act::Answer(NONE)
            }
        });
        let rules = Rules {
            attempts: 1,
            ..Rules::default()
        };
        let world = World::new(script, vec![model("m", &["a"], rules)], 1).await;
        let (served, _) = serve(&world, "m").await;
        assert_eq!(served.unwrap_err().code, Code::ProviderRateLimited);
        let begin = Instant::now();
        let (served, _) = serve(&world, "m").await;
        if waits {
            served.unwrap();
            assert_eq!(begin.elapsed(), seconds(named));
        } else {
            let failure = served.unwrap_err();
            assert_eq!(failure.code, Code::ProviderRateLimited);
            assert_eq!(failure.retry_after, Some(seconds(named)));
            assert_eq!(world.script.seen().len(), 1, "the provider is left alone");
            assert_eq!(begin.elapsed(), NONE);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_free_fallback_is_not_waited_for_behind_those_who_want_none() {
    let mut declared = with_fallbacks(model("m", &["a"], Rules::default()), general(&["other"]));
    declared.targets[0].limits = Limits {
        parallel: Some(1),
        ..Limits::default()
    };
    let models = vec![declared, model("other", &["b"], Rules::default())];
    let world = World::new(Script::new(|_| begun()), models, 1).await;
    let (caller, call) = (caller("app", &["*"]), call("m", true));
    let (mut first, mut second, mut third) = Default::default();
    let _held = world.serve(&call, &mut first).await.unwrap();
    let begin = Instant::now();
    let waiting = async {
        let wishes = Wishes {
            no_fallbacks: true,
            ..Wishes::default()
        };
        let served = world.serve_for(&caller, &call, &wishes, &mut second).await;
        assert_eq!(served.err().unwrap().code, Code::RouteSelectionTimeout);
    };
    let free = async {
        sleep_until(begin + seconds(1.0)).await;
        let served = world.serve(&call, &mut third).await.unwrap();
        assert_eq!(&*served.answered.model, "other");
        assert_eq!(begin.elapsed(), seconds(1.0));
    };
    tokio::join!(waiting, free);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_silent_for_all_of_its_time_is_to_blame() {
    for (hurried, blamed) in [(false, true), (true, false)] {
        let script = Script::new(|_| Act::Answer(seconds(1000.0)));
        let mut rules = Rules::default();
        rules.timeouts.total = seconds(5.0);
        rules.breaker.failures = 1;
        let world = World::new(script, vec![model("m", &["a"], rules)], 1).await;
        let wishes = Wishes {
            total: hurried.then(|| seconds(4.9)),
            ..Wishes::default()
        };
        let (caller, call) = (caller("app", &["*"]), call("m", false));
        let mut trail = Trail::default();
        let served = world.serve_for(&caller, &call, &wishes, &mut trail).await;
        assert_eq!(served.err().unwrap().code, Code::ProviderTimeout);
        let (served, _) = serve(&world, "m").await;
        let code = served.unwrap_err().code;
        assert_eq!(code == Code::CircuitBreakerOpen, blamed, "{code:?}");
    }
}
