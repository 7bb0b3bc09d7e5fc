//! Google's error model (`google.rpc.Status` in JSON) with typed details.

use serde_json::{Map, Value};

use super::case::{Case, figure};
use super::{object, sentence, tell_retry};
use crate::error::advice::Advice;
use crate::error::catalog::Code;
use crate::error::detail;

/// The status of the table; spent money is a quota here.
pub(super) fn status(case: &Case<'_>) -> u16 {
    match case.code {
        Code::InsufficientCredits | Code::BudgetExceeded => 429,
        code => code.status(),
    }
}

/// `{"error": …}`
pub(super) fn body(case: &Case<'_>) -> Map<String, Value> {
    object([("error", Value::Object(error(case)))])
}

/// The body, with what headers would say.
pub(super) fn event(case: &Case<'_>) -> Map<String, Value> {
    let mut error = error(case);
    tell_retry(case, &mut error);
    object([("error", Value::Object(error))])
}

fn error(case: &Case<'_>) -> Map<String, Value> {
    let details = [
        Some(error_info(case)),
        retry_info(case),
        quota_failure(case),
        bad_request(case),
    ];
    object([
        ("code", status(case).into()),
        ("message", case.sentence().into()),
        ("status", word(case.code).into()),
        ("details", details.into_iter().flatten().collect()),
    ])
}

/// Carries our code as its reason. The values of `metadata` are strings by its definition.
fn error_info(case: &Case<'_>) -> Value {
    let mut metadata = object([
        ("request_id", case.context.request_id.into()),
        ("doc_url", case.doc_url().into()),
    ]);
    if let Some(model) = &case.failure.model {
        metadata.insert("model".into(), model.as_str().into());
    }
    if let Some(time) = case.resets_at() {
        metadata.insert("resets_at".into(), time.into());
    }
    if let Some(attempts) = case.attempts_in_line() {
        metadata.insert("attempts".into(), attempts.into());
    }
    for (name, value) in case.figures() {
        let text = match figure(value) {
            Value::String(text) => text,
            other => other.to_string(),
        };
        metadata.insert((*name).to_owned(), text.into());
    }
    typed(
        "ErrorInfo",
        [
            ("reason", case.code.slug().to_ascii_uppercase().into()),
            ("domain", "tollgate".into()),
            ("metadata", Value::Object(metadata)),
        ],
    )
}

/// How long to wait. A wait beyond what we would advise is told as well where a rate is limited:
/// Google's clients stop at a long one, and would ask again soon without any.
fn retry_info(case: &Case<'_>) -> Option<Value> {
    let ms = match (case.advice, case.code) {
        (Advice::NotBefore(time), Code::RateLimitExceeded | Code::ProviderRateLimited) => {
            u64::try_from(time.since(case.context.now).as_millis()).ok()?
        }
        (advice, _) => advice.millis()?,
    };
    let (seconds, rest) = (ms / 1000, ms % 1000);
    let delay = if rest == 0 {
        format!("{seconds}s")
    } else {
        format!("{seconds}.{rest:03}s")
    };
    Some(typed("RetryInfo", [("retryDelay", delay.into())]))
}

/// Tells Google's clients that money is spent: they stop at quotas that are counted per day.
fn quota_failure(case: &Case<'_>) -> Option<Value> {
    let (metric, id) = match case.code {
        Code::InsufficientCredits => ("tollgate/credits", "CreditsPerDay"),
        Code::BudgetExceeded => ("tollgate/budget", "BudgetPerDay"),
        _ => return None,
    };
    let mut violation = object([("quotaMetric", metric.into()), ("quotaId", id.into())]);
    if let Some(limit) = sentence::text(case.failure, detail::LIMIT_USD) {
        violation.insert("quotaValue".into(), limit.into());
    }
    Some(typed(
        "QuotaFailure",
        [(
            "violations",
            [Value::Object(violation)].into_iter().collect(),
        )],
    ))
}

fn bad_request(case: &Case<'_>) -> Option<Value> {
    let fields = case.fields();
    let violation = |path: &str, message: &str| {
        Value::Object(object([
            ("field", path.into()),
            ("description", message.into()),
        ]))
    };
    let violations = fields
        .iter()
        .map(|field| violation(&field.path, &field.message))
        .collect();
    (!fields.is_empty()).then(|| typed("BadRequest", [("fieldViolations", violations)]))
}

fn typed<const N: usize>(kind: &str, members: [(&str, Value); N]) -> Value {
    let mut typed = object([(
        "@type",
        format!("type.googleapis.com/google.rpc.{kind}").into(),
    )]);
    typed.extend(object(members));
    Value::Object(typed)
}

const fn word(code: Code) -> &'static str {
    match code {
        Code::MissingApiKey | Code::InvalidApiKey | Code::ExpiredApiKey => "UNAUTHENTICATED",
        Code::PermissionDenied | Code::TeamSuspended | Code::TeamPaused => "PERMISSION_DENIED",
        Code::ModelAccessDenied
        | Code::ModelNotFound
        | Code::ResourceNotFound
        | Code::UnknownUrl
        | Code::ProviderDataPolicy
        | Code::ProviderModelNotFound => "NOT_FOUND",
        Code::InvalidRequest
        | Code::MalformedJson
        | Code::UnsupportedMediaType
        | Code::MethodNotAllowed
        | Code::IdempotencyMismatch
        | Code::RequestTooLarge
        | Code::ProviderRequestTooLarge
        | Code::ContextLengthExceeded
        | Code::ContentFiltered
        | Code::ProviderInvalidRequest => "INVALID_ARGUMENT",
        Code::Conflict => "ABORTED",
        Code::InsufficientCredits
        | Code::BudgetExceeded
        | Code::RateLimitExceeded
        | Code::ProviderRateLimited => "RESOURCE_EXHAUSTED",
        Code::RequestTimeout
        | Code::ProviderTimeout
        | Code::RouteSelectionTimeout
        | Code::RemoteGatewayTimeout => "DEADLINE_EXCEEDED",
        Code::ProviderAuthenticationFailed
        | Code::ProviderPermissionDenied
        | Code::ProviderQuotaExhausted
        | Code::ProviderOverloaded
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
        | Code::StreamInterrupted => "UNAVAILABLE",
        Code::DatabaseError | Code::InternalError => "INTERNAL",
    }
}
