//! The keys themselves.

mod connections;
mod models;
mod rules;
mod server;

use tollgate_core::key::LONGEST;

use super::{Bounds, Key, Kind, SecretRule};
use connections::CONNECTIONS;
use models::{COLLECTIONS, MODELS};
use rules::ROUTING;
use server::{ADMIN, DATABASE, DIALECT, ERRORS, LOG, OVERLOAD, SECRETS, SERVER};

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
    Key::new(
        "routing",
        Kind::Table(ROUTING),
        "How requests reach the providers. Models and collections may differ, key by key.",
    ),
    Key::new("models", Kind::List(MODELS), "What callers may ask for."),
    Key::new(
        "collections",
        Kind::List(COLLECTIONS),
        "Choices among models: who asks for one gets an answer of any of its models.",
    ),
    Key::new(
        "overload",
        Kind::Table(OVERLOAD),
        "When the gateway says no at once (`overloaded`) before everything becomes slow. Requests of keys of low `priority` are refused first.",
    ),
    Key::new(
        "keys",
        Kind::List(KEYS),
        "Virtual keys that the file declares, beside those that are made by command or over the \
         API. Declared keys are read-only there.",
    ),
];

/// What an account or a target at a provider may be asked.
const LIMITS: &[Key] = &[
    Key::new(
        "rpm",
        Kind::Count(bounds(1, 1_000_000_000)),
        "Requests a minute. Left out: no limit.",
    ),
    Key::new(
        "tpm",
        Kind::Count(bounds(1, 1_000_000_000_000)),
        "Tokens a minute, prompt and answer together. Left out: no limit.",
    ),
    Key::new(
        "parallel",
        Kind::Count(bounds(1, 1_000_000)),
        "Requests at the same time. Left out: no limit.",
    ),
];

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
        "priority",
        Kind::Choice {
            words: &["low", "normal", "high"],
            hint: "",
        },
        "Whose requests go on when the gateway is overloaded: those of `low` keys are refused \
         first, those of `high` keys last.",
    )
    .default("normal"),
    Key::new(
        "expires_at",
        Kind::Time,
        "From when on it is refused. Left out: never.",
    ),
];
