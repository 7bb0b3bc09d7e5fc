//! What Anthropic says in its errors. Their kinds go by the status, where nothing is said.

use super::{Said, openai};

const ANY: Said = Said {
    kind: None,
    ..openai::ANY_CLIENT
};

/// What each error says here.
pub(super) const SAID: &[(&str, Said)] = &[
    (
        "invalid-request",
        Said {
            message: "temperature: range: 0..1",
            ..ANY
        },
    ),
    (
        "context-length",
        Said {
            message: "prompt is too long: 212000 tokens > 200000 maximum",
            ..ANY
        },
    ),
    (
        "content-filter",
        Said {
            message: "Output blocked by content filtering policy",
            ..ANY
        },
    ),
    (
        "invalid-prompt",
        Said {
            message: "The prompt was refused by the usage policy",
            ..ANY
        },
    ),
    (
        "invalid-api-key",
        Said {
            status: 401,
            message: "invalid x-api-key",
            ..ANY
        },
    ),
    (
        "payment-required",
        Said {
            status: 402,
            message: "Your account has no credit left.",
            ..ANY
        },
    ),
    (
        "region",
        Said {
            status: 403,
            kind: Some("forbidden"),
            message: "Request not allowed",
            is_edge: true,
            ..ANY
        },
    ),
    (
        "permission",
        Said {
            status: 403,
            message: "Your API key does not have permission to use the specified resource.",
            ..ANY
        },
    ),
    (
        "model-not-found",
        Said {
            status: 404,
            message: "model: {model}",
            ..ANY
        },
    ),
    (
        "request-timeout",
        Said {
            status: 408,
            message: "Request timed out.",
            ..ANY
        },
    ),
    (
        "conflict",
        Said {
            status: 409,
            message: "Another request is changing the same resource.",
            ..ANY
        },
    ),
    (
        "too-large",
        Said {
            status: 413,
            message: "Request exceeds the maximum size",
            is_edge: true,
            ..ANY
        },
    ),
    (
        "unprocessable",
        Said {
            status: 422,
            message: "The messages cannot be processed.",
            ..ANY
        },
    ),
    (
        "rate-limit",
        Said {
            status: 429,
            message: "This request would exceed the rate limit of 500 requests per minute for model {model}. Please try again later.",
            headers: &[
                ("retry-after", "1"),
                ("anthropic-ratelimit-requests-remaining", "0"),
            ],
            ..ANY
        },
    ),
    (
        "rate-limit-tokens",
        Said {
            status: 429,
            message: "This request would exceed the rate limit of 30,000 input tokens per minute for model {model}. Please reduce the prompt length or try again later.",
            headers: &[
                ("retry-after", "2"),
                ("anthropic-ratelimit-input-tokens-remaining", "0"),
            ],
            ..ANY
        },
    ),
    (
        "request-too-large",
        Said {
            status: 413,
            message: "Request too large: it has more tokens than any waiting allows.",
            ..ANY
        },
    ),
    (
        "quota",
        Said {
            message: "Your credit balance is too low to access the API. Please purchase credits.",
            ..ANY
        },
    ),
    (
        "server-error",
        Said {
            status: 500,
            message: "Internal server error",
            ..ANY
        },
    ),
    (
        "bad-gateway",
        Said {
            status: 502,
            message: "Bad gateway",
            shape: "html",
            ..ANY
        },
    ),
    (
        "overloaded",
        Said {
            status: 503,
            message: "Overloaded",
            ..ANY
        },
    ),
    (
        "gateway-timeout",
        Said {
            status: 504,
            message: "Request timed out while it was processed",
            ..ANY
        },
    ),
    (
        "unknown-520",
        Said {
            status: 520,
            message: "Web server is returning an unknown error",
            shape: "html",
            ..ANY
        },
    ),
    (
        "overloaded-529",
        Said {
            status: 529,
            message: "Overloaded",
            ..ANY
        },
    ),
];
