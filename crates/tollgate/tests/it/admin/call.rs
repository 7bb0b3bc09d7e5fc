//! `tollgate call …`: one question through a running gateway.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output};

use tollgate_simulator::Rule;

use crate::world::{KEY, World};

fn call(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .arg("call")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("TOLLGATE_KEY", KEY)
        .output()
        .unwrap()
}

fn printed(output: &Output) -> String {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_is_answered_plain_streamed_and_as_json() {
    let world = World::start().await;
    let folder = world.folder.path();
    let ask = |more: &[&str]| {
        let arguments = [&["--model", "sim/echo", "hello there"], more].concat();
        printed(&call(folder, &arguments))
    };
    assert_eq!(ask(&[]), "hello there\n");
    assert_eq!(ask(&["--stream"]), "hello there\n");
    let answer: serde_json::Value = serde_json::from_str(&ask(&["--json"])).unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], "hello there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_model_answers_where_none_is_named() {
    let world = World::start().await;
    assert!(
        !printed(&call(world.folder.path(), &["hello"]))
            .trim()
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_is_found_by_its_address_as_well() {
    let world = World::start().await;
    let url = format!("http://{}/v1", world.gateway.address);
    let elsewhere = tempfile::tempdir().unwrap();
    let arguments = ["--url", &url, "--model", "sim/echo", "hello"];
    assert_eq!(printed(&call(elsewhere.path(), &arguments)), "hello\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_is_told_with_code_and_request_id() {
    let world = World::start().await;
    let folder = world.folder.path();
    for (arguments, says) in [
        (&["--model", "none/such", "x"][..], "model_not_found"),
        (
            &["--key", "sk-wrong", "--model", "sim/echo", "x"],
            "invalid_api_key",
        ),
        (
            &["--url", "http://127.0.0.1:1", "--attempts", "1", "x"],
            "no gateway answers at",
        ),
        (&["--url", "127.0.0.1:1", "x"], "no address of a gateway"),
    ] {
        let output = call(folder, arguments);
        assert!(!output.status.success(), "{arguments:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(says), "{text}");
        let has_id = text.contains("request ");
        assert_eq!(has_id, !says.contains(' '), "{text}");
        assert!(!text.contains("sk-wrong"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_read_from_a_file_or_from_standard_input() {
    let world = World::start().await;
    let folder = world.folder.path();
    std::fs::write(folder.join("key"), format!("{KEY}\n")).unwrap();
    for file in ["key", "-"] {
        let mut asking = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        asking.args(["call", "--key-file", file, "--model", "sim/echo", "hello"]);
        asking.current_dir(folder).env_clear();
        asking.env("TOLLGATE_KEY", "sk-of-somebody-else");
        asking.stdin(File::open(folder.join("key")).unwrap());
        assert_eq!(printed(&asking.output().unwrap()), "hello\n");
    }
    let arguments = ["--key-file", "no-such-file", "hello"];
    let text = String::from_utf8(call(folder, &arguments).stderr).unwrap();
    assert!(text.contains("cannot be read from no-such-file"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_go_well_later_is_asked_again_and_said() {
    let world = World::once("").await;
    world
        .simulator
        .script(Rule::new("overloaded").unwrap().times(1))
        .unwrap();
    let output = call(world.folder.path(), &["--model", "openai/gpt-4o", "hello"]);
    assert!(!printed(&output).trim().is_empty());
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.contains("; asking again in "), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_asked_no_more_often_than_it_may_be() {
    let world = World::once("").await;
    world
        .simulator
        .script(Rule::new("overloaded").unwrap().times(2))
        .unwrap();
    for (attempts, told) in [("1", 1), ("2", 1)] {
        let arguments = ["--model", "openai/gpt-4o", "--attempts", attempts, "hello"];
        let output = call(world.folder.path(), &arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(text.lines().count(), told, "{text}");
        assert_eq!(output.status.success(), attempts == "2", "{text}");
        let says = match attempts {
            "1" => "`tollgate errors provider_overloaded` says what to do",
            _ => "(provider_overloaded); asking again in ",
        };
        assert!(text.contains(says), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_too_long_or_breaks_off_is_told_with_what_to_do() {
    let world = World::once("").await;
    for (model, more, says) in [
        (
            "sim/fault/delay-head:ms=5000",
            &["--timeout", "1", "--attempts", "1"][..],
            "Give it longer with --timeout",
        ),
        (
            "sim/fault/cut-after-3",
            &["--stream"],
            "What was printed is not the whole answer",
        ),
    ] {
        let arguments = [&["--model", model, "hello"], more].concat();
        let output = call(world.folder.path(), &arguments);
        assert!(!output.status.success(), "{model}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(says), "{text}");
    }
}

#[test]
fn without_a_key_nothing_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["call", "hello"])
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("TOLLGATE_KEY"), "{text}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
