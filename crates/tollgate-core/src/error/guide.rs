//! What the documentation says about each code: how it comes about and how it is mended.

use super::catalog::Code;

impl Code {
    /// How it comes about, for the documentation.
    #[expect(clippy::too_many_lines, reason = "a table: one entry per code")]
    pub const fn cause(self) -> &'static str {
        match self {
            Self::MissingApiKey => {
                "No credential was found in `Authorization`, `x-api-key` or `x-goog-api-key`, nor \
                 in `?key=` on Gemini routes."
            }
            Self::InvalidApiKey => {
                "The key is mistyped, unknown, deleted or revoked; or it is a key of a test \
                 deployment on a live one; or two different keys came with one request."
            }
            Self::ExpiredApiKey => "The key was made with a date of expiry, and that has passed.",
            Self::PermissionDenied => {
                "The key is known, but its scope, role, plan or team does not cover the request."
            }
            Self::TeamSuspended => "An administrator suspended the team or its organization.",
            Self::TeamPaused => "The team was paused, by an administrator or by a rule.",
            Self::ModelAccessDenied => {
                "The model exists, but this key may neither use it nor know of it. Outside the \
                 `detail` dialect the answer is that of `model_not_found`."
            }
            Self::ModelNotFound => {
                "No model or alias has that name, or the key may not know of it. Names are \
                 compared exactly."
            }
            Self::ResourceNotFound => {
                "The job, team, key or connection does not exist, was deleted, or belongs to \
                 somebody else."
            }
            Self::UnknownUrl => {
                "The path is not one of Tollgate's. Most often the base URL has `/v1` twice or \
                 lacks it."
            }
            Self::MethodNotAllowed => "The path exists, but not for this HTTP method.",
            Self::InvalidRequest => {
                "A field is missing, has the wrong type, or has a value that is not supported. \
                 The answer names every field at fault."
            }
            Self::MalformedJson => {
                "The body could not be read as JSON. The answer says at which line and column."
            }
            Self::UnsupportedMediaType => {
                "The route takes JSON and the request declares something else, or its content \
                 encoding is none of gzip, br, deflate and zstd."
            }
            Self::RequestTooLarge => {
                "The body, counted after decoding, is over the limit of this deployment \
                 (`server.body_limit`)."
            }
            Self::RequestTimeout => "The client opened a request and did not send all of it.",
            Self::Conflict => {
                "The object exists already, the job is finished already, or a request with the \
                 same `Idempotency-Key` is still running."
            }
            Self::IdempotencyMismatch => {
                "The `Idempotency-Key` was used before, for a request with another body or path."
            }
            Self::InsufficientCredits => {
                "The balance is below the minimum for any call, or below what this call may cost. \
                 The details hold the figures."
            }
            Self::BudgetExceeded => {
                "The spending limit of the key, its user, team or organization is used up. The \
                 details say whose, how much, and when it starts anew."
            }
            Self::RateLimitExceeded => {
                "More requests, tokens or parallel calls than a limit of this deployment allows. \
                 The details say which limit."
            }
            Self::ContextLengthExceeded => {
                "Prompt and requested output together do not fit into the model's window."
            }
            Self::ContentFiltered => {
                "The provider's policy for content refused the prompt or the answer."
            }
            Self::ProviderInvalidRequest => {
                "The request passed Tollgate's checks, but the provider found it invalid: often a \
                 parameter that this model does not have."
            }
            Self::ProviderRequestTooLarge => {
                "The provider's limit for the size of a request is below this deployment's."
            }
            Self::ProviderDataPolicy => {
                "The model is offered only to accounts that share their data, and the \
                 connection's account does not. Free models of OpenRouter are the usual case."
            }
            Self::ProviderModelNotFound => {
                "The target names a model that the provider does not have, no longer has, or does \
                 not show to the connection's account."
            }
            Self::ProviderAuthenticationFailed => {
                "The provider's API key of the connection is wrong, revoked or expired. The \
                 caller's key has nothing to do with it."
            }
            Self::ProviderPermissionDenied => {
                "The connection's account lacks access to the model, region or feature, or the \
                 provider does not serve the country or network."
            }
            Self::ProviderQuotaExhausted => {
                "The connection's account has no money or no daily or monthly quota left. Some \
                 providers say so with 429, but a short wait does not help."
            }
            Self::ProviderRateLimited => {
                "The connection's account sent more than the provider lets through per minute. \
                 Until the time that the provider named is over, Tollgate asks it nothing and \
                 answers so itself."
            }
            Self::ProviderOverloaded => "The provider has more traffic than it can serve.",
            Self::ProviderError => "The provider answered with an internal error (5xx).",
            Self::ProviderUnreachable => {
                "The name did not resolve, the connection or TLS failed, or the connection broke \
                 before an answer came. In the last case a plain call that had left as a whole is \
                 not sent again, unless `routing.repeat` says so."
            }
            Self::ProviderInvalidResponse => {
                "The provider answered with HTML, broken JSON, an error inside a success, or a \
                 body shorter than announced."
            }
            Self::ProviderGenerationFailed => {
                "The model wrote something that its provider could not use, for example a tool \
                 call that fits no tool."
            }
            Self::ProviderTimeout => {
                "The first byte, the next one, or the end of the answer came later than \
                 `routing.timeouts` or the client's own deadline allow."
            }
            Self::StreamInterrupted => {
                "After output had begun, the provider closed the connection, stalled, or ended \
                 without its terminator, and gave no reason."
            }
            Self::NoModels => {
                "The request asked for a collection, and none of its models has a usable target."
            }
            Self::NoTargets => {
                "The model has no target, all of its targets are disabled, or none of them takes \
                 such a request: by its rule (`when`) or its abilities."
            }
            Self::NoHealthyTargets => {
                "No attempt was made: the active checks of every target's connection fail, an \
                 operator has isolated every target, or several reasons together leave none; one \
                 target cools down, say, and the breaker of another is open."
            }
            Self::CircuitBreakerOpen => {
                "The breaker of every target is open: too many calls failed, in a row or as a \
                 share of all, or an operator opened it. Until the next probe nothing is sent."
            }
            Self::RouteSelectionFailed => {
                "Several targets of the model were tried, and each failed. The answer lists the \
                 attempts."
            }
            Self::RouteSelectionTimeout => {
                "Every target was at its limits (`limits`) for as long as a call may wait \
                 (`routing.queue.wait_ms`) or its deadline allows, or too many calls waited \
                 already (`routing.queue.length`)."
            }
            Self::RetryLimitExceeded => {
                "Only one target could be asked, and all the attempts at it failed. The answer \
                 lists them."
            }
            Self::FallbackChainExhausted => {
                "The model's targets failed or could not be asked, and those of every fallback \
                 model too. The answer lists the attempts."
            }
            Self::RemoteGatewayUnavailable => {
                "The connection belongs to a self-hosted gateway, and that has no open channel to \
                 this one."
            }
            Self::RemoteGatewayTimeout => {
                "The self-hosted gateway has an open channel but did not answer in the time \
                 allowed (60 s by default)."
            }
            Self::Overloaded => {
                "More calls are under way than `overload.parallel` allows, or the process is \
                 later with its own work than `overload.lag_ms` and lets fewer in. Keys of low \
                 `priority` are refused first."
            }
            Self::Maintenance => {
                "An operator switched maintenance on (`tollgate maintenance on` or \
                 `server.maintenance`), or this process is shutting down."
            }
            Self::DatabaseError => "The database did not answer, or refused a statement.",
            Self::InternalError => {
                "A state that should not occur. The cause is in Tollgate's log under the request \
                 id, never in the answer."
            }
        }
    }

    /// How it is mended, for the documentation.
    #[expect(clippy::too_many_lines, reason = "a table: one entry per code")]
    pub const fn fix(self) -> &'static str {
        match self {
            Self::MissingApiKey => {
                "Set the API key in the client. If a proxy stands in between, check that it lets \
                 the header through."
            }
            Self::InvalidApiKey => {
                "Compare the key with the one that was shown when it was made, look for spaces \
                 and quotes around it, and send one key only."
            }
            Self::ExpiredApiKey => "Make a new key, or rotate the old one before it expires.",
            Self::PermissionDenied => {
                "Use a key whose scope covers the request, or have an administrator widen it."
            }
            Self::TeamSuspended => "Have an administrator lift the suspension.",
            Self::TeamPaused => "Have an administrator resume the team.",
            Self::ModelAccessDenied => "Have the model added to the key's or team's models.",
            Self::ModelNotFound => {
                "Take a name from `GET /v1/models`, which lists exactly what the key may use."
            }
            Self::ResourceNotFound => {
                "Check the id, and that the key belongs to the team which owns the object."
            }
            Self::UnknownUrl => {
                "Check the base URL of the client. OpenAI clients want it with `/v1`, Anthropic \
                 clients without."
            }
            Self::MethodNotAllowed => "Use the method of the API reference; calls are POST.",
            Self::InvalidRequest => "Correct the fields that the answer names.",
            Self::MalformedJson => {
                "Build the body with a JSON library instead of putting strings together."
            }
            Self::UnsupportedMediaType => "Send `Content-Type: application/json`, uncompressed.",
            Self::RequestTooLarge => "Send less, or have the operator raise `server.body_limit`.",
            Self::RequestTimeout => "Look for a slow or broken network, then send it again.",
            Self::Conflict => {
                "Read the object's present state and decide anew. If the same request is still \
                 running, wait for it."
            }
            Self::IdempotencyMismatch => "Make a fresh `Idempotency-Key` for every new request.",
            Self::InsufficientCredits => "Add credits, or lower the output limit of the call.",
            Self::BudgetExceeded => "Have the limit raised, or wait for the reset.",
            Self::RateLimitExceeded => {
                "Wait as long as `Retry-After` says, spread requests over time, or have the limit \
                 raised."
            }
            Self::ContextLengthExceeded => {
                "Shorten the prompt, drop old turns, lower the output limit, or take a model with \
                 a larger window. An operator can name such models in \
                 `fallbacks_by.context_length`."
            }
            Self::ContentFiltered => {
                "Rephrase the prompt, or use a provider with another policy; an operator can name \
                 models there in `fallbacks_by.content_filter`."
            }
            Self::ProviderInvalidRequest => {
                "Read the provider's text in the answer and change or drop what it names."
            }
            Self::ProviderRequestTooLarge => {
                "Shorten the prompt, send fewer or smaller attachments, or split the request."
            }
            Self::ProviderDataPolicy => {
                "Change the privacy setting of the provider's account, or use a model that is \
                 paid for."
            }
            Self::ProviderModelNotFound => {
                "Correct the target's `model`; `tollgate connection test NAME --model MODEL` asks \
                 the provider for one."
            }
            Self::ProviderAuthenticationFailed => {
                "Put a valid key into the connection and try it with `tollgate connection test`. \
                 Callers need not do anything."
            }
            Self::ProviderPermissionDenied => {
                "Request access in the provider's console, or point the target at a connection \
                 that has it."
            }
            Self::ProviderQuotaExhausted => {
                "Top up the account or raise its quota, or add another connection as a target."
            }
            Self::ProviderRateLimited => {
                "Wait as long as `Retry-After` says. If it happens often, declare the account's \
                 `limits`, so that calls wait instead; add connections or fallbacks."
            }
            Self::ProviderOverloaded => {
                "Wait and ask again; a fallback at another provider carries calls over such times."
            }
            Self::ProviderError => {
                "Ask again. If it persists, look at the provider's status page; add a fallback."
            }
            Self::ProviderUnreachable => {
                "Run `tollgate connection test`; check the connection's `base_url`, DNS, firewall \
                 and proxy from the gateway's machine."
            }
            Self::ProviderInvalidResponse => {
                "Check that the connection's `base_url` points at the API itself. If it does, ask \
                 again."
            }
            Self::ProviderGenerationFailed => {
                "Ask again. If it happens often, simplify the tools or the schema, or change the \
                 model."
            }
            Self::ProviderTimeout => {
                "Ask for a shorter answer or a stream, raise `routing.timeouts`, or give the \
                 client more time."
            }
            Self::StreamInterrupted => {
                "Discard or mark what was received, and ask again. Do not treat it as complete. \
                 With `routing.recovery` another target goes on where that is safe."
            }
            Self::NoModels => {
                "Wait, or name a model. `tollgate explain` says what stands in the way of each \
                 target."
            }
            Self::NoTargets => {
                "`tollgate explain` says why each target is left out. Add one, or enable one."
            }
            Self::NoHealthyTargets => {
                "See `tollgate connection list` for the state of every target, ask the provider \
                 with `tollgate connection test`, and close what was isolated (`tollgate \
                 connection close`)."
            }
            Self::CircuitBreakerOpen => {
                "Wait as long as `Retry-After` says. `tollgate connection list` shows why it \
                 opened; once the target is well, `tollgate connection close` does not wait for \
                 the probe."
            }
            Self::RouteSelectionFailed => {
                "Read the code of each attempt: they are mended one by one. A fallback at another \
                 provider carries calls over such times."
            }
            Self::RouteSelectionTimeout => {
                "Send fewer calls at once, raise `limits` or `routing.queue.wait_ms`, or add \
                 targets."
            }
            Self::RetryLimitExceeded => {
                "Read the code of the attempts, and give the model a second target or a fallback."
            }
            Self::FallbackChainExhausted => {
                "Read the code of each attempt; a fallback at another provider fails for other \
                 reasons than the model itself."
            }
            Self::RemoteGatewayUnavailable => {
                "Start the self-hosted gateway and look into its log for why it cannot connect."
            }
            Self::RemoteGatewayTimeout => {
                "Look at the load of the self-hosted gateway and of what it serves; ask for \
                 streams or shorter answers."
            }
            Self::Overloaded => {
                "Wait and ask again. If it happens often, give the deployment more processors or \
                 more processes, or raise its bound."
            }
            Self::Maintenance => {
                "Wait and ask again; running calls are finished first. `tollgate maintenance off` \
                 ends what an operator began."
            }
            Self::DatabaseError => {
                "Look into the log for the request id, then at the database: disk, locks, network."
            }
            Self::InternalError => {
                "Look into the log for the request id. If it is a fault of Tollgate, report it."
            }
        }
    }
}
