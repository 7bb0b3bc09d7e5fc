use clap::Parser;
use serde_json::json;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    key: KeyArguments,
}

fn parse(line: &str) -> Result<KeyArguments, clap::Error> {
    let words = std::iter::once("key").chain(line.split_whitespace());
    Line::try_parse_from(words).map(|line| line.key)
}

/// Runs a line on the data of a folder, as a process of its own would.
fn run_in(folder: &Path, line: &str) -> Result<String, String> {
    let file = folder.join("tollgate.toml");
    if !file.exists() {
        let url = format!("sqlite://{}/data/tollgate.db", folder.display());
        std::fs::write(&file, format!("[database]\nurl = {url:?}\n")).unwrap();
    }
    let environment = Environment::new(Vec::<(String, String)>::new());
    let config = Config::load(Some(&file), &environment, &Overrides::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime
        .block_on(act(&config, &parse(line).unwrap()))
        .map_err(|error| error.to_string())
}

#[test]
fn a_line_becomes_a_call() {
    for (line, method, path, body) in [
        (
            "create app",
            Method::POST,
            "/api/keys",
            json!({"name": "app"}),
        ),
        (
            "create app --models a,b/* --permissions read --expires-in-days 3 --dialect problem \
             --priority low",
            Method::POST,
            "/api/keys",
            json!({
                "name": "app", "models": ["a", "b/*"], "permissions": ["read"],
                "expires_in_days": 3, "error_dialect": "problem",
                "priority": "low",
            }),
        ),
        (
            "create app --expires-at 2030-01-01T00:00:00Z",
            Method::POST,
            "/api/keys",
            json!({"name": "app", "expires_at": "2030-01-01T00:00:00Z"}),
        ),
        ("list --json", Method::GET, "/api/keys", Value::Null),
        (
            "revoke key_01ab",
            Method::DELETE,
            "/api/keys/key_01ab",
            Value::Null,
        ),
        (
            "rotate key_01ab",
            Method::POST,
            "/api/keys/key_01ab/rotate",
            Value::Null,
        ),
        (
            "revoke ../health?x#y",
            Method::DELETE,
            "/api/keys/-",
            Value::Null,
        ),
        (
            "rotate a/b",
            Method::POST,
            "/api/keys/-/rotate",
            Value::Null,
        ),
    ] {
        let call = call(&parse(line).unwrap().action);
        assert_eq!((call.method, &*call.path), (method, path), "{line}");
        assert_eq!(call.body.unwrap_or_default(), body, "{line}");
    }
    for line in [
        "",
        "create",
        "revoke",
        "create a --expires-in-days 1 --expires-at x",
        "list x",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}

#[test]
fn keys_are_managed_without_a_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let made: Value = serde_json::from_str(
        &run_in(
            folder.path(),
            "create app --models sim/* --priority high --json",
        )
        .unwrap(),
    )
    .unwrap();
    let id = made["id"].as_str().unwrap();
    let text = made["key"].as_str().unwrap();
    assert!(text.starts_with("sk-tg-"));

    let listed = run_in(folder.path(), "list").unwrap();
    let line = listed.lines().nth(1).unwrap();
    for part in [id, "app", "active", "sim/*", "high"] {
        assert!(line.contains(part), "{line}");
    }
    assert!(!listed.contains(text));

    let rotated = run_in(folder.path(), &format!("rotate {id}")).unwrap();
    assert!(
        rotated.contains("sk-tg-") && !rotated.contains(text),
        "{rotated}"
    );
    let revoked = run_in(folder.path(), &format!("revoke {id}")).unwrap();
    assert!(
        revoked.contains("\"app\"") && revoked.contains("revoked"),
        "{revoked}"
    );
    assert!(run_in(folder.path(), "list").unwrap().contains("revoked"));
}

#[test]
fn only_a_new_key_makes_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for line in ["list", "list --json", "revoke key_0", "rotate key_0"] {
        let refused = run_in(folder.path(), line).unwrap_err();
        let path = data.join("tollgate.db").display().to_string();
        assert!(
            refused.contains(&path) && refused.contains("--config"),
            "{refused}"
        );
        assert!(!data.exists(), "{line}");
    }
    run_in(folder.path(), "create app").unwrap();
    assert!(run_in(folder.path(), "list").unwrap().contains("app"));
}

#[test]
fn what_is_refused_is_told_with_its_code() {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), "create app").unwrap();
    let refused = run_in(folder.path(), "revoke key_0").unwrap_err();
    for part in [
        "no key of this id",
        "`tollgate key list`",
        "(resource_not_found)",
    ] {
        assert!(refused.contains(part), "{refused}");
    }
    let refused = run_in(folder.path(), "create app --expires-in-days 0 --dialect x").unwrap_err();
    for part in ["`expires_in_days`", "`error_dialect`", "(invalid_request)"] {
        assert!(refused.contains(part), "{refused}");
    }
}

#[test]
fn declared_keys_are_listed_and_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/data/tollgate.db", folder.path().display());
    let toml = format!(
        "[database]\nurl = {url:?}\n\n[[keys]]\nname = \"mine\"\nkey = \"sk-mine-0123456789abcdef\"\n"
    );
    std::fs::write(folder.path().join("tollgate.toml"), toml).unwrap();
    run_in(folder.path(), "create other").unwrap();
    let listed: Value =
        serde_json::from_str(&run_in(folder.path(), "list --json").unwrap()).unwrap();
    let keys = listed["keys"].as_array().unwrap();
    let mine = keys.iter().find(|key| key["name"] == "mine").unwrap();
    let id = mine["id"].as_str().unwrap();
    let refused = run_in(folder.path(), &format!("rotate {id}")).unwrap_err();
    assert!(
        refused.contains("tollgate.toml") && refused.contains("(conflict)"),
        "{refused}"
    );
}

#[test]
fn names_cannot_steer_the_terminal() {
    let answer =
        json!({"keys": [{"id": "key_1", "name": "a\u{1b}[31mb\nc", "models": ["x", "y"]}]});
    let text = table(&answer);
    assert_eq!(text.lines().count(), 2);
    assert!(text.contains("a?[31mb?c") && text.contains("x,y"), "{text}");
}
