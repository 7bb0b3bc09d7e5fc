//! The engine's state as figures, and the bounds of its labels.

use tollgate_core::route::limit::Limits;
use tollgate_engine::engine::Routing;
use tollgate_engine::health::DeclaredConnection;

use super::*;
use crate::access_log::LogFormat;
use crate::testing::model;
use crate::testing::world::{Step, World};

async fn world() -> World {
    let models = vec![
        model("m", &[("a", "m1"), ("a", "m2")]),
        model("n", &[("a", "m1")]),
        model("wide/*", &[("b", "*")]),
    ];
    let world = World::new(models.clone(), LogFormat::Off).await;
    let connection = |name: &str| DeclaredConnection {
        name: name.into(),
        provider: "openai",
        limits: Limits::default(),
        checks: None,
        owner: None,
        fingerprint: 0,
    };
    world.gateway.engine.set_routing(Routing {
        connections: vec![connection("a"), connection("b")],
        models,
    });
    world
}

#[tokio::test]
async fn every_target_of_the_configuration_has_one_figure() {
    let world = world().await;
    for name in [
        "breaker_state",
        "target_parallel",
        "breaker_opened_total",
        "cooldowns_total",
        "retries_refused_total",
    ] {
        for target in [
            "{connection=\"a\",model=\"m1\"}",
            "{connection=\"a\",model=\"m2\"}",
            "{connection=\"b\",model=\"*\"}",
        ] {
            let figure = format!("{name}{target}");
            assert_eq!(world.figure(&figure), Some(0.0), "{figure}");
        }
    }
    for (name, value) in [
        ("connection_healthy{connection=\"a\"}", 1.0),
        ("connection_healthy{connection=\"b\"}", 1.0),
        ("queue_waiting{model=\"m\"}", 0.0),
        ("queue_waiting{model=\"wide/*\"}", 0.0),
        ("maintenance", 0.0),
    ] {
        assert_eq!(world.figure(name), Some(value), "{name}");
    }
    let text = world.gateway.metrics.render().unwrap();
    let of_breakers = text.matches("\ntollgate_breaker_state{").count();
    assert_eq!(of_breakers, 3, "{text}");
    assert!(text.ends_with("# EOF\n"));
    world.gateway.engine.maintenance.set_declared(true);
    assert_eq!(world.figure("maintenance"), Some(1.0));
}

#[tokio::test]
async fn names_behind_a_wildcard_become_no_labels() {
    let world = world().await;
    for name in ["wide/x", "wide/y"] {
        world.script.then(Step::Answer);
        assert_eq!(world.chat(name, "", false).await.status, 200);
    }
    world.settle().await;
    let known = world.gateway.engine.routes().all().count();
    assert_eq!(known, 5, "both names are known by themselves");
    let text = world.gateway.metrics.render().unwrap();
    assert!(
        !text.contains("wide/x") && !text.contains("model=\"x\""),
        "{text}"
    );
    assert_eq!(text.matches("\ntollgate_breaker_state{").count(), 3);
    assert_eq!(text.matches("\ntollgate_queue_waiting{").count(), 3);
}

#[test]
fn states_under_one_label_are_added_and_the_worst_is_told() {
    let mut sum = Figures {
        state: 1,
        parallel: 2,
        opened: 3,
        cooled: 4,
        refused: 5,
    };
    sum.add(Figures { state: 3, ..sum });
    sum.add(Figures::default());
    let expected = Figures {
        state: 3,
        parallel: 4,
        opened: 6,
        cooled: 8,
        refused: 10,
    };
    assert_eq!(sum, expected);
}
