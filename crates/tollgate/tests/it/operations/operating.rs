//! `/api/connections` and `/api/routes/explain`, and the commands for them, beside a running
//! gateway and without one.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::world::{Answer, Folder, KEY, PROVIDER_KEY, World};

/// A model with a second target and a fallback, beside the usual ones.
const TWO: &str = r#"
[[models]]
name = "two"
fallbacks = ["gpt-4o"]
targets = [
    { connection = "sim", model = "echo" },
    { connection = "lenient", model = "echo", priority = 1, when = { tags = ["spare"] } },
]

[[models]]
name = "pair"
targets = [
    { connection = "sim", model = "echo" },
    { connection = "lenient", model = "echo", priority = 1 },
]

[[connections]]
name = "gone/away"
provider = "openai-compatible"
base_url = "http://127.0.0.1:1/v1"

[[models]]
name = "gone"
targets = [{ connection = "gone/away", model = "echo" }]
"#;

fn tollgate(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap()
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

async fn chat(world: &World, model: &str) -> Answer {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "hello"}]});
    world.chat(&body).send().await
}

async fn explained(world: &World, body: Value) -> Value {
    let path = "/api/routes/explain";
    let answer = world.gateway.post(path, &body).admin().send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn explain_tells_the_way_that_a_request_then_goes() {
    let world = World::with(TWO).await;
    let body = json!({"model": "two", "key": "app", "tags": ["spare"]});
    let answer = explained(&world, body).await;
    assert_eq!(answer["outcome"]["does"], "asks", "{answer:#}");
    assert_eq!(answer["outcome"]["connection"], "sim");
    let targets = answer["models"][0]["targets"].as_array().unwrap();
    let connections: Vec<_> = targets.iter().map(|one| &one["connection"]).collect();
    assert_eq!(connections, ["sim", "lenient"]);
    assert!(targets.iter().all(|one| one["asked"] == true), "{answer:#}");
    assert_eq!(answer["models"][1]["model"], "openai/gpt-4o");
    assert_eq!(world.simulator.requests().len(), 0, "nothing was sent");
    assert_eq!(
        chat(&world, "two").await.header("x-tollgate-connection"),
        "sim"
    );

    let untagged = explained(&world, json!({"model": "two"})).await;
    let spare = &untagged["models"][0]["targets"][1]["obstacle"];
    assert_eq!(spare["kind"], "unfit", "{untagged:#}");
    assert!(
        spare["message"].as_str().unwrap().contains("`tags`"),
        "{spare}"
    );
    let refused = explained(&world, json!({"model": "two", "key": "narrow"})).await;
    assert_eq!(refused["outcome"]["code"], "model_access_denied");
}

#[tokio::test]
async fn an_operator_isolates_a_target_and_takes_it_back() {
    let world = World::with(TWO).await;
    let folder = world.folder.path();
    let isolate = ["connection", "isolate", "sim", "--model", "echo"];
    let text = printed(&tollgate(folder, &isolate));
    assert!(text.contains("isolated"), "{text}");
    let answer = chat(&world, "pair").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-tollgate-connection"), "lenient");
    let explained = printed(&tollgate(folder, &["explain", "--model", "pair"]));
    assert!(
        explained.starts_with("pair: asks connection lenient for echo first\n"),
        "{explained}"
    );
    assert!(
        explained.contains("An operator has isolated it"),
        "{explained}"
    );
    printed(&tollgate(folder, &["connection", "close", "sim"]));
    let answer = chat(&world, "pair").await;
    assert_eq!(answer.header("x-tollgate-connection"), "sim");
}

#[tokio::test]
async fn connections_are_shown_without_what_they_are_opened_with() {
    let world = World::with(TWO).await;
    let list = world.gateway.get("/api/connections").admin().send().await;
    assert!(!list.text().contains(PROVIDER_KEY));
    let list = list.json();
    let rows = list["connections"].as_array().unwrap();
    let sim = rows.iter().find(|row| row["name"] == "sim").unwrap();
    assert_eq!(sim["endpoint_url"], format!("http://{}/v1", world.provider));
    assert_eq!(sim["provider"], json!({"key": "openai", "name": "OpenAI"}));
    assert_eq!(sim["status"], "active");
    let path = "/api/connections/gone%2Faway";
    let one = world.gateway.get(path).admin().send().await;
    assert_eq!(one.json()["id"], "gone/away");

    let unknown = world.gateway.get("/api/connections/none").admin().send();
    assert_eq!(
        unknown.await.outcome(),
        (404, "resource_not_found".to_owned())
    );
    let keyed = world.gateway.get("/api/connections").key(KEY).send().await;
    assert_eq!(keyed.status, 403);
    let body = json!({"action": "kick", "modl": "echo"});
    let faulty = world.gateway.post("/api/connections/sim/breaker", &body);
    let faulty = faulty.admin().send().await;
    assert_eq!(faulty.outcome(), (400, "invalid_request".to_owned()));
    for field in ["action", "modl"] {
        assert!(faulty.text().contains(field), "{}", faulty.text());
    }
}

// The provider has to answer while this thread waits for a command.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_tested_and_a_failed_test_is_a_result() {
    let world = World::with(TWO).await;
    let folder = world.folder.path();
    let good = tollgate(folder, &["connection", "test", "sim"]);
    let text = printed(&good);
    assert!(text.starts_with("sim: ok in "), "{text}");
    let row = world
        .gateway
        .get("/api/connections/sim")
        .admin()
        .send()
        .await;
    assert!(row.json()["last_tested_at"].is_string(), "{row:?}");

    let bad = tollgate(folder, &["connection", "test", "gone/away"]);
    let text = String::from_utf8(bad.stdout.clone()).unwrap();
    assert_eq!(bad.status.code(), Some(1), "{text}");
    assert!(text.contains("provider_unreachable"), "{text}");
    let path = "/api/connections/gone%2Faway/test";
    let answer = world.gateway.post(path, "").admin().send().await;
    assert_eq!(answer.status, 200, "the API has done what it was asked to");
    let answer = answer.json();
    assert_eq!(answer["success"], false);
    assert_eq!(answer["code"], "provider_unreachable");

    let none = tollgate(folder, &["connection", "test", "none"]);
    let text = String::from_utf8(none.stderr).unwrap();
    assert!(
        text.contains("`tollgate connection list`") && text.contains("resource_not_found"),
        "{text}"
    );
}

#[test]
fn without_a_gateway_commands_work_from_the_configuration_and_leave_the_folder_alone() {
    let folder = Folder::new();
    let config = format!(
        "[[connections]]\nname = \"sim\"\nprovider = \"simulated\"\n\n[[models]]\nname = \"m\"\n\
         targets = [{{ connection = \"sim\", model = \"echo\" }}]\n\n[[keys]]\nname = \"app\"\n\
         key = \"{KEY}\"\nmodels = [\"*\"]\n"
    );
    std::fs::write(folder.path().join("tollgate.toml"), config).unwrap();
    let list = tollgate(folder.path(), &["connection", "list"]);
    let text = printed(&list);
    assert!(text.contains("sim") && text.contains("simulated"), "{text}");
    let noted = String::from_utf8(list.stderr).unwrap();
    assert!(noted.contains("no gateway runs"), "{noted}");
    let tested = printed(&tollgate(folder.path(), &["connection", "test", "sim"]));
    assert!(tested.starts_with("sim: ok"), "{tested}");
    let line = ["explain", "--model", "m", "--key", "app", "--json"];
    let explained: Value = serde_json::from_str(&printed(&tollgate(folder.path(), &line))).unwrap();
    assert_eq!(explained["key"]["name"], "app");
    assert_eq!(explained["outcome"]["connection"], "sim");
    for line in [
        &["connection", "open", "sim"][..],
        &["maintenance", "status"],
    ] {
        let output = tollgate(folder.path(), line);
        assert_eq!(output.status.code(), Some(1), "{line:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains("no gateway runs"), "{text}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
