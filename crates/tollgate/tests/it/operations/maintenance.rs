//! Maintenance mode of the whole gateway, by the API and over a restart.

use bytes::Bytes;
use http::Method;
use serde_json::json;

use crate::world::{Answer, Gateway, KEY, World};

const CHAT: &str = "/v1/chat/completions";

async fn chat(gateway: &Gateway) -> Answer {
    let body = json!({"model": "sim/echo", "messages": [{"role": "user", "content": "x"}]});
    gateway.post(CHAT, &body).key(KEY).send().await
}

async fn set(gateway: &Gateway, order: &serde_json::Value) -> Answer {
    let body = Bytes::from(order.to_string());
    gateway
        .ask(Method::PUT, "/api/maintenance", body)
        .admin()
        .header("content-type", "application/json")
        .send()
        .await
}

#[tokio::test]
async fn maintenance_survives_a_restart_until_an_operator_ends_it() {
    let mut world = World::start().await;
    let order = json!({"enabled": true, "message": "We move.", "retry_after_s": 7});
    assert_eq!(set(&world.gateway, &order).await.status, 200);
    world.gateway.signal("KILL");
    world.gateway.wait_for_end();
    let again = Gateway::start(world.folder.path(), &[]);
    let refused = chat(&again).await;
    assert_eq!(refused.outcome(), (503, "maintenance".to_owned()));
    assert_eq!(refused.json()["error"]["message"], "We move.");
    assert_eq!(refused.header("retry-after"), "7");
    assert_eq!(again.get("/health/ready").send().await.status, 503);
    assert_eq!(again.get("/health/live").send().await.status, 200);
    assert_eq!(set(&again, &json!({"enabled": false})).await.status, 200);
    assert_eq!(chat(&again).await.status, 200);
}
