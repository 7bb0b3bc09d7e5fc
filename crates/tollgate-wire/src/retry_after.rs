//! How long a provider asks us to wait, read from whichever of its many forms it chose: headers,
//! members of the body, or a phrase in the message. Nothing here reads a clock: `now` is a value.

mod date;
mod phrase;
mod span;

use std::time::Duration;

use serde_json::Value;
use tollgate_core::time::Timestamp;

pub use phrase::wait_in_text;

/// No wait is taken for longer than this: more is a mistake of the sender.
pub const LONGEST: Duration = Duration::from_hours(30 * 24);

/// Members of a body deeper than this are not looked at.
const DEEPEST: usize = 8;

/// What the headers of one answer say about waiting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryHints {
    /// From `retry-after-ms` or `retry-after`.
    pub retry_after: Option<Duration>,
    /// From the reset headers: when the limit that stands in the way opens again.
    pub reset: Option<Duration>,
    /// A limit that counts days or longer has nothing left.
    pub long_limit_exhausted: bool,
}

/// One limit that the headers describe, such as `tokens` or `requests-day`.
struct Limit {
    dimension: String,
    exhausted: Option<bool>,
    reset: Option<Duration>,
}

impl RetryHints {
    /// Reads the headers that say something about waiting and ignores the others. Names are
    /// compared without regard to case; values that are not understood count as absent.
    pub fn from_headers<'a>(
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        now: Timestamp,
    ) -> Self {
        let mut in_ms = None;
        let mut in_seconds = None;
        let mut limits: Vec<Limit> = Vec::new();
        for (name, value) in headers {
            let Ok(value) = str::from_utf8(value) else {
                continue;
            };
            let (name, value) = (name.to_ascii_lowercase(), value.trim());
            match name.as_str() {
                "retry-after-ms" | "x-ms-retry-after-ms" => {
                    in_ms = in_ms.or_else(|| span::number(value, span::MS));
                }
                "retry-after" => in_seconds = in_seconds.or_else(|| seconds_or_date(value, now)),
                _ => note_limit(&mut limits, &name, value, now),
            }
        }
        // Azure sends 0 ms beside 1 s: the finer header counts only if it says something.
        let finer = in_ms.filter(|wait| !wait.is_zero());
        Self {
            retry_after: finer.or(in_seconds).or(in_ms).map(bounded),
            reset: reset_of(&limits).map(bounded),
            long_limit_exhausted: limits
                .iter()
                .any(|limit| limit.exhausted == Some(true) && counts_days(&limit.dimension)),
        }
    }

    /// The wait that was asked for outright, or else the reset of the limit in the way. The
    /// latter means something only when a rate limit was the reason.
    pub fn of_rate_limit(&self) -> Option<Duration> {
        self.retry_after.or(self.reset)
    }
}

/// Reads the wait from the members of an error's body: `retry_after`, `estimated_time`, Google's
/// `RetryInfo`, the limit headers that OpenRouter puts into the body. Texts are not searched.
pub fn wait_in_body(body: &Value, now: Timestamp) -> Option<Duration> {
    wait_below(body, now, DEEPEST).map(bounded)
}

fn wait_below(value: &Value, now: Timestamp, depth: usize) -> Option<Duration> {
    let deeper = depth.checked_sub(1)?;
    match value {
        Value::Object(members) => members
            .iter()
            .find_map(|(name, value)| wait_of_member(name, value, now))
            .or_else(|| {
                members
                    .values()
                    .find_map(|value| wait_below(value, now, deeper))
            }),
        Value::Array(items) => items.iter().find_map(|item| wait_below(item, now, deeper)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn wait_of_member(name: &str, value: &Value, now: Timestamp) -> Option<Duration> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Object(headers) if name == "headers" => return wait_in_headers(headers, now),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    match name {
        "retry_after"
        | "retryAfter"
        | "retry-after"
        | "retry_after_seconds"
        | "retryAfterSeconds"
        | "estimated_time" => seconds_or_date(&text, now).or_else(|| span::go_duration(&text)),
        "retry_after_ms" | "retryAfterMs" | "retry-after-ms" => span::number(&text, span::MS),
        "retryDelay" | "retry_delay" => span::go_duration(&text),
        "resets_at" | "reset_at" => reset(&text, now),
        "resets_in_seconds" => span::number(&text, span::SECOND),
        _ => None,
    }
}

/// Answer headers that a router in front keeps inside the body.
fn wait_in_headers(headers: &serde_json::Map<String, Value>, now: Timestamp) -> Option<Duration> {
    let pairs: Vec<(&str, String)> = headers
        .iter()
        .filter_map(|(name, value)| match value {
            Value::String(text) => Some((name.as_str(), text.clone())),
            Value::Number(number) => Some((name.as_str(), number.to_string())),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        })
        .collect();
    let pairs = pairs.iter().map(|(name, value)| (*name, value.as_bytes()));
    RetryHints::from_headers(pairs, now).of_rate_limit()
}

fn bounded(wait: Duration) -> Duration {
    wait.min(LONGEST)
}

/// The two forms of RFC 9110 §10.2.3, and a fraction of seconds, which some providers send.
fn seconds_or_date(value: &str, now: Timestamp) -> Option<Duration> {
    span::number(value, span::SECOND)
        .or_else(|| date::http_date(value, now).map(|at| at.since(now)))
}

/// A reset is a duration (`1m53.425s`), a count of seconds, or a point in time: seconds or
/// milliseconds since the epoch, or RFC 3339.
fn reset(value: &str, now: Timestamp) -> Option<Duration> {
    const FIRST_EPOCH_SECONDS: u64 = 1_000_000_000; // as a wait this would be 31 years
    const FIRST_EPOCH_MS: u64 = 100_000_000_000;
    if let Some(wait) = span::number(value, span::SECOND) {
        let at = match wait.as_secs() {
            0..FIRST_EPOCH_SECONDS => return Some(wait),
            FIRST_EPOCH_SECONDS..FIRST_EPOCH_MS => u64::try_from(wait.as_millis()).ok()?,
            FIRST_EPOCH_MS.. => wait.as_secs(),
        };
        return Some(Timestamp::from_millis(i64::try_from(at).ok()?).since(now));
    }
    span::go_duration(value).or_else(|| date::rfc3339(value).map(|at| at.since(now)))
}

/// Notes a header of the families `x-ratelimit-{reset,remaining}[-DIMENSION]` and
/// `…ratelimit-DIMENSION-{reset,remaining}`, however the provider spells the family.
fn note_limit(limits: &mut Vec<Limit>, name: &str, value: &str, now: Timestamp) {
    let Some((family, rest)) = name.split_once("ratelimit") else {
        return;
    };
    // `ratelimitbysize-reset` carries the dimension in the family.
    let rest = rest.trim_start_matches('-').replace('_', "-");
    let words = || rest.split('-').filter(|word| !word.is_empty());
    let (is_reset, is_remaining) = (
        words().any(|word| word == "reset"),
        words().any(|word| word == "remaining"),
    );
    if !is_reset && !is_remaining {
        return;
    }
    let named: Vec<&str> = words()
        .filter(|word| !matches!(*word, "reset" | "remaining"))
        .collect();
    let dimension = format!("{family}{}", named.join("-"));
    let place = limits.iter().position(|limit| limit.dimension == dimension);
    let place = place.unwrap_or_else(|| {
        limits.push(Limit {
            dimension,
            exhausted: None,
            reset: None,
        });
        limits.len() - 1
    });
    let Some(limit) = limits.get_mut(place) else {
        return;
    };
    if is_reset {
        limit.reset = limit.reset.or_else(|| reset(value, now));
    } else {
        // A limiter may count below zero.
        limit.exhausted = value.parse::<f64>().ok().map(|left| left <= 0.0);
    }
}

/// The last reset among exhausted limits. Where none is known to be exhausted, the first one that
/// is still to come: waiting too short costs one more try, waiting too long costs the target.
fn reset_of(limits: &[Limit]) -> Option<Duration> {
    let exhausted = limits.iter().filter(|limit| limit.exhausted == Some(true));
    let open = limits
        .iter()
        .filter_map(|limit| limit.reset)
        .filter(|wait| !wait.is_zero());
    exhausted
        .filter_map(|limit| limit.reset)
        .max()
        .or_else(|| open.min())
}

fn counts_days(dimension: &str) -> bool {
    ["day", "daily", "month", "week"]
        .iter()
        .any(|word| dimension.contains(word))
}

#[cfg(test)]
mod tests;
