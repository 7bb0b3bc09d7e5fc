//! The example and the reference say what the code does.

use std::path::{Path, PathBuf};

use super::super::check::default_setting;
use super::super::file::{Node, Raw, read};
use super::super::schema::keys::ROOT;
use super::super::schema::{Key, Presence, find, join};
use super::super::section::Setting;
use super::super::settings_markdown;
use super::super::value::{from_integer, from_text};
use super::{directory, load, load_in, service_account};
use crate::config::Problems;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn example() -> String {
    std::fs::read_to_string(root().join("tollgate.example.toml")).unwrap()
}

/// The example with every setting in force: `#` directly before a setting goes away, `# ` before
/// a sentence stays.
fn uncommented() -> String {
    let setting = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|first: char| first == '[' || first.is_alphabetic()) => {
            format!("{rest}\n")
        }
        _ => format!("{line}\n"),
    };
    example().lines().map(setting).collect()
}

fn tree(text: &str) -> Node {
    let mut problems = Problems::default();
    let node = read(text, &mut problems);
    assert!(problems.is_empty(), "{problems}");
    node
}

/// Every value of the tree with its key, by the key's path without positions.
fn values<'a>(
    node: &'a Node,
    path: &str,
    keys: &'static [Key],
    found: &mut Vec<(String, &'static Key, &'a Node)>,
) {
    match &node.value {
        Raw::Table(entries) => {
            for entry in entries {
                let path = join(path, &entry.name);
                let key = find(keys, &entry.name).expect(&path);
                found.push((path.clone(), key, &entry.node));
                if let Some(inner) = key.kind.section() {
                    values(&entry.node, &path, inner, found);
                }
            }
        }
        Raw::List(items) => items
            .iter()
            .for_each(|item| values(item, path, keys, found)),
        _ => {}
    }
}

/// All paths of the schema.
fn paths(path: &str, keys: &'static [Key]) -> Vec<(String, &'static Key)> {
    keys.iter()
        .flat_map(|key| {
            let path = join(path, key.name);
            let below = key
                .kind
                .section()
                .map(|inner| paths(&path, inner))
                .unwrap_or_default();
            std::iter::once((path, key)).chain(below)
        })
        .collect()
}

#[test]
fn the_example_as_it_is_changes_nothing() {
    let (example, nothing) = (load(&example(), &[]).unwrap(), load("", &[]).unwrap());
    assert_eq!(example.server, nothing.server);
    assert_eq!(example.rules, nothing.rules);
    assert_eq!(example.overload, nothing.overload);
    assert_eq!(example.log, nothing.log);
    assert_eq!(example.database, nothing.database);
    assert_eq!(example.limits, nothing.limits);
    assert_eq!(example.billing.rules, nothing.billing.rules);
    assert_eq!(example.billing.settling, nothing.billing.settling);
    assert_eq!(example.request_log, nothing.request_log);
    assert_eq!(example.idempotency, nothing.idempotency);
    assert_eq!(example.surfaces, nothing.surfaces);
    assert_eq!(example.cache, nothing.cache);
    assert_eq!(example.dialect, nothing.dialect);
    assert_eq!(example.models.len(), nothing.models.len());
    assert!(example.differs_in_restart_only_keys(&nothing).is_empty());
    assert!(example.warnings.is_empty(), "{}", example.warnings);
}

#[test]
fn the_example_with_everything_in_force_has_no_problem() {
    let directory = directory("example");
    let authority = include_str!("ca.pem");
    std::fs::write(directory.join("ca.pem"), authority).unwrap();
    std::fs::write(directory.join("service-account.json"), service_account()).unwrap();
    let master_key = "a7".repeat(32);
    let variables = [
        ("AZURE_API_KEY", "key-upstream"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret-upstream"),
        ("AWS_SESSION_TOKEN", "token-upstream"),
        ("TOLLGATE_MASTER_KEY", master_key.as_str()),
        ("TOLLGATE_OLD_MASTER_KEY", master_key.as_str()),
        (
            "TOLLGATE_WEBHOOK_SECRET",
            "a-secret-of-the-example-of-32-characters",
        ),
        ("TOLLGATE_ADMIN_KEY", "admin-key-of-the-example"),
        ("OPENAI_API_KEY", "sk-upstream"),
        ("TEAM", "blue"),
        ("APP_KEY", "sk-example"),
    ];
    let config = load_in(&directory, &uncommented(), &variables).unwrap();
    assert_eq!(
        (
            config.connections.len(),
            config.models.len(),
            config.keys.len()
        ),
        (4, 6, 1)
    );
    assert!(config.warnings.is_empty(), "{}", config.warnings);
    assert!(config.unsure().is_empty(), "{}", config.unsure());
}

#[test]
fn the_example_shows_every_key_and_no_other() {
    let text = uncommented();
    let tree = tree(&text);
    let mut found = Vec::new();
    values(&tree, "", ROOT, &mut found);
    let is_shown = |path: &str| found.iter().any(|(found, _, _)| found == path);
    let missing: Vec<_> = paths("", ROOT)
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| !is_shown(path))
        .collect();
    assert!(missing.is_empty(), "not in the example: {missing:?}");
}

#[test]
fn every_default_in_the_example_is_that_of_the_code() {
    let text = uncommented();
    let tree = tree(&text);
    let mut found = Vec::new();
    values(&tree, "", ROOT, &mut found);
    for (path, key, node) in found {
        let Presence::Default(default) = key.presence else {
            continue;
        };
        let default = default_setting(key.kind, default).unwrap();
        let here = Path::new("");
        let shown = match &node.value {
            Raw::Text(text) => from_text(key.kind, &text.text, here).unwrap(),
            Raw::Integer(integer) => from_integer(key.kind, *integer).unwrap(),
            Raw::Bool(flag) => Setting::Flag(*flag),
            Raw::List(items) => {
                let [
                    Node {
                        value: Raw::Text(text),
                        ..
                    },
                ] = items.as_slice()
                else {
                    panic!("{path}: one string")
                };
                default_setting(key.kind, &text.text).unwrap()
            }
            other => panic!("{path}: {}", other.type_name()),
        };
        assert!(
            shown.same_as(&default),
            "{path}: {shown:?} is not the default {default:?}"
        );
    }
}

#[test]
fn every_default_is_valid_and_within_its_bounds() {
    for (path, key) in paths("", ROOT) {
        if let Presence::Default(default) = key.presence {
            assert!(default_setting(key.kind, default).is_some(), "{path}");
        }
    }
}

#[test]
fn every_key_says_in_sentences_what_it_does() {
    for (path, key) in paths("", ROOT) {
        assert!(
            key.text.ends_with('.') && !key.text.contains("  "),
            "{path}: {}",
            key.text
        );
        assert!(
            !key.text.contains('|'),
            "{path}: a bar would end the cell of the table"
        );
    }
}

#[test]
fn the_reference_of_settings_is_up_to_date() {
    let written = std::fs::read_to_string(root().join("docs/settings.md")).unwrap();
    assert!(written == settings_markdown(), "run `cargo xtask generate`");
}

#[test]
fn the_reference_names_every_key() {
    let text = settings_markdown();
    for (path, key) in paths("", ROOT) {
        assert!(
            text.contains(&format!("`{}`", key.name)) || text.contains(&path),
            "{path}"
        );
    }
}

/// Every example of the README that is a configuration is one.
#[test]
fn the_examples_of_the_readme_have_no_problem() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let blocks = readme.split("```toml\n").skip(1);
    let blocks: Vec<_> = blocks
        .filter_map(|rest| Some(rest.split_once("```")?.0))
        .collect();
    assert!(blocks.len() >= 3, "{}", blocks.len());
    // Together: the later ones say more about what the first ones declare.
    let text = blocks.join("\n");
    let variables = [
        ("OPENAI_API_KEY", "sk-upstream"),
        ("ANTHROPIC_API_KEY", "sk-upstream"),
        ("APP_KEY", "sk-example"),
        ("SEARCH_KEY", "sk-search-example"),
    ];
    let config = load(&text, &variables).unwrap();
    assert!(config.unsure().is_empty(), "{}", config.unsure());
    assert_eq!((config.organizations.len(), config.teams.len()), (1, 1));
}

/// The templates of the bench, filled in as it fills them in.
#[test]
fn the_templates_of_the_bench_have_no_problem() {
    for template in ["tollgate.toml", "everything.toml"] {
        let text = std::fs::read_to_string(root().join("bench/configs").join(template)).unwrap();
        let text = text
            .replace("{port}", "4000")
            .replace("{mock}", "4001")
            .replace("{run}", "run");
        let config = load(&text, &[]).unwrap();
        assert!(
            config.warnings.is_empty(),
            "{template}: {}",
            config.warnings
        );
        assert!(
            config.unsure().is_empty(),
            "{template}: {}",
            config.unsure()
        );
    }
}
