//! No credential shows itself: not in a problem, not in a warning, not in `Debug`.

use super::super::source::{Source, read};
use super::super::{Environment, Overrides};
use super::{directory, load};

const CANARY: &str = "canary";

/// Files that hold a canary wherever a credential could stand, in ways that are wrong.
const WRONG: &[&str] = &[
    "[admin]\nkey = 'canary with blanks'\n",
    "[admin]\nkey = ['canary-in-a-list']\n",
    "[admin]\nkey = canary\n",
    "[admin]\nkey = 'canary\n",
    "[admin]\nkey = '${canary-sk}'\n",
    "[admin]\nkey = '${sk-canary'\n",
    "[secrets]\nmaster_key = 'canary'\n",
    "[database]\nurl = 'postgres://u:canary@h/'\n",
    "[database]\nurl = 'postgres://u:p@h/d?sslmode=canary'\n",
    "[database]\nurl = 'mysql://u:canary@h/d'\n",
    "[server]\nlisten = 'canary'\nbody_limit = 'canary'\nmax_streams = 'canary'\n",
    "[server]\npublic_url = 'https://canary@h'\nenvironment = 'canary'\n",
    "[log]\nlevel = 'canary'\n[errors]\ndialect = 'canary'\n",
    "[[connections]]\nname = 'x'\nprovider = 'sk-canary'\napi_key = \"canary\\n\"\n",
    "[[connections]]\nname = 'x'\nprovider = 'openai'\napi_key = 'k'\nbase_url = 'http://u:canary@h/v1'\n",
    "[[connections]]\nname = 'x'\nprovider = 'openai'\napi_key = 'k'\nbase_url = 'http://canary h'\n",
    "[[connections]]\nname = 'x'\nprovider = 'openai'\napi_key = 'k'\norganization = \"canary\\u00e9\"\n",
    "[[connections]]\nname = 'x'\nprovider = 'openai'\napi_key = 'k'\nheaders = { authorization = 'canary', x-a = \"canary\\n\" }\n",
    "[[keys]]\nname = 'x'\nkey = 'pk-canary'\n",
    "[[keys]]\nname = 'x'\nkey = 'sk-canary'\n[[keys]]\nname = 'x'\nkey = 'sk-canary'\n",
    "[[keys]]\nname = 'x'\nkey = 'sk-tg-test-canary'\nexpires_at = 'canary'\n",
    "[[models]]\nname = 'x'\ntargets = [{ connection = 'canary', model = 'x' }]\n",
    "[routing]\ntimeouts = { idle_ms = 'canary' }\n",
];

#[test]
fn no_problem_quotes_a_value() {
    for text in WRONG {
        let problems = load(text, &[]).expect_err(text);
        let shown = format!("{problems} {problems:?}");
        assert!(!shown.contains(CANARY), "in:\n{text}found: {problems}");
    }
}

#[test]
fn no_problem_quotes_a_variable() {
    let texts = [
        "[admin]\nkey = '${V}'\n",
        "[server]\nlisten = '${V}'\nmax_streams = '${V}'\n",
    ];
    for text in texts {
        let problems = load(text, &[("V", "canary with blanks")]).unwrap_err();
        assert!(
            !format!("{problems} {problems:?}").contains(CANARY),
            "{problems}"
        );
    }
    for variable in [
        "ADMIN__KEY",
        "SERVER__LISTEN",
        "KEYS__0",
        "MODELS__0__TARGETS",
        "CONNECTIONS__0__HEADERS",
    ] {
        let variable = format!("TOLLGATE_{variable}");
        let problems = load("", &[(&variable, "canary = canary")]).unwrap_err();
        assert!(
            !format!("{problems} {problems:?}").contains(CANARY),
            "{problems}"
        );
    }
}

#[test]
fn debug_shows_no_credential() {
    let text = "\
[secrets]
master_key = 'canarycanarycanarycanarycanarycanarycanaryA='
[admin]
key = 'canary-admin-key-1234'
[[connections]]
name = 'x'
provider = 'openai'
api_key = 'sk-canary'
headers = { x-secret = 'canary' }
[[models]]
name = 'x'
targets = [{ connection = 'x', model = 'x' }]
[[keys]]
name = 'x'
key = 'sk-canary-2'
models = ['x', 'y']
";
    let environment = Environment::new([("V", CANARY)]);
    let config = load(text, &[]).unwrap();
    let shown = format!("{config:?} {config:#?} {environment:?} {}", config.warnings);
    assert!(config.keys[0].key.expose().contains(CANARY));
    assert!(!shown.contains(CANARY), "{shown}");
}

#[test]
fn credentials_in_a_file_that_others_may_read_are_doubtful() {
    let directory = directory("literal");
    std::fs::write(directory.join("key"), "sk-from-file").unwrap();
    for (key, readable_by_others, warnings) in [
        ("sk-literal", true, 1),
        ("sk-literal", false, 0),
        ("${V}", true, 0),
        ("${file:key}", true, 0),
    ] {
        let source = Source {
            file: Some(directory.join("t.toml")),
            text: format!("[[keys]]\nname = 'x'\nkey = '{key}'\n"),
            readable_by_others,
        };
        let environment = Environment::new([("V", "sk-variable")]);
        let config = read(&source, &environment, &Overrides::default()).unwrap();
        assert_eq!(
            config.warnings.len(),
            warnings,
            "{key}: {}",
            config.warnings
        );
    }
}

#[cfg(unix)]
#[test]
fn whether_others_may_read_a_file_is_seen() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = directory("mode");
    let file = directory.join("t.toml");
    std::fs::write(&file, "").unwrap();
    for (mode, open) in [(0o600, false), (0o640, true), (0o604, true)] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(
            Source::open(Some(&file)).unwrap().readable_by_others,
            open,
            "{mode:o}"
        );
    }
}
