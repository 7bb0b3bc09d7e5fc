//! What answers say by default. `{provider}` and `{model}` are filled in; where they are not
//! known, the sentence says "the provider" and "the model".

use super::catalog::Code;

impl Code {
    /// What happened, in a few words.
    pub const fn title(self) -> &'static str {
        match self {
            Self::MissingApiKey => "API key missing",
            Self::InvalidApiKey => "API key invalid",
            Self::ExpiredApiKey => "API key expired",
            Self::PermissionDenied => "Not permitted",
            Self::TeamSuspended => "Team suspended",
            Self::TeamPaused => "Team paused",
            Self::ModelAccessDenied => "Model not open to this key",
            Self::ModelNotFound => "Model not found",
            Self::ResourceNotFound => "Object not found",
            Self::UnknownUrl => "Address unknown",
            Self::MethodNotAllowed => "Method not allowed",
            Self::InvalidRequest => "Request invalid",
            Self::MalformedJson => "Body is not JSON",
            Self::UnsupportedMediaType => "Content type not supported",
            Self::RequestTooLarge => "Request too large",
            Self::RequestTimeout => "Request not finished in time",
            Self::Conflict => "Conflict",
            Self::IdempotencyMismatch => "Idempotency key used for another request",
            Self::InsufficientCredits => "Credits insufficient",
            Self::BudgetExceeded => "Spending limit reached",
            Self::RateLimitExceeded => "Rate limit exceeded",
            Self::ContextLengthExceeded => "Prompt longer than the model's window",
            Self::ContentFiltered => "Refused by the provider's content policy",
            Self::ProviderInvalidRequest => "Provider calls the request invalid",
            Self::ProviderRequestTooLarge => "Request too large for the provider",
            Self::ProviderDataPolicy => "Provider's data policy forbids the model",
            Self::ProviderModelNotFound => "Provider does not know the model",
            Self::ProviderAuthenticationFailed => "Provider refused the gateway's credential",
            Self::ProviderPermissionDenied => "Provider denies the gateway access",
            Self::ProviderQuotaExhausted => "Gateway's account at the provider is used up",
            Self::ProviderRateLimited => "Provider limits the rate",
            Self::ProviderOverloaded => "Provider overloaded",
            Self::ProviderError => "Provider failed",
            Self::ProviderUnreachable => "Provider not reachable",
            Self::ProviderInvalidResponse => "Provider's answer not readable",
            Self::ProviderGenerationFailed => "Model's output refused by its provider",
            Self::ProviderTimeout => "Provider too slow",
            Self::StreamInterrupted => "Stream broken off",
            Self::NoModels => "No model usable",
            Self::NoTargets => "Model has no target",
            Self::NoHealthyTargets => "No healthy target",
            Self::CircuitBreakerOpen => "Circuit breaker open",
            Self::RouteSelectionFailed => "Every target failed",
            Self::RouteSelectionTimeout => "No target free in time",
            Self::RetryLimitExceeded => "Every attempt failed",
            Self::FallbackChainExhausted => "Model and fallbacks failed",
            Self::RemoteGatewayUnavailable => "Self-hosted gateway not connected",
            Self::RemoteGatewayTimeout => "Self-hosted gateway too slow",
            Self::Overloaded => "Gateway overloaded",
            Self::Maintenance => "Gateway in maintenance",
            Self::DatabaseError => "Store failed",
            Self::InternalError => "Internal error",
        }
    }

    /// The sentence of the `openai` dialect where a failure has none of its own: what is wrong
    /// and what to do about it.
    #[expect(clippy::too_many_lines, reason = "a table: one entry per code")]
    pub const fn message(self) -> &'static str {
        match self {
            Self::MissingApiKey => {
                "No API key was sent. Put it into the header `Authorization: Bearer YOUR_KEY`."
            }
            Self::InvalidApiKey => "Invalid API key provided",
            Self::ExpiredApiKey => "The API key has expired. Use a new one.",
            Self::PermissionDenied => {
                "This API key is not permitted to do that. Ask an administrator for a key that is."
            }
            Self::TeamSuspended => "The team of this API key is suspended. Ask its administrator.",
            Self::TeamPaused => {
                "The team of this API key is paused. Ask its administrator to resume it."
            }
            // The two rows read alike, so that nobody learns which models exist.
            Self::ModelAccessDenied | Self::ModelNotFound => "Model not found: {model}",
            Self::ResourceNotFound => "There is no such object. Check its id.",
            Self::UnknownUrl => {
                "There is nothing at this address. Check the base URL and the path; this version \
                 of the gateway may not offer the address."
            }
            Self::MethodNotAllowed => {
                "This address does not answer this method. The header `Allow` names those that it \
                 answers."
            }
            Self::InvalidRequest => "The request is invalid. Compare it with the API reference.",
            Self::MalformedJson => {
                "The body is not valid JSON. Let a JSON library write it, in UTF-8."
            }
            Self::UnsupportedMediaType => {
                "This content type is not supported. Send JSON with `Content-Type: \
                 application/json`."
            }
            Self::RequestTooLarge => "The body is larger than this gateway accepts. Send less.",
            Self::RequestTimeout => "The request was not sent completely in time. Send it again.",
            Self::Conflict => {
                "The request contradicts the present state of what it is about. Read that state, \
                 then ask for what it allows."
            }
            Self::IdempotencyMismatch => {
                "This idempotency key belongs to a different request. Use a new key."
            }
            Self::InsufficientCredits => "Insufficient credits",
            Self::BudgetExceeded => {
                "A spending limit is reached and no credit is left under it. Raise the limit or \
                 wait for its reset."
            }
            Self::RateLimitExceeded => "Rate limit exceeded",
            Self::ContextLengthExceeded => {
                "The prompt is longer than the context window of {model}. Shorten it or choose a \
                 model with a larger window."
            }
            Self::ContentFiltered => {
                "{provider} refused the content under its own policy. Change the prompt."
            }
            Self::ProviderInvalidRequest => {
                "{provider} calls the request invalid. Change what it complains about."
            }
            Self::ProviderRequestTooLarge => {
                "The request is larger than {provider} accepts. Shorten the prompt or attach less."
            }
            Self::ProviderDataPolicy => {
                "The data policy of the gateway's account at {provider} forbids {model}. An \
                 operator can allow data sharing there; otherwise choose another model."
            }
            Self::ProviderModelNotFound => {
                "{provider} does not know the model that is configured for {model}. An operator \
                 has to correct it; another model may work meanwhile."
            }
            Self::ProviderAuthenticationFailed => {
                "The gateway's own credential was refused by {provider}. Your API key is fine; an \
                 operator has to renew the connection's."
            }
            Self::ProviderPermissionDenied => {
                "The gateway's account may not use this model, region or feature of {provider}. \
                 Your API key is fine; an operator has to change the connection."
            }
            Self::ProviderQuotaExhausted => {
                "The gateway's account at {provider} has no credit or quota left. Your own \
                 credits are untouched; an operator has to top it up."
            }
            Self::ProviderRateLimited => {
                "The gateway's account at {provider} is limited in its rate. Wait and ask again."
            }
            Self::ProviderOverloaded => "{provider} is overloaded. Wait and ask again.",
            Self::ProviderError => "{provider} failed to answer. Ask again.",
            Self::ProviderUnreachable => "{provider} could not be reached. Ask again.",
            Self::ProviderInvalidResponse => {
                "{provider} sent an answer that could not be read. Ask again."
            }
            Self::ProviderGenerationFailed => {
                "{provider} refused what its own model had written. Ask again; another sample \
                 may do."
            }
            Self::ProviderTimeout => {
                "{provider} did not answer in the time allowed. Ask again, for less or as a stream."
            }
            Self::StreamInterrupted => {
                "The stream from {provider} broke off before its end; what came so far is not \
                 the whole answer. Ask again."
            }
            Self::NoModels => "None of the models to choose from is usable now. Ask again later.",
            Self::NoTargets => {
                "Nothing is configured to serve {model}. An operator has to add or enable a \
                 target; another model may work meanwhile."
            }
            Self::NoHealthyTargets => {
                "Nothing that could serve {model} is healthy now. Ask again later."
            }
            Self::CircuitBreakerOpen => {
                "Everything that could serve {model} failed lately and is being left alone for a \
                 moment. Ask again later."
            }
            Self::RouteSelectionFailed => {
                "Everything that could serve {model} was tried and failed. Ask again later."
            }
            Self::RouteSelectionTimeout => {
                "Nothing that could serve {model} became free in time. Ask again later."
            }
            Self::RetryLimitExceeded => {
                "What serves {model} failed at every attempt. Ask again later."
            }
            Self::FallbackChainExhausted => {
                "What serves {model} failed, and so did every fallback. Ask again later."
            }
            Self::RemoteGatewayUnavailable => {
                "The self-hosted gateway that serves {model} is not connected. Its owner has to \
                 start it; ask again later."
            }
            Self::RemoteGatewayTimeout => {
                "The self-hosted gateway that serves {model} did not answer in time. Ask again \
                 later."
            }
            Self::Overloaded => "The gateway has more to do than it can. Ask again later.",
            Self::Maintenance => "The gateway is in maintenance or restarting. Ask again later.",
            Self::DatabaseError => {
                "The gateway could not reach its store. Ask again; if it goes on, tell an \
                 operator the request id."
            }
            Self::InternalError => {
                "Something went wrong inside the gateway. Ask again; if it goes on, tell an \
                 operator the request id."
            }
        }
    }
}
