//! What the tests of routing share. One provider serves all targets: each has a model of its own
//! there, and scripts decide by the model what becomes of a call.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tollgate_simulator::{Received, Rule};

use crate::world::{Answer, Gateway, KEY, Opened, PATIENCE, World};

/// A plain chat of a model.
pub fn plain(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "one two three"}]})
}

/// A streamed chat of a model.
pub fn streamed(model: &str) -> Value {
    json!({"model": model, "stream": true,
        "messages": [{"role": "user", "content": "one two three four five six"}]})
}

/// The answer to a plain chat.
pub async fn chat(world: &World, model: &str) -> Answer {
    world.chat(&plain(model)).send().await
}

/// The answer to a plain chat with a key.
pub async fn chat_as(world: &World, key: &str, model: &str) -> Answer {
    let ask = world.gateway.post("/v1/chat/completions", plain(model));
    ask.key(key).send().await
}

/// A stream that has begun. Where the provider was told that it [`stays`], it is open until it is
/// dropped.
pub async fn hold(world: &World, model: &str) -> Opened {
    let opened = world.chat(&streamed(model)).open().await;
    assert_eq!(opened.status, 200, "{model}: {:?}", opened.headers);
    opened
}

/// Streams of the provider's model begin and then stay open.
pub fn stays(world: &World, model: &str) {
    let rule = Rule::new("stall-after=2").unwrap();
    world
        .simulator
        .script(rule.model(model).stream(true))
        .unwrap();
}

/// From now on the provider's model has this fault.
pub fn fails(world: &World, model: &str, fault: &str) {
    let rule = Rule::new(fault).unwrap().model(model);
    world.simulator.script(rule).unwrap();
}

/// The provider's model has this fault so many times.
pub fn fails_times(world: &World, model: &str, fault: &str, times: u64) {
    let rule = Rule::new(fault).unwrap().model(model).times(times);
    world.simulator.script(rule).unwrap();
}

/// All faults are over.
pub fn heals(world: &World) {
    let nothing = tollgate_simulator::Script::from_json("[]").unwrap();
    world.simulator.set_script(nothing);
}

/// The provider's models that were asked, in order.
pub fn asked(world: &World) -> Vec<String> {
    let requests = world.simulator.requests().into_iter();
    requests.map(|received| received.model).collect()
}

/// How often the provider's model was asked.
pub fn times(world: &World, model: &str) -> usize {
    asked(world).iter().filter(|one| *one == model).count()
}

/// The most requests that the provider worked on at once: from when it received them until it
/// answered. Those that it never answered lasted until they ended.
pub fn most_at_once(requests: &[Received]) -> usize {
    let until = |one: &Received| one.head_ms.or(one.ended_ms).unwrap_or(u64::MAX);
    let during = |at: u64| {
        let overlap = |one: &&Received| one.received_ms <= at && at < until(one);
        requests.iter().filter(overlap).count()
    };
    let begins = requests.iter().map(|one| during(one.received_ms));
    begins.max().unwrap_or(0)
}

/// Waits until something holds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !holds().await {
        assert!(begin.elapsed() < PATIENCE, "in vain: {what}");
        tokio::task::yield_now().await;
    }
}

/// Waits until so many requests wait for a free place.
pub async fn until_waiting(gateway: &Gateway, count: u64) {
    until("requests wait in line", async || {
        gateway.metric("tollgate_queue_waiting", &[]).await == count
    })
    .await;
}

/// Waits until so many requests are under way at the provider's model.
pub async fn until_under_way(gateway: &Gateway, model: &str, count: u64) {
    let label = format!("model=\"{model}\"");
    until("requests are under way", async || {
        gateway.metric("tollgate_target_parallel", &[&label]).await == count
    })
    .await;
}

/// The state of the breaker of the provider's model: 0 closed, 1 cooling, 2 half-open, 3 open,
/// 4 isolated.
pub async fn breaker(world: &World, model: &str) -> u64 {
    let label = format!("model=\"{model}\"");
    let name = "tollgate_breaker_state";
    world.gateway.metric(name, &[&label]).await
}

/// Waits until the breaker of the provider's model is in a state.
pub async fn until_breaker(world: &World, model: &str, state: u64) {
    until("the breaker is in the state", async || {
        breaker(world, model).await == state
    })
    .await;
}

/// The wait that an answer names, in milliseconds.
pub fn wait_ms(answer: &Answer) -> u64 {
    let wait = answer.header("retry-after-ms");
    wait.parse()
        .unwrap_or_else(|_| panic!("no wait is named: {answer:?}"))
}

/// Does nothing for a time.
pub async fn rest(time: Duration) {
    tokio::time::timeout(time, std::future::pending::<()>())
        .await
        .unwrap_err();
}

/// A key of the configuration.
pub fn key_config(name: &str, models: &str, more: &str) -> String {
    format!(
        "[[keys]]\nname = \"{name}\"\nkey = \"{}\"\nmodels = [{models}]\n{more}\n",
        key(name)
    )
}

/// The secret of a key of [`key_config`].
pub fn key(name: &str) -> String {
    format!("{KEY}-{name}")
}

/// Runs `tollgate` beside the gateway. The provider goes on meanwhile.
pub async fn tollgate(world: &World, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.args(arguments).env_clear();
    command.current_dir(world.folder.path());
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}
