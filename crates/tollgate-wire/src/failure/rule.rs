//! Rules as data: a code, and the signs that must all be there for it.

use std::time::Duration;

use tollgate_core::error::Code;

use super::reading::Reading;

/// Waits up to this length are those of a rate limit; longer ones belong to a used-up allowance.
/// Providers' rolling windows end at five hours, their allowances begin at a day.
pub(super) const LONGEST_LIMIT_WAIT: Duration = Duration::from_hours(6);

/// All that a rule may look at.
pub(super) struct Evidence<'a> {
    /// What the answer says.
    pub(super) reading: &'a Reading,
    /// The status of the answer or, where that says nothing, the one in the body.
    pub(super) status: Option<u16>,
    /// How long the provider asks us to wait.
    pub(super) wait: Option<Duration>,
    /// Whether the headers show a used-up limit that counts days.
    pub(super) long_limit_exhausted: bool,
}

/// If every sign is there, the code is right.
pub(super) struct Rule {
    /// What happened.
    pub(super) code: Code,
    /// How it shows.
    pub(super) signs: &'static [Sign],
}

/// Something that can be seen in an answer.
pub(super) enum Sign {
    /// One of its codes or types is one of these, however it is spelled.
    Named(&'static [&'static str]),
    /// None of its codes or types is one of these.
    NotNamed(&'static [&'static str]),
    /// The model stopped for one of these reasons.
    Ended(&'static [&'static str]),
    /// The text contains one of these phrases; `*` stands for up to [`GAP`] bytes.
    Says(&'static [&'static str]),
    /// The whole text is one of these.
    SaysOnly(&'static [&'static str]),
    /// The status is one of these.
    Status(&'static [u16]),
    /// The status is none of these.
    NotStatus(&'static [u16]),
    /// The status is a fault of the server, or nothing but the answer itself is known.
    ServerOrNoStatus,
    /// Some limit stands in the way.
    Limited,
    /// The limit counts days, weeks or months, or ends in more than [`LONGEST_LIMIT_WAIT`].
    LongWindow,
    /// The limit counts hours at most, or a short wait is asked for.
    ShortWindow,
}

/// The most that `*` may stand for.
const GAP: usize = 80;

/// Names with which providers say that a rate was exceeded.
pub(super) const LIMIT_NAMES: &[&str] = &[
    "rate_limit_exceeded",
    "rate_limit_exceeded_error",
    "rate_limit_error",
    "rate_limit_reached",
    "rate_limit_reached_error",
    "rate_limited",
    "rate_limit",
    "rate_limiting",
    "limit_exceeded",
    "limit_requests",
    "too_many_requests",
    "too_many_requests_error",
    "too_many_tokens_error",
    "tokens",
    "requests",
    "throttling",
    "throttling_error",
    "throttling_exception",
    "throttled",
    "resource_exhausted",
    "request_quota_exceeded",
    "token_quota_exceeded",
    "quota_exceeded",
    "max_concurrency_reached",
    "concurrency_limit_exceeded",
];

/// Names with which providers say that an account may not do what it asked for.
pub(super) const PERMISSION_NAMES: &[&str] = &[
    "permission_denied",
    "permission_denied_error",
    "permission_error",
    "forbidden",
    "forbidden_error",
    "access_denied",
    "access_denied_exception",
    "access_terminated",
    "access_terminated_error",
    "not_authorized",
    "request_forbidden",
];

const LIMIT_PHRASES: &[&str] = &[
    "rate limit",
    "rate-limit",
    "ratelimit",
    "too many requests",
    "throttl",
    "quota",
    "limit exceeded",
    "limit reached",
    "limit for",
    "usage limit",
];

const LONG_WORDS: &[&str] = &[
    "per day",
    "per-day",
    "/day",
    "/ day",
    "a day",
    "daily",
    "(tpd)",
    "(rpd)",
    "byday",
    "per 24",
    "24 hour",
    "24-hour",
    "86400s",
    "per week",
    "weekly",
    "/ week",
    "per month",
    "per-month",
    "monthly",
    "/month",
    "/ month",
    "perday",
    "per_day",
];

const SHORT_WORDS: &[&str] = &[
    "per minute",
    "per-minute",
    "per min",
    "per-min",
    "/min",
    "/ min",
    "a minute",
    "(tpm)",
    "(rpm)",
    "byminute",
    "perminute",
    "per_minute",
    "per second",
    "per-second",
    "/s)",
    "/sec",
    "per hour",
    "per-hour",
    "hourly",
    "/hour",
    "per 60s",
    "per 1s",
    "per 10s",
    "qps",
    "concurren",
    "(rps)",
    "(ipm)",
];

impl Rule {
    pub(super) fn holds(&self, evidence: &Evidence<'_>) -> bool {
        self.signs.iter().all(|sign| sign.shows(evidence))
    }
}

impl Sign {
    fn shows(&self, evidence: &Evidence<'_>) -> bool {
        let spoken = evidence.reading.spoken.as_str();
        match self {
            Self::Named(names) => is_named(evidence.reading, names),
            Self::NotNamed(names) => !is_named(evidence.reading, names),
            Self::Ended(reasons) => {
                let is_one = |sent: &String| reasons.iter().any(|reason| is_same(sent, reason));
                evidence.reading.endings.iter().any(is_one)
            }
            Self::Says(phrases) => phrases.iter().any(|phrase| says(spoken, phrase)),
            Self::SaysOnly(texts) => {
                let text = spoken.trim_matches(|letter: char| !letter.is_alphanumeric());
                texts.contains(&text)
            }
            Self::Status(statuses) => evidence.status.is_some_and(|s| statuses.contains(&s)),
            Self::NotStatus(statuses) => !evidence.status.is_some_and(|s| statuses.contains(&s)),
            Self::ServerOrNoStatus => evidence.status.is_none_or(|status| status >= 500),
            Self::Limited => {
                evidence.status == Some(429)
                    || is_named(evidence.reading, LIMIT_NAMES)
                    || LIMIT_PHRASES.iter().any(|phrase| spoken.contains(phrase))
            }
            Self::LongWindow => {
                evidence.long_limit_exhausted
                    || evidence.wait.is_some_and(|wait| wait > LONGEST_LIMIT_WAIT)
                    || window_of(evidence.reading) == Some(Window::Long)
            }
            Self::ShortWindow => match window_of(evidence.reading) {
                Some(window) => window == Window::Short,
                None => evidence.wait.is_some_and(|wait| wait <= LONGEST_LIMIT_WAIT),
            },
        }
    }
}

/// Over what time a limit counts.
#[derive(PartialEq, Eq)]
enum Window {
    Short,
    Long,
}

/// The longest window that a name tells, because that limit opens last. In a text the one that is
/// named first: what follows is advice, such as how to get more per day.
fn window_of(reading: &Reading) -> Option<Window> {
    let first = |text: &str, words: &[&str]| words.iter().filter_map(|word| text.find(word)).min();
    let of_text = |text: &str| match (first(text, LONG_WORDS), first(text, SHORT_WORDS)) {
        (Some(long), Some(short)) if long < short => Some(Window::Long),
        (_, Some(_)) => Some(Window::Short),
        (Some(_), None) => Some(Window::Long),
        (None, None) => None,
    };
    let named = reading.names.iter();
    let by_name: Vec<Window> = named
        .filter_map(|name| of_text(&name.to_ascii_lowercase()))
        .collect();
    if by_name.contains(&Window::Long) {
        Some(Window::Long)
    } else if by_name.is_empty() {
        of_text(&reading.spoken)
    } else {
        Some(Window::Short)
    }
}

pub(super) fn is_named(reading: &Reading, names: &[&str]) -> bool {
    reading.names.iter().any(|sent| {
        // `Throttling.RateQuota` and `blocked:spending-limit` are a name and its detail.
        let parts = sent
            .split(['.', ':'])
            .filter(|part| part.len() < sent.len());
        [sent.as_str()]
            .into_iter()
            .chain(parts)
            .any(|sent| names.iter().any(|n| is_same(sent, n)))
    })
}

/// `RateLimitReached`, `rate-limit-reached` and `rate_limit_reached` are one name.
pub(super) fn is_same(sent: &str, name: &str) -> bool {
    fn letters(text: &str) -> impl Iterator<Item = u8> {
        text.bytes()
            .filter(u8::is_ascii_alphanumeric)
            .map(|byte| byte.to_ascii_lowercase())
    }
    letters(sent).eq(letters(name))
}

/// Whether the pieces between the stars occur one after the other, at most [`GAP`] bytes apart.
fn says(text: &str, phrase: &str) -> bool {
    let mut pieces = phrase.split('*');
    let Some(first) = pieces.next() else {
        return false;
    };
    let rest: Vec<&str> = pieces.collect();
    text.match_indices(first)
        .any(|(start, piece)| follow(text.get(start + piece.len()..).unwrap_or_default(), &rest))
}

fn follow(text: &str, pieces: &[&str]) -> bool {
    let Some((piece, rest)) = pieces.split_first() else {
        return true;
    };
    let near = text
        .get(..text.ceil_char_boundary(GAP + piece.len()))
        .unwrap_or(text);
    near.match_indices(piece)
        .any(|(start, piece)| follow(text.get(start + piece.len()..).unwrap_or_default(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_a_short_gap() {
        assert!(says("the model x-1 does not exist", "model*does not exist"));
        assert!(says("a model; the model x not found", "model*not found"));
        assert!(!says("not found: model", "model*not found"));
        let far = format!("model {} not found", "é".repeat(GAP));
        assert!(!says(&far, "model*not found"));
    }

    #[test]
    fn spelling_does_not_change_a_name() {
        for sent in [
            "RateLimitReached",
            "rate-limit-reached",
            "RATE_LIMIT_REACHED",
        ] {
            assert!(is_same(sent, "rate_limit_reached"), "{sent}");
        }
        assert!(!is_same("internal_error_proxy", "internal_error"));
    }
}
