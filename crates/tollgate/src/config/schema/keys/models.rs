//! What callers may ask for, and how requests reach the providers.

use super::{HOUR, MINUTE, bounds, millis};
use crate::config::schema::{Key, Kind};

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

pub(super) const MODELS: &[Key] = &[
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

pub(super) const ROUTING: &[Key] = &[
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
