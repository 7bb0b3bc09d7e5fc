//! Streams that go on elsewhere: what the request met before it streamed still counts.

use std::future::poll_fn;

use tollgate_core::call::Call;
use tollgate_core::route::rules::Recovery;

use super::*;
use crate::port::{Continuation, Reply};

/// Goes on with the call as it was.
struct Onward;

impl Continuation for Onward {
    fn watch(&mut self, _: &Piece) {}

    fn call(&self) -> Option<Call> {
        Some(call("m", true))
    }

    fn switch(&mut self, _: &str) {}

    fn splice(&mut self, piece: Piece) -> Piece {
        piece
    }
}

fn broken_stream() -> Act {
    let begun = Piece {
        content: true,
        ..Piece::default()
    };
    let broken = failure(Code::StreamInterrupted);
    Act::Stream(
        NONE,
        vec![Scene::Piece(NONE, begun), Scene::Break(NONE, broken)],
    )
}

fn continued() -> Rules {
    Rules {
        recovery: Recovery::Continue,
        attempts: 5,
        ..Rules::default()
    }
}

/// Reads a stream of `m` to its end. Says how it ended.
async fn read(world: &World) -> Result<(), Code> {
    let mut trail = Trail::default();
    let served = world.serve(&call("m", true), &mut trail).await.unwrap();
    let Reply::Stream(mut pieces) = served.delivery.reply else {
        unreachable!("a stream was asked for");
    };
    while let Some(piece) = poll_fn(|context| pieces.as_mut().poll_next(context)).await {
        piece.map_err(|failure| failure.code)?;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_target_that_refused_for_good_is_not_asked_to_go_on() {
    let script = Script::new(|attempt| match &*attempt.target.connection {
        "a" => Act::Fail(NONE, failure(Code::ProviderAuthenticationFailed)),
        _ => broken_stream(),
    });
    let script = script.continued(|| Box::new(Onward));
    let world = World::new(script, vec![model("m", &["a", "b"], continued())], 1).await;
    let begin = Instant::now();
    assert_eq!(read(&world).await, Err(Code::StreamInterrupted));
    let asked = asked(&world, begin);
    assert_eq!(asked, [("a".to_owned(), 0), ("b".to_owned(), 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_has_to_rest_goes_on_when_it_has_rested() {
    let calls = Mutex::new(0);
    let script = Script::new(move |attempt| match &*attempt.target.connection {
        "a" => {
            let mut calls = calls.lock().unwrap();
            *calls += 1;
            if *calls < 3 {
                Act::Fail(NONE, failure(Code::ProviderOverloaded))
            } else {
                begun()
            }
        }
        _ => broken_stream(),
    });
    let script = script.continued(|| Box::new(Onward));
    let world = World::new(script, vec![model("m", &["a", "b"], continued())], 1).await;
    let begin = Instant::now();
    assert_eq!(read(&world).await, Ok(()));
    let asked = asked(&world, begin);
    let names: Vec<_> = asked.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["a", "b", "a", "a"]);
    // The waits grow over both searches.
    assert!((750..=1250).contains(&asked[2].1), "{asked:?}");
    assert!(
        (1500..=2500).contains(&(asked[3].1 - asked[2].1)),
        "{asked:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_search_met_counts_in_the_next_one() {
    let script = Script::new(|attempt| match &*attempt.target.connection {
        "b" => Act::Fail(NONE, failure(Code::ProviderAuthenticationFailed)),
        _ => broken_stream(),
    });
    let models = vec![model("m", &["a", "b", "c"], continued())];
    let script = script.continued(|| Box::new(Onward));
    let world = World::new(script, models, 1).await;
    let begin = Instant::now();
    assert_eq!(read(&world).await, Err(Code::StreamInterrupted));
    let asked = asked(&world, begin);
    let names: Vec<_> = asked.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_model_whose_window_was_too_short_is_not_asked_to_go_on() {
    let script = Script::new(|attempt| match &*attempt.target.connection {
        "a" => Act::Fail(NONE, failure(Code::ContextLengthExceeded)),
        _ => broken_stream(),
    });
    let fallbacks = Fallbacks {
        general: Vec::new(),
        by_class: vec![(Class::ContextLength, vec!["long".into()])],
    };
    let models = vec![
        with_fallbacks(model("m", &["a"], continued()), fallbacks),
        model("long", &["b", "c"], continued()),
    ];
    let script = script.continued(|| Box::new(Onward));
    let world = World::new(script, models, 1).await;
    let begin = Instant::now();
    assert_eq!(read(&world).await, Err(Code::StreamInterrupted));
    let asked = asked(&world, begin);
    let names: Vec<_> = asked.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_to_go_on_when_the_time_is_over() {
    let late = || {
        let begun = Piece {
            content: true,
            ..Piece::default()
        };
        let broken = failure(Code::StreamInterrupted);
        let scenes = vec![
            Scene::Piece(NONE, begun),
            Scene::Break(seconds(5.0), broken),
        ];
        Act::Stream(NONE, scenes)
    };
    let script = Script::new(move |_| late());
    let mut rules = continued();
    rules.timeouts.total = seconds(5.0);
    let script = script.continued(|| Box::new(Onward));
    let world = World::new(script, vec![model("m", &["a", "b"], rules)], 1).await;
    assert_eq!(read(&world).await, Err(Code::StreamInterrupted));
    assert_eq!(world.script.seen().len(), 1);
}
