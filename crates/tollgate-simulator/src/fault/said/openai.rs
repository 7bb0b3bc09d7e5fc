//! What `OpenAI` says in its errors.

use super::Said;

const INVALID: Option<&str> = Some("invalid_request_error");

/// Any error that the request caused.
pub(super) const ANY_CLIENT: Said = Said {
    status: 400,
    kind: INVALID,
    code: None,
    param: None,
    message: "The simulated provider refuses this request.",
    shape: "own",
    headers: &[],
    wait: None,
    quota: None,
    is_edge: false,
};

/// Any error that the provider caused.
pub(super) const ANY_SERVER: Said = Said {
    status: 500,
    kind: Some("server_error"),
    message: "The simulated provider failed at this request.",
    ..ANY_CLIENT
};

/// What each error says here.
pub(super) const SAID: &[(&str, Said)] = &[
    (
        "invalid-request",
        Said {
            param: Some("temperature"),
            code: Some("invalid_value"),
            message: "Invalid value for 'temperature': expected a number from 0 to 2.",
            ..ANY_CLIENT
        },
    ),
    (
        "context-length",
        Said {
            param: Some("messages"),
            code: Some("context_length_exceeded"),
            message: "This model's maximum context length is 8192 tokens, and your messages \
                  resulted in 9000 tokens.",
            ..ANY_CLIENT
        },
    ),
    (
        "content-filter",
        Said {
            kind: None,
            param: Some("prompt"),
            code: Some("content_filter"),
            message: "The prompt triggered the content management policy. Please change it.",
            shape: "azure",
            ..ANY_CLIENT
        },
    ),
    (
        "invalid-prompt",
        Said {
            code: Some("invalid_prompt"),
            message: "Invalid prompt: it was flagged as against the usage policy.",
            ..ANY_CLIENT
        },
    ),
    (
        "invalid-api-key",
        Said {
            status: 401,
            code: Some("invalid_api_key"),
            message: "Incorrect API key provided: sk-simul***********key.",
            ..ANY_CLIENT
        },
    ),
    (
        "payment-required",
        Said {
            status: 402,
            kind: Some("insufficient_balance"),
            code: Some("insufficient_balance"),
            message: "Insufficient balance.",
            ..ANY_CLIENT
        },
    ),
    (
        "region",
        Said {
            status: 403,
            kind: Some("request_forbidden"),
            code: Some("unsupported_country_region_territory"),
            message: "This country, region or territory is not supported.",
            ..ANY_CLIENT
        },
    ),
    (
        "permission",
        Said {
            status: 403,
            code: Some("model_not_found"),
            message: "Project `proj_simulated` does not have access to model `{model}`",
            ..ANY_CLIENT
        },
    ),
    (
        "model-not-found",
        Said {
            status: 404,
            code: Some("model_not_found"),
            message: "The model `{model}` does not exist here, or you have no access to it.",
            ..ANY_CLIENT
        },
    ),
    (
        "request-timeout",
        Said {
            status: 408,
            kind: Some("timeout"),
            message: "Request timed out.",
            ..ANY_CLIENT
        },
    ),
    (
        "conflict",
        Said {
            status: 409,
            message: "Another request is changing the same resource.",
            ..ANY_CLIENT
        },
    ),
    (
        "too-large",
        Said {
            status: 413,
            message: "The request body is larger than the limit of 25 MB.",
            ..ANY_CLIENT
        },
    ),
    (
        "unprocessable",
        Said {
            status: 422,
            param: Some("messages"),
            message: "The messages cannot be processed.",
            ..ANY_CLIENT
        },
    ),
    (
        "rate-limit",
        Said {
            status: 429,
            kind: Some("requests"),
            code: Some("rate_limit_exceeded"),
            message: "Rate limit reached for {model} in organization org-simulated on requests per \
                  min (RPM): Limit 500, Used 500, Requested 1. Please try again in 1s.",
            headers: &[
                ("retry-after", "1"),
                ("retry-after-ms", "1000"),
                ("x-ratelimit-remaining-requests", "0"),
                ("x-ratelimit-reset-requests", "1s"),
            ],
            ..ANY_CLIENT
        },
    ),
    (
        "rate-limit-tokens",
        Said {
            status: 429,
            kind: Some("tokens"),
            code: Some("rate_limit_exceeded"),
            message: "Rate limit reached for {model} in organization org-simulated on tokens per min \
                  (TPM): Limit 200000, Used 199000, Requested 5000. Please try again in 1.574s.",
            headers: &[
                ("x-ratelimit-remaining-tokens", "1000"),
                ("x-ratelimit-reset-tokens", "1.574s"),
            ],
            ..ANY_CLIENT
        },
    ),
    (
        "request-too-large",
        Said {
            status: 429,
            kind: Some("tokens"),
            code: Some("rate_limit_exceeded"),
            message: "Request too large for {model} in organization org-simulated on tokens per min \
                  (TPM): Limit 30000, Requested 31538.",
            ..ANY_CLIENT
        },
    ),
    (
        "quota",
        Said {
            status: 429,
            kind: Some("insufficient_quota"),
            code: Some("insufficient_quota"),
            message: "You exceeded your current quota; check your plan and billing.",
            ..ANY_CLIENT
        },
    ),
    (
        "server-error",
        Said {
            message: "The server had an error while processing the request.",
            ..ANY_SERVER
        },
    ),
    (
        "bad-gateway",
        Said {
            status: 502,
            message: "Bad gateway",
            shape: "html",
            ..ANY_SERVER
        },
    ),
    (
        "overloaded",
        Said {
            status: 503,
            kind: Some("service_unavailable_error"),
            message: "The engine is currently overloaded, please try again later",
            ..ANY_SERVER
        },
    ),
    (
        "gateway-timeout",
        Said {
            status: 504,
            message: "Gateway time-out",
            shape: "html",
            ..ANY_SERVER
        },
    ),
    (
        "unknown-520",
        Said {
            status: 520,
            message: "Web server is returning an unknown error",
            shape: "html",
            ..ANY_SERVER
        },
    ),
    (
        "overloaded-529",
        Said {
            status: 529,
            kind: Some("overloaded_error"),
            message: "Overloaded",
            ..ANY_SERVER
        },
    ),
];
