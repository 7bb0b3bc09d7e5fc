//! Which other models answer when a model cannot.

use std::sync::Arc;

use crate::error::Code;

/// A kind of failure that can have fallbacks of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The prompt is too long for the model.
    ContextLength,
    /// A provider's policy refused prompt or answer.
    ContentFilter,
    /// Providers limit, or are overloaded.
    RateLimit,
    /// Everything else for which another target may do.
    Other,
}

impl Class {
    /// Every class.
    pub const ALL: &'static [Self] = &[
        Self::ContextLength,
        Self::ContentFilter,
        Self::RateLimit,
        Self::Other,
    ];

    /// The word for settings and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ContextLength => "context_length",
            Self::ContentFilter => "content_filter",
            Self::RateLimit => "rate_limit",
            Self::Other => "other",
        }
    }

    /// The class of a failure; `None` where no other model may be tried: the caller has to change
    /// something, or the failure is our own.
    pub fn of(code: Code) -> Option<Self> {
        match code {
            Code::ContextLengthExceeded => Some(Self::ContextLength),
            Code::ContentFiltered => Some(Self::ContentFilter),
            Code::ProviderRateLimited | Code::ProviderOverloaded => Some(Self::RateLimit),
            Code::ProviderDataPolicy
            | Code::ProviderModelNotFound
            | Code::ProviderAuthenticationFailed
            | Code::ProviderPermissionDenied
            | Code::ProviderQuotaExhausted
            | Code::ProviderError
            | Code::ProviderUnreachable
            | Code::ProviderInvalidResponse
            | Code::ProviderGenerationFailed
            | Code::ProviderTimeout
            | Code::StreamInterrupted
            // A connection that has gone while the request was on its way.
            | Code::NoTargets => Some(Self::Other),
            Code::MissingApiKey
            | Code::InvalidApiKey
            | Code::ExpiredApiKey
            | Code::PermissionDenied
            | Code::TeamSuspended
            | Code::TeamPaused
            | Code::ModelAccessDenied
            | Code::ModelNotFound
            | Code::ResourceNotFound
            | Code::UnknownUrl
            | Code::MethodNotAllowed
            | Code::InvalidRequest
            | Code::MalformedJson
            | Code::UnsupportedMediaType
            | Code::RequestTooLarge
            | Code::RequestTimeout
            | Code::Conflict
            | Code::IdempotencyMismatch
            | Code::InsufficientCredits
            | Code::BudgetExceeded
            | Code::RateLimitExceeded
            | Code::ProviderInvalidRequest
            | Code::ProviderRequestTooLarge
            | Code::NoModels
            | Code::NoHealthyTargets
            | Code::CircuitBreakerOpen
            | Code::RouteSelectionFailed
            | Code::RouteSelectionTimeout
            | Code::RetryLimitExceeded
            | Code::FallbackChainExhausted
            | Code::RemoteGatewayUnavailable
            | Code::RemoteGatewayTimeout
            | Code::Overloaded
            | Code::Maintenance
            | Code::DatabaseError
            | Code::InternalError => None,
        }
    }
}

/// The fallbacks of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fallbacks {
    /// For failures of every class but too long prompts and refused content, which only fall back
    /// where that is declared.
    pub general: Vec<Arc<str>>,
    /// For one class alone, instead of the general ones. An empty list: none.
    pub by_class: Vec<(Class, Vec<Arc<str>>)>,
}

impl Fallbacks {
    /// The models to try after a failure of this class, in order.
    pub fn of(&self, class: Class) -> &[Arc<str>] {
        let declared = self.by_class.iter().find(|(of, _)| *of == class);
        match (declared, class) {
            (Some((_, models)), _) => models,
            // Another model is no cure for what the caller wrote, unless somebody says so.
            (None, Class::ContextLength | Class::ContentFilter) => &[],
            (None, Class::RateLimit | Class::Other) => &self.general,
        }
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.general.is_empty() && self.by_class.iter().all(|(_, models)| models.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Retry;

    #[test]
    fn what_another_target_may_cure_has_a_class() {
        for &code in Code::ALL {
            let expected = match (code, code.retry()) {
                (Code::ContextLengthExceeded, _) => Some(Class::ContextLength),
                (Code::ContentFiltered, _) => Some(Class::ContentFilter),
                (Code::ProviderRateLimited | Code::ProviderOverloaded, _) => Some(Class::RateLimit),
                (_, Retry::Elsewhere | Retry::ElsewhereThenLater)
                | (Code::StreamInterrupted | Code::NoTargets, _) => Some(Class::Other),
                (_, Retry::Never | Retry::Later) => None,
            };
            assert_eq!(Class::of(code), expected, "{code:?}");
        }
    }

    fn models(names: &[&str]) -> Vec<Arc<str>> {
        names.iter().map(|name| Arc::from(*name)).collect()
    }

    #[test]
    fn general_fallbacks_are_for_limits_and_all_other_failures() {
        let fallbacks = Fallbacks {
            general: models(&["a", "b"]),
            by_class: Vec::new(),
        };
        assert_eq!(fallbacks.of(Class::RateLimit), models(&["a", "b"]));
        assert_eq!(fallbacks.of(Class::Other), models(&["a", "b"]));
        assert_eq!(fallbacks.of(Class::ContextLength), models(&[]));
        assert_eq!(fallbacks.of(Class::ContentFilter), models(&[]));
    }

    #[test]
    fn what_is_declared_for_a_class_goes_before_the_general_ones() {
        let fallbacks = Fallbacks {
            general: models(&["a"]),
            by_class: vec![
                (Class::ContextLength, models(&["long"])),
                (Class::RateLimit, models(&[])),
            ],
        };
        assert_eq!(fallbacks.of(Class::ContextLength), models(&["long"]));
        assert_eq!(fallbacks.of(Class::RateLimit), models(&[]), "none, by will");
        assert_eq!(fallbacks.of(Class::Other), models(&["a"]));
        assert_eq!(fallbacks.of(Class::ContentFilter), models(&[]));
    }

    #[test]
    fn empty_lists_are_no_fallbacks() {
        let mut fallbacks = Fallbacks {
            general: Vec::new(),
            by_class: vec![(Class::Other, Vec::new())],
        };
        assert!(fallbacks.is_empty());
        fallbacks.by_class.push((Class::RateLimit, models(&["a"])));
        assert!(!fallbacks.is_empty());
    }
}
