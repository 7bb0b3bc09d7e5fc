//! SIGTERM: streams may end, new calls are told.

use serde_json::json;

use crate::world::{World, printed_until};

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

#[tokio::test]
async fn a_call_that_does_not_end_in_time_is_told_and_has_its_line() {
    let mut world = World::with_server("shutdown_ms = 1000\n").await;
    let body = json!({"model": "sim/fault/delay-head:ms=60000",
        "messages": [{"role": "user", "content": "x"}]});
    let asked = world.chat(&body).header("x-request-id", "late").send();
    let stopped = async {
        while world.gateway.metric("tollgate_requests_open", &[]).await == 0 {
            tokio::task::yield_now().await;
        }
        world.gateway.signal("TERM");
        std::time::Instant::now()
    };
    let (answer, begin) = tokio::join!(asked, stopped);
    assert!(begin.elapsed() < std::time::Duration::from_secs(4));
    assert_eq!(answer.outcome(), (503, "maintenance".to_owned()));
    assert!(world.gateway.wait_for_end().success());
    let printed = printed_until(world.folder.path(), 1).await;
    let line: serde_json::Value = serde_json::from_str(printed.trim()).unwrap();
    assert_eq!(line["request_id"], "late");
    assert_eq!(line["status"], 503);
    assert_eq!(line["code"], "maintenance");
}
