//! One tenant against another: limits, faulty requests, and accounts of their own.

use std::time::Instant;

use futures_util::future::join_all;
use serde_json::json;
use tollgate_simulator::Rule;

use super::scene::{self, tenant};
use crate::world::World;

#[tokio::test]
async fn whoever_asks_far_too_often_gets_the_limit_and_leaves_others_theirs() {
    let world = World::start().await;
    let (greedy, modest) = (
        tenant(&world, "greedy").await,
        tenant(&world, "modest").await,
    );
    let limits = json!({"limits": {"rpm": 60, "burst": 5}});
    for team in [&greedy.team, &modest.team] {
        scene::change(&world, &format!("/api/teams/{team}"), limits.clone()).await;
    }
    let begin = Instant::now();
    let crowd = (0..500).map(|_| scene::chat(&world, &greedy.calling, "sim/echo"));
    let beside = async {
        let mut statuses = Vec::new();
        for _ in 0..3 {
            statuses.push(
                scene::chat(&world, &modest.calling, "sim/echo")
                    .await
                    .status,
            );
        }
        statuses
    };
    let (answers, beside) = tokio::join!(join_all(crowd), beside);
    assert_eq!(beside, [200, 200, 200]);
    let granted = answers.iter().filter(|answer| answer.status == 200).count();
    let most = 6 + usize::try_from(begin.elapsed().as_secs()).unwrap();
    assert!((5..=most).contains(&granted), "{granted} of {most}");
    assert!(
        answers
            .iter()
            .all(|answer| [200, 429].contains(&answer.status.as_u16()))
    );
    assert_eq!(
        world.simulator.requests().len(),
        granted + 3,
        "nobody else was asked"
    );
}

#[tokio::test]
async fn a_thousand_invalid_requests_of_one_tenant_close_nothing_for_another() {
    // The usual breaker: what callers do wrong does not count.
    let world = World::start().await;
    let (one, other) = (tenant(&world, "one").await, tenant(&world, "other").await);
    let bodies = [
        json!({"model": "sim/echo", "messages": "none"}),
        json!({"model": "sim/fault/invalid-request", "messages": [{"role": "user", "content": "x"}]}),
        json!({"model": "sim/fault/context-length", "messages": [{"role": "user", "content": "x"}]}),
        json!({"model": "sim/fault/content-filter", "messages": [{"role": "user", "content": "x"}]}),
        json!({"model": "sim/fault/unprocessable", "messages": [{"role": "user", "content": "x"}]}),
    ];
    for _ in 0..10 {
        let crowd = (0..100).map(async |number: usize| {
            let body = &bodies[number % bodies.len()];
            scene::chat_of(&world, body).key(&one.calling).send().await
        });
        for answer in join_all(crowd).await {
            assert!(answer.status.is_client_error(), "{answer:?}");
            assert_ne!(answer.status, 429, "{answer:?}");
        }
        let answer = scene::chat(&world, &other.calling, "sim/echo").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("x-tollgate-attempts"), "1");
    }
    assert_eq!(world.gateway.metric("tollgate_breaker_state", &[]).await, 0);
    assert_eq!(
        world
            .gateway
            .metric("tollgate_breaker_opened_total", &[])
            .await,
        0
    );
    assert_eq!(
        world.gateway.metric("tollgate_cooldowns_total", &[]).await,
        0
    );
    // What the provider calls invalid on one and the same target is the caller's doing as well.
    let rule = Rule::new("invalid-request")
        .unwrap()
        .model("shared")
        .times(50);
    world.simulator.script(rule).unwrap();
    let crowd = (0..50).map(|_| scene::chat(&world, &one.calling, "sim/shared"));
    for answer in join_all(crowd).await {
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    assert_eq!(
        scene::chat(&world, &other.calling, "sim/shared")
            .await
            .status,
        200
    );
}
