//! SIGTERM: streams may end, new calls are told.

use serde_json::json;

use crate::world::World;

fn stream(model: &str) -> serde_json::Value {
    json!({"model": model, "stream": true, "max_tokens": 10,
        "messages": [{"role": "user", "content": "one two three four five six seven eight"}]})
}

#[tokio::test]
async fn streams_under_way_end_well_and_new_calls_get_maintenance() {
    let mut world = World::with_server("shutdown_ms = 15000\n").await;
    let mut open = world.chat(&stream("sim/fault/drip:ms=200")).open().await;
    open.next().await.unwrap().unwrap();
    world.gateway.signal("TERM");
    let refused = loop {
        let body = json!({"model": "sim/echo", "messages": [{"role": "user", "content": "x"}]});
        let answer = world.chat(&body).send().await;
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!(refused.outcome(), (503, "maintenance".to_owned()));
    assert_eq!(refused.header("x-should-retry"), "true");
    let ready = world.gateway.get("/health/ready").send().await;
    assert_eq!(ready.status, 503);
    let rest = open.rest().await.unwrap();
    assert!(String::from_utf8_lossy(&rest).ends_with("data: [DONE]\n\n"));
    assert!(world.gateway.wait_for_end().success());
}

#[tokio::test]
async fn a_stream_that_does_not_end_in_time_ends_in_an_error_event() {
    let mut world = World::with_server("shutdown_ms = 1000\n").await;
    let mut open = world.chat(&stream("sim/fault/stall-after=3")).open().await;
    open.next().await.unwrap().unwrap();
    world.gateway.signal("TERM");
    let rest = String::from_utf8(open.rest().await.unwrap().to_vec()).unwrap();
    assert!(
        rest.contains("\"maintenance\"") && !rest.contains("[DONE]"),
        "{rest}"
    );
    assert!(world.gateway.wait_for_end().success());
}
