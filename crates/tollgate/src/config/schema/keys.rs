//! The keys themselves.

mod billing;
mod connections;
mod models;
mod rules;
mod server;
mod surfaces;
mod tenants;

use super::{Bounds, Key, Kind};
use billing::{BILLING, IDEMPOTENCY, JOBS, REQUEST_LOG};
use connections::CONNECTIONS;
use models::{COLLECTIONS, MODELS};
use rules::ROUTING;
use server::{ADMIN, DATABASE, ERRORS, LOG, OVERLOAD, SECRETS, SERVER};
use surfaces::{CACHE, SURFACES};
use tenants::{KEYS, ORGANIZATIONS, TEAMS, USERS};

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
/// In seconds.
const DAY: u64 = 86_400;
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
        "limits",
        Kind::Table(tenants::LIMITS),
        "How much may be asked at each level, where there are no limits of its own: a request \
         counts for all levels at once, and is refused (`rate_limit_exceeded`) by the tightest. \
         Left out: no limits.",
    ),
    Key::new(
        "billing",
        Kind::Table(BILLING),
        "What calls are charged by, and when that is durable. Amounts are USD as decimal numbers \
         in quotes.",
    ),
    Key::new(
        "request_log",
        Kind::Table(REQUEST_LOG),
        "One row for every call, in the store: who, what, tokens, cost and times, without texts.",
    ),
    Key::new(
        "idempotency",
        Kind::Table(IDEMPOTENCY),
        "Answers that are kept for requests that are sent again with the same `Idempotency-Key`.",
    ),
    Key::new(
        "jobs",
        Kind::Table(JOBS),
        "Jobs (`/api/jobs`): several calls for one purpose, paid together. What they cost is said \
         of each team.",
    ),
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
        "surfaces",
        Kind::Table(SURFACES),
        "What single surfaces need beside the models.",
    ),
    Key::new(
        "cache",
        Kind::Table(CACHE),
        "Answers that are kept in memory and given again to the same question of the same team \
         (docs/cache.md). Off by default.",
    ),
    Key::new(
        "overload",
        Kind::Table(OVERLOAD),
        "When the gateway says no at once (`overloaded`) before everything becomes slow. Requests of keys of low `priority` are refused first.",
    ),
    Key::new(
        "organizations",
        Kind::List(ORGANIZATIONS),
        "Tenants: nobody sees anything of another organization. Without any, everything belongs \
         to `default`.",
    ),
    Key::new(
        "teams",
        Kind::List(TEAMS),
        "Teams of organizations, to which keys belong. A team pays with its own credits if it was \
         ever given any, else with those of its organization; where neither was, what it uses is \
         counted and nobody pays.",
    ),
    Key::new(
        "users",
        Kind::List(USERS),
        "Users of organizations, who may hold keys.",
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
