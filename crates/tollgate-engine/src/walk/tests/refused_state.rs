//! Targets that refuse state in a request which another provider made: each question is an attempt.

use super::*;

fn refused() -> Failure {
    let mut failure = failure(Code::ProviderInvalidRequest);
    failure.provider_code = Some("foreign_state".into());
    failure
}

/// The connections that were asked, and whether without state.
fn seen(world: &World) -> Vec<(String, bool)> {
    let seen = world.script.seen();
    let seen = seen.iter();
    seen.map(|seen| (seen.connection.to_string(), seen.bare))
        .collect()
}

fn attempts(attempts: u32) -> Rules {
    Rules {
        attempts,
        ..Rules::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_refuses_state_is_asked_without_as_a_further_attempt() {
    let limits = Limits {
        rpm: Some(10),
        ..Limits::default()
    };
    for (allowed, answered) in [(2, true), (1, false)] {
        let script = Script::new(|attempt| {
            if attempt.bare {
                Act::Answer(NONE)
            } else {
                Act::Fail(NONE, refused())
            }
        });
        let mut declared = model("m", &["a", "b"], attempts(allowed));
        declared.targets[0].limits = limits;
        let world = World::new(script, vec![declared], 1).await;
        let (served, trail) = serve(&world, "m").await;
        match served {
            Ok(connection) => assert!(answered && connection == "a"),
            Err(failure) => {
                assert!(!answered);
                assert_eq!(failure.code, Code::ProviderInvalidRequest);
            }
        }
        let asked = [("a".to_owned(), false), ("a".to_owned(), true)];
        let allowed = usize::try_from(allowed).unwrap();
        assert_eq!(seen(&world), asked[..allowed]);
        assert_eq!(usize::try_from(trail.len()).unwrap(), allowed);
        let route = world.engine.routes().find("m").unwrap();
        let health = &route.targets[0].health;
        let reading = health.read(&route.rules.breaker, &limits, world.engine.moment());
        assert_eq!(usize::try_from(reading.used.requests).unwrap(), allowed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_refuses_the_rest_too_is_asked_no_more() {
    let script = Script::new(|_| Act::Fail(NONE, refused()));
    let world = World::new(script, vec![model("m", &["a", "b"], attempts(5))], 1).await;
    let failure = serve(&world, "m").await.0.unwrap_err();
    assert_eq!(failure.code, Code::ProviderInvalidRequest);
    let asked = [("a".to_owned(), false), ("a".to_owned(), true)];
    assert_eq!(seen(&world), asked);
}

#[tokio::test(start_paused = true)]
async fn each_target_is_asked_without_what_it_refused_alone() {
    let calls = Mutex::new(0);
    let script = Script::new(
        move |attempt| match (&*attempt.target.connection, attempt.bare) {
            ("a", false) => Act::Fail(NONE, refused()),
            ("a", true) => {
                let mut calls = calls.lock().unwrap();
                *calls += 1;
                if *calls == 1 {
                    Act::Fail(NONE, failure(Code::ProviderError))
                } else {
                    Act::Answer(NONE)
                }
            }
            _ => Act::Fail(NONE, failure(Code::ProviderAuthenticationFailed)),
        },
    );
    let world = World::new(script, vec![model("m", &["a", "b"], attempts(5))], 1).await;
    assert_eq!(serve(&world, "m").await.0.unwrap(), "a");
    let asked = [("a", false), ("a", true), ("b", false), ("a", true)];
    assert_eq!(
        seen(&world),
        asked.map(|(name, bare)| (name.to_owned(), bare))
    );
}
