//! What only one provider says so: numbers of its own, or a status with a meaning of its own.

use tollgate_core::error::Code;

use crate::failure::rule::Rule;
use crate::failure::rule::Sign::{Named, Says, Status};

/// The rules of the provider with this name in the provider table; most have none.
pub(super) fn rules(provider: &str) -> &'static [Rule] {
    match provider {
        "groq" => GROQ,
        "minimax" => MINIMAX,
        "mistral" => MISTRAL,
        "zai" | "zhipu" | "bigmodel" => ZHIPU,
        _ => &[],
    }
}

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
