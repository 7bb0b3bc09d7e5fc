//! What only one provider says so: numbers of its own, or a status with a meaning of its own.

use tollgate_core::error::Code;

use crate::failure::rule::Rule;
use crate::failure::rule::Sign::{Named, Says, Status};

/// The rules of the provider with this name in the provider table; most have none.
pub(super) fn rules(provider: &str) -> &'static [Rule] {
    match provider {
        "cohere" => COHERE,
        "groq" => GROQ,
        "minimax" => MINIMAX,
        "mistral" => MISTRAL,
        "zai" | "zhipu" | "bigmodel" => ZHIPU,
        _ => &[],
    }
}

/// What a page of HTML from this provider means, where it means more than its status.
pub(super) fn page(provider: &str, status: u16) -> Option<Code> {
    match (provider, status) {
        // Google answers for a model that it does not know in JSON; a page means that the address
        // itself is wrong, as for a location that does not exist.
        ("google" | "vertex", 404) => Some(Code::ProviderInvalidRequest),
        _ => None,
    }
}

const COHERE: &[Rule] = &[
    // Elsewhere 498 means an invalid token of access; here the prompt or the answer holds a token
    // that is not allowed.
    Rule {
        code: Code::ContentFiltered,
        signs: &[Status(&[498])],
    },
];

const GROQ: &[Rule] = &[
    // Elsewhere 498 means an invalid token; here the flexible tier has no room.
    Rule {
        code: Code::ProviderOverloaded,
        signs: &[Status(&[498])],
    },
];

const MISTRAL: &[Rule] = &[
    Rule {
        code: Code::ProviderRateLimited,
        signs: &[Status(&[429]), Named(&["1300"])],
    },
    Rule {
        code: Code::ProviderModelNotFound,
        signs: &[Named(&["1500"]), Says(&["model"])],
    },
    Rule {
        code: Code::ProviderOverloaded,
        signs: &[Named(&["3505"])],
    },
    Rule {
        code: Code::ProviderError,
        signs: &[Named(&["1100", "unreachable_backend"])],
    },
    Rule {
        code: Code::ContextLengthExceeded,
        signs: &[Named(&["3051"])],
    },
    Rule {
        code: Code::ProviderRequestTooLarge,
        signs: &[Named(&["3210"])],
    },
];

const MINIMAX: &[Rule] = &[
    Rule {
        code: Code::ProviderRateLimited,
        signs: &[Named(&["1002", "1039"])],
    },
    Rule {
        code: Code::ProviderAuthenticationFailed,
        signs: &[Named(&["1004", "2049"])],
    },
    Rule {
        code: Code::ProviderQuotaExhausted,
        signs: &[Named(&["1008"])],
    },
    Rule {
        code: Code::ContentFiltered,
        signs: &[Named(&["1026", "1027"])],
    },
    Rule {
        code: Code::ProviderTimeout,
        signs: &[Named(&["1001"])],
    },
    Rule {
        code: Code::ProviderError,
        signs: &[Named(&["1000", "1013", "1024", "1033"])],
    },
    Rule {
        code: Code::ProviderInvalidRequest,
        signs: &[Named(&["2013"])],
    },
];

const ZHIPU: &[Rule] = &[
    Rule {
        code: Code::ProviderQuotaExhausted,
        signs: &[Named(&["1113", "1304", "1308", "1310"])],
    },
    Rule {
        code: Code::ProviderRateLimited,
        signs: &[Named(&["1302", "1303"])],
    },
    Rule {
        code: Code::ProviderOverloaded,
        signs: &[Named(&["1305", "1312"])],
    },
    Rule {
        code: Code::ContentFiltered,
        signs: &[Named(&["1301"])],
    },
    Rule {
        code: Code::ContextLengthExceeded,
        signs: &[Named(&["1261"])],
    },
    Rule {
        code: Code::ProviderModelNotFound,
        signs: &[Named(&["1211"])],
    },
    Rule {
        code: Code::ProviderAuthenticationFailed,
        signs: &[Named(&["1000", "1001", "1002", "1003", "1004"])],
    },
    Rule {
        code: Code::ProviderPermissionDenied,
        signs: &[Named(&["1220"])],
    },
];
