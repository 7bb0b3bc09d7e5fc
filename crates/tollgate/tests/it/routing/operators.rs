//! What operators see of targets, and do with them.

mod checks;
mod explain;
mod figures;
mod reloads;
mod steering;
mod tests;

use std::process::Output;

use http::StatusCode;
use serde_json::{Value, json};

use crate::world::World;

/// What a command printed that ended well.
fn printed(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A connection as the API shows it.
async fn connection(world: &World, name: &str) -> Value {
    let path = format!("/api/connections/{name}");
    let answer = world.gateway.get(&path).admin().send().await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()
}

/// The target of a connection as the API shows it.
pub async fn target(world: &World, name: &str, model: &str) -> Value {
    let connection = connection(world, name).await;
    let targets = connection["targets"].as_array().unwrap().iter();
    let mut found = targets.filter(|target| target["model"] == model);
    found
        .next()
        .unwrap_or_else(|| panic!("{connection:#}"))
        .clone()
}

/// Gives an order to the breakers of a connection over the API.
async fn order(world: &World, action: &str, name: &str, model: Option<&str>) -> Value {
    let path = format!("/api/connections/{name}/breaker");
    let mut body = json!({"action": action});
    if let Some(model) = model {
        body["model"] = model.into();
    }
    let answer = world.gateway.post(&path, &body).admin().send().await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()
}

/// Has the configuration read again, and waits until it is in effect.
async fn reload(world: &World, more: &str) {
    let taken = || {
        let log = std::fs::read_to_string(&world.gateway.log).unwrap_or_default();
        assert!(!log.contains("the old one stays"), "{log}");
        log.matches("was read again and is in effect").count()
    };
    let before = taken();
    world.rewrite_config(more);
    world.gateway.signal("HUP");
    crate::routing::scene::until("the file is read", async || taken() > before).await;
}
