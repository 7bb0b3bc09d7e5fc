//! Phrases about the state of the server: broken, or too busy. They come before those about limits,
//! because an overload is often told in the words of a limit.

use tollgate_core::error::Code;

use crate::failure::rule::Sign::{NotNamed, NotStatus, Says};
use crate::failure::rule::{LIMIT_NAMES, PERMISSION_NAMES, Rule};

pub(super) const RULES: &[Rule] = &[
    // Servers that answer every exception as a bad request.
    Rule {
        code: Code::ProviderError,
        signs: &[
            NotStatus(&[401, 402, 403, 404, 413, 429]),
            // An apology says less than a name does.
            NotNamed(LIMIT_NAMES),
            NotNamed(PERMISSION_NAMES),
            Says(&[
                "background loop*error",
                "background loop is not running",
                "engine*dead",
                "engine*died",
                "enginecore encountered",
                "engine process failed",
                "out of memory",
                "cuda error",
                "out of range float values",
                "internal server error",
                "internal error",
                "server had an error",
                "server experienced an error",
                "an unexpected error",
            ]),
        ],
    },
    Rule {
        code: Code::ProviderOverloaded,
        signs: &[
            NotStatus(&[401, 402, 403, 404, 413]),
            Says(&[
                "overloaded",
                "over capacity",
                "at capacity",
                "capacity exceeded",
                "exceeded capacity",
                "capacity limit",
                "insufficient capacity",
                "not enough capacity",
                "no capacity",
                "lack of capacity",
                "high demand",
                "high traffic",
                "heavy traffic",
                "high load",
                "heavy load",
                "heavily loaded",
                "under load",
                "peak load",
                "experiencing*load",
                "server busy",
                "is busy",
                "are busy",
                "too busy",
                "system is busy",
                "maximum pending requests",
                "queue is full",
                "queue full",
                "waiting queue",
                "worker local total request limit",
                "负载",
                "繁忙",
            ]),
        ],
    },
];
