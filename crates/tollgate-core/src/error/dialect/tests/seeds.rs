//! What the seed documents print.

use super::*;

/// The bodies that the seed documents print, each with the failure behind it.
fn printed() -> Vec<(Dialect, Failure, u16, Value)> {
    let mut printed = printed_by_seed_002();
    printed.extend(printed_by_seed_002_about_targets());
    printed.extend(printed_by_seeds_000_and_001());
    printed.extend(printed_by_seed_004());
    printed
}

fn printed_by_seed_004() -> Vec<(Dialect, Failure, u16, Value)> {
    let error = |message: &str, kind: &str| json!({"error": {"message": message, "type": kind}});
    let row = |code: Code, status, body| (Dialect::OpenAi, example(code), status, body);
    let key = "Invalid API key provided";
    let unknown = Failure::client(Code::ModelNotFound).model("invalid-model");
    vec![
        row(
            Code::InvalidApiKey,
            401,
            json!({"error": {
                "message": key, "type": "authentication_error", "code": "invalid_api_key"
            }}),
        ),
        row(
            Code::InsufficientCredits,
            402,
            error("Insufficient credits", "billing_error"),
        ),
        row(
            Code::RateLimitExceeded,
            429,
            error("Rate limit exceeded", "rate_limit_error"),
        ),
        (
            Dialect::OpenAi,
            unknown,
            404,
            error("Model not found: invalid-model", "not_found_error"),
        ),
    ]
}

fn printed_by_seeds_000_and_001() -> Vec<(Dialect, Failure, u16, Value)> {
    let simple = |code, status, text: &str| {
        (
            Dialect::DetailSimple,
            example(code),
            status,
            json!({"detail": text}),
        )
    };
    let jobs = |code, status, text: &str| {
        (
            Dialect::DetailJobs,
            example(code),
            status,
            json!({"detail": text}),
        )
    };
    let missing = || {
        let problem = field("messages", "It is required.", "missing");
        Failure::client(Code::InvalidRequest).field(problem)
    };
    let fields = json!({"detail": [
        {"loc": ["body", "messages"], "msg": "field required", "type": "value_error.missing"}
    ]});
    let structure = Failure::client(Code::InvalidRequest).field(field(
        "messages[0].role",
        "It is required.",
        "missing",
    ));
    vec![
        simple(Code::InvalidApiKey, 401, "Invalid or missing API Key"),
        simple(Code::MissingApiKey, 401, "Invalid or missing API Key"),
        simple(
            Code::RateLimitExceeded,
            429,
            "Too many requests. Please wait before trying again.",
        ),
        simple(
            Code::InternalError,
            500,
            "Internal server error occurred while processing your request",
        ),
        (Dialect::DetailSimple, missing(), 422, fields.clone()),
        jobs(Code::InvalidApiKey, 401, "Invalid or missing API key"),
        jobs(
            Code::InsufficientCredits,
            403,
            "Team suspended or insufficient credits",
        ),
        jobs(
            Code::TeamSuspended,
            403,
            "Team access suspended - contact support",
        ),
        jobs(
            Code::TeamPaused,
            403,
            "Team access is paused. Please contact support.",
        ),
        jobs(Code::ResourceNotFound, 404, "Job not found"),
        jobs(Code::RateLimitExceeded, 429, "Rate limit exceeded"),
        jobs(Code::InternalError, 500, "Internal server error"),
        jobs(Code::Overloaded, 503, "Service temporarily unavailable"),
        (Dialect::DetailJobs, missing(), 422, fields),
        (
            Dialect::DetailJobs,
            structure,
            400,
            json!({"detail": "Invalid message format"}),
        ),
    ]
}

fn printed_by_seed_002() -> Vec<(Dialect, Failure, u16, Value)> {
    let row = |code, status: u16, family: &str, kind: &str, message: &str| {
        let error = json!({"code": family, "message": message, "type": kind, "status": status});
        (
            Dialect::LangMart,
            example(code),
            status,
            json!({"error": error}),
        )
    };
    vec![
        row(
            Code::InvalidApiKey,
            401,
            "GATEWAY1_AUTH_001",
            "authentication_error",
            "Invalid API key",
        ),
        row(
            Code::InvalidRequest,
            400,
            "API_VALIDATION_001",
            "invalid_request_error",
            "Invalid request format",
        ),
        row(
            Code::ModelNotFound,
            404,
            "GATEWAY1_ROUTING_001",
            "not_found",
            "Model not found",
        ),
        row(
            Code::InsufficientCredits,
            402,
            "GATEWAY1_BILLING_001",
            "billing_error",
            "Insufficient credits. Your balance ($0.05) is below the minimum required ($0.10).",
        ),
        row(
            Code::PermissionDenied,
            403,
            "GATEWAY1_AUTH_002",
            "forbidden",
            "Access denied",
        ),
        row(
            Code::DatabaseError,
            500,
            "SYSTEM_DB_001",
            "api_error",
            "Database operation failed",
        ),
    ]
}

fn printed_by_seed_002_about_targets() -> Vec<(Dialect, Failure, u16, Value)> {
    let row = |code, status: u16, body| (Dialect::LangMart, example(code), status, body);
    vec![
        row(
            Code::ProviderRequestTooLarge,
            413,
            json!({"error": {
                "code": "PROVIDER_ANTHROPIC_413",
                "message": "Request exceeds Anthropic size limit",
                "status": 413
            }}),
        ),
        row(
            Code::ProviderDataPolicy,
            404,
            json!({"error": {
                "code": "PROVIDER_OPENROUTER_POLICY",
                "message":
                    "OpenRouter data policy restriction - free models require data sharing",
                "status": 404
            }}),
        ),
        row(
            Code::ProviderRateLimited,
            429,
            json!({
                "error": {
                    "code": "PROVIDER_OPENAI_429",
                    "message": "Rate limit exceeded",
                    "type": "rate_limit_error",
                    "status": 429
                },
                "retry_after": 60
            }),
        ),
        row(
            Code::RemoteGatewayUnavailable,
            503,
            json!({"error": {
                "code": "GATEWAY3_CONN_001",
                "message": "Gateway temporarily unavailable",
                "status": 503
            }}),
        ),
        row(
            Code::RemoteGatewayTimeout,
            504,
            json!({
                "error": {
                    "code": "GATEWAY_TIMEOUT_001",
                    "message": "Gateway did not respond within 60s",
                    "type": "gateway_timeout",
                    "status": 504
                },
                "retry_after": 5,
                "gateway_id": "gw-123",
                "gateway_type": "type3"
            }),
        ),
        row(
            Code::RouteSelectionFailed,
            503,
            json!({"error": {
                "code": "ROUTE_SELECTION_FAILED",
                "message": "Unable to route to any available model",
                "status": 503
            }}),
        ),
    ]
}

#[test]
fn the_bodies_that_the_seeds_print_come_out() {
    for (dialect, failure, status, expected) in printed() {
        let rendered = dialect.render(&failure, &context(URL));
        let body = parse(&rendered.body);
        assert_eq!(rendered.status, status, "{dialect:?} {expected}");
        match dialect {
            Dialect::DetailSimple | Dialect::DetailJobs => assert_eq!(body, expected),
            _ => assert!(holds(&body, &expected), "{expected} is not in {body}"),
        }
    }
}

/// Whether every member of `expected` is in `body`.
fn holds(body: &Value, expected: &Value) -> bool {
    match (body, expected) {
        (Value::Object(body), Value::Object(expected)) => expected
            .iter()
            .all(|(name, value)| body.get(name).is_some_and(|found| holds(found, value))),
        (body, expected) => body == expected,
    }
}

/// Codes that the table of seed 002 lists, and a few after its pattern: the failure with its
/// provider, status and code of family A.
#[rustfmt::skip]
const LISTED: &[(Code, Option<&str>, u16, &str)] = &[
    (Code::ProviderInvalidRequest, Some("anthropic"), 400, "PROVIDER_ANTHROPIC_400"),
    (Code::ProviderAuthenticationFailed, Some("openai"), 401, "PROVIDER_OPENAI_401"),
    (Code::ProviderAuthenticationFailed, Some("anthropic"), 401, "PROVIDER_ANTHROPIC_401"),
    (Code::ProviderAuthenticationFailed, Some("google"), 401, "PROVIDER_GOOGLE_401"),
    (Code::ProviderAuthenticationFailed, Some("openrouter"), 401, "PROVIDER_OPENROUTER_401"),
    (Code::ProviderRateLimited, Some("anthropic"), 429, "PROVIDER_ANTHROPIC_429"),
    (Code::ProviderRateLimited, Some("google"), 429, "PROVIDER_GOOGLE_429"),
    (Code::ProviderRateLimited, Some("openrouter"), 429, "PROVIDER_OPENROUTER_429"),
    (Code::ProviderQuotaExhausted, Some("google"), 429, "PROVIDER_GOOGLE_QUOTA"),
    (Code::ProviderOverloaded, Some("anthropic"), 529, "PROVIDER_ANTHROPIC_529"),
    (Code::ProviderOverloaded, Some("openai"), 503, "PROVIDER_OPENAI_529"),
    (Code::ProviderPermissionDenied, Some("simulated"), 403, "PROVIDER_SIMULATED_403"),
    (Code::ProviderError, Some("openai-compatible"), 502, "PROVIDER_OPENAI_COMPATIBLE_500"),
    (Code::ContextLengthExceeded, None, 400, "PROVIDER_UNKNOWN_400"),
    (Code::InternalError, None, 500, "SYSTEM_UNKNOWN_001"),
    (Code::NoModels, None, 503, "ROUTE_NO_MODELS"),
    (Code::FallbackChainExhausted, None, 503, "FALLBACK_CHAIN_EXHAUSTED"),
    (Code::CircuitBreakerOpen, None, 503, "CIRCUIT_BREAKER_OPEN"),
    (Code::NoTargets, None, 503, "LB_NO_TARGETS"),
    (Code::NoHealthyTargets, None, 503, "LB_NO_HEALTHY_TARGETS"),
    (Code::RetryLimitExceeded, None, 503, "RETRY_LIMIT_EXCEEDED"),
    (Code::RouteSelectionTimeout, None, 504, "ROUTE_SELECTION_TIMEOUT"),
];

#[test]
fn the_codes_that_seed_002_lists_come_out() {
    for &(code, provider, status, family) in LISTED {
        let failure = match provider {
            Some(name) => Failure::provider(code, name),
            None => Failure::gateway(code),
        };
        let rendered = Dialect::LangMart.render(&failure, &context(URL));
        let body = parse(&rendered.body);
        assert_eq!(rendered.status, status, "{family}");
        assert_eq!(body["error"]["status"], status, "{family}");
        assert_eq!(body["error"]["code"], family);
    }
}
