//! The keys themselves.

use tollgate_core::key::LONGEST;

use super::{Bounds, Key, Kind, SecretRule};

const fn bounds(least: u64, most: u64) -> Bounds {
    Bounds { least, most }
}

/// A whole number of milliseconds from `least` up to `most`.
const fn millis(least: u64, most: u64) -> Kind {
    Kind::Millis(bounds(least, most))
}

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// The top level.
pub(in crate::config) const ROOT: &[Key] = &[
    Key::new(
        "server",
        Kind::Table(SERVER),
        "The side that faces the callers.",
    ),
    Key::new(
        "secrets",
        Kind::Table(SECRETS),
        "What protects the secrets that are kept.",
    ),
    Key::new(
        "log",
        Kind::Table(LOG),
        "What is written: a line for each request to standard output, everything else \
         (diagnostics) to standard error. When nobody reads them, lines are dropped and counted \
         in the metrics; requests do not wait.",
    ),
    Key::new("admin", Kind::Table(ADMIN), "Who may manage the gateway."),
    Key::new(
        "database",
        Kind::Table(DATABASE),
        "What survives a restart.",
    ),
    Key::new("errors", Kind::Table(ERRORS), "How errors are answered."),
    Key::new(
        "connections",
        Kind::List(CONNECTIONS),
        "Accounts at providers. Without any, the built-in simulated provider is connected as \
         `sim`, with the model `sim/*`.",
    ),
    Key::new("models", Kind::List(MODELS), "What callers may ask for."),
    Key::new(
        "routing",
        Kind::Table(ROUTING),
        "How requests reach the providers.",
    ),
    Key::new(
        "keys",
        Kind::List(KEYS),
        "Virtual keys that the file declares, beside those that are made by command or over the \
         API. Declared keys are read-only there.",
    ),
];

const SERVER: &[Key] = &[
    Key::new(
        "listen",
        Kind::Address,
        "Where callers are accepted. Only this machine by default: the port speaks plain HTTP, \
         so anything wider wants TLS in front.",
    )
    .default("127.0.0.1:4000")
    .needs_restart(),
    Key::new(
        "public_url",
        Kind::Url,
        "How callers reach the gateway; stands in the `doc_url` of errors. Left out: \
         `http://LISTEN`.",
    ),
    Key::new(
        "environment",
        Kind::Choice {
            words: &["live", "test"],
            hint: "",
        },
        "Keys that begin with `sk-tg-test-` are made and accepted by a test deployment only, so \
         that a key of the staging system does nothing on the live one.",
    )
    .default("live")
    .needs_restart(),
    Key::new(
        "body_limit",
        Kind::Size(bounds(KIB, GIB)),
        "The largest request body, counted after decoding. Pictures and files travel inside \
         the JSON, hence the generous default.",
    )
    .default("20MiB"),
    Key::new(
        "max_connections",
        Kind::Count(bounds(1, 1_000_000)),
        "Connections of callers that are open at once; more wait to be accepted. Each needs a \
         file descriptor, and often a second one towards the provider.",
    )
    .default("10000")
    .needs_restart(),
    Key::new(
        "max_streams",
        Kind::Count(bounds(1, 10_000)),
        "Requests that one HTTP/2 connection may have open at once.",
    )
    .default("200"),
    Key::new(
        "header_limit",
        Kind::Size(bounds(8 * KIB, MIB)),
        "The largest request head: line and headers together.",
    )
    .default("32KiB"),
    Key::new(
        "header_timeout_ms",
        millis(10, 10 * MINUTE),
        "How long a caller may take to send the request head. Bounds what slow senders can hold.",
    )
    .default("10000"),
    Key::new(
        "body_timeout_ms",
        millis(10, HOUR),
        "How long a caller may take to send the request body.",
    )
    .default("60000"),
    Key::new(
        "write_timeout_ms",
        millis(10, HOUR),
        "How long a caller may refuse to read before the answer is given up.",
    )
    .default("30000"),
    Key::new(
        "keep_alive_ms",
        millis(10, 10 * MINUTE),
        "Silence in a stream, after its first content, after which a comment is sent, so that \
         nothing in between takes the connection for dead.",
    )
    .default("15000"),
    Key::new(
        "shutdown_ms",
        millis(0, HOUR),
        "How long open streams may finish after the gateway was told to stop. Streams that are \
         still open then end in an error event.",
    )
    .default("30000"),
];

const SECRETS: &[Key] = &[Key::new(
    "master_key",
    Kind::Secret(SecretRule {
        prefix: "",
        shortest: 32,
        longest: 1024,
    }),
    "Keys the hashes under which virtual keys are stored. Left out: made at the first start in \
     `master.key` beside the database, readable by its owner only. Changing it makes every \
     stored key unusable.",
)
.needs_restart()];

const LOG: &[Key] = &[
    Key::new(
        "format",
        Kind::Choice {
            words: &["text", "json"],
            hint: "",
        },
        "`text` for people; `json` for machines: every line is one object with `time`, `level` and \
         `message`. The start says its address in this form too, on standard output. Keys that \
         a first start makes are shown as plain text, with `json` on standard error.",
    )
    .default("text")
    .needs_restart(),
    Key::new(
        "level",
        Kind::Choice {
            words: &["error", "warn", "info", "debug", "trace"],
            hint: "",
        },
        "The least important lines that are written. Each request is one line of `info`.",
    )
    .default("info")
    .needs_restart(),
];

const ADMIN: &[Key] = &[Key::new(
    "key",
    Kind::Secret(SecretRule {
        prefix: "",
        shortest: 8,
        longest: LONGEST,
    }),
    "The admin key, sent as `X-Admin-Key`. Left out: made at the first start and printed once.",
)];

const DATABASE: &[Key] = &[Key::new(
    "url",
    Kind::Database,
    "Where keys are kept. A relative path starts at the working directory.",
)
.default("sqlite://tollgate-data/tollgate.db")
.needs_restart()];

/// The words for dialects, as `Dialect::from_name` reads them.
const DIALECT: Kind = Kind::Choice {
    words: &[
        "openai",
        "langmart",
        "detail",
        "anthropic",
        "gemini",
        "problem",
    ],
    hint: "",
};

const ERRORS: &[Key] = &[Key::new(
    "dialect",
    DIALECT,
    "The form of errors under `/v1`, for keys without a dialect of their own. Clients of \
     OpenAI's format understand `openai`.",
)
.default("openai")];

/// A credential at a provider.
const CREDENTIAL: Kind = Kind::Secret(SecretRule {
    prefix: "",
    shortest: 1,
    longest: 8192,
});

const CONNECTIONS: &[Key] = &[
    Key::new("name", Kind::Name, "What models call this connection.").required(),
    Key::new(
        "provider",
        Kind::Provider,
        "Which provider it is: decides the format, the address and how the credential is sent. \
         `openai-compatible` is any other server that speaks OpenAI's format; `simulated` is \
         the built-in one. What each needs: docs/connections.md.",
    )
    .required(),
    Key::new(
        "api_key",
        CREDENTIAL,
        "The credential at the provider: a key, or an access token where the provider takes them. \
         Best as `${VAR}` or `${file:…}`, not in clear text.",
    ),
    Key::new(
        "auth",
        Kind::Choice {
            words: &["provider", "bearer"],
            hint: "",
        },
        "How `api_key` is sent: `provider` as the provider wants keys; `bearer` as \
         `Authorization: Bearer`, for tokens where keys have a header of their own (`azure` with \
         Entra, `anthropic`).",
    )
    .default("provider"),
    Key::new(
        "base_url",
        Kind::Url,
        "Where the provider is, path included. Left out: the provider's own address; `azure`, \
         `tgi` and `openai-compatible` have none and need it.",
    ),
    Key::new(
        "region",
        Kind::Name,
        "`bedrock`: the region of AWS that is asked, such as `us-east-1`.",
    ),
    Key::new(
        "access_key_id",
        CREDENTIAL,
        "`bedrock`: the id of an access key that requests are signed with, in place of `api_key`.",
    ),
    Key::new(
        "secret_access_key",
        CREDENTIAL,
        "`bedrock`: the secret of that access key.",
    ),
    Key::new(
        "session_token",
        CREDENTIAL,
        "`bedrock`: what goes with an access key that holds for a while only.",
    ),
    Key::new(
        "project",
        Kind::Name,
        "`vertex`: the project of Google Cloud. Left out: the one of `service_account`.",
    ),
    Key::new(
        "location",
        Kind::Name,
        "`vertex`: the location that is asked, such as `us-central1`, `eu` or `global`.",
    ),
    Key::new(
        "service_account",
        Kind::SecretFile,
        "`vertex`: the JSON key of a service account, as `${file:…}`. Tokens are fetched with it \
         and renewed in time; in its place, `api_key` may hold an access token.",
    ),
    Key::new(
        "api_version",
        Kind::Name,
        "`azure`: a dated version, such as `2024-10-21`, for the addresses that have one for \
         each deployment. Left out: the addresses below `/openai/v1`, without a version.",
    ),
    Key::new(
        "format",
        Kind::Choice {
            words: &[
                "chat",
                "completions",
                "responses",
                "anthropic",
                "gemini",
                "bedrock",
                "cohere",
                "ollama",
            ],
            hint: "",
        },
        "The one format that the provider is asked in. Left out: the caller's, where the provider \
         speaks it, and otherwise the provider's first.",
    ),
    Key::new(
        "organization",
        Kind::Text,
        "The organization that is named to the provider, for accounts that have several.",
    ),
    Key::new(
        "headers",
        Kind::Headers,
        "Further headers for every request to the provider. Those that Tollgate sets itself, \
         cookies and what concerns a single connection are refused.",
    ),
    Key::new(
        "http",
        Kind::Choice {
            words: &["auto", "1", "2"],
            hint: "",
        },
        "The version of HTTP. `auto` lets TLS choose, and is HTTP/1.1 without TLS.",
    )
    .default("auto"),
    Key::new(
        "ca_file",
        Kind::Path,
        "Certificates in PEM that are trusted instead of the system's, for servers of your own.",
    ),
];

const TARGETS: &[Key] = &[
    Key::new(
        "connection",
        Kind::Name,
        "The connection that serves the model.",
    )
    .required(),
    Key::new(
        "model",
        Kind::Name,
        "The model as the provider calls it. With a name that ends in `/*` it is left out or \
         `*`: the rest of the name that a caller asks for is what the provider is asked for.",
    ),
    Key::new(
        "priority",
        Kind::Count(bounds(0, 1_000)),
        "Which target is asked first: the lowest.",
    )
    .default("0"),
    Key::new(
        "weight",
        Kind::Count(bounds(1, 1_000)),
        "The share of requests among targets of one priority.",
    )
    .default("1"),
];

const MODELS: &[Key] = &[
    Key::new(
        "name",
        Kind::Name,
        "The name that callers use, such as `openai/gpt-4o`. A name that ends in `/*` opens a \
         whole connection.",
    )
    .required(),
    Key::new("aliases", Kind::Names, "Other names for the same model."),
    Key::new(
        "strategy",
        Kind::Choice {
            words: &["priority"],
            hint: "; the other strategies come with a later version",
        },
        "How a target is chosen.",
    )
    .default("priority"),
    Key::new(
        "targets",
        Kind::List(TARGETS),
        "Who serves the model. Exactly one in this version.",
    )
    .required(),
    Key::new(
        "timeouts",
        Kind::Table(MODEL_TIMEOUTS),
        "Bounds of this model, where they differ from `routing.timeouts`.",
    ),
    Key::new(
        "unsupported",
        UNSUPPORTED,
        "What becomes of parts of a request that this model's provider cannot be told. Left out: \
         `routing.unsupported`.",
    ),
    Key::new(
        "price",
        Kind::Table(PRICE),
        "What tokens cost, in USD per million. Left out: the price of the built-in catalogue, if \
         it knows the model.",
    ),
    Key::new(
        "context_window",
        Kind::Count(bounds(1, 1_000_000_000)),
        "How many tokens prompt and answer may have together, for lists. Left out: what the \
         built-in catalogue says.",
    ),
    Key::new(
        "max_output",
        Kind::Count(bounds(1, 100_000_000)),
        "The most tokens that an answer can have. Anthropic's format demands a bound, so this is \
         what callers of other formats get who name none. Left out: what is known of the model, \
         else 4096.",
    ),
];

const PRICE: &[Key] = &[
    Key::new(
        "input",
        Kind::Text,
        "A token of the prompt. Needed where a price is declared.",
    ),
    Key::new(
        "output",
        Kind::Text,
        "A token of the answer. Needed where a price is declared.",
    ),
    Key::new(
        "cached_input",
        Kind::Text,
        "A token of the prompt that came from the provider's cache. Left out: as `input`.",
    ),
    Key::new(
        "cache_write",
        Kind::Text,
        "A token of the prompt that was written into the cache. Left out: as `input`.",
    ),
];

/// The words for parts of a request that a provider cannot be told.
const UNSUPPORTED: Kind = Kind::Choice {
    words: &["warn", "drop", "refuse"],
    hint: "",
};

const ROUTING: &[Key] = &[
    Key::new(
        "timeouts",
        Kind::Table(TIMEOUTS),
        "Bounds on the parts of an exchange.",
    ),
    Key::new(
        "unsupported",
        UNSUPPORTED,
        "What becomes of parts of a request that the model's provider cannot be told, because its \
         format has no words for them: `warn` leaves them out and names them in the header \
         `x-tollgate-unsupported` of the answer, `drop` leaves them out, `refuse` answers with an \
         error that names them.",
    )
    .default("warn"),
];

const CONNECT: Key = Key::new(
    "connect_ms",
    millis(10, 10 * MINUTE),
    "Until the connection to the provider stands, TLS included.",
);
const FIRST_BYTE: Key = Key::new(
    "first_byte_ms",
    millis(10, HOUR),
    "Streams: until the first event with content; headers alone do not count. Models that think \
     first are slow here.",
);
const IDLE: Key = Key::new(
    "idle_ms",
    millis(10, HOUR),
    "Streams: the longest silence after the first event.",
);
const ANSWER: Key = Key::new(
    "answer_ms",
    millis(10, 24 * HOUR),
    "Plain calls: until the whole answer is there.",
);
const TOTAL: Key = Key::new(
    "total_ms",
    millis(10, 24 * HOUR),
    "Everything together, retries included.",
);

const TIMEOUTS: &[Key] = &[
    CONNECT.default("5000"),
    FIRST_BYTE.default("60000"),
    IDLE.default("30000"),
    ANSWER.default("300000"),
    TOTAL.default("600000"),
];

const MODEL_TIMEOUTS: &[Key] = &[CONNECT, FIRST_BYTE, IDLE, ANSWER, TOTAL];

const KEYS: &[Key] = &[
    Key::new("name", Kind::Text, "What lists and logs call the key.").required(),
    Key::new(
        "team",
        Kind::Choice {
            words: &["default"],
            hint: "; teams of your own come with a later version",
        },
        "Who the key belongs to.",
    )
    .default("default"),
    Key::new(
        "key",
        Kind::Secret(SecretRule {
            prefix: "sk-",
            shortest: 8,
            longest: LONGEST,
        }),
        "The key itself. Best as `${VAR}` or `${file:…}`, not in clear text.",
    )
    .required(),
    Key::new(
        "models",
        Kind::Names,
        "Which models it may use: names, or patterns that end in `*`. An empty list allows none.",
    )
    .default("*"),
    Key::new(
        "error_dialect",
        DIALECT,
        "The form of errors for this key. Left out: `errors.dialect`.",
    ),
    Key::new(
        "expires_at",
        Kind::Time,
        "From when on it is refused. Left out: never.",
    ),
];
