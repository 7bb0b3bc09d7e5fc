//! What callers may ask for.

use super::rules::own;
use super::surfaces::OWN_CACHE;
use super::tenants;
use super::{LIMITS, bounds};
use crate::config::schema::{Key, Kind};

/// What models can be able to do, as `Ability` calls it.
const ABILITIES: Kind = Kind::Words(&["vision", "tools", "files", "audio", "schema", "reasoning"]);

/// A number of tokens.
const TOKENS: Kind = Kind::Count(bounds(1, 1_000_000_000));

/// The most tokens of an answer.
const OUTPUT: Kind = Kind::Count(bounds(1, 100_000_000));

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
        "enabled",
        Kind::Bool,
        "Whether it is in use: `false` takes it out without losing what is written here.",
    )
    .default("true"),
    Key::new(
        "priority",
        Kind::Count(bounds(0, 1_000)),
        "Which target is asked first: the lowest. The strategy `weighted` does not look at it.",
    )
    .default("0"),
    Key::new(
        "weight",
        Kind::Count(bounds(1, 1_000)),
        "The share of requests among targets of one priority.",
    )
    .default("1"),
    Key::new(
        "limits",
        Kind::Table(LIMITS),
        "What this target may be asked, beside the limits of its connection. Requests beyond go \
         to other targets, or wait.",
    ),
    Key::new(
        "when",
        Kind::Table(WHEN),
        "The requests that this target is there for: everything that is set must hold. Left out: \
         all of them.",
    ),
    Key::new(
        "abilities",
        ABILITIES,
        "What the model can do there. Left out: the model's `abilities`.",
    ),
    Key::new(
        "price",
        Kind::Table(PRICE),
        "What tokens cost there, in USD per million. Left out: the model's `price`, else that of \
         the built-in catalogue.",
    ),
    Key::new(
        "context_window",
        TOKENS,
        "How many tokens prompt and answer may have together there. Left out: the model's \
         `context_window`, else what the built-in catalogue says.",
    ),
    Key::new(
        "max_output",
        OUTPUT,
        "The most tokens that an answer can have there. Left out: the model's `max_output`, else \
         what is known.",
    ),
];

const WHEN: &[Key] = &[
    Key::new(
        "tags",
        Kind::Texts,
        "The request carries one of these tags (`x-tollgate-tags`).",
    ),
    Key::new(
        "users",
        Kind::Texts,
        "The request is sent on behalf of one of these users, as it names them itself.",
    ),
    Key::new(
        "keys",
        Kind::Texts,
        "The request is sent with a virtual key of one of these names.",
    ),
    Key::new(
        "prompt_tokens_from",
        TOKENS,
        "The prompt has at least about this many tokens.",
    ),
    Key::new(
        "prompt_tokens_to",
        TOKENS,
        "The prompt has at most about this many tokens.",
    ),
    Key::new(
        "needs",
        ABILITIES,
        "The request needs all of these abilities.",
    ),
];

pub(super) const MODELS: &[Key] = &[
    Key::new(
        "name",
        Kind::Name,
        "The name that callers use, such as `openai/gpt-4o`. A name that ends in `/*` opens whole \
         connections.",
    )
    .required(),
    Key::new("aliases", Kind::Names, "Other names for the same model."),
    Key::new(
        "limits",
        Kind::Table(tenants::RATES),
        "What all who ask for it may do together. What is left out is as in `[limits]` for \
         models.",
    ),
    Key::new(
        "budgets",
        Kind::List(tenants::BUDGETS),
        "What all who ask for it may spend on it together, at most one budget for each period. \
         Left out: no bound.",
    ),
    Key::new(
        "cache",
        Kind::Table(OWN_CACHE),
        "What becomes of its answers in the cache, where that differs from `[cache]`.",
    ),
    own::STRATEGY,
    Key::new(
        "targets",
        Kind::List(TARGETS),
        "Who serves the model. A model without targets is known, and answers `no_targets`.",
    )
    .required(),
    Key::new(
        "fallbacks",
        Kind::Names,
        "Other models that answer when this one cannot, in order: names of models, aliases or \
         collections. Prompts that are too long and content that a provider refuses fall back \
         by `fallbacks_by` only, since most models would say the same. The caller needs the \
         right to use them.",
    ),
    Key::new(
        "fallbacks_by",
        Kind::Table(FALLBACKS_BY),
        "Fallbacks for one class of failures, instead of `fallbacks`. An empty list: none.",
    ),
    Key::new(
        "abilities",
        ABILITIES,
        "What the model can do. Requests that need anything else do not go to it. Left out: \
         everything is tried.",
    ),
    own::ATTEMPT_COUNT,
    own::BACKOFF,
    own::BREAKER,
    own::QUEUE,
    own::REPEATED,
    own::STICKINESS,
    own::RECOVERED,
    own::HEDGE,
    own::TIMEOUTS,
    own::UNSUPPORTED_PARTS,
    Key::new(
        "price",
        Kind::Table(PRICE),
        "What tokens cost, in USD per million. Left out: the price of the built-in catalogue, if \
         it knows the model.",
    ),
    Key::new(
        "context_window",
        TOKENS,
        "How many tokens prompt and answer may have together: prompts that are surely longer do \
         not go to the model. Left out: what the built-in catalogue says.",
    ),
    Key::new(
        "max_output",
        OUTPUT,
        "The most tokens that an answer can have. Anthropic's format demands a bound, so this is \
         what callers of other formats get who name none. Left out: what is known of the model, \
         else 4096.",
    ),
];

/// The keys are what `Class` calls its classes.
const FALLBACKS_BY: &[Key] = &[
    Key::new(
        "context_length",
        Kind::Names,
        "For prompts that are too long for the model. Left out: none.",
    ),
    Key::new(
        "content_filter",
        Kind::Names,
        "For prompts and answers that a provider's policy refuses. Left out: none.",
    ),
    Key::new(
        "rate_limit",
        Kind::Names,
        "For providers that limit or are overloaded. Left out: `fallbacks`.",
    ),
    Key::new(
        "other",
        Kind::Names,
        "For everything else that another model may do. Left out: `fallbacks`.",
    ),
];

/// A choice among models.
pub(super) const COLLECTIONS: &[Key] = &[
    Key::new(
        "name",
        Kind::Name,
        "The name that callers use, such as `auto`.",
    )
    .required(),
    Key::new(
        "aliases",
        Kind::Names,
        "Other names for the same collection.",
    ),
    Key::new(
        "models",
        Kind::Names,
        "The models of which any may answer: names of models, or names that a model that ends in \
         `/*` serves. Their targets are chosen among by `strategy`; `x-tollgate-model` of the \
         answer says which model it was.",
    )
    .required(),
    own::STRATEGY,
    own::ATTEMPT_COUNT,
    own::BACKOFF,
    own::BREAKER,
    own::QUEUE,
    own::REPEATED,
    own::STICKINESS,
    own::RECOVERED,
    own::HEDGE,
    own::TIMEOUTS,
    own::UNSUPPORTED_PARTS,
];

pub(super) const PRICE: &[Key] = &[
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
