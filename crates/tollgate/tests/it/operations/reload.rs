//! SIGHUP.

use std::time::Instant;

use crate::world::{KEY, PATIENCE, World};

async fn models(world: &World) -> String {
    world.gateway.get("/v1/models").key(KEY).send().await.text()
}

pub(super) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !holds().await {
        assert!(begin.elapsed() < PATIENCE, "{what}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_good_file_takes_effect_and_a_bad_one_changes_nothing() {
    let world = World::start().await;
    let more = "[[models]]\nname = \"brand/new\"\ntargets = [{ connection = \"sim\", model = \"echo\" }]\n";
    world.rewrite_config(more);
    assert!(
        !models(&world).await.contains("brand/new"),
        "nothing happens without the signal"
    );
    world.gateway.signal("HUP");
    until("the new model is there", async || {
        models(&world).await.contains("brand/new")
    })
    .await;

    world
        .rewrite_config("[[models]]\nname = \"broken\"\ntargets = [{ connection = \"nobody\" }]\n");
    world.gateway.signal("HUP");
    let log = || std::fs::read_to_string(&world.gateway.log).unwrap_or_default();
    until("the refusal is logged", async || {
        log().contains("the old one stays")
    })
    .await;
    assert!(log().contains("no connection has this name"), "{}", log());
    let after = models(&world).await;
    assert!(after.contains("brand/new") && !after.contains("broken"));

    world.rewrite_config(more);
    world.gateway.signal("HUP");
    until("a good file is taken again", async || {
        log().matches("was read again and is in effect").count() >= 2
    })
    .await;
}

#[tokio::test]
async fn streams_under_way_are_not_touched() {
    let world = World::start().await;
    let body = serde_json::json!({"model": "sim/fault/drip:ms=50", "stream": true, "max_tokens": 20,
        "messages": [{"role": "user", "content": "one two three four five six seven eight"}]});
    let mut stream = world.chat(&body).open().await;
    stream.next().await.unwrap().unwrap();
    world.rewrite_config("");
    world.gateway.signal("HUP");
    let rest = stream.rest().await.unwrap();
    assert!(String::from_utf8_lossy(&rest).ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn a_file_that_is_gone_is_refused() {
    let world = World::start().await;
    std::fs::remove_file(world.folder.path().join("tollgate.toml")).unwrap();
    world.gateway.signal("HUP");
    let log = || std::fs::read_to_string(&world.gateway.log).unwrap_or_default();
    until("the refusal is logged", async || {
        log().contains("the old one stays")
    })
    .await;
    assert!(models(&world).await.contains("gpt-4o"));
}
