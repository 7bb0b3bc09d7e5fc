//! A second attempt beside one that is slow.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_slow_stream_gets_a_second_attempt_beside_it() {
    let script = Script::new(|attempt| match &*attempt.target.connection {
        "a" => Act::Stream(seconds(30.0), Vec::new()),
        _ => begun(),
    });
    let rules = Rules {
        hedge: Some(Hedge {
            after: seconds(1.0),
            share_percent: 100,
            plain: false,
        }),
        ..Rules::default()
    };
    let world = World::new(script, vec![model("m", &["a", "b"], rules)], 1).await;
    let begin = Instant::now();
    let mut trail = Trail::default();
    let served = world.serve(&call("m", true), &mut trail).await.unwrap();
    assert_eq!(begin.elapsed(), seconds(1.0));
    assert_eq!(&*served.answered.target.connection, "b");
    let records: Vec<_> = trail.records().collect();
    assert!(records[0].cancelled && records[0].code.is_none());
    assert!(!records[1].cancelled && records[1].code.is_none());
    assert_eq!(
        trail.waited,
        seconds(1.0),
        "the first one took all the time"
    );
    drop(served);
    assert_eq!(world.script.open(), 0, "the slow exchange was given up");
    let route = world.engine.routes().find("m").unwrap();
    let health = &route.targets[0].health;
    let reading = health.read(
        &route.rules.breaker,
        &Limits::default(),
        world.engine.moment(),
    );
    assert_eq!(
        reading.streams,
        Some(seconds(1.0)),
        "it is known to be slow"
    );
    assert_eq!(reading.used.parallel, 0);
    assert_eq!(reading.breaker.window_failed, 0, "and not to fail");
}

#[tokio::test(start_paused = true)]
async fn what_a_hedged_attempt_says_of_its_target_counts_while_the_other_goes_on() {
    // The one that limits is the first or the second of two.
    for (limits, from) in [("a", 2.0), ("b", 1.5)] {
        let script = Script::new(move |attempt| match &*attempt.target.connection {
            name if name == limits => {
                let wait = if name == "a" { 2.0 } else { 0.5 };
                let failure = failure(Code::ProviderRateLimited).retry_after(seconds(60.0));
                Act::Fail(seconds(wait), failure)
            }
            _ => Act::Answer(seconds(30.0)),
        });
        let rules = Rules {
            hedge: Some(Hedge {
                after: seconds(1.0),
                share_percent: 100,
                plain: true,
            }),
            ..Rules::default()
        };
        let world = World::new(script, vec![model("m", &["a", "b"], rules)], 1).await;
        let (call, mut trail) = (call("m", false), Trail::default());
        let hedged = world.serve(&call, &mut trail);
        let meanwhile = async {
            sleep_until(Instant::now() + seconds(from + 0.1)).await;
            let route = world.engine.routes().find("m").unwrap();
            let limited = route
                .targets
                .iter()
                .find(|target| &*target.target.connection == limits);
            let health = &limited.unwrap().health;
            let now = world.engine.moment();
            let reading = health.read(&route.rules.breaker, &Limits::default(), now);
            assert_eq!(reading.breaker.state, State::Cooling, "{limits}");
            assert_eq!(reading.used.parallel, 0, "{limits}");
        };
        let (served, ()) = tokio::join!(hedged, meanwhile);
        assert_ne!(&*served.unwrap().answered.target.connection, limits);
        let codes: Vec<_> = trail.records().map(|record| record.code).collect();
        assert_eq!(codes, [Some(Code::ProviderRateLimited), None]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_plain_call_gets_a_second_attempt_where_that_is_declared() {
    for plain in [true, false] {
        let script = Script::new(|attempt| match &*attempt.target.connection {
            "a" => Act::Answer(seconds(30.0)),
            _ => Act::Answer(seconds(2.0)),
        });
        let rules = Rules {
            hedge: Some(Hedge {
                after: seconds(1.0),
                share_percent: 100,
                plain,
            }),
            ..Rules::default()
        };
        let world = World::new(script, vec![model("m", &["a", "b"], rules)], 1).await;
        let begin = Instant::now();
        let mut trail = Trail::default();
        let served = world.serve(&call("m", false), &mut trail).await.unwrap();
        let (answered, took, attempts) = if plain { ("b", 3.0, 2) } else { ("a", 30.0, 1) };
        assert_eq!(&*served.answered.target.connection, answered);
        assert_eq!((begin.elapsed(), trail.len()), (seconds(took), attempts));
        drop(served);
        assert_eq!(world.script.open(), 0);
        let route = world.engine.routes().find("m").unwrap();
        let read = |target: usize| {
            let health = &route.targets[target].health;
            let now = world.engine.moment();
            health
                .read(&route.rules.breaker, &Limits::default(), now)
                .plain
        };
        let told = if plain {
            (Some(seconds(3.0)), Some(seconds(2.0)))
        } else {
            (Some(seconds(30.0)), None)
        };
        assert_eq!((read(0), read(1)), told, "the one given up looks slow");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_plain_attempt_comes_only_after_the_usual_time() {
    let calls = Mutex::new(0);
    let script = Script::new(move |attempt| match &*attempt.target.connection {
        "a" => {
            let mut calls = calls.lock().unwrap();
            *calls += 1;
            Act::Answer(seconds(if *calls > 30 { 60.0 } else { 4.0 }))
        }
        _ => Act::Answer(NONE),
    });
    let rules = Rules {
        hedge: Some(Hedge {
            after: seconds(5.0),
            share_percent: 100,
            plain: true,
        }),
        ..Rules::default()
    };
    let world = World::new(script, vec![model("m", &["a", "b"], rules.clone())], 1).await;
    let call = call("m", false);
    for _ in 0..30 {
        let served = world.serve(&call, &mut Trail::default()).await.unwrap();
        assert_eq!(&*served.answered.target.connection, "a");
    }
    // From now on the shortest wait is shorter than what is usual.
    let hedge = rules.hedge.map(|hedge| Hedge {
        after: seconds(0.1),
        ..hedge
    });
    let connections = world.engine.registry.connections();
    let connections = connections.into_iter().map(|(declared, _)| declared);
    world.engine.set_routing(crate::engine::Routing {
        connections: connections.collect(),
        models: vec![model("m", &["a", "b"], Rules { hedge, ..rules })],
    });
    let begin = Instant::now();
    let served = world.serve(&call, &mut Trail::default()).await.unwrap();
    assert_eq!(&*served.answered.target.connection, "b");
    let took = begin.elapsed();
    assert!(took >= seconds(4.0) && took <= seconds(5.0), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_hedge_that_fails_costs_nothing_but_itself() {
    let script = Script::new(|attempt| match &*attempt.target.connection {
        "a" => Act::Stream(
            seconds(2.0),
            vec![Scene::Break(NONE, failure(Code::StreamInterrupted))],
        ),
        _ => Act::Fail(NONE, failure(Code::ProviderError)),
    });
    let rules = Rules {
        hedge: Some(Hedge {
            after: seconds(1.0),
            share_percent: 100,
            plain: false,
        }),
        ..Rules::default()
    };
    let world = World::new(script, vec![model("m", &["a", "b"], rules)], 1).await;
    let mut trail = Trail::default();
    let served = world.serve(&call("m", true), &mut trail).await.unwrap();
    assert_eq!(&*served.answered.target.connection, "a");
    assert_eq!(trail.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_second_attempt_may_have_done_is_not_repeated_after_the_first_has_failed() {
    // Which of both breaks when the whole request had left; the other one fails later.
    for (breaks, fails) in [("b", "a"), ("a", "b")] {
        for (repeat, attempts) in [(Repeat::Never, 2), (Repeat::Always, 3)] {
            let script = Script::new(move |attempt| match &*attempt.target.connection {
                name if name == breaks => {
                    let code = Code::ProviderUnreachable;
                    let broken = broken(code, "closed_before_answer", false);
                    Act::Fail(seconds(if name == "a" { 2.0 } else { 1.0 }), broken)
                }
                name if name == fails => Act::Fail(seconds(3.0), failure(Code::ProviderOverloaded)),
                _ => begun(),
            });
            let rules = Rules {
                hedge: Some(Hedge {
                    after: seconds(1.0),
                    share_percent: 100,
                    plain: false,
                }),
                repeat,
                ..Rules::default()
            };
            let models = vec![model("m", &["a", "b", "c"], rules)];
            let world = World::new(script, models, 1).await;
            let mut trail = Trail::default();
            let served = world.serve(&call("m", true), &mut trail).await;
            assert_eq!(trail.len(), attempts, "{breaks} {repeat:?}");
            assert_eq!(served.is_ok(), attempts == 3);
        }
    }
}
