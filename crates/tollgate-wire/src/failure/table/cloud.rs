//! Names that mean the same for all services of Amazon's and Google's clouds. They say what
//! happened, so they go before any phrase.

use tollgate_core::error::Code;

use crate::failure::rule::Rule;
use crate::failure::rule::Sign::{Named, Says, ServerOrNoStatus, Status};

const EXHAUSTED: &[&str] = &["resource_exhausted"];

pub(super) const RULES: &[Rule] = &[
    // Google says the same of limits, of credit and of its own state; it names days and months
    // in the ids of quotas, which were looked at before.
    Rule {
        code: Code::ProviderQuotaExhausted,
        signs: &[
            Named(EXHAUSTED),
            Says(&[
                "credits",
                "prepay",
                "prepaid",
                "spend cap",
                "spending cap",
                "spend limit",
            ]),
        ],
    },
    Rule {
        code: Code::ProviderOverloaded,
        signs: &[
            Named(EXHAUSTED),
            Says(&["overloaded", "high demand", "capacity", "high load"]),
        ],
    },
    Rule {
        code: Code::ProviderRateLimited,
        signs: &[Named(EXHAUSTED)],
    },
    Rule {
        code: Code::ProviderRateLimited,
        signs: &[Named(&["throttling_exception", "throttled_exception"])],
    },
    // 429 says that a limit was met, but the model was not there yet.
    Rule {
        code: Code::ProviderError,
        signs: &[Named(&[
            "model_not_ready_exception",
            "model_error_exception",
            "model_stream_error_exception",
        ])],
    },
    Rule {
        code: Code::ProviderAuthenticationFailed,
        signs: &[Named(&[
            "invalid_signature_exception",
            "signature_does_not_match",
            "signature_does_not_match_exception",
            "incomplete_signature",
            "incomplete_signature_exception",
            "missing_authentication_token",
            "missing_authentication_token_exception",
            "invalid_client_token_id",
            "request_expired",
            "request_expired_exception",
            "credentials_missing",
            "access_token_expired",
            "access_token_type_unsupported",
            "account_state_invalid",
        ])],
    },
    // Amazon denies access to a key that it does not know.
    Rule {
        code: Code::ProviderAuthenticationFailed,
        signs: &[
            Named(&["access_denied_exception"]),
            Says(&[
                "api key*valid",
                "api key*expired",
                "bearer token",
                "security token",
                "authentication failed",
            ]),
        ],
    },
    Rule {
        code: Code::ProviderPermissionDenied,
        signs: &[Named(&[
            "access_denied_exception",
            "opt_in_required",
            "service_disabled",
            "iam_permission_denied",
            "api_key_service_blocked",
            "api_key_http_referrer_blocked",
            "api_key_ip_address_blocked",
            "api_key_android_app_blocked",
            "api_key_ios_app_blocked",
            "access_token_scope_insufficient",
            "consumer_suspended",
            "consumer_invalid",
            "user_project_denied",
            "security_policy_violated",
            "location_policy_violated",
        ])],
    },
    // The model is there, but the account has not asked for it.
    Rule {
        code: Code::ProviderPermissionDenied,
        signs: &[
            Status(&[400, 403, 404]),
            Says(&["use case details have not been submitted"]),
        ],
    },
    Rule {
        code: Code::ProviderModelNotFound,
        signs: &[Named(&["resource_not_found_exception"])],
    },
    Rule {
        code: Code::ProviderInvalidRequest,
        signs: &[Named(&["unknown_operation_exception"])],
    },
    Rule {
        code: Code::ProviderError,
        signs: &[ServerOrNoStatus, Named(&["internal_failure", "data_loss"])],
    },
];
