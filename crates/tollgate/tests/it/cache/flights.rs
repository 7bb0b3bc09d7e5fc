//! Equal questions at the same time: one is asked, and the others get its answer.

use futures_util::future::join_all;

use super::{ON, ask, question, word};
use crate::money::scene::{asked, fails, until};
use crate::world::World;

#[tokio::test]
async fn a_hundred_equal_requests_at_once_make_one_call() {
    let world = World::once(ON).await;
    for stream in [false, true] {
        let mut body = question("sim/story-30", "Hi");
        body["stream"] = stream.into();
        fails(&world, "story-30", "delay-head:ms=300", 1);
        world.simulator.forget_requests();
        let answers = join_all((0..100).map(|_| ask(&world, &body))).await;
        assert_eq!(asked(&world), 1, "stream: {stream}");
        let misses = answers
            .iter()
            .filter(|answer| word(answer) == "miss")
            .count();
        assert_eq!(misses, 1);
        let first = &answers[0].body;
        assert!(answers.iter().all(|answer| answer.body == *first));
    }
}

#[tokio::test]
async fn those_who_waited_for_a_failure_ask_for_themselves() {
    let world = World::once(ON).await;
    let body = question("sim/story-30", "Hi");
    fails(&world, "story-30", "delay-head:ms=300+server-error", 1);
    let answers = join_all((0..5).map(|_| world.chat(&body).send())).await;
    let failed = answers.iter().filter(|answer| answer.status != 200).count();
    assert_eq!(failed, 1, "{answers:?}");
    assert_eq!(asked(&world), 5);
    assert_eq!(word(&ask(&world, &body).await), "hit");
}

#[tokio::test]
async fn when_whoever_asks_hangs_up_the_next_one_asks() {
    let world = World::once(ON).await;
    let mut body = question("sim/story-30", "Hi");
    body["stream"] = true.into();
    fails(&world, "story-30", "drip:ms=100", 1);
    let mut leader = world.chat(&body).open().await;
    leader.next().await.unwrap().unwrap();
    let others = async { join_all((0..5).map(|_| ask(&world, &body))).await };
    let leaving = async {
        until("all are there", async || {
            world.gateway.metric("tollgate_requests_open", &[]).await == 6
        })
        .await;
        drop(leader);
    };
    let (answers, ()) = tokio::join!(others, leaving);
    assert_eq!(asked(&world), 2);
    let misses = answers
        .iter()
        .filter(|answer| word(answer) == "miss")
        .count();
    assert_eq!(misses, 1);
    assert!(
        answers
            .iter()
            .all(|answer| answer.text().contains("[DONE]"))
    );
}
