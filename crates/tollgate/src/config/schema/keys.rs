//! The keys themselves.

mod connections;

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
        Kind::List(connections::CONNECTIONS),
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
];

const ROUTING: &[Key] = &[Key::new(
    "timeouts",
    Kind::Table(TIMEOUTS),
    "Bounds on the parts of an exchange.",
)];

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
