//! The keys of a connection.

use super::{LIMITS, MINUTE, bounds, millis};
use crate::config::schema::{Key, Kind, SecretRule};

/// A credential at a provider.
const CREDENTIAL: Kind = Kind::Secret(SecretRule {
    prefix: "",
    shortest: 1,
    longest: 8192,
    form: None,
});

/// An account at a provider.
pub(super) const CONNECTIONS: &[Key] = &[
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
        "owner",
        Kind::Id,
        "The organization of this gateway whose account it is: requests of others do not go \
         there. Left out: everybody's.",
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
    Key::new(
        "limits",
        Kind::Table(LIMITS),
        "What the account may be asked, over all models: kept by Tollgate, so that the provider \
         does not have to say 429. Requests beyond go to other targets, or wait.",
    ),
    Key::new(
        "checks",
        Kind::Table(CHECKS),
        "Questions of Tollgate's own to the provider, at an interval, so that a connection that \
         is down is noticed before a request is. Left out: none; `checks = {}` has these \
         defaults.",
    ),
];

const CHECKS: &[Key] = &[
    Key::new(
        "interval_s",
        Kind::Seconds(bounds(1, 86_400)),
        "From the end of one check to the next. Most providers limit requests a minute; two of \
         them are little.",
    )
    .default("30"),
    Key::new(
        "timeout_ms",
        millis(10, 10 * MINUTE),
        "How long an answer may take.",
    )
    .default("5000"),
    Key::new(
        "model",
        Kind::Name,
        "A model, as the provider calls it, that is asked for a single token. Left out: the list \
         of models is asked for, which costs nothing.",
    ),
    Key::new(
        "unhealthy",
        Kind::Count(bounds(1, 100)),
        "How many checks in a row must fail until requests go elsewhere: one may be chance.",
    )
    .default("3"),
    Key::new(
        "healthy",
        Kind::Count(bounds(1, 100)),
        "How many checks in a row must succeed until requests come back.",
    )
    .default("2"),
];
