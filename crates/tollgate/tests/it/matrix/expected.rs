//! What the catalogue demands of the matrix, written out by hand.

/// The statuses that providers fail with.
pub const STATUSES: [u16; 15] = [
    400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529,
];

/// The connections of the providers.
pub const PROVIDERS: [&str; 3] = ["chat", "anthropic", "google"];

/// The families, of providers and of callers.
pub const FAMILIES: [&str; 3] = ["openai", "anthropic", "google"];

/// The code for each status of [`STATUSES`], by the family of the provider.
pub const CODES: [[&str; 3]; 15] = [
    // 400
    [
        "provider_invalid_request",
        "provider_invalid_request",
        "provider_invalid_request",
    ],
    // 401
    [
        "provider_authentication_failed",
        "provider_authentication_failed",
        "provider_authentication_failed",
    ],
    // 402
    [
        "provider_quota_exhausted",
        "provider_quota_exhausted",
        "provider_quota_exhausted",
    ],
    // 403
    [
        "provider_permission_denied",
        "provider_permission_denied",
        "provider_permission_denied",
    ],
    // 404
    [
        "provider_model_not_found",
        "provider_model_not_found",
        "provider_model_not_found",
    ],
    // 408
    ["provider_timeout", "provider_timeout", "provider_timeout"],
    // 409: a state of the provider's that passes.
    ["provider_error", "provider_error", "provider_error"],
    // 413
    [
        "provider_request_too_large",
        "provider_request_too_large",
        "provider_request_too_large",
    ],
    // 422
    [
        "provider_invalid_request",
        "provider_invalid_request",
        "provider_invalid_request",
    ],
    // 429
    [
        "provider_rate_limited",
        "provider_rate_limited",
        "provider_rate_limited",
    ],
    // 500
    ["provider_error", "provider_error", "provider_error"],
    // 502, a page of HTML
    ["provider_error", "provider_error", "provider_error"],
    // 503 that says overloaded
    [
        "provider_overloaded",
        "provider_overloaded",
        "provider_overloaded",
    ],
    // 504
    ["provider_timeout", "provider_timeout", "provider_timeout"],
    // 529
    [
        "provider_overloaded",
        "provider_overloaded",
        "provider_overloaded",
    ],
];

/// How a failure looks in a dialect: its status, and the word that stands for its type.
#[derive(Clone, Copy)]
pub struct Face {
    pub status: u16,
    pub word: &'static str,
}

/// Code, then status and word for callers of `OpenAI`, Anthropic and Google.
const FACES: &[(&str, [(u16, &str); 3])] = &[
    (
        "provider_invalid_request",
        [
            (400, "invalid_request_error"),
            (400, "invalid_request_error"),
            (400, "INVALID_ARGUMENT"),
        ],
    ),
    (
        "provider_authentication_failed",
        [
            (502, "provider_error"),
            (502, "api_error"),
            (502, "UNAVAILABLE"),
        ],
    ),
    (
        "provider_quota_exhausted",
        [
            (502, "provider_error"),
            (502, "api_error"),
            (502, "UNAVAILABLE"),
        ],
    ),
    (
        "provider_permission_denied",
        [
            (502, "provider_error"),
            (502, "api_error"),
            (502, "UNAVAILABLE"),
        ],
    ),
    (
        "provider_model_not_found",
        [
            (404, "not_found_error"),
            (404, "not_found_error"),
            (404, "NOT_FOUND"),
        ],
    ),
    (
        "provider_timeout",
        [
            (504, "timeout_error"),
            (504, "timeout_error"),
            (504, "DEADLINE_EXCEEDED"),
        ],
    ),
    (
        "provider_error",
        [
            (502, "provider_error"),
            (502, "api_error"),
            (502, "UNAVAILABLE"),
        ],
    ),
    (
        "provider_request_too_large",
        [
            (413, "request_too_large"),
            (413, "request_too_large"),
            (413, "INVALID_ARGUMENT"),
        ],
    ),
    (
        "provider_rate_limited",
        [
            (429, "rate_limit_error"),
            (429, "rate_limit_error"),
            (429, "RESOURCE_EXHAUSTED"),
        ],
    ),
    (
        "provider_overloaded",
        [
            (503, "overloaded_error"),
            (529, "overloaded_error"),
            (503, "UNAVAILABLE"),
        ],
    ),
];

/// How this code looks to callers of this family.
pub fn face(code: &str, caller: usize) -> Face {
    let row = FACES.iter().find(|(name, _)| *name == code);
    let (status, word) = row.unwrap().1[caller];
    Face { status, word }
}

/// Whether the same call may succeed a little later, after a single attempt.
pub fn retried(code: &str) -> bool {
    [
        "provider_rate_limited",
        "provider_overloaded",
        "provider_error",
        "provider_timeout",
    ]
    .contains(&code)
}
