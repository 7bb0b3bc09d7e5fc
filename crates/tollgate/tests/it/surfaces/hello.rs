//! `/api/hello`, the probe of Anthropic's agents.

use bytes::Bytes;
use http::Method;

use crate::world::World;

#[tokio::test]
async fn a_probe_is_answered_without_a_key() {
    let world = World::once("").await;
    let gateway = &world.gateway;
    let got = gateway.get("/api/hello").send().await;
    assert_eq!(got.status, 200);
    assert!(got.body.len() < 100, "{got:?}");
    let probed = gateway.ask(Method::HEAD, "/api/hello", Bytes::new());
    let probed = probed.send().await;
    assert_eq!(probed.status, 200);
    assert!(probed.body.is_empty());
    let posted = gateway.post("/api/hello", "{}").send().await;
    assert_eq!(posted.status, 405);
    assert_eq!(posted.header("allow"), "GET, HEAD");
}
