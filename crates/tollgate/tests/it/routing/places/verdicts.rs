//! Faults of callers say nothing of a target.

use futures_util::{StreamExt as _, stream};

use crate::routing::scene::{breaker, chat, chat_as, fails, key, key_config, plain, times};
use crate::world::World;

#[tokio::test]
async fn r20_a_thousand_invalid_requests_of_one_key_leave_the_breaker_closed_for_the_other() {
    let config = key_config("faulty", "\"*\"", "");
    let world = World::with(&format!(
        "[[models]]\nname = \"m\"\nbreaker = {{ failures = 2, minimum = 2 }}\n\
         targets = [{{ connection = \"sim\", model = \"a\" }}]\n{config}"
    ))
    .await;
    let faults = [
        "invalid-request",
        "context-length",
        "content-filter",
        "unprocessable",
    ];
    let caller = key("faulty");
    for fault in faults {
        let rule = tollgate_simulator::Rule::new(fault).unwrap().body(fault);
        world.simulator.script(rule).unwrap();
        let mut body = plain("m");
        body["messages"][0]["content"] = fault.into();
        let asks = (0..250).map(|_| async {
            let ask = world.gateway.post("/v1/chat/completions", &body);
            ask.key(&caller).send().await.status.as_u16()
        });
        let answers: Vec<_> = stream::iter(asks).buffer_unordered(25).collect().await;
        assert!(
            answers.iter().all(|status| matches!(status, 400 | 422)),
            "{answers:?}"
        );
        assert_eq!(chat(&world, "m").await.status, 200, "after {fault}");
    }
    assert_eq!(breaker(&world, "a").await, 0);
    assert_eq!(times(&world, "a"), 1004, "each was asked exactly once");
    // It is the same breaker that failures of the target do open.
    fails(&world, "a", "server-error");
    chat_as(&world, &caller, "m").await;
    assert_eq!(breaker(&world, "a").await, 3);
}
