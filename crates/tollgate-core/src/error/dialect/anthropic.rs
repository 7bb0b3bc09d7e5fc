//! Anthropic's error object. Its SDK reads our code from `error.details.error_code`.

use serde_json::{Map, Value};

use super::case::Case;
use super::{object, tell_retry};
use crate::error::catalog::{Code, Retry};

/// The status of Anthropic's own API for such a failure.
pub(super) fn status(case: &Case<'_>) -> u16 {
    match kind(case.code) {
        "overloaded_error" => 529,
        // Claude Code shows the message of a 429 with this type as it stands, and stops.
        "billing_error" if case.context.claude_code => 429,
        _ => case.code.status(),
    }
}

/// `{"type": "error", "error": …, "request_id"}`
pub(super) fn body(case: &Case<'_>) -> Map<String, Value> {
    envelope(case, details(case))
}

/// The body, with what headers would say.
pub(super) fn event(case: &Case<'_>) -> Map<String, Value> {
    let mut details = details(case);
    tell_retry(case, &mut details);
    envelope(case, details)
}

fn envelope(case: &Case<'_>, details: Map<String, Value>) -> Map<String, Value> {
    let error = object([
        ("type", kind(case.code).into()),
        ("message", sentence(case).into()),
        ("details", Value::Object(details)),
    ]);
    object([
        ("type", "error".into()),
        ("error", Value::Object(error)),
        ("request_id", case.context.request_id.into()),
    ])
}

/// What happened. Anthropic's clients know by these words that they have to shorten the
/// conversation, and do it by themselves.
fn sentence(case: &Case<'_>) -> String {
    match case.code {
        Code::ContextLengthExceeded => format!("prompt is too long: {}", case.sentence()),
        _ => case.sentence(),
    }
}

fn details(case: &Case<'_>) -> Map<String, Value> {
    let mut details = object([("error_code", case.code.slug().into())]);
    if let Some(time) = case.resets_at() {
        details.insert("resets_at".into(), time.into());
    }
    if let Some(attempts) = case.attempts() {
        details.insert("attempts".into(), attempts);
    }
    details
}

const fn kind(code: Code) -> &'static str {
    match code {
        Code::MissingApiKey | Code::InvalidApiKey | Code::ExpiredApiKey => "authentication_error",
        Code::PermissionDenied | Code::TeamSuspended | Code::TeamPaused => "permission_error",
        Code::ModelAccessDenied
        | Code::ModelNotFound
        | Code::ResourceNotFound
        | Code::UnknownUrl
        | Code::ProviderDataPolicy
        | Code::ProviderModelNotFound => "not_found_error",
        Code::InvalidRequest
        | Code::MalformedJson
        | Code::UnsupportedMediaType
        | Code::MethodNotAllowed
        | Code::Conflict
        | Code::IdempotencyMismatch
        | Code::ContextLengthExceeded
        | Code::ContentFiltered
        | Code::ProviderInvalidRequest => "invalid_request_error",
        Code::RequestTooLarge | Code::ProviderRequestTooLarge => "request_too_large",
        Code::InsufficientCredits | Code::BudgetExceeded => "billing_error",
        Code::RateLimitExceeded | Code::ProviderRateLimited => "rate_limit_error",
        Code::RequestTimeout
        | Code::ProviderTimeout
        | Code::RouteSelectionTimeout
        | Code::RemoteGatewayTimeout => "timeout_error",
        Code::ProviderOverloaded | Code::Overloaded | Code::Maintenance => "overloaded_error",
        Code::CircuitBreakerOpen
        | Code::NoModels
        | Code::NoTargets
        | Code::NoHealthyTargets
        | Code::RouteSelectionFailed
        | Code::RetryLimitExceeded
        | Code::FallbackChainExhausted
        | Code::RemoteGatewayUnavailable => match code.retry() {
            // Anthropic's clients wait and ask again at 529; that is right where waiting helps.
            Retry::Later | Retry::ElsewhereThenLater => "overloaded_error",
            Retry::Never | Retry::Elsewhere => "api_error",
        },
        Code::ProviderAuthenticationFailed
        | Code::ProviderPermissionDenied
        | Code::ProviderQuotaExhausted
        | Code::ProviderError
        | Code::ProviderUnreachable
        | Code::ProviderInvalidResponse
        | Code::ProviderGenerationFailed
        | Code::StreamInterrupted
        | Code::DatabaseError
        | Code::InternalError => "api_error",
    }
}
