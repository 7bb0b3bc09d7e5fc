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
