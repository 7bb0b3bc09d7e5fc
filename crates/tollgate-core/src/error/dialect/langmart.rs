//! Seed 002: codes that name the part which failed (`PROVIDER_OPENAI_429`), status in the body.

use serde_json::{Map, Value};

use super::case::Case;
use super::{object, provider, sentence, tell_retry};
use crate::error::catalog::Code;
use crate::error::detail;

/// The status of the table, unless the seed prints another for the row.
pub(super) fn status(case: &Case<'_>) -> u16 {
    match case.code {
        Code::ProviderAuthenticationFailed => 401,
        Code::ProviderPermissionDenied => 403,
        Code::ProviderQuotaExhausted => 429,
        Code::ProviderOverloaded if provider::name(case.failure) == Some("anthropic") => 529,
        code => code.status(),
    }
}

/// `{"error": …}` and beside it what the seed puts there.
pub(super) fn body(case: &Case<'_>) -> Map<String, Value> {
    envelope(case, error(case))
}

/// The body, with what headers would say.
pub(super) fn event(case: &Case<'_>) -> Map<String, Value> {
    let mut error = error(case);
    tell_retry(case, &mut error);
    envelope(case, error)
}

fn envelope(case: &Case<'_>, error: Map<String, Value>) -> Map<String, Value> {
    let mut body = object([("error", Value::Object(error))]);
    if let Some(seconds) = case.advice.seconds() {
        body.insert("retry_after".into(), seconds.into());
    }
    for name in [detail::GATEWAY_ID, detail::GATEWAY_TYPE] {
        if let Some(value) = sentence::text(case.failure, name) {
            body.insert(name.into(), value.into());
        }
    }
    body
}

fn error(case: &Case<'_>) -> Map<String, Value> {
    let message = message(case);
    let details = case.details(&message);
    let mut error = object([
        ("code", case.family().into()),
        ("message", message.into()),
        ("type", kind(case.code).into()),
        ("status", status(case).into()),
    ]);
    if !details.is_empty() {
        error.insert("details".into(), Value::Object(details));
    }
    error
}

/// The sentences that the seed prints stand exactly as there.
fn message(case: &Case<'_>) -> String {
    let fixed = match case.code {
        Code::MissingApiKey | Code::InvalidApiKey | Code::ExpiredApiKey => "Invalid API key",
        Code::PermissionDenied | Code::TeamSuspended | Code::TeamPaused => "Access denied",
        Code::ModelNotFound | Code::ModelAccessDenied => "Model not found",
        Code::InvalidRequest | Code::MalformedJson => "Invalid request format",
        Code::RateLimitExceeded | Code::ProviderRateLimited => "Rate limit exceeded",
        Code::ProviderAuthenticationFailed => "Provider authentication failed",
        Code::DatabaseError => "Database operation failed",
        Code::RemoteGatewayUnavailable => "Gateway temporarily unavailable",
        Code::RouteSelectionFailed => "Unable to route to any available model",
        Code::InsufficientCredits => return sentence::insufficient_credits(case.failure),
        Code::ProviderRequestTooLarge => {
            let name = provider::name(case.failure).map(provider::name_in_sentence);
            let name = name.as_deref().unwrap_or("the provider's");
            return format!("Request exceeds {name} size limit");
        }
        Code::ProviderDataPolicy => {
            let name = provider::name(case.failure).map(provider::display_name);
            let name = name.as_deref().unwrap_or("Provider");
            return format!("{name} data policy restriction - free models require data sharing");
        }
        Code::RemoteGatewayTimeout => {
            let seconds = sentence::number(case.failure, detail::WAITED_SECONDS).unwrap_or(60);
            return format!("Gateway did not respond within {seconds}s");
        }
        _ => return case.sentence(),
    };
    fixed.to_owned()
}

const fn kind(code: Code) -> &'static str {
    match code {
        Code::MissingApiKey
        | Code::InvalidApiKey
        | Code::ExpiredApiKey
        | Code::ProviderAuthenticationFailed => "authentication_error",
        Code::PermissionDenied
        | Code::TeamSuspended
        | Code::TeamPaused
        | Code::ProviderPermissionDenied => "forbidden",
        Code::ModelAccessDenied
        | Code::ModelNotFound
        | Code::ResourceNotFound
        | Code::UnknownUrl
        | Code::ProviderDataPolicy
        | Code::ProviderModelNotFound => "not_found",
        Code::InvalidRequest
        | Code::MalformedJson
        | Code::UnsupportedMediaType
        | Code::MethodNotAllowed
        | Code::Conflict
        | Code::IdempotencyMismatch
        | Code::RequestTooLarge
        | Code::ProviderRequestTooLarge
        | Code::RequestTimeout
        | Code::ContextLengthExceeded
        | Code::ContentFiltered
        | Code::ProviderInvalidRequest => "invalid_request_error",
        Code::InsufficientCredits | Code::BudgetExceeded => "billing_error",
        Code::RateLimitExceeded | Code::ProviderRateLimited | Code::ProviderQuotaExhausted => {
            "rate_limit_error"
        }
        Code::ProviderTimeout | Code::RouteSelectionTimeout | Code::RemoteGatewayTimeout => {
            "gateway_timeout"
        }
        Code::ProviderOverloaded
        | Code::Overloaded
        | Code::Maintenance
        | Code::ProviderError
        | Code::ProviderUnreachable
        | Code::ProviderInvalidResponse
        | Code::ProviderGenerationFailed
        | Code::CircuitBreakerOpen
        | Code::NoModels
        | Code::NoTargets
        | Code::NoHealthyTargets
        | Code::RouteSelectionFailed
        | Code::RetryLimitExceeded
        | Code::FallbackChainExhausted
        | Code::RemoteGatewayUnavailable
        | Code::StreamInterrupted
        | Code::DatabaseError
        | Code::InternalError => "api_error",
    }
}
