use tollgate_core::call::Wishes;
use tollgate_core::model::{ModelFacts, Priced};
use tollgate_core::price::{Price, Rate};
use tollgate_core::route::breaker::Order;
use tollgate_core::route::condition::{Ability, Fitness, When};
use tollgate_core::route::fallback::Fallbacks;
use tollgate_core::route::limit::Limits;
use tollgate_core::route::order::Strategy;
use tollgate_core::route::rules::{QueueRules, Rules};

use super::*;
use crate::accounts::NewKey;
use crate::operate;
use crate::routes::DeclaredModel;
use crate::testing::{Act, Script, World, call, caller, model};
use crate::trail::Trail;

fn silent() -> Script {
    Script::new(|_| panic!("something was sent"))
}

fn question(model: &str) -> Question {
    Question {
        model: model.into(),
        prompt_tokens: 1000,
        ..Question::default()
    }
}

fn impatient() -> Rules {
    Rules {
        queue: QueueRules {
            wait: Duration::ZERO,
            length: 0,
        },
        ..Rules::default()
    }
}

fn with_fallbacks(
    mut model: DeclaredModel,
    general: &[&str],
    by_class: &[(Class, &[&str])],
) -> DeclaredModel {
    let names = |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect();
    model.fallbacks = Arc::new(Fallbacks {
        general: names(general),
        by_class: by_class
            .iter()
            .map(|(class, list)| (*class, names(list)))
            .collect(),
    });
    model
}

/// The connections of the first model in the explained order.
fn order(explanation: &Explanation) -> Vec<String> {
    let first = &explanation.models[0];
    let targets = first.targets.iter();
    targets
        .map(|prospect| {
            first
                .target(prospect)
                .unwrap()
                .target
                .connection
                .to_string()
        })
        .collect()
}

fn words(explanation: &Explanation) -> Vec<Option<&'static str>> {
    let targets = explanation.models[0].targets.iter();
    targets
        .map(|prospect| prospect.hindrance.as_ref().map(|hindrance| hindrance.word))
        .collect()
}

fn asks(explanation: &Explanation) -> Option<(usize, usize)> {
    match explanation.outcome {
        Outcome::Asks { model, target } => Some((model, target)),
        _ => None,
    }
}

async fn make_key(world: &World, name: &str, models: &[&str], permissions: Permissions) -> String {
    let patterns: Vec<_> = models.iter().map(ToString::to_string).collect();
    let new = NewKey {
        name: name.into(),
        permissions,
        models: ModelScope::new(patterns),
        expires_at: None,
        error_dialect: None,
        priority: Priority::default(),
        tenancy: Tenancy::default(),
        reach: Reach::default(),
        controls: Controls::default(),
    };
    let (key, _) = world.engine.accounts.create(new).await.unwrap();
    key.id.as_str().to_owned()
}

#[tokio::test(start_paused = true)]
async fn requests_go_the_way_that_was_explained_before_them() {
    for strategy in Strategy::ALL.iter().copied() {
        let rules = Rules {
            strategy,
            ..Rules::default()
        };
        let mut declared = model("m", &["a", "b", "c"], rules);
        for target in &mut declared.targets {
            target.priority = 0;
        }
        let script = Script::new(|_| Act::Answer(Duration::ZERO));
        let world = World::new(script, vec![declared], 7).await;
        let mut met = std::collections::BTreeSet::new();
        for _ in 0..40 {
            let explained = explain(&world.engine, &question("m")).unwrap();
            let again = explain(&world.engine, &question("m")).unwrap();
            assert_eq!(
                order(&explained),
                order(&again),
                "{strategy:?}: nothing is taken"
            );
            assert_eq!(asks(&explained), Some((0, 0)));
            let sent = call("m", false);
            let served = world.serve(&sent, &mut Trail::default()).await.unwrap();
            let answered = served.answered.target.connection.to_string();
            assert_eq!(answered, order(&explained)[0], "{strategy:?}");
            met.insert(answered);
            served.permit.unwrap().succeed(None);
        }
        let spreads = matches!(strategy, Strategy::RoundRobin | Strategy::Weighted);
        assert!(
            met.len() > 1 || !spreads,
            "{strategy:?} went to {met:?} alone"
        );
    }
}

/// A model with a target in each kind of trouble, and what holds the place at the full one.
async fn troubled() -> (World, crate::chat::Served) {
    let names = [
        "off", "isolated", "open", "cooling", "full", "unfit", "dull", "free",
    ];
    let mut declared = model("m", &names, impatient());
    declared.targets[0].enabled = false;
    declared.targets[4].limits = Limits {
        parallel: Some(1),
        ..Limits::default()
    };
    declared.targets[5].fitness = Arc::new(Fitness {
        when: When {
            tags: vec!["batch".into()],
            ..When::default()
        },
        ..Fitness::default()
    });
    declared.targets[6].fitness = Arc::new(Fitness {
        abilities: Some(Abilities::NONE.with(Ability::Tools)),
        ..Fitness::default()
    });
    let mut limited = model("limited", &["cooling"], Rules::default());
    limited.targets[0].target.model = "m".into();
    let full = model("one", &["full"], Rules::default());
    let full = DeclaredModel {
        targets: vec![declared.targets[4].clone()],
        ..full
    };
    let script = Script::new(|attempt| match &*attempt.target.connection {
        "cooling" => {
            let failure = Failure::provider(Code::ProviderRateLimited, "scripted");
            Act::Fail(Duration::ZERO, failure.retry_after(Duration::from_mins(15)))
        }
        _ => Act::Answer(Duration::ZERO),
    });
    let world = World::new(script, vec![declared, limited, full], 1).await;
    operate::order(&world.engine, "isolated", None, Order::Isolate).unwrap();
    operate::order(&world.engine, "open", Some("m"), Order::Open).unwrap();
    let sent = call("limited", false);
    world
        .serve(&sent, &mut Trail::default())
        .await
        .err()
        .unwrap();
    let held = world
        .serve(&call("one", false), &mut Trail::default())
        .await;
    let held = held.unwrap();
    (world, held)
}

#[tokio::test(start_paused = true)]
async fn every_obstacle_is_named() {
    let (world, held) = troubled().await;
    let engine = &world.engine;
    let mut asked = question("m");
    asked.needs = Abilities::NONE.with(Ability::Vision);
    let explained = explain(engine, &asked).unwrap();
    assert_eq!(
        words(&explained),
        [
            Some("disabled"),
            Some("isolated"),
            Some("open"),
            Some("cooling"),
            Some("full"),
            Some("unfit"),
            Some("unfit"),
            None,
        ]
    );
    assert_eq!(asks(&explained), Some((0, 7)));
    let sentence = |place: usize| {
        let prospect = &explained.models[0].targets[place];
        prospect.hindrance.as_ref().unwrap().sentence.clone()
    };
    assert!(
        sentence(2).contains("next probe is due in 60 s"),
        "{}",
        sentence(2)
    );
    assert_eq!(
        sentence(3),
        "It cools down for 900 s after provider_rate_limited."
    );
    assert_eq!(sentence(4), "All places of the target are taken.");
    assert!(sentence(5).contains("rule `tags`"), "{}", sentence(5));
    assert_eq!(sentence(6), "Its model lacks an ability: vision.");
    drop(held);
    let explained = explain(engine, &asked).unwrap();
    assert_eq!(words(&explained)[4], None, "the place was given back");
}

#[tokio::test(start_paused = true)]
async fn a_collection_shows_which_members_are_not_for_the_key() {
    let members = ["one", "two"].map(|name| model(name, &[name], Rules::default()));
    let mut any = model("auto", &[], Rules::default());
    any.members = vec!["one".into(), "two".into()];
    let [one, two] = members;
    let world = World::new(silent(), vec![one, two, any], 1).await;
    make_key(&world, "narrow", &["two"], Permissions::ALL).await;
    let mut asked = question("auto");
    asked.key = Some("narrow".into());
    let explained = explain(&world.engine, &asked).unwrap();
    let mut rows: Vec<_> = order(&explained)
        .into_iter()
        .zip(words(&explained))
        .collect();
    rows.sort();
    let expected = [("one", Some("not_allowed")), ("two", None)];
    assert_eq!(rows, expected.map(|(name, word)| (name.to_owned(), word)));
    assert!(explained.models[0].allowed, "a member opens the collection");
}

#[tokio::test(start_paused = true)]
async fn the_chain_has_every_fallback_once_with_what_leads_to_it() {
    let models = vec![
        with_fallbacks(
            model("a", &["a"], impatient()),
            &["b", "secret"],
            &[(Class::ContextLength, &["long"])],
        ),
        with_fallbacks(model("b", &["b"], impatient()), &["c", "a"], &[]),
        with_fallbacks(model("c", &["c"], impatient()), &["b"], &[]),
        model("long", &["long"], impatient()),
        with_fallbacks(model("secret", &["secret"], impatient()), &["hidden"], &[]),
        model("hidden", &["hidden"], impatient()),
    ];
    let world = World::new(silent(), models, 1).await;
    make_key(&world, "app", &["a", "b", "c", "long"], Permissions::ALL).await;
    let mut asked = question("a");
    asked.key = Some("app".into());
    let explained = explain(&world.engine, &asked).unwrap();
    let chain: Vec<_> = explained
        .models
        .iter()
        .map(|choice| {
            let after = choice.after.iter();
            let after: Vec<_> = after.map(|after| (after.model, after.class)).collect();
            (&*choice.route.model, choice.allowed, after)
        })
        .collect();
    let both = |model| vec![(model, Class::RateLimit), (model, Class::Other)];
    assert_eq!(
        chain,
        [
            ("a", true, vec![]),
            ("long", true, vec![(0, Class::ContextLength)]),
            ("b", true, both(0)),
            ("secret", false, both(0)),
            ("c", true, both(2)),
        ]
    );
    asked.no_fallbacks = true;
    let explained = explain(&world.engine, &asked).unwrap();
    assert_eq!(explained.models.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_outcome_goes_over_to_a_fallback_where_nothing_else_is_left() {
    let models = vec![
        with_fallbacks(
            model("a", &["a"], impatient()),
            &["b"],
            &[(Class::RateLimit, &["c"])],
        ),
        model("b", &["b"], impatient()),
        model("c", &["c"], impatient()),
    ];
    let world = World::new(silent(), models, 1).await;
    operate::order(&world.engine, "a", None, Order::Open).unwrap();
    let explained = explain(&world.engine, &question("a")).unwrap();
    let (place, _) = asks(&explained).unwrap();
    assert_eq!(&*explained.models[place].route.model, "b");
    let mut alone = question("a");
    alone.no_fallbacks = true;
    let explained = explain(&world.engine, &alone).unwrap();
    let Outcome::Fails { code, wait } = explained.outcome else {
        panic!("{:?}", explained.outcome);
    };
    assert_eq!(code, Code::CircuitBreakerOpen);
    assert_eq!(wait, Some(Duration::from_mins(1)));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_would_stand_in_line_is_said_to_wait() {
    let mut declared = model("m", &["a"], Rules::default());
    declared.targets[0].limits = Limits {
        parallel: Some(1),
        ..Limits::default()
    };
    let script = Script::new(|_| Act::Answer(Duration::ZERO));
    let world = World::new(script, vec![declared], 1).await;
    let sent = call("m", false);
    let held = world.serve(&sent, &mut Trail::default()).await.unwrap();
    let explained = explain(&world.engine, &question("m")).unwrap();
    let longest = Rules::default().queue.wait;
    assert!(
        matches!(explained.outcome, Outcome::Waits(wait) if wait == longest),
        "{:?}",
        explained.outcome
    );
    drop(held);
    let explained = explain(&world.engine, &question("m")).unwrap();
    assert_eq!(asks(&explained), Some((0, 0)));
}

#[tokio::test(start_paused = true)]
async fn only_targets_that_others_wait_for_are_waited_for_behind_them() {
    let mut declared = model("m", &["a", "b"], Rules::default());
    declared.targets[0].limits = Limits {
        parallel: Some(1),
        ..Limits::default()
    };
    declared.targets[1].fitness = Arc::new(Fitness {
        when: When {
            tags: vec!["batch".into()],
            ..When::default()
        },
        ..Fitness::default()
    });
    let script = Script::new(|_| Act::Answer(Duration::ZERO));
    let world = World::new(script, vec![declared], 1).await;
    let sent = call("m", false);
    let held = world.serve(&sent, &mut Trail::default()).await.unwrap();
    let mut trail = Trail::default();
    let mut waiting = std::pin::pin!(world.serve(&sent, &mut trail));
    let look = std::future::poll_fn(|context| {
        let pending = waiting.as_mut().poll(context).is_pending();
        std::task::Poll::Ready(pending)
    });
    assert!(look.await);
    // The place is free, and whoever waits for it has not looked yet.
    drop(held);
    for (tags, asked) in [(vec!["batch".into()], Some((0, 1))), (vec![], None)] {
        let question = Question {
            tags,
            ..question("m")
        };
        let explained = explain(&world.engine, &question).unwrap();
        assert_eq!(asks(&explained), asked, "{:?}", explained.outcome);
    }
    waiting.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_model_without_targets_fails_as_a_request_does() {
    let world = World::new(silent(), vec![model("m", &[], Rules::default())], 1).await;
    let explained = explain(&world.engine, &question("m")).unwrap();
    let Outcome::Fails { code, .. } = explained.outcome else {
        panic!("{:?}", explained.outcome);
    };
    let sent = call("m", false);
    let failed = world.serve(&sent, &mut Trail::default()).await.err();
    assert_eq!(
        (code, failed.unwrap().code),
        (Code::NoTargets, Code::NoTargets)
    );
}

#[tokio::test(start_paused = true)]
async fn keys_are_found_by_id_and_by_name() {
    let world = World::new(silent(), vec![model("m", &["a"], Rules::default())], 1).await;
    let id = make_key(&world, "app", &["m"], Permissions::ALL).await;
    let ask = |key: &str| {
        let mut asked = question("m");
        asked.key = Some(key.into());
        explain(&world.engine, &asked)
    };
    for name in ["app", &*id] {
        assert_eq!(ask(name).unwrap().key.unwrap().id.as_str(), id);
    }
    let failure = ask("nobody").unwrap_err();
    assert_eq!(failure.code, Code::InvalidRequest);
    assert_eq!(failure.fields[0].path, "key");
    make_key(&world, "app", &["m"], Permissions::ALL).await;
    let failure = ask("app").unwrap_err();
    assert!(
        failure.fields[0].message.contains("several keys"),
        "{failure}"
    );
    world.engine.accounts.revoke(&id).await.unwrap();
    assert_ne!(
        ask("app").unwrap().key.unwrap().id.as_str(),
        id,
        "the good one is meant"
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_key_may_not_do_is_refused_as_a_request_would_be() {
    let world = World::new(silent(), vec![model("m", &["a"], Rules::default())], 1).await;
    let read_only = Permissions {
        read: true,
        write: false,
        manage: false,
    };
    make_key(&world, "reader", &["m"], read_only).await;
    make_key(&world, "narrow", &["other"], Permissions::ALL).await;
    let revoked = make_key(&world, "revoked", &["m"], Permissions::ALL).await;
    world.engine.accounts.revoke(&revoked).await.unwrap();
    for (key, code) in [
        ("reader", Code::PermissionDenied),
        ("narrow", Code::ModelAccessDenied),
        ("revoked", Code::InvalidApiKey),
    ] {
        let mut asked = question("m");
        asked.key = Some(key.into());
        let explained = explain(&world.engine, &asked).unwrap();
        let Outcome::Refused(failure) = &explained.outcome else {
            panic!("{key}: {:?}", explained.outcome);
        };
        assert_eq!(failure.code, code, "{key}");
        assert_eq!(
            explained.models[0].targets.len(),
            1,
            "it is explained all the same"
        );
    }
    let failure = explain(&world.engine, &question("none")).unwrap_err();
    assert_eq!(failure.code, Code::ModelNotFound);
}

#[tokio::test(start_paused = true)]
async fn what_a_request_costs_is_told_exactly() {
    let mut declared = model("m", &["priced", "free"], Rules::default());
    declared.targets[0].facts = Arc::new(ModelFacts {
        price: Some(Priced {
            price: Price {
                input: Rate::flat(2_500_000),
                output: Rate::flat(10_000_000),
                ..Price::default()
            },
            version: "v1".into(),
        }),
        ..ModelFacts::default()
    });
    let world = World::new(silent(), vec![declared], 1).await;
    let mut asked = question("m");
    asked.max_output = Some(100);
    let explained = explain(&world.engine, &asked).unwrap();
    let costs: Vec<_> = explained.models[0]
        .targets
        .iter()
        .map(|one| one.cost)
        .collect();
    assert_eq!(costs, [Some(2_500_000 * 1000 + 10_000_000 * 100), None]);
}

#[tokio::test(start_paused = true)]
async fn sticky_requests_are_explained_at_the_target_where_they_stick() {
    let rules = Rules {
        strategy: Strategy::Weighted,
        sticky: tollgate_core::route::rules::Sticky::User,
        ..Rules::default()
    };
    let script = Script::new(|_| Act::Answer(Duration::ZERO));
    let world = World::new(script, vec![model("m", &["a", "b", "c", "d"], rules)], 1).await;
    for session in ["one", "two", "three", "four", "five"] {
        let mut asked = question("m");
        asked.session = Some(session.into());
        let explained = order(&explain(&world.engine, &asked).unwrap());
        let wishes = Wishes {
            session: Some(session.into()),
            ..Wishes::default()
        };
        for _ in 0..3 {
            let (app, sent) = (caller("app", &["*"]), call("m", false));
            let mut trail = Trail::default();
            let served = world
                .serve_for(&app, &sent, &wishes, &mut trail)
                .await
                .unwrap();
            assert_eq!(*served.answered.target.connection, *explained[0]);
        }
    }
}
