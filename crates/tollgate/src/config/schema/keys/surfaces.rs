//! What single surfaces need beside the models, and the cache of answers.

use super::{DAY, GIB, KIB, MIB, bounds};
use crate::config::schema::{Key, Kind};

pub(super) const SURFACES: &[Key] = &[
    Key::new(
        "default_model",
        Kind::Name,
        "The model of requests that name none, where the surface lets them: the simple chat and \
         jobs. Left out: such requests are refused.",
    ),
    Key::new(
        "simple",
        Kind::Table(SIMPLE),
        "The simple chat at `/v1/chat` and `/api/v1/chat`. Left out: it takes names of models, \
         knows no hints, and has no limits of its own.",
    ),
];

/// The simple chat of seed 000.
const SIMPLE: &[Key] = &[
    Key::new(
        "hints",
        Kind::Hints,
        "The models that the words of `model_hint` (and of `model`) stand for. Left out: none.",
    ),
    Key::new(
        "capacity",
        Kind::Count(bounds(0, 1_000_000)),
        "How many requests of one key, and of one address, may come at one moment after a quiet \
         time, beside all other limits. 0: no such limit.",
    )
    .default("5"),
    Key::new(
        "refill_per_minute",
        Kind::Count(bounds(1, 1_000_000)),
        "How many further requests may come in a minute: 60 is one a second.",
    )
    .default("60"),
];

/// The words for which requests are answered from the cache.
const MODE: Kind = Kind::Choice {
    words: &["off", "ask", "on"],
    hint: "",
};

/// Up to a week of seconds.
const AGE: Kind = Kind::Seconds(bounds(0, 7 * DAY));

pub(super) const CACHE: &[Key] = &[
    Key::new(
        "mode",
        MODE,
        "`on`: every call to a model is looked for in the cache and kept there; `ask`: those that \
         say `x-tollgate-cache: on`; `off`: none. Models may differ.",
    )
    .default("off"),
    Key::new("ttl_s", AGE, "How long an answer is given again.").default("60"),
    Key::new(
        "stale_s",
        AGE,
        "How much longer it is kept for calls that no provider can answer. 0: no stale answers.",
    )
    .default("0"),
    Key::new(
        "size",
        Kind::Size(bounds(MIB, 64 * GIB)),
        "The most memory of all answers together; those that nobody asked for longest go first.",
    )
    .default("64MiB"),
    Key::new(
        "longest_answer",
        Kind::Size(bounds(KIB, 64 * MIB)),
        "The longest answer that is kept.",
    )
    .default("1MiB"),
    Key::new(
        "hit_price_percent",
        Kind::Count(bounds(0, 100)),
        "What a call that is answered from the cache costs, in percent of the price of its tokens. \
         0: nothing.",
    )
    .default("0"),
];

/// What a model says differently.
pub(super) const OWN_CACHE: &[Key] = &[
    Key::new(
        "mode",
        MODE,
        "Which requests. Left out: `mode` of `[cache]`.",
    ),
    Key::new("ttl_s", AGE, "How long. Left out: `ttl_s` of `[cache]`."),
    Key::new(
        "stale_s",
        AGE,
        "How much longer for calls that no provider can answer. Left out: `stale_s` of `[cache]`.",
    ),
];
