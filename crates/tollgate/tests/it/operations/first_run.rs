//! A start with no configuration.

use std::process::Command;

use crate::world::{Folder, Gateway};

#[tokio::test]
async fn the_printed_line_works_as_pasted() {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.path(), &["--listen", "127.0.0.1:0"]);
    let curl = gateway
        .banner
        .lines()
        .find(|line| line.trim().starts_with("curl "))
        .unwrap();
    let output = Command::new("sh")
        .arg("-c")
        .arg(curl.trim())
        .output()
        .unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(
        answer["choices"][0]["message"]["content"].is_string(),
        "{answer}"
    );
    assert!(answer["model"].as_str().unwrap().contains("echo"));
}

#[tokio::test]
async fn keys_are_shown_once_and_live_on() {
    let folder = Folder::new();
    let word = |banner: &str, label: &str| {
        let line = banner.lines().find(|line| line.trim().starts_with(label))?;
        line.split_whitespace().last().map(str::to_owned)
    };
    let first = Gateway::start(folder.path(), &["--listen", "127.0.0.1:0"]);
    let admin = word(&first.banner, "admin key").unwrap();
    let virtual_key = word(&first.banner, "virtual key").unwrap();
    drop(first);
    let second = Gateway::start(folder.path(), &["--listen", "127.0.0.1:0"]);
    assert!(!second.banner.contains(&virtual_key) && !second.banner.contains(&admin));
    assert!(
        second.banner.contains("tollgate key list"),
        "{}",
        second.banner
    );
    let models = second.get("/v1/models").key(&virtual_key).send().await;
    assert!(models.text().contains("sim/echo"), "{}", models.text());
    let keys = second
        .get("/api/keys")
        .header("x-admin-key", &admin)
        .send()
        .await;
    assert_eq!(keys.status, 200);
    for entry in std::fs::read_dir(folder.path().join("tollgate-data")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let has = |key: &str| {
            bytes
                .windows(key.len())
                .any(|window| window == key.as_bytes())
        };
        assert!(
            !has(&virtual_key) && !has(&admin),
            "{} holds a key",
            path.display()
        );
    }
}

#[test]
fn a_bad_configuration_tells_everything_and_does_not_start() {
    let folder = Folder::new();
    let file = folder.path().join("tollgate.toml");
    std::fs::write(
        &file,
        "[server]\nlisten = \"nowhere\"\nbody_limt = 1\n[[models]]\nname = \"m\"\n\
         targets = [{ connection = \"none\", model = \"x\" }]\n",
    )
    .unwrap();
    for command in ["check", "serve"] {
        let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args([command, "--config", "tollgate.toml"])
            .current_dir(folder.path())
            .env_clear()
            .output()
            .unwrap();
        assert!(!output.status.success(), "{command}");
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        for part in [
            "tollgate.toml:2:",
            "tollgate.toml:3:",
            "tollgate.toml:6:",
            "body_limit",
            "no connection has this name",
        ] {
            assert!(text.contains(part), "{command}: {part}: {text}");
        }
    }
}
