//! What a configuration without problems comes to.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tollgate_core::error::dialect::Dialect;
use tollgate_core::format::Format;
use tollgate_core::model::Timeouts;
use tollgate_core::route::rules::Rules;
use tollgate_core::time::Timestamp;
use tollgate_upstream::ConnectionSettings;
use tollgate_upstream::provider::{Home, PROVIDERS};
use tollgate_upstream::settings::{HttpVersion, Identity};

use super::super::{Config, Deployment, Environment, Log, LogFormat, Overrides, Place};
use super::{directory, load, load_in, service_account};

/// A connection and a model, ready for more keys.
const MAIN: &str = "\
[[models]]
name = 'openai/gpt-4o'
aliases = ['gpt-4o']
targets = [{ connection = 'main', model = 'gpt-4o', priority = 0, weight = 1 }]
[[connections]]
name = 'main'
provider = 'openai'
api_key = '${KEY}'
";

const KEY: (&str, &str) = ("KEY", "sk-upstream");

fn texts(config: &Config) -> Vec<String> {
    config.warnings.lines().collect()
}

#[test]
fn nothing_configured_is_the_simulated_provider_with_every_default() {
    let config = load("", &[]).unwrap();
    let server = &config.server;
    assert_eq!(server.listen, SocketAddr::from(([127, 0, 0, 1], 4000)));
    assert_eq!(server.public_url, None);
    assert_eq!(
        (server.body_limit, server.header_limit),
        (20 << 20, 32 << 10)
    );
    assert_eq!((server.max_connections, server.max_streams), (10_000, 200));
    assert_eq!(server.header_timeout, Duration::from_secs(10));
    assert_eq!(server.body_timeout, Duration::from_mins(1));
    assert_eq!(server.write_timeout, Duration::from_secs(30));
    assert_eq!(server.keep_alive, Duration::from_secs(15));
    assert_eq!(server.shutdown, Duration::from_secs(30));
    assert_eq!(config.deployment, Deployment::Live);
    assert_eq!(
        config.log,
        Log {
            format: LogFormat::Text,
            level: "info"
        }
    );
    assert_eq!(config.dialect, Dialect::OpenAi);
    assert_eq!(config.rules, Rules::default());
    assert_eq!(config.database.url, "sqlite://tollgate-data/tollgate.db");
    assert_eq!(config.database.directory, Path::new("tollgate-data"));
    assert!(config.master_key.is_none() && config.admin_key.is_none());
    assert!(config.keys.is_empty());
    let [connection] = config.connections.as_slice() else {
        panic!("one connection")
    };
    let connection = &connection.settings;
    assert_eq!(
        (&*connection.name, connection.provider.home),
        ("sim", Home::InProcess)
    );
    let [model] = config.models.as_slice() else {
        panic!("one model")
    };
    assert_eq!(
        (
            &*model.name,
            &*model.targets[0].target.connection,
            &*model.targets[0].target.model
        ),
        ("sim/*", "sim", "*")
    );
    assert_eq!(texts(&config), Vec::<String>::new());
}

#[test]
fn a_declared_connection_takes_the_place_of_the_simulated_one() {
    let config = load(MAIN, &[KEY]).unwrap();
    let [connection] = config.connections.as_slice() else {
        panic!("one connection")
    };
    let connection = &connection.settings;
    assert_eq!(&*connection.name, "main");
    assert_eq!(
        connection.credential.as_ref().unwrap().expose(),
        "sk-upstream"
    );
    let [model] = config.models.as_slice() else {
        panic!("one model")
    };
    assert_eq!(&*model.aliases[0], "gpt-4o");
    let target = &model.targets[0].target;
    assert_eq!((&*target.connection, &*target.model), ("main", "gpt-4o"));
}

#[test]
fn models_may_use_the_simulated_provider_beside_its_own_names() {
    let text = "[[models]]\nname = 'test'\ntargets = [{ connection = 'sim', model = 'echo' }]\n";
    let config = load(text, &[]).unwrap();
    let names = config
        .models
        .iter()
        .map(|model| &*model.name)
        .collect::<Vec<_>>();
    assert_eq!(names, ["test", "sim/*"]);
}

#[test]
fn everything_about_a_connection_is_read() {
    let text = "\
[[connections]]
name = 'x'
provider = 'openai-compatible'
base_url = 'http://${HOST}/v1/'
organization = 'org-1'
headers = { X-Title = 'Toll ${HOST}', x-api-key = 'k' }
http = '2'
[[models]]
name = 'x/*'
targets = [{ connection = 'x' }]
";
    let config = load(text, &[("HOST", "127.0.0.1:8000")]).unwrap();
    let [connection] = config.connections.as_slice() else {
        panic!("one connection")
    };
    let connection = &connection.settings;
    assert_eq!(connection.organization.as_deref(), Some("org-1"));
    assert_eq!(connection.http, HttpVersion::Http2);
    assert_eq!(connection.headers.len(), 2);
    let title = connection
        .headers
        .iter()
        .find(|(name, _)| name == "x-title")
        .unwrap();
    assert_eq!(title.1, "Toll 127.0.0.1:8000");
    assert!(
        connection.credential.is_none(),
        "a server of one's own may want none"
    );
    assert_eq!(&*config.models[0].targets[0].target.model, "*");
}

/// One connection of this provider, with these further settings.
fn one(provider: &str, settings: &str, variables: &[(&str, &str)]) -> ConnectionSettings {
    let text = format!(
        "[[connections]]\nname = 'x'\nprovider = '{provider}'\n{settings}\n\
         [[models]]\nname = 'x/*'\ntargets = [{{ connection = 'x' }}]\n"
    );
    let mut config = load(&text, variables).unwrap();
    assert_eq!(texts(&config), Vec::<String>::new(), "{text}");
    config.connections.pop().unwrap().settings
}

#[test]
fn every_provider_can_be_connected_with_what_it_needs() {
    let key = "api_key = '${KEY}'\n";
    for provider in PROVIDERS {
        let settings = match (provider.name, provider.home) {
            ("azure", _) => "base_url = 'https://r.openai.azure.com'\n",
            ("bedrock", _) => "region = 'us-east-1'\n",
            ("vertex", _) => "location = 'global'\nproject = 'p'\n",
            (_, Home::Configured) => "base_url = 'http://127.0.0.1:8000/v1'\n",
            _ => "",
        };
        let key = if provider.keyless { "" } else { key };
        let settings = one(provider.name, &format!("{settings}{key}"), &[KEY]);
        settings.check().unwrap();
        assert_eq!(settings.credential.is_some(), !provider.keyless);
    }
}

#[test]
fn an_access_key_and_its_region_are_read() {
    let text = "region = 'eu-west-1'\naccess_key_id = '${KEY}'\nsecret_access_key = '${KEY}'\n\
                session_token = '${KEY}'";
    let connection = one("bedrock", text, &[KEY]);
    assert_eq!(connection.region.as_deref(), Some("eu-west-1"));
    let Some(Identity::AccessKey(key)) = connection.identity else {
        panic!("an access key")
    };
    assert_eq!(key.session_token.unwrap().expose(), "sk-upstream");
    assert!(connection.credential.is_none());
}

#[test]
fn a_service_account_is_read_from_a_file_and_names_its_project() {
    let directory = directory("account");
    std::fs::write(directory.join("key.json"), service_account()).unwrap();
    let text = "[[connections]]\nname = 'x'\nprovider = 'vertex'\nlocation = 'global'\n\
                service_account = '${file:key.json}'\n\
                [[models]]\nname = 'x/*'\ntargets = [{ connection = 'x' }]\n";
    let connection = |text: &str| {
        let mut config = load_in(&directory, text, &[]).unwrap();
        config.connections.pop().unwrap().settings
    };
    let found = connection(text);
    assert!(matches!(found.identity, Some(Identity::ServiceAccount(_))));
    assert_eq!(found.project.as_deref(), Some("p-of-account"));
    let other = text.replace("'global'", "'global'\nproject = 'other'");
    assert_eq!(connection(&other).project.as_deref(), Some("other"));
}

#[test]
fn a_connection_may_be_held_to_a_format_and_to_bearer_tokens() {
    let text = "api_key = '${KEY}'\nbase_url = 'http://h/v1'\nformat = 'responses'";
    let connection = one("openai-compatible", text, &[KEY]);
    assert_eq!(connection.format, Some(Format::Responses));
    assert!(!connection.bearer);
    let text = "api_key = '${KEY}'\nbase_url = 'https://h'\nauth = 'bearer'\n\
                api_version = '2024-10-21'";
    let connection = one("azure", text, &[KEY]);
    assert!(connection.bearer);
    assert_eq!(connection.api_version.as_deref(), Some("2024-10-21"));
}

#[test]
fn a_model_overrides_single_timeouts() {
    let text = format!("[routing.timeouts]\nidle_ms = 700\n{MAIN}");
    let text = text.replace("aliases", "timeouts = { connect_ms = 20 }\naliases");
    let config = load(&text, &[KEY]).unwrap();
    let timeouts = config.models[0].rules.timeouts;
    assert_eq!(timeouts.connect, Duration::from_millis(20));
    assert_eq!(timeouts.idle, Duration::from_millis(700));
    assert_eq!(timeouts.total, Timeouts::default().total);
}

#[test]
fn everything_about_a_key_is_read() {
    let text = "\
[[keys]]
name = 'app'
team = 'default'
key = 'sk-bench'
models = ['sim/*']
error_dialect = 'langmart'
expires_at = 2027-01-31T00:00:00+01:00
[[keys]]
name = 'other'
key = 'sk-other1'
expires_at = '2027-01-30T23:00:00Z'
";
    let config = load(text, &[]).unwrap();
    let [app, other] = config.keys.as_slice() else {
        panic!("two keys")
    };
    assert_eq!(app.key.expose(), "sk-bench");
    assert_eq!(app.facts.models.patterns().collect::<Vec<_>>(), ["sim/*"]);
    assert_eq!(other.facts.models.patterns().collect::<Vec<_>>(), ["*"]);
    assert_eq!(app.facts.error_dialect, Some(Dialect::LangMart));
    assert_eq!(
        app.facts.expires_at,
        Some(Timestamp::from_millis(1_801_350_000_000))
    );
    assert_eq!(other.facts.expires_at, app.facts.expires_at);
}

#[test]
fn a_test_deployment_takes_test_keys() {
    let text = "server.environment = 'test'\n[[keys]]\nname = 'x'\nkey = 'sk-tg-test-1'\n";
    assert_eq!(load(text, &[]).unwrap().deployment, Deployment::Test);
}

#[test]
fn the_environment_wins_over_the_file_and_the_command_line_over_both() {
    let text = "[server]\nlisten = '127.0.0.1:1'\nmax_streams = 1\n";
    let variables = [
        ("TOLLGATE_SERVER__LISTEN", "127.0.0.1:2"),
        ("TOLLGATE_SERVER__MAX_STREAMS", "2"),
    ];
    let config = load(text, &variables).unwrap();
    assert_eq!(
        (config.server.listen.port(), config.server.max_streams),
        (2, 2)
    );

    let overrides = Overrides {
        listen: Some("127.0.0.1:3".to_owned()),
    };
    let source = super::Source {
        file: None,
        text: text.to_owned(),
        readable_by_others: false,
    };
    let config = super::read(&source, &Environment::new(variables), &overrides).unwrap();
    assert_eq!(
        (config.server.listen.port(), config.server.max_streams),
        (3, 2)
    );

    let overrides = Overrides {
        listen: Some("nowhere".to_owned()),
    };
    let problems = super::read(&source, &Environment::new(variables), &overrides).unwrap_err();
    let [problem] = problems.iter().collect::<Vec<_>>()[..] else {
        panic!("one problem")
    };
    assert_eq!(problem.place, Place::CommandLine("--listen"));
}

#[test]
fn variables_alone_can_configure_everything() {
    let variables = [
        ("TOLLGATE_CONNECTIONS__0__NAME", "main"),
        ("TOLLGATE_CONNECTIONS__0__PROVIDER", "openai-compatible"),
        ("TOLLGATE_CONNECTIONS__0__BASE_URL", "http://127.0.0.1:1/v1"),
        ("TOLLGATE_CONNECTIONS__0__API_KEY", "${KEY}"),
        ("TOLLGATE_CONNECTIONS__0__HEADERS__X_TITLE", "a"),
        (
            "TOLLGATE_CONNECTIONS__1",
            "{ name = 'more', provider = 'simulated' }",
        ),
        ("TOLLGATE_MODELS__0__NAME", "a"),
        ("TOLLGATE_MODELS__0__ALIASES", "b, c"),
        ("TOLLGATE_MODELS__0__TARGETS__0__CONNECTION", "main"),
        ("TOLLGATE_MODELS__0__TARGETS__0__MODEL", "m"),
        ("TOLLGATE_MODELS__0__TIMEOUTS__IDLE_MS", "50"),
        (
            "TOLLGATE_MODELS__1",
            "{ name = 'more/*', targets = [{ connection = 'more' }] }",
        ),
        ("TOLLGATE_KEYS__0__NAME", "k"),
        ("TOLLGATE_KEYS__0__KEY", "sk-12345"),
        ("TOLLGATE_KEYS__0__MODELS", "['a', \"more/*\"]"),
        ("TOLLGATE_SERVER__BODY_LIMIT", "1MiB"),
        ("TOLLGATE_CONFIG", "elsewhere.toml"),
        ("TOLLGATE_ADMIN_KEY", "not-a-setting"),
        KEY,
    ];
    let config = load("", &variables).unwrap();
    assert_eq!(texts(&config), Vec::<String>::new());
    let main = &config.connections[0].settings;
    assert_eq!(main.credential.as_ref().unwrap().expose(), "sk-upstream");
    assert_eq!(main.headers[0].0, "x-title");
    assert_eq!(config.connections[1].name(), "more");
    assert_eq!(config.models[0].aliases.len(), 2);
    assert_eq!(
        config.models[0].rules.timeouts.idle,
        Duration::from_millis(50)
    );
    assert_eq!(config.keys[0].facts.models.patterns().count(), 2);
    assert_eq!(config.server.body_limit, 1 << 20);
    assert!(config.admin_key.is_none());
}

#[test]
fn variables_fill_lists_in_the_order_of_their_positions() {
    let variables: Vec<_> = (0..12)
        .flat_map(|index| {
            let variable = |key: &str| format!("TOLLGATE_KEYS__{index}__{key}");
            [
                (variable("NAME"), format!("k{index}")),
                (variable("KEY"), format!("sk-1234{index}")),
            ]
        })
        .collect();
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let config = load("", &variables).unwrap();
    assert_eq!(*config.keys[11].facts.name, *"k11");
}

#[test]
fn numbers_and_files_may_come_from_elsewhere() {
    let directory = directory("elsewhere");
    std::fs::write(directory.join("key"), "sk-from-file\n").unwrap();
    let text = "server.keep_alive_ms = '${MS}'\n[[keys]]\nname = 'x'\nkey = '${file:key}'\n";
    let config = load_in(&directory, text, &[("MS", "20")]).unwrap();
    assert_eq!(config.server.keep_alive, Duration::from_millis(20));
    assert_eq!(config.keys[0].key.expose(), "sk-from-file");
}

/// A file → what is doubtful in it, as `LINE:COLUMN: key: message`.
const WARNINGS: &[(&str, &[&str])] = &[
    (
        "[server]\nlisten = '0.0.0.0:4000'\n",
        &["2:10: server.listen: callers of other machines"],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'simulated'\n",
        &[" models: no models are declared"],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'simulated'\n[[connections]]\nname = 'y'\n\
         provider = 'simulated'\n[[models]]\nname = 'y/*'\ntargets = [{ connection = 'y' }]\n",
        &["2:8: connections[0].name: no model uses this connection"],
    ),
    (
        "[[keys]]\nname = 'x'\nkey = 'sk-12345'\nmodels = ['sim/echo', 'sin/echo', 's*', 'sim/e*', 'b*']\n",
        &[
            "4:23: keys[0].models[1]: matches no model",
            "4:51: keys[0].models[4]: matches no model",
        ],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'simulated'\napi_key = 'k'\n\
         [[models]]\nname = 'x/*'\ntargets = [{ connection = 'x' }]\n",
        &["4:11: connections[0].api_key: the provider `simulated` takes no credential"],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'simulated'\nregion = 'a'\nlocation = 'b'\n\
         auth = 'bearer'\napi_version = '1'\n\
         [[models]]\nname = 'x/*'\ntargets = [{ connection = 'x' }]\n",
        &[
            "4:10: connections[0].region: the provider `simulated` makes no use of it",
            "5:12: connections[0].location: the provider `simulated` makes no use of it",
            "6:8: connections[0].auth: the provider `simulated` has no other way",
            "7:15: connections[0].api_version: the provider `simulated` makes no use of it",
        ],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'anthropic'\napi_key = 'k'\norganization = 'o'\n\
         [[models]]\nname = 'x/*'\ntargets = [{ connection = 'x' }]\n",
        &["5:16: connections[0].organization: the provider `anthropic` makes no use of it"],
    ),
    (
        "[limits]\nkey = { burst = 5 }\nteam = { rpm = 10, burst = 11 }\n",
        &[
            "2:17: limits.key.burst: has no effect without `rpm`",
            "3:28: limits.team.burst: is more than `rpm`",
        ],
    ),
    // What is left out comes from the level.
    (
        "[limits]\nteam = { rpm = 10 }\n[[teams]]\nname = 'a'\nlimits = { burst = 5 }\n\
         [[teams]]\nname = 'b'\nlimits = { burst = 20 }\n\
         [[organizations]]\nname = 'c'\nlimits = { burst = 5 }\n",
        &[
            "8:20: teams[1].limits.burst: is more than `rpm`",
            "11:20: organizations[0].limits.burst: has no effect without `rpm`",
        ],
    ),
    (
        "[[teams]]\nname = 'a'\nbudgets = [{ period = 'total', usd = '1', zone = 'UTC' }]\n",
        &["3:50: teams[0].budgets[0].zone: has no effect: a total never begins anew"],
    ),
    (
        "[billing]\nminimum_balance_usd = '5'\n",
        &["1:1: billing.low_balance_usd: is less than `minimum_balance_usd`"],
    ),
    (
        "[[keys]]\nname = 'x'\nkey = 'sk-12345'\npermissions = []\n",
        &["4:15: keys[0].permissions: allows nothing"],
    ),
    (
        "[admin]\nkey = '12345678'\n",
        &["2:7: admin.key: fewer than 16 characters"],
    ),
    (
        "[routing.timeouts]\ntotal_ms = 40000\nidle_ms = 100\nanswer_ms = 100\n",
        &["1:1: routing.timeouts.first_byte_ms: is longer"],
    ),
];

#[test]
fn what_is_doubtful_is_said_but_accepted() {
    for (text, expected) in WARNINGS {
        let found = texts(&load(text, &[]).unwrap());
        let is_same = found.len() == expected.len()
            && found.iter().zip(*expected).all(|(found, expected)| {
                found
                    .strip_prefix("t.toml:")
                    .is_some_and(|line| line.starts_with(expected))
            });
        assert!(
            is_same,
            "in:\n{text}expected: {expected:#?}\nfound: {found:#?}"
        );
    }
}

#[test]
fn a_reload_names_what_needs_a_restart() {
    let old = load(MAIN, &[KEY]).unwrap();
    let same = load(&MAIN.replace("gpt-4o", "gpt-5"), &[KEY]).unwrap();
    assert!(same.differs_in_restart_only_keys(&old).is_empty());
    let text = format!(
        "[server]\nlisten = '127.0.0.1:1'\nbody_limit = 2000\n[secrets]\nmaster_key = '{}'\n\
         [log]\nlevel = 'info'\n{MAIN}",
        "a7".repeat(32)
    );
    let new = load(&text, &[KEY]).unwrap();
    // Another master key takes effect at a reload.
    for (one, other) in [(&new, &old), (&old, &new)] {
        assert_eq!(one.differs_in_restart_only_keys(other), ["server.listen"]);
    }
}

#[test]
fn the_data_folder_is_that_of_the_database() {
    for (url, expected) in [
        ("sqlite://a/b/c.db", "a/b"),
        (
            "sqlite:///var/lib/tollgate/t.db?mode=rwc",
            "/var/lib/tollgate",
        ),
        ("sqlite://c.db", "."),
    ] {
        let config = load(&format!("database.url = '{url}'\n"), &[]).unwrap();
        assert_eq!(config.database.directory, PathBuf::from(expected), "{url}");
    }
}

#[test]
fn a_file_is_loaded_from_disk() {
    let directory = directory("disk");
    let file = directory.join("c.toml");
    std::fs::write(&file, "server.listen = '127.0.0.1:9'\n").unwrap();
    let (environment, overrides) = (Environment::default(), Overrides::default());
    let config = Config::load(Some(&file), &environment, &overrides).unwrap();
    assert_eq!(
        (config.file.as_deref(), config.server.listen.port()),
        (Some(&*file), 9)
    );

    let missing = Config::load(Some(&directory.join("none")), &environment, &overrides);
    assert!(
        missing
            .unwrap_err()
            .to_string()
            .contains("none: the configuration cannot be read")
    );

    std::fs::write(&file, b"[log]\nlevel = '\xff'\n").unwrap();
    let problems = Config::load(Some(&file), &environment, &overrides).unwrap_err();
    assert!(
        problems
            .to_string()
            .contains("c.toml:2:10: the configuration cannot be read")
    );
}
