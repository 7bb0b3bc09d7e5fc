mod routing;
mod surfaces;
mod tenants;

use super::load;

/// A connection and a model that are right, so that a row shows only its own problem.
const RIGHT: &str = "\
[[connections]]
name = 'main'
provider = 'openai'
api_key = 'sk-upstream'
[[models]]
name = 'a'
targets = [{ connection = 'main', model = 'a' }]
";

/// A file → every problem that is found in it, as `LINE:COLUMN: key: message`, in order. A
/// message is compared as far as the row writes it.
const ROWS: &[(&str, &[&str])] = &[
    // Syntax.
    ("[server]\nlisten =\n", &["2:9: syntax error: "]),
    ("[server\n", &["1:8: syntax error: "]),
    (
        "[server]\n[server]\n",
        &["2:2: syntax error: duplicate key"],
    ),
    (
        "a = b\n[log]\nlevel = 'loud'\n[admin]\nkey =\n",
        &[
            "1:5: syntax error: ",
            "3:9: log.level: expected one of",
            "5:6: ",
        ],
    ),
    // Unknown keys.
    (
        "[sever]\n",
        &["1:2: sever: unknown key; did you mean `server`?"],
    ),
    (
        "[server]\nlisten_on = 1\n",
        &["2:1: server.listen_on: unknown key"],
    ),
    (
        "[server]\nbody_limits = 1\n",
        &["2:1: server.body_limits: unknown key; did you mean `body_limit`?"],
    ),
    (
        "listen = ''\n",
        &["1:1: listen: unknown key here; `listen` belongs to `server`"],
    ),
    (
        "[log]\n'a b' = 1\n",
        &["2:1: log.\"a b\": unknown key; known here: `format`, `level`"],
    ),
    // Keys of later versions.
    (
        "[redis]\nurl = 'x'\n",
        &["1:2: redis: this version of Tollgate does not support this yet"],
    ),
    (
        "[[models]]\nname = 'x'\nprice = {input = '1,5'}\n\
         targets = [{ connection = 'sim', model = 'echo' }]\n",
        &[
            "3:9: models[0].price.output: is missing",
            "3:18: models[0].price.input: must be USD per million tokens",
        ],
    ),
    (
        "[database]\nurl = 'postgres://h:x/d'\n",
        &["2:7: database.url: must be `postgres://USER:PASSWORD@HOST:PORT/NAME`"],
    ),
    // Types.
    (
        "server = 1\n",
        &["1:10: server: expected a table, found an integer"],
    ),
    (
        "[[server]]\n",
        &["1:1: server: expected a table, found a list"],
    ),
    (
        "[connections]\n",
        &["1:1: connections: expected a list of tables, found a table"],
    ),
    (
        "connections = [1]\n",
        &["1:16: connections[0]: expected a table, found an integer"],
    ),
    (
        "[server]\nlisten = 4000\n",
        &["2:10: server.listen: expected an IP address"],
    ),
    (
        "[server]\nmax_streams = '9'\n",
        &["2:15: server.max_streams: expected a whole number, found a string"],
    ),
    (
        "[server]\nmax_streams = 1.5\n",
        &["2:15: server.max_streams: expected a whole number, found a float"],
    ),
    (
        "[server]\nmax_streams = true\n",
        &["2:15: server.max_streams: expected a whole number, found a boolean"],
    ),
    (
        "[server]\nmax_streams = 99999999999999999999\n",
        &["2:15: server.max_streams: expected a whole number, found an integer beyond 64 bits"],
    ),
    (
        "[log]\nlevel = 2027-01-31\n",
        &["2:9: log.level: expected one of"],
    ),
    (
        "[[keys]]\nname = 'x'\nkey = 'sk-12345'\nmodels = 'sim/*'\n",
        &["4:10: keys[0].models: expected a list of strings, found a string"],
    ),
    (
        "[[keys]]\nname = 'x'\nkey = 'sk-12345'\nmodels = ['sim/*', 2]\n",
        &["4:20: keys[0].models[1]: expected a string, found an integer"],
    ),
    // Values.
    (
        "[server]\nlisten = 'localhost:4000'\n",
        &["2:10: server.listen: expected an IP address"],
    ),
    (
        "[server]\nbody_limit = '20 megabytes'\n",
        &["2:14: server.body_limit: expected a size"],
    ),
    (
        "[server]\nbody_limit = '2GiB'\nheader_limit = 1\n",
        &[
            "2:14: server.body_limit: is out of bounds: 1KiB up to 1GiB is accepted",
            "3:16: server.header_limit: is out of bounds: 8KiB up to 1MiB is accepted",
        ],
    ),
    (
        "[server]\nmax_connections = 0\nkeep_alive_ms = -1\nshutdown_ms = 3600001\n",
        &[
            "2:19: server.max_connections: is out of bounds: 1 up to 1000000 is accepted",
            "3:17: server.keep_alive_ms: is out of bounds: 10 up to 600000 is accepted",
            "4:15: server.shutdown_ms: is out of bounds: 0 up to 3600000 is accepted",
        ],
    ),
    (
        "[log]\nformat = 'jsom'\n",
        &["2:10: log.format: expected one of \"text\", \"json\"; did you mean \"json\"?"],
    ),
    (
        "[errors]\ndialect = 'openia'\n",
        &["2:11: errors.dialect: expected one of \"openai\""],
    ),
    (
        "[server]\nenvironment = 'prod'\n",
        &["2:15: server.environment: expected one of \"live\", \"test\""],
    ),
    (
        "[server]\npublic_url = 'llm.example.com'\n",
        &["2:14: server.public_url: must begin with `http://`"],
    ),
    (
        "[database]\nurl = 'mysql://h/d'\n",
        &["2:7: database.url: must begin with `sqlite://`"],
    ),
    (
        "[database]\nurl = 'sqlite://'\n",
        &["2:7: database.url: must be `sqlite://` and the path"],
    ),
    (
        "[admin]\nkey = 'short'\n",
        &["2:7: admin.key: must have 8 to 512 characters"],
    ),
    (
        "[admin]\nkey = 'has a blank'\n",
        &["2:7: admin.key: must consist of visible ASCII"],
    ),
    (
        "[secrets]\nmaster_key = 'short'\n",
        &["2:14: secrets.master_key: must be 32 bytes, as 64 hexadecimal digits or as base64"],
    ),
    (
        "[secrets]\nmaster_key = 'these-are-more-than-32-characters-'\n",
        &["2:14: secrets.master_key: must be 32 bytes, as 64 hexadecimal digits or as base64"],
    ),
    // Variables and files.
    (
        "[admin]\nkey = '${UNSET}'\n",
        &["2:7: admin.key: the environment variable `UNSET` is not set"],
    ),
    (
        "[admin]\nkey = 'os.environ/UNSET'\n",
        &["2:7: admin.key: the environment variable `UNSET` is not set"],
    ),
    (
        "[admin]\nkey = '${file:missing}'\n",
        &["2:7: admin.key: the file `missing` cannot be read: "],
    ),
    (
        "[[keys]]\nname = '${ONE}${TWO}'\nkey = 'sk-12345'\n",
        &[
            "2:8: keys[0].name: the environment variable `ONE`",
            "2:8: keys[0].name: the environment variable `TWO`",
        ],
    ),
    (
        "[server]\nkeep_alive_ms = '${UNSET}'\n",
        &["2:17: server.keep_alive_ms: the environment variable `UNSET`"],
    ),
    // Connections.
    (
        "[[connections]]\n",
        &[
            "1:1: connections[0].name: is missing",
            "1:1: connections[0].provider: is missing",
        ],
    ),
    (
        "[[connections]]\nname = 'a b'\nprovider = 'opnai'\n",
        &[
            "2:8: connections[0].name: a name has no blanks",
            "3:12: connections[0].provider: this version knows no such provider: expected one of",
        ],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'openai'\n",
        &["1:1: connections[0].api_key: is missing: the provider `openai` answers nobody without"],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'openai-compatible'\n",
        &["1:1: connections[0].base_url: is missing: the provider `openai-compatible` needs it"],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'openai-compatible'\nbase_url = 'h:80/v1'\n",
        &["4:12: connections[0].base_url: must begin with `http://` or `https://`"],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'openai-compatible'\nbase_url = 'http://u:p@h/v1'\n",
        &["4:12: connections[0].base_url: must not contain a user name or password"],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'openai-compatible'\nbase_url = 'http://h/v1?a=b'\n",
        &["4:12: connections[0].base_url: must end with its path"],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'openai-compatible'\nbase_url = 'http://h:99999/'\n",
        &["4:12: connections[0].base_url: "],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'simulated'\nheaders = { authorization = 'x', 'a b' = 'c', x-a = 1, x-b = \"\\u0007\" }\n",
        &[
            "4:11: connections[0].headers: the header `authorization` cannot be declared",
            "4:34: connections[0].headers.\"a b\": is not the name of a header",
            "4:53: connections[0].headers.x-a: expected a string, found an integer",
            "4:62: connections[0].headers.x-b: must consist of visible ASCII",
        ],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'simulated'\nheaders = { authorization = 'x', Cookie = 'y', x-a = 'z' }\n",
        &[
            "4:11: connections[0].headers: the header `authorization` cannot be declared",
            "4:11: connections[0].headers: the header `cookie` cannot be declared",
        ],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'simulated'\nca_file = 'missing.pem'\nhttp = '3'\n",
        &[
            "4:11: connections[0].ca_file: the file cannot be read",
            "5:8: connections[0].http: expected one of",
        ],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'simulated'\n[[connections]]\nname = 'x'\nprovider = 'simulated'\n",
        &["5:8: connections[1].name: `connections[0].name` is the same name"],
    ),
    // Accounts at providers that want more than a key.
    (
        "[[connections]]\nname = 'x'\nprovider = 'bedrock'\n",
        &[
            "1:1: connections[0].region: is missing: the provider `bedrock` is asked in one, such as `us-east-1`",
        ],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'bedrock'\nregion = 'us-east-1'\n",
        &[
            "1:1: connections[0].api_key: is missing: the provider `bedrock` answers nobody without; an access key",
        ],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'bedrock'\nregion = 'us-east-1/../x'\napi_key = 'k'\n",
        &["4:10: connections[0].region: has characters other than letters"],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'bedrock'\nregion = 'us-east-1'\naccess_key_id = 'a'\n",
        &[
            "1:1: connections[0].secret_access_key: is missing: an access key has an id and a secret",
        ],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'bedrock'\nregion = 'us-east-1'\nsession_token = 'a'\napi_key = 'k'\n",
        &[
            "1:1: connections[0].access_key_id: is missing",
            "1:1: connections[0].secret_access_key: is missing",
            "6:11: connections[0].api_key: is one credential too many beside `access_key_id`",
        ],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'bedrock'\nbase_url = 'http://h'\naccess_key_id = 'a'\nsecret_access_key = 's'\n",
        &["1:1: connections[0].region: is missing"],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'vertex'\n",
        &["1:1: connections[0].location: is missing: the provider `vertex` is asked in one"],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'vertex'\nlocation = 'global'\n",
        &[
            "1:1: connections[0].api_key: is missing: the provider `vertex` answers nobody without; a `service_account`",
            "1:1: connections[0].project: is missing: the provider `vertex` has it in its addresses",
        ],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'vertex'\nlocation = 'eu'\nservice_account = '{}'\n",
        &["5:19: connections[0].service_account: the service account cannot be used: it has no"],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'vertex'\nlocation = 'eu'\nservice_account = ' '\n",
        &["5:19: connections[0].service_account: is empty"],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'azure'\n",
        &["1:1: connections[0].base_url: is missing: the provider `azure` needs it"],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'azure'\nbase_url = 'https://h'\napi_version = '2024-10-21&x=y'\n",
        &[
            "1:1: connections[0].api_key: is missing: the provider `azure` answers nobody without",
            "5:15: connections[0].api_version: has characters other than",
        ],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'anthropic'\napi_key = 'k'\nformat = 'chat'\nauth = 'basic'\n",
        &[
            "5:10: connections[0].format: the provider `anthropic` does not speak it; it speaks `anthropic`",
            "6:8: connections[0].auth: expected one of \"provider\", \"bearer\"",
        ],
    ),
    (
        "[[connections]]\nname = 'x'\nprovider = 'groq'\napi_key = 'k'\nformat = 'messages'\n",
        &["5:10: connections[0].format: expected one of"],
    ),
    // Models.
    (
        "[[models]]\n",
        &[
            "1:1: models[0].name: is missing",
            "1:1: models[0].targets: is missing",
        ],
    ),
    (
        "[[models]]\nname = 'x'\ntargets = [{ connection = 'sin', model = 'a' }]\n",
        &[
            "3:27: models[0].targets[0].connection: no connection has this name; did you mean `sim`?",
        ],
    ),
    (
        "[[models]]\nname = 'x'\ntargets = [{ connection = 'sim' }]\n",
        &["3:12: models[0].targets[0].model: is missing"],
    ),
    (
        "[[models]]\nname = 'x'\ntargets = [{ connection = 'sim', model = '*' }]\n",
        &["3:42: models[0].targets[0].model: has a `*`"],
    ),
    (
        "[[models]]\nname = 'x/*'\ntargets = [{ connection = 'sim', model = 'a' }]\n",
        &["3:42: models[0].targets[0].model: must be left out or `*`"],
    ),
    (
        "[[models]]\nname = 'x*'\ntargets = [{ connection = 'sim', model = 'a' }]\n",
        &["2:8: models[0].name: a name with `*` ends in `/*`"],
    ),
    (
        "[[models]]\nname = '*/*'\ntargets = [{ connection = 'sim', model = 'a' }]\n",
        &["2:8: models[0].name: a name with `*` ends in `/*`"],
    ),
    (
        "[[models]]\nname = 'x/*'\naliases = ['y']\ntargets = [{ connection = 'sim' }]\n",
        &["3:12: models[0].aliases[0]: a name that ends in `/*` has no aliases"],
    ),
    (
        "[[models]]\nname = 'x'\naliases = ['y', 'y', 'x', 'z*']\ntargets = [{ connection = 'sim', model = 'a' }]\n",
        &[
            "3:17: models[0].aliases[1]: `models[0].aliases[0]` is the same name",
            "3:22: models[0].aliases[2]: `models[0].name` is the same name",
            "3:27: models[0].aliases[3]: an alias is a single name",
        ],
    ),
    (
        "[[models]]\nname = 'x'\ntargets = [{ connection = 'sim', model = 'a' }]\n\
         [[models]]\nname = 'x'\ntargets = [{ connection = 'sim', model = 'a' }]\n",
        &["5:8: models[1].name: `models[0].name` is the same name"],
    ),
    (
        "[[models]]\nname = 'x'\ntimeouts = { connect_ms = 0, idle = 1 }\ntargets = [{ connection = 'sim', model = 'a' }]\n",
        &[
            "3:27: models[0].timeouts.connect_ms: is out of bounds: 10 up to 600000 is accepted",
            "3:30: models[0].timeouts.idle: unknown key",
        ],
    ),
    // Keys.
    (
        "[[keys]]\nname = 'x'\nkey = 'sk-12345'\nmodels = ['*', 'a*b', '**']\n",
        &[
            "4:16: keys[0].models[1]: `*` stands for any end of a name",
            "4:23: keys[0].models[2]: `*` stands for any end of a name",
        ],
    ),
    (
        "[[keys]]\n",
        &[
            "1:1: keys[0].key: is missing",
            "1:1: keys[0].name: is missing",
        ],
    ),
    (
        "[[keys]]\nname = 'x'\nkey = 'pk-12345'\n",
        &["3:7: keys[0].key: must begin with `sk-`"],
    ),
    (
        "[[keys]]\nname = 'x'\nkey = 'sk-1234'\n",
        &["3:7: keys[0].key: must have 8 to 512 characters"],
    ),
    (
        "[[keys]]\nname = 'x'\nkey = ''\n",
        &["3:7: keys[0].key: is empty"],
    ),
    (
        "[[keys]]\nname = 'x'\nkey = 'sk-tg-test-1'\n",
        &["3:7: keys[0].key: begins with `sk-tg-test-`, and a live"],
    ),
    (
        "[[keys]]\nname = 'x'\nkey = 'sk-12345'\n[[keys]]\nname = 'x'\nkey = 'sk-12345'\n",
        &[
            "5:8: keys[1].name: `keys[0].name` is the same name",
            "6:7: keys[1].key: `keys[0].key` is the same key",
        ],
    ),
    (
        "[[keys]]\nname = 'x'\nkey = 'sk-12345'\nexpires_at = 'soon'\nerror_dialect = 'xml'\n",
        &[
            "4:14: keys[0].expires_at: expected a point in time",
            "5:17: keys[0].error_dialect: expected one of",
        ],
    ),
    (
        "[[keys]]\nname = 'x'\nkey = 'sk-12345'\nexpires_at = 2027-01-31T00:00:00\n",
        &["4:14: keys[0].expires_at: expected a point in time"],
    ),
    (
        "[[keys]]\nname = \"a\\nb\"\nkey = 'sk-12345'\n",
        &["2:8: keys[0].name: must be a single line"],
    ),
];

#[test]
fn every_kind_of_problem_is_found_at_its_place() {
    let mut wrong = Vec::new();
    for (text, expected) in ROWS
        .iter()
        .chain(routing::ROWS)
        .chain(surfaces::ROWS)
        .chain(tenants::ROWS)
    {
        let Err(problems) = load(text, &[]) else {
            wrong.push(format!("no problem in:\n{text}"));
            continue;
        };
        let found = problems.lines().collect::<Vec<_>>();
        let same = found.len() == expected.len()
            && found.iter().zip(*expected).all(|(found, expected)| {
                found
                    .strip_prefix("t.toml:")
                    .is_some_and(|line| line.starts_with(expected))
            });
        if !same {
            wrong.push(format!(
                "in:\n{text}expected: {expected:#?}\nfound: {found:#?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_file_without_problems_has_none() {
    load(RIGHT, &[]).unwrap();
}

#[test]
fn all_problems_of_a_file_are_reported_together() {
    let text = "[server]\nlisten = 'x'\nbody_limit = '9TiB'\n[redis]\n[[keys]]\nname = 'k'\n\
                key = 'short'\n[[models]]\nname = 'm'\n\
                targets = [{ connection = 'gone', model = 'm' }]\n";
    let problems = load(text, &[("TOLLGATE_LOG__LEVEL", "loud")]).unwrap_err();
    let keys = problems
        .iter()
        .map(|problem| problem.key.as_str())
        .collect::<Vec<_>>();
    assert_eq!(
        keys,
        [
            "server.listen",
            "server.body_limit",
            "redis",
            "keys[0].key",
            "models[0].targets[0].connection",
            "log.level",
        ]
    );
}

/// Variables → the problem, as `VARIABLE: key: message`.
const VARIABLE_ROWS: &[(&str, &str, &str)] = &[
    (
        "TOLLGATE_SERVER__LISTN",
        "x",
        "server.listn: unknown key; did you mean `listen`?",
    ),
    (
        "TOLLGATE_SEVER__LISTEN",
        "x",
        "sever: unknown key; did you mean `server`?",
    ),
    (
        "TOLLGATE_SERVER__LISTEN",
        "x",
        "server.listen: expected an IP address",
    ),
    (
        "TOLLGATE_SERVER__LISTEN",
        "",
        "server.listen: expected an IP address",
    ),
    (
        "TOLLGATE_SERVER__MAX_STREAMS",
        "many",
        "server.max_streams: expected a whole number",
    ),
    (
        "TOLLGATE_SERVER__MAX_STREAMS",
        "0",
        "server.max_streams: is out of bounds",
    ),
    (
        "TOLLGATE_SERVER__LISTEN__PORT",
        "1",
        "server.listen: there is nothing below this key",
    ),
    (
        "TOLLGATE_REDIS__URL",
        "x",
        "redis: this version of Tollgate does not support this yet",
    ),
    (
        "TOLLGATE_CONNECTIONS__API_KEY",
        "x",
        "connections: `connections` is a list: the next level",
    ),
    (
        "TOLLGATE_CONNECTIONS__1__API_KEY",
        "x",
        "connections[1]: the next free position is 0",
    ),
    (
        "TOLLGATE_CONNECTIONS__0__API_KEYS",
        "x",
        "connections[0].api_keys: unknown key; did you mean",
    ),
    (
        "TOLLGATE_MODELS__0",
        "name",
        "models[0]: expected a table in TOML: ",
    ),
    (
        "TOLLGATE_ADMIN__KEY",
        "${UNSET}",
        "admin.key: the environment variable `UNSET` is not set",
    ),
    (
        "TOLLGATE_SERVER__MAINTENANCE",
        "yes",
        "server.maintenance: expected `true` or `false`",
    ),
    (
        "TOLLGATE_ROUTING__BREAKER__OPEN_S",
        "1.5",
        "routing.breaker.open_s: expected a whole number of seconds",
    ),
    ("TOLLGATE___", "x", "\"\": unknown key"),
];

#[test]
fn every_kind_of_problem_of_a_variable_names_it() {
    for (variable, value, expected) in VARIABLE_ROWS {
        let problems = load("", &[(variable, value)]).unwrap_err();
        let lines = problems.lines().collect::<Vec<_>>();
        let expected = format!("{variable}: {expected}");
        assert!(
            lines.iter().any(|line| line.starts_with(&expected)),
            "{expected}\n{lines:#?}"
        );
    }
}
