//! THE TABLE: one row per code. Everything that a caller can meet is one of these rows; rows are
//! only ever added, and a code never changes its meaning.

macro_rules! catalog {
    ($($variant:ident $slug:literal $kind:literal $status:literal $family:literal $retry:ident;)*) => {
        /// What went wrong, for branching on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(
                #[doc = concat!("`", $slug, "`")]
                $variant,
            )*
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The public name, which never changes its meaning.
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$variant => $slug),* }
            }

            /// The `type` of the `openai` dialect.
            pub const fn kind(self) -> &'static str {
                match self { $(Self::$variant => $kind),* }
            }

            /// The HTTP status of the `openai` dialect.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),* }
            }

            /// The code of family A (seed 002); `{P}` stands for the provider in capitals.
            pub const fn family(self) -> &'static str {
                match self { $(Self::$variant => $family),* }
            }

            /// Whether asking again can help.
            pub const fn retry(self) -> Retry {
                match self { $(Self::$variant => Retry::$retry),* }
            }

            /// The code of this name, if there is one.
            pub fn from_slug(slug: &str) -> Option<Self> {
                match slug {
                    $($slug => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

impl Code {
    /// Whether a provider's answer (or silence) is behind the row, so that its name is part of
    /// the family A code.
    pub fn is_of_provider(self) -> bool {
        self.family().contains(PROVIDER_MARK)
    }

    /// The rows that a word names in whatever case: a code, or a code of family A with the name of
    /// a provider in its place or without one. Empty if it names none.
    pub fn named(word: &str) -> Vec<Self> {
        if let Some(code) = Self::from_slug(&word.to_ascii_lowercase()) {
            return vec![code];
        }
        let word = word.to_ascii_uppercase();
        let rows = Self::ALL.iter().copied();
        rows.filter(|code| is_of_family(&word, code.family()))
            .collect()
    }

    /// The page that explains the code. `public_url` has no slash at its end.
    pub fn doc_url(self, public_url: &str) -> String {
        format!("{public_url}/errors/{}", self.slug())
    }
}

fn is_of_family(word: &str, family: &str) -> bool {
    let Some((before, after)) = family.split_once(PROVIDER_MARK) else {
        return word == family;
    };
    word == family
        || word
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .is_some_and(|provider| {
                let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
                !provider.is_empty() && provider.bytes().all(is_of_name)
            })
}

/// What stands in a family A code for the provider's name in capitals.
pub const PROVIDER_MARK: &str = "{P}";

/// Whether the same request can succeed when it is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// The caller must change something first.
    Never,
    /// It may work after a wait.
    Later,
    /// Another target may answer now; waiting does not mend this one.
    Elsewhere,
    /// Another target may answer now, or this one after a wait.
    ElsewhereThenLater,
}

impl Retry {
    /// The words of the documentation.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Later => "later",
            Self::Elsewhere => "elsewhere",
            Self::ElsewhereThenLater => "elsewhere, then later",
        }
    }
}

catalog! {
    MissingApiKey                "missing_api_key"                  "authentication_error"     401 "GATEWAY1_AUTH_001"            Never;
    InvalidApiKey                "invalid_api_key"                  "authentication_error"     401 "GATEWAY1_AUTH_001"            Never;
    ExpiredApiKey                "expired_api_key"                  "authentication_error"     401 "GATEWAY1_AUTH_001"            Never;
    PermissionDenied             "permission_denied"                "permission_error"         403 "GATEWAY1_AUTH_002"            Never;
    TeamSuspended                "team_suspended"                   "permission_error"         403 "GATEWAY1_AUTH_002"            Never;
    TeamPaused                   "team_paused"                      "permission_error"         403 "GATEWAY1_AUTH_002"            Never;
    ModelAccessDenied            "model_access_denied"              "not_found_error"          404 "GATEWAY1_ROUTING_001"         Never;
    ModelNotFound                "model_not_found"                  "not_found_error"          404 "GATEWAY1_ROUTING_001"         Never;
    ResourceNotFound             "resource_not_found"               "not_found_error"          404 "GATEWAY1_ROUTING_001"         Never;
    UnknownUrl                   "unknown_url"                      "not_found_error"          404 "GATEWAY1_ROUTING_001"         Never;
    MethodNotAllowed             "method_not_allowed"               "invalid_request_error"    405 "API_VALIDATION_001"           Never;
    InvalidRequest               "invalid_request"                  "invalid_request_error"    400 "API_VALIDATION_001"           Never;
    MalformedJson                "malformed_json"                   "invalid_request_error"    400 "API_VALIDATION_001"           Never;
    UnsupportedMediaType         "unsupported_media_type"           "invalid_request_error"    415 "API_VALIDATION_001"           Never;
    RequestTooLarge              "request_too_large"                "request_too_large"        413 "API_VALIDATION_002"           Never;
    RequestTimeout               "request_timeout"                  "timeout_error"            408 "API_VALIDATION_003"           Later;
    Conflict                     "conflict"                         "invalid_request_error"    409 "API_VALIDATION_004"           Never;
    IdempotencyMismatch          "idempotency_mismatch"             "invalid_request_error"    422 "API_VALIDATION_005"           Never;
    InsufficientCredits          "insufficient_credits"             "billing_error"            402 "GATEWAY1_BILLING_001"         Never;
    BudgetExceeded               "budget_exceeded"                  "billing_error"            402 "GATEWAY1_BILLING_002"         Never;
    RateLimitExceeded            "rate_limit_exceeded"              "rate_limit_error"         429 "GATEWAY1_RATE_001"            Later;
    ContextLengthExceeded        "context_length_exceeded"          "invalid_request_error"    400 "PROVIDER_{P}_400"             Never;
    ContentFiltered              "content_filtered"                 "invalid_request_error"    400 "PROVIDER_{P}_FILTER"          Never;
    ProviderInvalidRequest       "provider_invalid_request"         "invalid_request_error"    400 "PROVIDER_{P}_400"             Never;
    ProviderRequestTooLarge      "provider_request_too_large"       "request_too_large"        413 "PROVIDER_{P}_413"             Never;
    ProviderDataPolicy           "provider_data_policy"             "not_found_error"          404 "PROVIDER_{P}_POLICY"          Elsewhere;
    ProviderModelNotFound        "provider_model_not_found"         "not_found_error"          404 "PROVIDER_{P}_404"             Elsewhere;
    ProviderAuthenticationFailed "provider_authentication_failed"   "provider_error"           502 "PROVIDER_{P}_401"             Elsewhere;
    ProviderPermissionDenied     "provider_permission_denied"       "provider_error"           502 "PROVIDER_{P}_403"             Elsewhere;
    ProviderQuotaExhausted       "provider_quota_exhausted"         "provider_error"           502 "PROVIDER_{P}_QUOTA"           Elsewhere;
    ProviderRateLimited          "provider_rate_limited"            "rate_limit_error"         429 "PROVIDER_{P}_429"             ElsewhereThenLater;
    ProviderOverloaded           "provider_overloaded"              "overloaded_error"         503 "PROVIDER_{P}_529"             ElsewhereThenLater;
    ProviderError                "provider_error"                   "provider_error"           502 "PROVIDER_{P}_500"             ElsewhereThenLater;
    ProviderUnreachable          "provider_unreachable"             "provider_error"           502 "PROVIDER_{P}_502"             ElsewhereThenLater;
    ProviderInvalidResponse      "provider_invalid_response"        "provider_error"           502 "PROVIDER_{P}_502"             ElsewhereThenLater;
    ProviderGenerationFailed     "provider_generation_failed"       "provider_error"           502 "PROVIDER_{P}_GENERATION"      ElsewhereThenLater;
    ProviderTimeout              "provider_timeout"                 "timeout_error"            504 "PROVIDER_{P}_504"             ElsewhereThenLater;
    StreamInterrupted            "stream_interrupted"               "provider_error"           502 "PROVIDER_{P}_STREAM"          Later;
    NoModels                     "no_models"                        "unavailable_error"        503 "ROUTE_NO_MODELS"              Later;
    NoTargets                    "no_targets"                       "unavailable_error"        503 "LB_NO_TARGETS"                Never;
    NoHealthyTargets             "no_healthy_targets"               "unavailable_error"        503 "LB_NO_HEALTHY_TARGETS"        Later;
    CircuitBreakerOpen           "circuit_breaker_open"             "unavailable_error"        503 "CIRCUIT_BREAKER_OPEN"         Later;
    RouteSelectionFailed         "route_selection_failed"           "unavailable_error"        503 "ROUTE_SELECTION_FAILED"       Later;
    RouteSelectionTimeout        "route_selection_timeout"          "timeout_error"            504 "ROUTE_SELECTION_TIMEOUT"      Later;
    RetryLimitExceeded           "retry_limit_exceeded"             "unavailable_error"        503 "RETRY_LIMIT_EXCEEDED"         Later;
    FallbackChainExhausted       "fallback_chain_exhausted"         "unavailable_error"        503 "FALLBACK_CHAIN_EXHAUSTED"     Later;
    RemoteGatewayUnavailable     "remote_gateway_unavailable"       "unavailable_error"        503 "GATEWAY3_CONN_001"            Later;
    RemoteGatewayTimeout         "remote_gateway_timeout"           "timeout_error"            504 "GATEWAY_TIMEOUT_001"          Later;
    Overloaded                   "overloaded"                       "overloaded_error"         503 "GATEWAY1_OVERLOAD_001"        Later;
    Maintenance                  "maintenance"                      "unavailable_error"        503 "GATEWAY1_MAINTENANCE_001"     Later;
    DatabaseError                "database_error"                   "api_error"                500 "SYSTEM_DB_001"                Later;
    InternalError                "internal_error"                   "api_error"                500 "SYSTEM_UNKNOWN_001"           Later;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clients branch on these names: the list grows and never loses or renames one.
    #[rustfmt::skip]
    const PUBLISHED: &[&str] = &[
        "missing_api_key", "invalid_api_key", "expired_api_key", "permission_denied",
        "team_suspended", "team_paused", "model_access_denied", "model_not_found",
        "resource_not_found", "unknown_url", "method_not_allowed", "invalid_request",
        "malformed_json", "unsupported_media_type", "request_too_large", "request_timeout",
        "conflict", "idempotency_mismatch", "insufficient_credits", "budget_exceeded",
        "rate_limit_exceeded", "context_length_exceeded", "content_filtered",
        "provider_invalid_request", "provider_request_too_large", "provider_data_policy",
        "provider_model_not_found", "provider_authentication_failed", "provider_permission_denied",
        "provider_quota_exhausted", "provider_rate_limited", "provider_overloaded",
        "provider_error", "provider_unreachable", "provider_invalid_response",
        "provider_generation_failed", "provider_timeout", "stream_interrupted", "no_models",
        "no_targets", "no_healthy_targets", "circuit_breaker_open", "route_selection_failed",
        "route_selection_timeout", "retry_limit_exceeded", "fallback_chain_exhausted",
        "remote_gateway_unavailable", "remote_gateway_timeout", "overloaded", "maintenance",
        "database_error", "internal_error",
    ];

    #[test]
    fn published_codes_stay() {
        let slugs: Vec<&str> = Code::ALL.iter().map(|code| code.slug()).collect();
        assert_eq!(slugs, PUBLISHED);
    }

    #[test]
    fn a_slug_names_one_code() {
        for &code in Code::ALL {
            assert_eq!(Code::from_slug(code.slug()), Some(code));
        }
        assert_eq!(Code::from_slug("unheard_of"), None);
        assert_eq!(Code::from_slug(""), None);
    }

    #[test]
    fn the_page_of_a_code_is_named_after_it() {
        let url = Code::RateLimitExceeded.doc_url("https://llm.example.com");
        assert_eq!(url, "https://llm.example.com/errors/rate_limit_exceeded");
    }
}
