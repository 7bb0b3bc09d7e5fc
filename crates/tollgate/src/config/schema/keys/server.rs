//! The gateway itself: the side of the callers, secrets, logs, the store, the form of errors.

use tollgate_core::key::LONGEST;

use super::{GIB, HOUR, KIB, MIB, MINUTE, bounds, millis};
use crate::config::schema::{Key, Kind, SecretRule};
use crate::master_key::FORM;

pub(super) const SERVER: &[Key] = &[
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
    Key::new(
        "trusted_proxies",
        Kind::Ranges,
        "Addresses of proxies in front, such as `10.0.0.0/8`: of requests that come from there, \
         `X-Forwarded-For` says who asks. Left out: nobody is believed.",
    ),
    Key::new(
        "maintenance",
        Kind::Bool,
        "Whether calls are refused (`maintenance`) while everything else goes on: requests \
         under way end, and the API for administration answers.",
    )
    .default("false"),
];

/// When the gateway protects itself.
pub(super) const OVERLOAD: &[Key] = &[
    Key::new(
        "parallel",
        Kind::Count(bounds(1, 1_000_000)),
        "The most calls under way at once. Left out: no fixed bound.",
    ),
    Key::new(
        "lag_ms",
        millis(0, MINUTE),
        "How late the process may be with its own work before it lets fewer calls in. The bound \
         falls while it is later and rises while it is not; 100 ms is what callers begin to \
         notice. 0: no such bound.",
    )
    .default("100"),
    Key::new(
        "least_parallel",
        Kind::Count(bounds(1, 1_000_000)),
        "How many calls are let in whatever the lag is: so few cannot be what makes a process \
         late, and a busy machine still answers somebody.",
    )
    .default("256"),
];

/// What a master key is; `master_key::find` reads it.
const MASTER: SecretRule = SecretRule {
    prefix: "",
    shortest: 32,
    longest: 1024,
    form: Some(FORM),
};

pub(super) const SECRETS: &[Key] = &[
    Key::new(
        "master_key",
        Kind::Secret(MASTER),
        "Encrypts stored secrets: the credentials of stored connections, and the secret under \
         which virtual keys are hashed. `openssl rand -hex 32` makes one. Left out: made at the first start in `master.key` beside \
         the database, readable by its owner only. To change it, give the old one as \
         `previous_master_keys` (docs/secrets.md).",
    ),
    Key::new(
        "previous_master_keys",
        Kind::Secrets(MASTER),
        "Master keys of before: what they encrypt is encrypted anew under `master_key`, at the \
         start and at a reload. Left out: none.",
    ),
];

pub(super) const LOG: &[Key] = &[
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

pub(super) const ADMIN: &[Key] = &[Key::new(
    "key",
    Kind::Secret(SecretRule {
        prefix: "",
        shortest: 8,
        longest: LONGEST,
        form: None,
    }),
    "The admin key, sent as `X-Admin-Key`. Left out: made at the first start and printed once.",
)];

pub(super) const DATABASE: &[Key] = &[Key::new(
    "url",
    Kind::Database,
    "Where everything is kept that must survive: `sqlite://` and the path of a file, or \
     `postgres://USER:PASSWORD@HOST/NAME`. A relative path starts at the working directory. \
     Beside a database on a server, `tollgate-data/` holds what is this machine's own, such as \
     the master key.",
)
.default("sqlite://tollgate-data/tollgate.db")
.needs_restart()];

/// The words for dialects, as `Dialect::from_name` reads them.
pub(super) const DIALECT: Kind = Kind::Choice {
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

pub(super) const ERRORS: &[Key] = &[Key::new(
    "dialect",
    DIALECT,
    "The form of errors under `/v1`, for keys without a dialect of their own. Clients of \
     OpenAI's format understand `openai`.",
)
.default("openai")];
