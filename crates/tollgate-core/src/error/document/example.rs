//! A typical failure of each code, for examples and snapshots.

use std::sync::Arc;
use std::time::Duration;

use super::NOW;
use crate::error::catalog::Code;
use crate::error::detail;
use crate::error::failure::{AttemptRecord, Detail, Failure, FieldProblem};

const MODEL: &str = "openai/gpt-4o";
const HOUR: Duration = Duration::from_hours(1);

/// A typical failure of this code, as its real causes raise it.
pub fn example(code: Code) -> Failure {
    let failure = if code.is_of_provider() {
        of_provider(code)
    } else if code.status() < 500 {
        of_caller(code)
    } else {
        of_gateway(code)
    };
    match code {
        Code::MissingApiKey
        | Code::InvalidApiKey
        | Code::ExpiredApiKey
        | Code::PermissionDenied
        | Code::TeamSuspended
        | Code::TeamPaused
        | Code::ResourceNotFound
        | Code::RequestTimeout
        | Code::Conflict
        | Code::IdempotencyMismatch
        | Code::UnknownUrl
        | Code::MethodNotAllowed
        | Code::MalformedJson
        | Code::RequestTooLarge
        | Code::UnsupportedMediaType
        | Code::DatabaseError
        | Code::InternalError
        | Code::Overloaded
        | Code::Maintenance => failure,
        _ => failure.model(MODEL),
    }
}

fn of_caller(code: Code) -> Failure {
    let failure = Failure::client(code);
    match code {
        Code::ResourceNotFound => failure.detail(detail::RESOURCE, text(detail::JOB)),
        Code::InvalidRequest => failure
            .field(field("messages", "It is required.", "missing"))
            .field(field("temperature", "A number is needed.", "float_type")),
        Code::MalformedJson => {
            failure.message("The body is not valid JSON: a value is missing at line 3, column 14.")
        }
        Code::Conflict => failure
            .message("The job is finished already and takes no more calls.")
            .detail(detail::RESOURCE, text(detail::JOB)),
        Code::InsufficientCredits => failure
            .detail(detail::BALANCE_USD, text("0.05"))
            .detail(detail::MINIMUM_USD, text("0.10")),
        Code::BudgetExceeded => {
            let mut failure = failure
                .detail(detail::LEVEL, text("team"))
                .detail(detail::LIMIT_USD, text("50.00"))
                .detail(detail::SPENT_USD, text("50.00"));
            failure.resets_at = Some(NOW.after(HOUR));
            failure
        }
        Code::RateLimitExceeded => failure
            .retry_after(Duration::from_millis(1500))
            .message(
                "This API key has a limit of 60 requests a minute, and it is reached. Send this \
                 request again in 1.5s.",
            )
            .detail(detail::LEVEL, text("key"))
            .detail(detail::WHAT, text("requests"))
            .detail(detail::LIMIT, Detail::Number(60))
            .detail(detail::REMAINING, Detail::Number(0))
            .detail(detail::RESET, text("1.5s")),
        _ => failure,
    }
}

fn of_provider(code: Code) -> Failure {
    let provider = match code {
        Code::ProviderDataPolicy => "openrouter",
        Code::ProviderRequestTooLarge | Code::ProviderOverloaded => "anthropic",
        _ => "openai",
    };
    let failure = Failure::provider(code, provider);
    match code {
        Code::ContextLengthExceeded => said(
            failure,
            (400, "context_length_exceeded"),
            "This model's maximum context length is 128000 tokens.",
        ),
        Code::ContentFiltered => said(failure, (400, "content_filter"), "The prompt was filtered."),
        Code::ProviderInvalidRequest => said(
            failure,
            (400, "invalid_value"),
            "Invalid value for 'top_logprobs'.",
        ),
        Code::ProviderRequestTooLarge => said(
            failure,
            (413, "request_too_large"),
            "Request exceeds the maximum size",
        ),
        Code::ProviderModelNotFound => said(
            failure,
            (404, "model_not_found"),
            "The model does not exist.",
        ),
        Code::ProviderAuthenticationFailed => said(
            failure,
            (401, "invalid_api_key"),
            "Incorrect API key provided.",
        ),
        Code::ProviderQuotaExhausted => said(
            failure,
            (429, "insufficient_quota"),
            "You exceeded your current quota.",
        ),
        Code::ProviderRateLimited => said(
            failure,
            (429, "rate_limit_exceeded"),
            "Rate limit reached for requests.",
        )
        .retry_after(Duration::from_mins(1)),
        Code::ProviderOverloaded => said(failure, (529, "overloaded_error"), "Overloaded"),
        Code::ProviderError => said(failure, (500, "server_error"), "The server had an error."),
        _ => failure,
    }
}

fn of_gateway(code: Code) -> Failure {
    let failure = Failure::gateway(code);
    match code {
        Code::CircuitBreakerOpen => failure.retry_after(Duration::from_secs(42)),
        Code::RetryLimitExceeded | Code::RouteSelectionFailed | Code::FallbackChainExhausted => {
            tried_twice(failure)
        }
        Code::RemoteGatewayUnavailable => of_remote(failure),
        Code::RemoteGatewayTimeout => {
            of_remote(failure).detail(detail::WAITED_SECONDS, Detail::Number(60))
        }
        _ => failure,
    }
}

fn of_remote(failure: Failure) -> Failure {
    failure
        .detail(detail::GATEWAY_ID, text("gw-123"))
        .detail(detail::GATEWAY_TYPE, text("type3"))
}

fn tried_twice(mut failure: Failure) -> Failure {
    let attempt = |code: Code, status, ms| AttemptRecord {
        connection: Arc::from("openai-main"),
        model: Arc::from("gpt-4o"),
        cancelled: false,
        code: Some(code),
        status,
        duration: Duration::from_millis(ms),
        lost: None,
    };
    failure.attempts = vec![
        attempt(Code::ProviderError, Some(500), 312),
        attempt(Code::ProviderUnreachable, None, 5000),
    ];
    failure
}

fn said(mut failure: Failure, (status, code): (u16, &str), text: &str) -> Failure {
    failure.provider_status = Some(status);
    failure.provider_code = Some(code.to_owned());
    failure.provider_text(text)
}

fn field(path: &str, message: &str, kind: &'static str) -> FieldProblem {
    FieldProblem {
        path: path.to_owned(),
        message: message.to_owned(),
        kind,
    }
}

fn text(text: &str) -> Detail {
    Detail::Text(text.to_owned())
}
