//! The other phrases, about the model and the request, of which the words are less telling.

use tollgate_core::error::Code;

use crate::failure::rule::Rule;
use crate::failure::rule::Sign::{NotStatus, Says, ServerOrNoStatus, Status};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code::ProviderModelNotFound,
        signs: &[
            NotStatus(&[401, 402, 403, 413, 429]),
            Says(&[
                "model*not found",
                "model*does not exist",
                "model*doesn't exist",
                "model*not exist",
                "model*not available",
                "model*unavailable",
                "model*been deprecated",
                "model*decommissioned",
                "model*been removed",
                "model*been retired",
                "model*no longer",
                "model*not deployed",
                "model*not be found",
                "model*not supported by any provider",
                "model*end of its life",
                "model not exist",
                "not found the model",
                "not found*model",
                "no such model",
                "no model named",
                "unknown model",
                "unrecognized model",
                "unsupported model",
                "invalid model name",
                "invalid model id",
                "invalid model:",
                "not a valid model",
                "non-serverless model",
                "deployment*not exist",
                "deployment*not found",
                "no endpoints found for",
                "模型不存在",
            ]),
        ],
    },
    // Not there is what the caller named, and not the model.
    Rule {
        code: Code::ProviderInvalidRequest,
        signs: &[
            Status(&[404]),
            Says(&[
                "invalid url",
                "unknown request url",
                "unrecognized request url",
                "previous response",
                "conversation with id",
                "no such file",
                "file*not found",
                "cached content",
                "cache content",
                "vector store",
            ]),
        ],
    },
    Rule {
        code: Code::ProviderRequestTooLarge,
        signs: &[
            NotStatus(&[401, 402, 403, 404]),
            Says(&[
                "request entity too large",
                "request body too large",
                "request body is too large",
                "request too large",
                "payload too large",
                "payload is too large",
                "body*exceeds*limit",
                "maximum request size",
                "maximum allowed number of bytes",
                "too many inputs",
                "max*tokens per request",
            ]),
        ],
    },
    Rule {
        code: Code::ProviderRateLimited,
        signs: &[
            NotStatus(&[401, 403, 404, 413]),
            Says(&[
                "rate limit*exceeded",
                "rate limit*reached",
                "exceed*rate limit",
                "reached*rate limit",
                "hit*rate limit",
                "rate limited",
                "rate-limited",
                "ratelimiterror",
                "too many requests",
                "too many concurrent",
                "requests per minute",
                "tokens per minute",
                "throttl",
                "slow down",
            ]),
        ],
    },
    Rule {
        code: Code::ProviderTimeout,
        signs: &[
            // 400 and 422 with such words mean that the caller's file could not be fetched.
            NotStatus(&[400, 401, 403, 404, 422, 429]),
            Says(&[
                "timed out",
                "time out",
                "timeout",
                "deadline exceeded",
                "deadline expired",
                "took too long",
                "request canceled",
                "request cancelled",
                "context canceled",
            ]),
        ],
    },
    // A model on its way into memory is neither limited nor wrongly asked for.
    Rule {
        code: Code::ProviderError,
        signs: &[
            Status(&[400, 404, 409, 425, 429]),
            Says(&[
                "loading model",
                "model*is loading",
                "model*currently loading",
                "model*not ready",
                "model*warming up",
                "temporarily unavailable",
                "no healthy upstream",
            ]),
        ],
    },
    // The caller's mistakes that small servers answer as faults of their own.
    Rule {
        code: Code::ProviderInvalidRequest,
        signs: &[
            ServerOrNoStatus,
            NotStatus(&[502, 503, 504, 529]),
            Says(&[
                "not supported",
                "unsupported",
                "does not support",
                "doesn't support",
                "not support",
                "not implemented",
                "requires --",
                "json.exception.",
                "failed to parse grammar",
                "failed to parse messages",
                "json schema conversion failed",
                "invalid request",
                "bad request",
                "field required",
                "is required",
                "must be",
                "must contain",
                "must not",
                "only one of",
            ]),
        ],
    },
];
