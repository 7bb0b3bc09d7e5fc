//! Maintenance mode: by the file, over the API and by command.

use http::Method;
use serde_json::{Value, json};

use crate::routing::scene::{chat, fails, streamed, tollgate, until};
use crate::world::{ADMIN_KEY, KEY, World};

async fn ready(world: &World) -> u16 {
    let answer = world.gateway.get("/health/ready").send().await;
    assert_eq!(
        answer.json()["status"] == "maintenance",
        answer.status == 503
    );
    answer.status.as_u16()
}

async fn set(world: &World, body: Value) -> u16 {
    let ask = world
        .gateway
        .ask(Method::PUT, "/api/maintenance", body.to_string().into());
    let ask = ask.header("content-type", "application/json").admin();
    ask.send().await.status.as_u16()
}

/// What a command prints.
async fn command(world: &World, arguments: &[&str]) -> String {
    let output = tollgate(world, arguments).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn maintenance_over_the_api_refuses_calls_and_lets_those_under_way_end() {
    let world = World::start().await;
    fails(&world, "story", "drip:ms=5");
    let mut stream = world.chat(&streamed("gpt-4o")).open().await;
    stream.next().await.unwrap().unwrap();
    assert_eq!(ready(&world).await, 200);
    let words = json!({"enabled": true, "message": "Back at noon.", "retry_after_s": 60});
    assert_eq!(set(&world, words).await, 200);
    assert_eq!(ready(&world).await, 503);
    let answer = chat(&world, "gpt-4o").await;
    assert_eq!(answer.outcome(), (503, "maintenance".to_owned()));
    assert_eq!(answer.header("retry-after"), "60");
    assert_eq!(answer.json()["error"]["message"], "Back at noon.");
    let live = world.gateway.get("/health/live").send().await;
    assert_eq!(live.status, 200, "the process is well");
    let models = world.gateway.get("/v1/models").key(KEY).send().await;
    assert_eq!(models.status, 200, "only calls are refused");
    assert_eq!(world.gateway.metric("tollgate_maintenance", &[]).await, 1);
    let rest = stream.rest().await.unwrap();
    assert!(String::from_utf8_lossy(&rest).ends_with("data: [DONE]\n\n"));
    assert_eq!(world.simulator.requests().len(), 1);

    assert_eq!(set(&world, json!({"enabled": false})).await, 200);
    assert_eq!(ready(&world).await, 200);
    assert_eq!(chat(&world, "gpt-4o").await.status, 200);
    let denied = world.gateway.get("/api/maintenance").key(KEY).send().await;
    assert_eq!(denied.status, 403);
}

#[tokio::test]
async fn maintenance_by_command_is_the_same_and_outlives_a_restart() {
    let mut world = World::start().await;
    let on = [
        "maintenance",
        "on",
        "--message",
        "Back soon.",
        "--retry-after",
        "5",
    ];
    command(&world, &on).await;
    let answer = chat(&world, "gpt-4o").await;
    assert_eq!(answer.json()["error"]["message"], "Back soon.");
    assert_eq!(answer.header("retry-after"), "5");
    let status = command(&world, &["maintenance", "status"]).await;
    assert!(status.contains("Back soon."), "{status}");
    world.gateway.signal("TERM");
    assert!(world.gateway.wait_for_end().success());
    world.gateway = crate::world::Gateway::start(world.folder.path(), &[]);
    assert_eq!(ready(&world).await, 503);
    command(&world, &["maintenance", "off"]).await;
    assert_eq!(ready(&world).await, 200);
    assert_eq!(chat(&world, "gpt-4o").await.status, 200);
}

#[tokio::test]
async fn maintenance_by_the_file_takes_effect_at_a_reload_and_only_the_file_ends_it() {
    let world = World::start().await;
    let file = world.folder.path().join("tollgate.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let declared = text.replacen("[server]", "[server]\nmaintenance = true", 1);
    std::fs::write(&file, declared).unwrap();
    world.gateway.signal("HUP");
    until("maintenance begins", async || ready(&world).await == 503).await;
    assert_eq!(chat(&world, "gpt-4o").await.outcome().1, "maintenance");
    assert_eq!(set(&world, json!({"enabled": false})).await, 409);
    let told = world.gateway.get("/api/maintenance");
    let told = told.header("x-admin-key", ADMIN_KEY).send().await.json();
    assert_eq!(
        (&told["enabled"], &told["declared"]),
        (&json!(true), &json!(true))
    );
    std::fs::write(&file, text).unwrap();
    world.gateway.signal("HUP");
    until("maintenance ends", async || ready(&world).await == 200).await;
    assert_eq!(chat(&world, "gpt-4o").await.status, 200);
}
