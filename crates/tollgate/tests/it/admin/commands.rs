//! `tollgate key …`, beside a running gateway and without one.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::world::{Folder, Gateway, World};

fn key(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .arg("key")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap()
}

fn printed(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn made(folder: &Path, name: &str) -> (String, String) {
    let text = printed(&key(folder, &["create", name, "--json"]));
    let made: serde_json::Value = serde_json::from_str(&text).unwrap();
    (
        made["id"].as_str().unwrap().to_owned(),
        made["key"].as_str().unwrap().to_owned(),
    )
}

#[tokio::test]
async fn a_revocation_by_command_takes_effect_within_seconds_while_serving() {
    let world = World::start().await;
    let (id, made) = made(world.folder.path(), "to be revoked");
    let status = async || {
        world
            .gateway
            .get("/v1/auth/validate")
            .key(&made)
            .send()
            .await
            .status
            .as_u16()
    };
    assert_eq!(status().await, 200, "a key made by command works at once");
    printed(&key(world.folder.path(), &["revoke", &id]));
    let begin = Instant::now();
    while status().await != 401 {
        assert!(begin.elapsed() < Duration::from_secs(5), "still accepted");
    }
}

#[tokio::test]
async fn keys_made_without_a_gateway_work_in_the_next_one() {
    let folder = Folder::new();
    let (id, secret) = made(folder.path(), "made first");
    let list = printed(&key(folder.path(), &["list"]));
    assert!(
        list.contains("made first") && !list.contains(&secret),
        "{list}"
    );
    let rotated = printed(&key(folder.path(), &["rotate", &id, "--json"]));
    let rotated: serde_json::Value = serde_json::from_str(&rotated).unwrap();
    let new = rotated["key"].as_str().unwrap();
    let gateway = Gateway::start(folder.path(), &["--listen", "127.0.0.1:0"]);
    let status = async |key: &str| {
        gateway
            .get("/v1/auth/validate")
            .key(key)
            .send()
            .await
            .status
    };
    assert_eq!(status(new).await, 200);
    assert_eq!(status(&secret).await, 401);
}

#[tokio::test]
async fn a_second_gateway_on_the_same_store_is_refused() {
    let world = World::start().await;
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .current_dir(world.folder.path())
        .env_clear()
        .output()
        .unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("another") || text.contains("already"),
        "{text}"
    );
}

#[test]
fn unknown_ids_are_told_and_fail() {
    let folder = Folder::new();
    made(folder.path(), "other");
    let output = key(folder.path(), &["revoke", "key_none"]);
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("resource_not_found") && text.contains("`tollgate key list`"),
        "{text}"
    );
}

#[test]
fn a_folder_without_a_store_stays_as_it_is_until_a_key_is_made() {
    let folder = Folder::new();
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    for line in [&["list"][..], &["revoke", "key_0"], &["rotate", "key_0"]] {
        let output = key(folder.path(), line);
        assert!(!output.status.success(), "{line:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(
            text.contains("no store at ") && text.contains("--config"),
            "{text}"
        );
        assert_eq!(files(), 0, "{line:?}");
    }
    for new in [true, false] {
        let output = key(folder.path(), &["create", "app"]);
        assert!(output.status.success());
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(text.contains("made a new store at /"), new, "{text}");
    }
}
