//! Everything that must survive, in a PostgreSQL database.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;
use tollgate_store::testing::ScratchDatabase;

use crate::world::{Folder, Gateway};

/// A folder whose configuration names this database.
fn folder(database: &ScratchDatabase) -> Folder {
    let folder = Folder::new();
    let config = format!("[database]\nurl = \"{}\"\n", database.url());
    std::fs::write(folder.path().join("tollgate.toml"), config).unwrap();
    folder
}

fn tollgate(folder: &Folder, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap()
}

fn made(folder: &Folder, name: &str) -> String {
    let output = tollgate(folder, &["key", "create", name, "--json"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    made["key"].as_str().unwrap().to_owned()
}

async fn status(gateway: &Gateway, key: &str) -> u16 {
    let answer = gateway.get("/v1/auth/validate").key(key).send().await;
    answer.status.as_u16()
}

#[tokio::test]
async fn keys_survive_kills_and_are_made_with_and_without_a_gateway() {
    let database = ScratchDatabase::new();
    let folder = folder(&database);
    let first = made(&folder, "without a gateway");
    let mut gateway = Gateway::start(folder.path(), &["--listen", "127.0.0.1:0"]);
    let second = made(&folder, "beside a gateway");
    gateway.signal("KILL");
    gateway.wait_for_end();
    let gateway = Gateway::start(folder.path(), &["--listen", "127.0.0.1:0"]);
    for key in [&first, &second] {
        assert_eq!(status(&gateway, key).await, 200);
    }
    assert_eq!(status(&gateway, "sk-tg-none").await, 401);
    let files = std::fs::read_dir(folder.path().join("tollgate-data")).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["master.key", "owner.lock", "running.json"]);
}

#[tokio::test]
async fn a_second_gateway_on_the_same_database_is_refused_wherever_it_is() {
    let database = ScratchDatabase::new();
    let (here, elsewhere) = (folder(&database), folder(&database));
    let gateway = Gateway::start(here.path(), &["--listen", "127.0.0.1:0"]);
    let output = tollgate(&elsewhere, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    let said = "another Tollgate process works with this database";
    assert!(text.contains(said), "{text}");
    drop(gateway);
}

#[tokio::test]
async fn a_gateway_goes_on_when_its_sessions_were_ended() {
    let database = ScratchDatabase::new();
    let folder = folder(&database);
    let gateway = Gateway::start(folder.path(), &["--listen", "127.0.0.1:0"]);
    // As when a server is restarted.
    database.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    let begin = Instant::now();
    while gateway.get("/health/ready").send().await.status != 200 {
        assert!(begin.elapsed() < Duration::from_secs(10), "never ready");
    }
    let key = made(&folder, "afterwards");
    assert_eq!(status(&gateway, &key).await, 200);
}
