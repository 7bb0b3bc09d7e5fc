//! Other models for one that cannot serve.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_fallbacks_conditions_are_asked_of_the_request() {
    let mut other = model("other", &["b"], Rules::default());
    other.targets[0].fitness = Arc::new(Fitness {
        when: When {
            tags: vec!["eu".into()],
            ..When::default()
        },
        ..Fitness::default()
    });
    let models = vec![
        with_fallbacks(model("m", &["a"], Rules::default()), general(&["other"])),
        other,
    ];
    let script = failing(&[("a", Code::ProviderQuotaExhausted)]);
    let world = World::new(script, models, 1).await;
    for (tag, answered) in [("eu", true), ("us", false)] {
        let wishes = Wishes {
            tags: vec![tag.into()],
            ..Wishes::default()
        };
        let mut trail = Trail::default();
        let (caller, call) = (caller("app", &["*"]), call("m", false));
        let served = world.serve_for(&caller, &call, &wishes, &mut trail).await;
        assert_eq!(served.is_ok(), answered, "{tag}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_prompt_that_is_surely_too_long_is_found_here() {
    let insight = Insight {
        prompt_tokens: Some(1000),
        ..Insight::default()
    };
    for fallback in [false, true] {
        let mut short = model("m", &["a"], Rules::default());
        short.targets[0].fitness = Arc::new(Fitness {
            context_window: Some(0),
            ..Fitness::default()
        });
        let class = vec![(Class::ContextLength, vec!["long".into()])];
        let fallbacks = Fallbacks {
            general: Vec::new(),
            by_class: if fallback { class } else { Vec::new() },
        };
        let models = vec![
            with_fallbacks(short, fallbacks),
            model("long", &["l"], Rules::default()),
        ];
        let script = failing(&[]).insight(insight.clone());
        let world = World::new(script, models, 1).await;
        let (served, _) = serve(&world, "m").await;
        match served {
            Ok(connection) => assert!(fallback && connection == "l"),
            Err(failure) => {
                assert_eq!(failure.code, Code::ContextLengthExceeded);
                let message = failure.message.as_deref().unwrap();
                assert!(message.contains("about 1000 tokens"), "{message}");
                assert!(world.script.seen().is_empty() && !fallback);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_prompt_finds_its_fallback_also_behind_a_failure() {
    let fallbacks = Fallbacks {
        general: vec!["general".into()],
        by_class: vec![(Class::ContextLength, vec!["long".into()])],
    };
    let models = vec![
        with_fallbacks(model("m", &["a", "b"], Rules::default()), fallbacks),
        model("general", &["a"], Rules::default()),
        model("long", &["l"], Rules::default()),
    ];
    let script = failing(&[
        ("a", Code::ProviderError),
        ("b", Code::ContextLengthExceeded),
    ]);
    let world = World::new(script, models, 1).await;
    let (served, trail) = serve(&world, "m").await;
    assert_eq!(served.unwrap(), "l");
    assert_eq!(trail.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn fallbacks_of_a_second_class_join_after_those_of_the_first() {
    for (limits, names) in [
        (&[][..], &["a", "a", "b"][..]),
        (&["c"][..], &["a", "c", "a", "b"][..]),
    ] {
        let calls = Mutex::new(0);
        let script = Script::new(move |attempt| match &*attempt.target.connection {
            "a" => {
                let mut calls = calls.lock().unwrap();
                *calls += 1;
                if *calls == 1 {
                    let limited = failure(Code::ProviderRateLimited);
                    Act::Fail(NONE, limited.retry_after(seconds(1.0)))
                } else {
                    Act::Fail(NONE, failure(Code::ProviderError))
                }
            }
            "c" => Act::Fail(NONE, failure(Code::ProviderAuthenticationFailed)),
            _ => Act::Answer(NONE),
        });
        let rules = Rules {
            attempts: 5,
            ..Rules::default()
        };
        let fallbacks = Fallbacks {
            by_class: vec![(Class::RateLimit, general(limits).general)],
            ..general(&["b"])
        };
        let models = vec![
            with_fallbacks(model("m", &["a"], rules), fallbacks),
            model("b", &["b"], Rules::default()),
            model("c", &["c"], Rules::default()),
        ];
        let world = World::new(script, models, 1).await;
        let begin = Instant::now();
        let (served, _) = serve(&world, "m").await;
        assert_eq!(served.unwrap(), "b");
        let asked = asked(&world, begin);
        let asked: Vec<_> = asked.iter().map(|(name, _)| &**name).collect();
        assert_eq!(asked, names);
    }
}

#[tokio::test(start_paused = true)]
async fn fallbacks_join_also_when_a_target_that_was_full_fails() {
    let mut declared = model("m", &["a"], Rules::default());
    declared.targets[0].limits = Limits {
        parallel: Some(1),
        ..Limits::default()
    };
    let fallbacks = Fallbacks {
        by_class: vec![(Class::RateLimit, Vec::new())],
        ..general(&["b"])
    };
    let models = vec![
        with_fallbacks(declared, fallbacks),
        model("b", &["b"], Rules::default()),
    ];
    let calls = Mutex::new(0);
    let script = Script::new(move |attempt| {
        if &*attempt.target.connection == "b" {
            return Act::Answer(NONE);
        }
        let mut calls = calls.lock().unwrap();
        *calls += 1;
        match *calls {
            1 => Act::Answer(seconds(1.0)),
            _ => Act::Fail(NONE, failure(Code::ProviderError)),
        }
    });
    let world = World::new(script, models, 1).await;
    let (first, second) = tokio::join!(serve(&world, "m"), serve(&world, "m"));
    assert_eq!(first.0.unwrap(), "a");
    assert_eq!(second.0.unwrap(), "b");
}
