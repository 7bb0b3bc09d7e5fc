//! Names that say little alone, because providers use them for much. They decide when no phrase
//! did, and mostly only beside a status that fits.

use tollgate_core::error::Code;

use crate::failure::rule::Sign::{Ended, Named, NotStatus, Says, ServerOrNoStatus, Status};
use crate::failure::rule::{PERMISSION_NAMES, Rule};

pub(super) const RULES: &[Rule] = &[
    // LiteLLM names its exception before the text of the one that failed.
    Rule {
        code: Code::ContextLengthExceeded,
        signs: &[Says(&["contextwindowexceedederror"])],
    },
    Rule {
        code: Code::ContentFiltered,
        signs: &[Says(&["contentpolicyviolationerror"])],
    },
    Rule {
        code: Code::ProviderAuthenticationFailed,
        signs: &[Says(&["litellm.authenticationerror"])],
    },
    Rule {
        code: Code::ProviderModelNotFound,
        signs: &[Says(&["litellm.notfounderror"])],
    },
    Rule {
        code: Code::ProviderPermissionDenied,
        signs: &[
            NotStatus(&[402, 404, 429, 500, 502, 503, 504, 529]),
            Named(PERMISSION_NAMES),
        ],
    },
    Rule {
        code: Code::ProviderModelNotFound,
        signs: &[ServerOrNoStatus, Named(&["not_found", "not_found_error"])],
    },
    Rule {
        code: Code::ProviderInvalidRequest,
        signs: &[
            ServerOrNoStatus,
            // Gateways in trouble repeat whatever name they were given.
            NotStatus(&[502, 503, 504, 529]),
            Named(&[
                "invalid_request",
                "invalid_request_error",
                "invalid_argument",
                "invalid_parameter",
                "invalid_parameter_error",
                "invalid_value",
                "bad_request",
                "bad_request_error",
                "validation",
                "validation_error",
                "unprocessable_entity",
                "unprocessable_entity_error",
                "not_supported_error",
                "unsupported_parameter",
                "unsupported_value",
                "unknown_parameter",
                "missing_required_parameter",
                "template_error",
                "tool_error",
                "validation_exception",
                "failed_precondition",
                "out_of_range",
                "unimplemented",
            ]),
        ],
    },
    Rule {
        code: Code::ProviderError,
        signs: &[
            Status(&[400, 422]),
            Named(&[
                "server_error",
                "internal_error",
                "internal_server_error",
                "upstream_error",
                "bad_gateway",
                "service_unavailable",
                "service_unavailable_error",
                "incomplete_generation",
            ]),
        ],
    },
    // Within a good status; the words beside it, if there are any, have been read.
    Rule {
        code: Code::ProviderError,
        signs: &[
            ServerOrNoStatus,
            Ended(&["error", "network_error", "failed", "abort", "aborted"]),
        ],
    },
];
