//! Those who stand in line, and those who come after them.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_reload_lets_nobody_go_before_those_who_wait_nor_more_wait_than_may() {
    let models = || {
        vec![
            one_at_a_time(model("m", &["a"], short_line())),
            one_at_a_time(wildcard("w", short_line())),
        ]
    };
    for name in ["m", "w/x"] {
        let world = World::new(Script::new(streams), models(), 1).await;
        let call = call(name, true);
        let busy = serve(&world, &call).await.unwrap();
        let mut waiting = pin!(serve(&world, &call));
        assert!(waits(waiting.as_mut()).await);
        let connections = world.engine.registry.connections();
        let connections = connections.into_iter().map(|(declared, _)| declared);
        world.engine.set_routing(crate::engine::Routing {
            connections: connections.collect(),
            models: models(),
        });
        let turned_away = serve(&world, &call).await.err().unwrap();
        assert_eq!(turned_away.code, Code::RouteSelectionTimeout, "{name}");
        // The place is free, and whoever waits for it has not looked yet.
        drop(busy);
        serve(&world, &call).await.err().unwrap();
        waiting.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_left_to_those_in_line_is_as_good_as_full() {
    let mut declared = one_at_a_time(model("m", &["a"], Rules::default()));
    let names = |name: &str| vec![Arc::from(name)];
    declared.fallbacks = Arc::new(Fallbacks {
        general: names("general"),
        by_class: vec![(Class::RateLimit, names("spare"))],
    });
    let models = vec![
        declared,
        model("general", &["b"], Rules::default()),
        model("spare", &["c"], Rules::default()),
    ];
    let world = World::new(Script::new(streams), models, 1).await;
    let (caller, call) = (caller("app", &["*"]), call("m", true));
    let busy = serve(&world, &call).await.unwrap();
    let patient = Wishes {
        no_fallbacks: true,
        ..Wishes::default()
    };
    let mut trail = Trail::default();
    let mut waiting = pin!(world.serve_for(&caller, &call, &patient, &mut trail));
    assert!(waits(waiting.as_mut()).await);
    // The place is free, and whoever waits for it has not looked yet.
    drop(busy);
    let late = serve(&world, &call).await.unwrap();
    assert_eq!(&*late.answered.model, "spare");
    assert_eq!(&*waiting.await.unwrap().answered.model, "m");
}
