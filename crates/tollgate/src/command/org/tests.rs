//! The commands of tenants on the data of a folder, as processes of their own would run them.

use std::path::Path;

use clap::Parser;
use serde_json::Value;

use super::super::{key, team, user};
use super::*;
use crate::config::{Environment, Overrides};

#[derive(Debug, Parser)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Org(OrgArguments),
    Team(team::TeamArguments),
    User(user::UserArguments),
    Key(key::KeyArguments),
}

fn run_in(folder: &Path, line: &str) -> Result<String, String> {
    let file = folder.join("tollgate.toml");
    if !file.exists() {
        let url = format!("sqlite://{}/data/tollgate.db", folder.display());
        std::fs::write(&file, format!("[database]\nurl = {url:?}\n")).unwrap();
    }
    let environment = Environment::new(Vec::<(String, String)>::new());
    let config = Config::load(Some(&file), &environment, &Overrides::default()).unwrap();
    let words = std::iter::once("tollgate").chain(line.split_whitespace());
    let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let said = runtime.block_on(async {
        match &line.command {
            Command::Org(arguments) => act(&config, arguments).await.map(|said| said.text),
            Command::Team(arguments) => team::act(&config, arguments).await.map(|said| said.text),
            Command::User(arguments) => user::act(&config, arguments).await.map(|said| said.text),
            Command::Key(arguments) => key::act(&config, arguments).await,
        }
    });
    said.map_err(|error| error.to_string())
}

fn json_in(folder: &Path, line: &str) -> Value {
    let text = run_in(folder, &format!("{line} --json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_tree_is_made_shown_and_stopped_by_commands() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let sheet = run_in(
        folder,
        "org create Acme --id acme --budget monthly=500 --rpm 9",
    )
    .unwrap();
    assert_eq!(
        sheet,
        "id           acme\nname         Acme\nstatus       active\nlimits       9 rpm\n\
         budget       0.00 of 500.00 USD monthly\n"
    );
    run_in(folder, "team create Search --id search --organization acme").unwrap();
    let line = "user create ann@example.com --organization acme --role owner";
    let ann = json_in(folder, line)["id"].as_str().unwrap().to_owned();
    let line = format!(
        "key create ann --team search --user {ann} --permissions read,write,admin --rpm 60 \
         --budget daily=5.00 --budget total=50 --zone Europe/Berlin --addresses 10.0.0.0/8 \
         --surfaces openai_chat,admin"
    );
    let key = json_in(folder, &line);
    assert_eq!(key["team"], "search");
    assert_eq!(key["user"], ann.as_str());
    assert_eq!(key["limits"]["rpm"], 60);
    let listed = json_in(folder, "key list");
    let row = &listed["keys"][0];
    assert_eq!(row["organization"], "acme");
    assert_eq!(row["budgets"][0]["zone"], "Europe/Berlin");
    assert_eq!(row["budgets"][1]["usd"], "50.00");

    let sheet = run_in(folder, "team pause search").unwrap();
    assert!(sheet.contains("status       paused\n"), "{sheet}");
    let table = run_in(folder, "team list").unwrap();
    let mut lines = table.lines();
    assert!(lines.next().unwrap().starts_with("ID "), "{table}");
    assert!(
        table.contains("search   Search   acme          paused"),
        "{table}"
    );
    let sheet = run_in(folder, "org suspend acme").unwrap();
    assert!(sheet.contains("status       suspended\n"), "{sheet}");
    assert!(
        run_in(folder, "org resume acme")
            .unwrap()
            .contains("active")
    );

    let line = format!("user update {ann} --organization acme --role admin --rpm 5");
    let sheet = run_in(folder, &line).unwrap();
    assert!(sheet.contains("role         admin\n"), "{sheet}");
    assert!(sheet.contains("limits       5 rpm\n"), "{sheet}");
    let said = run_in(folder, &format!("user delete {ann} --organization acme")).unwrap();
    assert!(said.contains("ann@example.com"), "{said}");
    assert_eq!(json_in(folder, "key list")["keys"][0]["status"], "revoked");
    let none = json_in(folder, "user list --organization acme");
    assert_eq!(none["members"], serde_json::json!([]));
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_made_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for line in ["org list", "team pause search", "user list"] {
        let refused = run_in(folder, line).unwrap_err();
        assert!(refused.contains("there is no store"), "{refused}");
    }
    assert!(!folder.join("data").exists());
    let refused = run_in(folder, "org create Acme --id a/b --budget yearly=x").unwrap_err();
    for path in ["`id`", "`budgets[0].period`", "`budgets[0].usd`"] {
        assert!(refused.contains(path), "{refused}");
    }
    let refused = run_in(folder, "team create Search --organization nowhere").unwrap_err();
    assert!(
        refused.contains("There is no organization of this id"),
        "{refused}"
    );
    let refused = run_in(folder, "key create app --permissions admin").unwrap_err();
    assert!(refused.contains("needs a user"), "{refused}");
}
