//! When callers are told to come back.

use super::*;

/// Two targets that limit: the wait that the first one names, whether it cools down at all, how
/// long the second one takes to name a minute, and what the caller is told.
#[tokio::test(start_paused = true)]
async fn the_shortest_of_the_waits_that_providers_named_is_told() {
    for (first, cools, later, told) in [
        // The first one's is over by then.
        (1.0, true, 5.0, 0.0),
        (20.0, true, 5.0, 15.0),
        (20.0, false, 5.0, 15.0),
        (90.0, true, 5.0, 60.0),
        (90.0, false, 5.0, 60.0),
    ] {
        let script = Script::new(move |attempt| {
            let (after, wait) = match &*attempt.target.connection {
                "a" => (0.0, first),
                _ => (later, 60.0),
            };
            let failure = failure(Code::ProviderRateLimited).retry_after(seconds(wait));
            Act::Fail(seconds(after), failure)
        });
        let rules = |cooldown| {
            let mut rules = Rules {
                attempts: 2,
                ..Rules::default()
            };
            rules.breaker.cooldown = cooldown;
            rules
        };
        let models = vec![
            with_fallbacks(model("m", &["a"], rules(cools)), general(&["other"])),
            model("other", &["b"], rules(true)),
        ];
        let world = World::new(script, models, 1).await;
        let failure = serve(&world, "m").await.0.unwrap_err();
        assert_eq!(failure.code, Code::ProviderRateLimited);
        assert_eq!(failure.retry_after, Some(seconds(told)), "{first} {cools}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_names_a_longer_wait_the_second_time_is_not_back_before() {
    let calls = Mutex::new(0);
    let script = Script::new(move |_| {
        let mut calls = calls.lock().unwrap();
        *calls += 1;
        let wait = seconds(if *calls == 1 { 1.0 } else { 40.0 });
        Act::Fail(
            seconds(2.0),
            failure(Code::ProviderRateLimited).retry_after(wait),
        )
    });
    let mut rules = Rules {
        attempts: 2,
        ..Rules::default()
    };
    rules.breaker.cooldown = false;
    let world = World::new(script, vec![model("m", &["a"], rules)], 1).await;
    let failure = serve(&world, "m").await.0.unwrap_err();
    assert_eq!(failure.retry_after, Some(seconds(40.0)));
}
