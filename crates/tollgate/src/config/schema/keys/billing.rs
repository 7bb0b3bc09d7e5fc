//! What calls are charged by, and what is kept of them.

use super::models::PRICE;
use super::{KIB, MIB, MINUTE, bounds, millis};
use crate::config::schema::{Bounds, Key, Kind, SecretRule};

pub(super) const BILLING: &[Key] = &[
    Key::new(
        "minimum_balance_usd",
        Kind::Money,
        "Who pays with less than this is refused (`insufficient_credits`).",
    )
    .default("0.10"),
    Key::new(
        "low_balance_usd",
        Kind::Money,
        "Below this, answers carry a warning.",
    )
    .default("1.00"),
    Key::new(
        "durability",
        Kind::Choice {
            words: &["strict", "relaxed"],
            hint: "",
        },
        "`strict`: the last byte of an answer leaves when its settlement is durable; what comes \
         together is written together, so that this takes a few milliseconds at most. \
         `relaxed`: it leaves at once, and a crash can lose the settlements of the last \
         `relaxed_delay_ms`.",
    )
    .default("strict"),
    Key::new(
        "relaxed_delay_ms",
        millis(1, MINUTE),
        "How long a settlement may wait to be written with `relaxed`.",
    )
    .default("100"),
    Key::new(
        "settle_wait_ms",
        millis(100, 10 * MINUTE),
        "How long an answer waits for its settlement with `strict`, before it is withheld and \
         nothing is charged.",
    )
    .default("5000"),
    Key::new(
        "when_store_fails",
        Kind::Choice {
            words: &["refuse", "continue"],
            hint: "",
        },
        "What becomes of calls while nothing can be written: they are refused \
         (`database_error`), or go on until `unbilled_usd` is reached; a crash of the gateway in \
         this time loses what they cost.",
    )
    .default("refuse"),
    Key::new(
        "unbilled_usd",
        Kind::Money,
        "The most that may wait to be written while calls go on without the store.",
    )
    .default("10.00"),
    Key::new(
        "unpriced",
        Kind::WordOr("refuse", PRICE),
        "What becomes of calls to models without a price, for those who pay: they are refused, or \
         charged at this price, written as the `price` of a model.",
    )
    .default("refuse"),
    Key::new(
        "longest_answer",
        Kind::Count(bounds(1, 100_000_000)),
        "How many tokens an answer is taken to have at most, where neither the request nor the \
         model says: so much is set aside before a call.",
    )
    .default("4096"),
    Key::new(
        "webhook_secret",
        Kind::Secret(SecretRule {
            prefix: "",
            shortest: 32,
            longest: 512,
            form: None,
        }),
        "Signs the webhook by which credits are added; visible ASCII without blanks. Left out: \
         there is no such webhook.",
    ),
];

pub(super) const REQUEST_LOG: &[Key] = &[
    Key::new(
        "enabled",
        Kind::Bool,
        "Whether a row is kept of every call.",
    )
    .default("true"),
    Key::new(
        "retention_days",
        Kind::Count(bounds(1, 3_650)),
        "How many days rows are kept.",
    )
    .default("30"),
    Key::new(
        "longest_body",
        Kind::Size(Bounds {
            least: 0,
            most: MIB,
        }),
        "How much is kept of the text of a request and of its answer, for organizations with \
         `keep_bodies`.",
    )
    .default("16KiB"),
];

pub(super) const JOBS: &[Key] = &[
    Key::new(
        "longest_s",
        Kind::Seconds(bounds(1, 365 * 24 * 60 * 60)),
        "How long a job may be open. One that was not completed by then counts as abandoned: it \
         fails, and what was set aside for it goes back.",
    )
    .default("86400"),
    Key::new(
        "most_calls",
        Kind::Count(bounds(1, 100_000)),
        "The most calls of one job, failed ones included. Further ones are refused (`conflict`), and \
         the job can be completed.",
    )
    .default("10000"),
    Key::new(
        "require_no_failed_calls",
        Kind::Bool,
        "Whether a job that is completed costs nothing if one of its calls has failed. Left out, \
         whoever completes a job decides.",
    )
    .default("false"),
];

pub(super) const IDEMPOTENCY: &[Key] = &[
    Key::new(
        "ttl_hours",
        Kind::Count(bounds(1, 720)),
        "How many hours a request with the `Idempotency-Key` of an earlier one gets the answer of \
         that one.",
    )
    .default("24"),
    Key::new(
        "longest_answer",
        Kind::Size(bounds(KIB, 64 * MIB)),
        "The longest answer that is kept for that.",
    )
    .default("1MiB"),
];
