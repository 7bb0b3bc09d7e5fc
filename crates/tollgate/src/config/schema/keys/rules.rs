//! What requests go by on their way: once with defaults for everything, once as what a model or a
//! collection says differently. A table of a model lists the same keys, without defaults.

use super::{HOUR, MINUTE, bounds, millis};
use crate::config::schema::{Key, Kind};

/// The words for parts of a request that a provider cannot be told.
const UNSUPPORTED: Kind = Kind::Choice {
    words: &["warn", "drop", "refuse"],
    hint: "",
};

/// The words for requests that a provider may have worked on.
const REPEAT: Kind = Kind::Choice {
    words: &["streams", "always", "never"],
    hint: "",
};

/// The words for what stays at one target.
const STICKY: Kind = Kind::Choice {
    words: &["off", "user", "conversation"],
    hint: "",
};

/// The words for streams that break.
const RECOVERY: Kind = Kind::Choice {
    words: &["off", "continue"],
    hint: "",
};

/// How many attempts a request may have.
const ATTEMPTS: Kind = Kind::Count(bounds(1, 5));

/// The rules of every model.
pub(super) const ROUTING: &[Key] = &[
    Key::new(
        "attempts",
        ATTEMPTS,
        "How many attempts one request may take in all, over every target and fallback. Three \
         outlive a target that fails and one more that fails at the same time; more would \
         multiply the load of an outage. Beyond a request's first, attempts also need room in \
         the retry budget of their target: a fifth of its requests, and ten a second.",
    )
    .default("3"),
    Key::new(
        "backoff",
        Kind::Table(BACKOFF),
        "How long the same target is left alone before a request comes back to it. Another \
         target is asked at once. A wait that the provider names counts instead.",
    ),
    Key::new(
        "breaker",
        Kind::Table(BREAKER),
        "When a target is taken out, and for how long. Each connection × model has a breaker of \
         its own. Failures are errors of the provider's side, connections that fail, timeouts \
         and streams that break; what the caller did wrong never counts.",
    ),
    Key::new(
        "queue",
        Kind::Table(QUEUE),
        "How requests wait when every target of a model is at its limits or left alone for a \
         short while. Those that wait are served in turns: team by team, and key by key \
         within a team.",
    ),
    Key::new(
        "repeat",
        REPEAT,
        "When a request is sent again that had left as a whole before the exchange broke without \
         an answer: the provider may have worked on it, and may charge for it. `streams`: \
         streams are, since closing the exchange ends the work on them, and plain calls are not.",
    )
    .default("streams"),
    Key::new(
        "sticky",
        STICKY,
        "What keeps requests that belong together at one target as long as it is well, for the \
         sake of its prompt cache: the `user` whom a request names (the key, if it names none), \
         or the `conversation`: `x-tollgate-session`, or the first messages. `off`, so that \
         load is spread evenly.",
    )
    .default("off"),
    Key::new(
        "recovery",
        RECOVERY,
        "What becomes of a stream that breaks after it has begun. `off`: it ends in an error \
         event. `continue`: another target is given what was said so far and goes on from there, \
         where format and content allow it; both parts are charged, and models may differ in \
         tone, so nobody gets this unasked.",
    )
    .default("off"),
    Key::new(
        "hedge",
        Kind::Table(HEDGE),
        "A second attempt at another target while the first one is slow; the faster one answers, \
         the other one is cancelled. Left out: none, since the loser is charged too.",
    ),
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

/// The rules of one model or collection.
pub(super) mod own {
    use super::{
        ATTEMPTS, BACKOFF_KEYS, BREAKER_KEYS, HEDGE_KEYS, Key, Kind, QUEUE_KEYS, RECOVERY, REPEAT,
        STICKY, TIMEOUT_KEYS, UNSUPPORTED,
    };

    pub(in super::super) const STRATEGY: Key = Key::new(
        "strategy",
        Kind::Choice {
            words: &[
                "priority",
                "weighted",
                "round_robin",
                "least_busy",
                "latency",
                "cost",
            ],
            hint: "",
        },
        "How a target is chosen. Every strategy but `weighted` asks targets of a lower `priority` \
         first; among equals, `priority` and `weighted` draw by weight, `round_robin` takes \
         turns, `least_busy` asks the one with the fewest requests under way, `latency` the \
         faster one of two drawn by chance, `cost` the cheapest for the request. \
         The default needs nothing but what is written here, so that it is plain who is asked.",
    )
    .default("priority");
    pub(in super::super) const ATTEMPT_COUNT: Key = Key::new(
        "attempts",
        ATTEMPTS,
        "How many attempts one request may take in all. Left out: `routing.attempts`.",
    );
    pub(in super::super) const BACKOFF: Key = Key::new(
        "backoff",
        Kind::Table(&BACKOFF_KEYS),
        "Waits, where they differ from `routing.backoff`.",
    );
    pub(in super::super) const BREAKER: Key = Key::new(
        "breaker",
        Kind::Table(&BREAKER_KEYS),
        "When targets are taken out, where that differs from `routing.breaker`.",
    );
    pub(in super::super) const QUEUE: Key = Key::new(
        "queue",
        Kind::Table(&QUEUE_KEYS),
        "How requests wait, where that differs from `routing.queue`.",
    );
    pub(in super::super) const REPEATED: Key = Key::new(
        "repeat",
        REPEAT,
        "When a request is sent again that a provider may have worked on. Left out: \
         `routing.repeat`.",
    );
    pub(in super::super) const STICKINESS: Key = Key::new(
        "sticky",
        STICKY,
        "What keeps requests that belong together at one target. Left out: `routing.sticky`.",
    );
    pub(in super::super) const RECOVERED: Key = Key::new(
        "recovery",
        RECOVERY,
        "What becomes of a stream that breaks after it has begun. Left out: `routing.recovery`.",
    );
    pub(in super::super) const HEDGE: Key = Key::new(
        "hedge",
        Kind::Table(&HEDGE_KEYS),
        "When a second target is asked beside a slow one, where that differs from \
         `routing.hedge`; `{ share_percent = 0 }` is never.",
    );
    pub(in super::super) const TIMEOUTS: Key = Key::new(
        "timeouts",
        Kind::Table(&TIMEOUT_KEYS),
        "Bounds, where they differ from `routing.timeouts`.",
    );
    pub(in super::super) const UNSUPPORTED_PARTS: Key = Key::new(
        "unsupported",
        UNSUPPORTED,
        "What becomes of parts of a request that the provider cannot be told. Left out: \
         `routing.unsupported`.",
    );
}

const BACKOFF_KEYS: [Key; 4] = [
    Key::new(
        "first_ms",
        millis(10, 10 * MINUTE),
        "The wait after the first failure.",
    ),
    Key::new(
        "factor",
        Kind::Count(bounds(1, 10)),
        "What each further wait is multiplied by.",
    ),
    Key::new(
        "longest_ms",
        millis(10, HOUR),
        "The longest wait, before it is spread.",
    ),
    Key::new(
        "jitter_percent",
        Kind::Count(bounds(0, 100)),
        "How far a wait is spread to both sides by chance, so that requests that failed together \
         do not come back together.",
    ),
];

const BACKOFF: &[Key] = &defaults(BACKOFF_KEYS, ["1000", "2", "32000", "25"]);

const BREAKER_KEYS: [Key; 8] = [
    Key::new(
        "failures",
        Kind::Count(bounds(0, 1_000)),
        "Failures in a row that open the breaker. 0: none do.",
    ),
    Key::new(
        "share_percent",
        Kind::Count(bounds(0, 100)),
        "The share of failures within `window_s` that opens it, in percent. 0: none does.",
    ),
    Key::new(
        "window_s",
        Kind::Seconds(bounds(1, 3_600)),
        "Over how long the share is counted.",
    ),
    Key::new(
        "minimum",
        Kind::Count(bounds(1, 100_000)),
        "The fewest calls within `window_s` for the share to count: of two calls, one failure is \
         no sign.",
    ),
    Key::new(
        "open_s",
        Kind::Seconds(bounds(1, 3_600)),
        "How long it stays open the first time. Doubled each time that a probe fails.",
    ),
    Key::new(
        "longest_open_s",
        Kind::Seconds(bounds(1, 86_400)),
        "The longest that it stays open, so that a provider that comes back is noticed.",
    ),
    Key::new(
        "probes",
        Kind::Count(bounds(1, 100)),
        "How many calls may be under way while it is half-open: they find out whether the target \
         is well, so few are risked.",
    ),
    Key::new(
        "cooldown",
        Kind::Bool,
        "Whether a target that answers 429 is left alone for the time that it names; for a \
         second if it names none, and twice as long each further time, up to 32. Such answers \
         never open the breaker.",
    ),
];

const BREAKER: &[Key] = &defaults(
    BREAKER_KEYS,
    ["5", "50", "30", "10", "60", "600", "1", "true"],
);

const QUEUE_KEYS: [Key; 2] = [
    Key::new(
        "wait_ms",
        millis(0, 10 * MINUTE),
        "The longest wait for a free place. Few callers are glad of an answer that begins later, \
         and most come back by themselves. 0: nobody waits.",
    ),
    Key::new(
        "length",
        Kind::Count(bounds(1, 1_000_000)),
        "How many requests may wait for one model. Each holds its body in memory.",
    ),
];

const QUEUE: &[Key] = &defaults(QUEUE_KEYS, ["5000", "1000"]);

const HEDGE_KEYS: [Key; 3] = [
    Key::new(
        "after_ms",
        millis(10, 10 * MINUTE),
        "The shortest wait before the second attempt. Where the first target's usual time until \
         the first content (its 95th percentile) is longer, that counts. Needed where requests \
         are to be hedged.",
    ),
    Key::new(
        "share_percent",
        Kind::Count(bounds(0, 100)),
        "The most hedged requests among a hundred, which bounds what hedging costs. 0: none.",
    ),
    Key::new(
        "plain",
        Kind::Bool,
        "Whether calls without a stream get a second attempt, too, by their times until the whole \
         answer. Most providers go on with those after we have gone, and charge them in full.",
    ),
];

const HEDGE: &[Key] = &{
    let [after, share, plain] = HEDGE_KEYS;
    [after, share.default("5"), plain.default("false")]
};

const TIMEOUT_KEYS: [Key; 5] = [
    Key::new(
        "connect_ms",
        millis(10, 10 * MINUTE),
        "Until the connection to the provider stands, TLS included.",
    ),
    Key::new(
        "first_byte_ms",
        millis(10, HOUR),
        "Streams: until the first event with content; headers alone do not count. Models that \
         think first are slow here.",
    ),
    Key::new(
        "idle_ms",
        millis(10, HOUR),
        "Streams: the longest silence after the first event.",
    ),
    Key::new(
        "answer_ms",
        millis(10, 24 * HOUR),
        "Plain calls: until the whole answer is there.",
    ),
    Key::new(
        "total_ms",
        millis(10, 24 * HOUR),
        "Everything together, retries included.",
    ),
];

const TIMEOUTS: &[Key] = &defaults(TIMEOUT_KEYS, ["5000", "60000", "30000", "300000", "600000"]);

/// The keys with their defaults, in order.
const fn defaults<const N: usize>(mut keys: [Key; N], values: [&'static str; N]) -> [Key; N] {
    let mut index = 0;
    // A constant function knows no iterators yet.
    while index < N {
        #[expect(
            clippy::indexing_slicing,
            reason = "the index is below the length of both, and this runs in the compiler"
        )]
        {
            keys[index] = keys[index].default(values[index]);
        }
        index += 1;
    }
    keys
}
