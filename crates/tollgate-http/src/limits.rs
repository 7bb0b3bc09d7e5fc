//! What answers say of the caller's limits, in headers.

use http::HeaderName;
use tollgate_core::limit::ShortText;
use tollgate_core::time::Timestamp;
use tollgate_engine::throttle::{Standing, Standings};

use crate::head::Head;

/// The names under which one thing is told.
struct Names {
    limit: HeaderName,
    remaining: HeaderName,
    reset: HeaderName,
}

const REQUESTS: Names = Names {
    limit: HeaderName::from_static("x-ratelimit-limit-requests"),
    remaining: HeaderName::from_static("x-ratelimit-remaining-requests"),
    reset: HeaderName::from_static("x-ratelimit-reset-requests"),
};
const TOKENS: Names = Names {
    limit: HeaderName::from_static("x-ratelimit-limit-tokens"),
    remaining: HeaderName::from_static("x-ratelimit-remaining-tokens"),
    reset: HeaderName::from_static("x-ratelimit-reset-tokens"),
};
/// Of the `langmart` dialect.
const PLAIN: Names = Names {
    limit: HeaderName::from_static("x-ratelimit-limit"),
    remaining: HeaderName::from_static("x-ratelimit-remaining"),
    reset: HeaderName::from_static("x-ratelimit-reset"),
};
const ANTHROPIC_REQUESTS: Names = Names {
    limit: HeaderName::from_static("anthropic-ratelimit-requests-limit"),
    remaining: HeaderName::from_static("anthropic-ratelimit-requests-remaining"),
    reset: HeaderName::from_static("anthropic-ratelimit-requests-reset"),
};
const ANTHROPIC_TOKENS: Names = Names {
    limit: HeaderName::from_static("anthropic-ratelimit-tokens-limit"),
    remaining: HeaderName::from_static("anthropic-ratelimit-tokens-remaining"),
    reset: HeaderName::from_static("anthropic-ratelimit-tokens-reset"),
};

/// Whose words are used beside the common ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// Nobody's.
    Common,
    /// Those of the `langmart` dialect.
    LangMart,
    /// Those of Anthropic.
    Anthropic,
}

/// Says where the caller stands, as far as it has limits.
pub(crate) fn tell(head: &mut Head, standings: &Standings, now: Timestamp, words: Words) {
    let Standings { requests, tokens } = standings;
    for (standing, names) in [(requests, REQUESTS), (tokens, TOKENS)] {
        if let Some(standing) = standing {
            put(head, standing, names, ShortText::span(standing.reset));
        }
    }
    let also = match words {
        Words::Common => return,
        Words::LangMart => [(requests, PLAIN), (&None, TOKENS)],
        Words::Anthropic => [(requests, ANTHROPIC_REQUESTS), (tokens, ANTHROPIC_TOKENS)],
    };
    for (standing, names) in also {
        if let Some(standing) = standing {
            let reset = ShortText::time(now.after(standing.reset));
            put(head, standing, names, reset);
        }
    }
}

fn put(head: &mut Head, standing: &Standing, names: Names, reset: ShortText) {
    head.tell(names.limit, ShortText::number(standing.limit).as_str());
    head.tell(
        names.remaining,
        ShortText::number(standing.remaining).as_str(),
    );
    head.tell(names.reset, reset.as_str());
}

#[cfg(test)]
mod tests;
