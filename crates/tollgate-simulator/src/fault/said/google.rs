//! What Google says in its errors. Their kinds go by the status, where nothing is said.

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
            message: "Invalid value at 'generation_config.temperature': expected a number from 0 to 2.",
            param: Some("generation_config.temperature"),
            ..ANY
        },
    ),
    (
        "context-length",
        Said {
            message: "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            ..ANY
        },
    ),
    (
        "content-filter",
        Said {
            message: "The prompt was blocked: it violates the content policy.",
            ..ANY
        },
    ),
    (
        "invalid-prompt",
        Said {
            message: "The prompt was refused by the usage policy.",
            ..ANY
        },
    ),
    (
        "invalid-api-key",
        Said {
            message: "API key not valid. Please pass a valid API key.",
            code: Some("API_KEY_INVALID"),
            ..ANY
        },
    ),
    (
        "payment-required",
        Said {
            status: 402,
            message: "Billing is not enabled for this project.",
            ..ANY
        },
    ),
    (
        "region",
        Said {
            kind: Some("FAILED_PRECONDITION"),
            message: "User location is not supported for the API use.",
            ..ANY
        },
    ),
    (
        "permission",
        Said {
            status: 403,
            message: "Permission denied for model {model}.",
            code: Some("IAM_PERMISSION_DENIED"),
            ..ANY
        },
    ),
    (
        "model-not-found",
        Said {
            status: 404,
            message: "models/{model} is not found for API version v1beta, or is not supported for generateContent.",
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
            message: "Request payload size exceeds the limit: 20971520 bytes.",
            ..ANY
        },
    ),
    (
        "unprocessable",
        Said {
            status: 422,
            message: "The contents cannot be processed.",
            ..ANY
        },
    ),
    (
        "rate-limit",
        Said {
            status: 429,
            message: "You exceeded your current quota. Quota exceeded for requests per minute, limit: 1000, model: {model}. Please retry in 1s.",
            quota: Some("GenerateRequestsPerMinutePerProjectPerModel"),
            wait: Some("1s"),
            ..ANY
        },
    ),
    (
        "rate-limit-tokens",
        Said {
            status: 429,
            message: "You exceeded your current quota. Quota exceeded for input tokens per minute, limit: 1000000, model: {model}. Please retry in 1.574s.",
            quota: Some("GenerateContentPaidTierInputTokensPerModelPerMinute"),
            wait: Some("1.574s"),
            ..ANY
        },
    ),
    (
        "request-too-large",
        Said {
            message: "The request has more tokens than any waiting allows.",
            ..ANY
        },
    ),
    (
        "quota",
        Said {
            status: 429,
            message: "You exceeded your current quota, please check your plan and billing details.",
            quota: Some("GenerateRequestsPerDayPerProjectPerModel"),
            wait: Some("47s"),
            ..ANY
        },
    ),
    (
        "server-error",
        Said {
            status: 500,
            message: "An internal error has occurred.",
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
            message: "The model is overloaded. Please try again later.",
            ..ANY
        },
    ),
    (
        "gateway-timeout",
        Said {
            status: 504,
            message: "Deadline expired before operation could complete.",
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
            message: "The model is overloaded. Please try again later.",
            ..ANY
        },
    ),
];
