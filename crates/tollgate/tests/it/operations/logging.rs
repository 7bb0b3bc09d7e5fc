//! What is written where, and what happens when nobody reads it.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::world::{Folder, Gateway, World, printed_until};

fn call(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "x"}]})
}

fn word(banner: &str, label: &str) -> Option<String> {
    let line = banner.lines().find(|line| line.trim().starts_with(label))?;
    line.split_whitespace().last().map(str::to_owned)
}

#[tokio::test]
async fn logs_that_nobody_reads_stop_neither_requests_nor_the_end() {
    let folder = Folder::new();
    let mut gateway = Gateway::start_unread(folder.path(), &["--listen", "127.0.0.1:0"]);
    let key = word(&gateway.banner, "virtual key").unwrap();
    // Each leaves a line in both logs, and a pipe holds 64 KiB.
    for _ in 0..700 {
        let answer = gateway
            .post("/v1/chat/completions", call("sim/fault/quota"))
            .key(&key)
            .send()
            .await;
        assert_eq!(answer.outcome().1, "provider_quota_exhausted");
    }
    assert_eq!(gateway.get("/health").send().await.status, 200);
    let metrics = gateway.get("/metrics").send().await.text();
    for name in ["log_lines_dropped", "diagnostics_dropped"] {
        assert!(
            metrics.contains(&format!("tollgate_{name}_total 0")),
            "{metrics}"
        );
    }
    gateway.signal("TERM");
    assert!(gateway.wait_for_end().success());
}

#[tokio::test]
async fn lines_of_both_logs_have_one_shape() {
    let mut world = World::start().await;
    world.chat(&call("sim/fault/quota")).send().await;
    world.chat(&call("sim/fault/invalid-json")).send().await;
    world.gateway.signal("TERM");
    world.gateway.wait_for_end();
    let printed = printed_until(world.folder.path(), 2).await;
    let diagnostics = std::fs::read_to_string(&world.gateway.log).unwrap();
    let printed = format!("{}{}", world.gateway.banner, printed);
    assert_eq!(printed.lines().count(), 3, "{printed}");
    for line in printed.lines().chain(diagnostics.lines()) {
        let line: Value = serde_json::from_str(line).expect(line);
        for name in ["time", "level", "message"] {
            assert!(line[name].is_string(), "{name}: {line}");
        }
    }
    let failed = diagnostics
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["message"] == "request failed")
        .collect::<Vec<_>>();
    assert!(!failed.is_empty(), "{diagnostics}");
    for line in failed {
        for name in ["cause", "provider_text"] {
            let text = line[name].as_str().unwrap_or("none");
            assert!(
                !text.is_empty() && !text.starts_with('"') && !text.contains("(\""),
                "{line}"
            );
        }
    }
}

#[tokio::test]
async fn a_line_for_people_has_its_level_and_the_name_of_the_key() {
    let folder = Folder::new();
    let mut gateway = Gateway::start(folder.path(), &["--listen", "127.0.0.1:0"]);
    let key = word(&gateway.banner, "virtual key").unwrap();
    let post = gateway.post("/v1/chat/completions", call("sim/echo"));
    post.key(&key).header("x-request-id", "one").send().await;
    gateway.signal("TERM");
    gateway.wait_for_end();
    let printed = printed_until(folder.path(), 1).await;
    let (time, rest) = printed.split_once(' ').unwrap();
    assert!(time.ends_with('Z'), "{printed}");
    let beginning = "INFO request request_id=one surface=openai_chat key_name=first\\u0020key \
                     key=sk-tg-";
    assert!(rest.starts_with(beginning), "{printed}");
    assert!(!printed.contains(&key));
}

#[test]
fn keys_that_could_not_be_shown_are_not_lost() {
    let folder = Folder::new();
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .current_dir(folder.path())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(full)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(!status.success());
    let again = Gateway::start(folder.path(), &["--listen", "127.0.0.1:0"]);
    for label in ["admin key", "virtual key"] {
        assert!(word(&again.banner, label).is_some(), "{}", again.banner);
    }
}

#[test]
fn no_model_is_made_up_in_the_call_to_try() {
    let exact =
        "[[models]]\nname = \"fast\"\ntargets = [{ connection = \"openai\", model = \"x\" }]\n";
    for (more, shown) in [("", "\"MODEL\""), (exact, "\"fast\"")] {
        let folder = Folder::new();
        let text = format!(
            "[[connections]]\nname = \"openai\"\nprovider = \"openai\"\n\
             api_key = \"sk-provider-12345678\"\n\
             [[models]]\nname = \"openai/*\"\ntargets = [{{ connection = \"openai\" }}]\n{more}"
        );
        std::fs::write(folder.path().join("tollgate.toml"), text).unwrap();
        let gateway = Gateway::start(folder.path(), &["--listen", "127.0.0.1:0"]);
        assert!(gateway.banner.contains(shown), "{}", gateway.banner);
        assert!(!gateway.banner.contains("echo"), "{}", gateway.banner);
    }
}

#[test]
fn in_json_even_a_first_start_prints_objects_alone() {
    let folder = Folder::new();
    let file = folder.path().join("tollgate.toml");
    std::fs::write(file, "[log]\nformat = \"json\"\n").unwrap();
    let gateway = Gateway::start(folder.path(), &["--listen", "127.0.0.1:0"]);
    let ready: Value = serde_json::from_str(gateway.banner.trim()).unwrap();
    assert_eq!(ready["address"], format!("http://{}", gateway.address));
    let shown = std::fs::read_to_string(&gateway.log).unwrap();
    for label in ["admin key", "virtual key"] {
        assert!(word(&shown, label).is_some(), "{shown}");
    }
}
