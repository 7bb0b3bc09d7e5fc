//! What a provider means by an error, whatever its format: one [`Failure`] for an error status, for an error inside a 200 and for an error event of a stream.
//!
//! The judgement is data ([`table`]): by the provider's own signals, by code and type, by phrases
//! in the message, by status. Providers disagree about all four, so no single one is trusted.

mod embedded;
mod reading;
mod rule;
mod table;

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tollgate_core::error::{Code, Failure, ProviderAnswer, Retry};
use tollgate_core::format::Format;
use tollgate_core::secret::Secret;
use tollgate_core::time::Timestamp;

use crate::provider_text;
use crate::retry_after::RetryHints;
use reading::{Form, Reading};
use rule::Evidence;

/// Waits above this are given with the time at which they end: no client should sleep that long.
const LONGEST_SLEEP: Duration = Duration::from_mins(2);

/// No code of a provider is kept beyond this many bytes.
const LONGEST_CODE: usize = 128;

/// An answer that is, or holds, an error.
#[derive(Clone, Debug)]
pub struct ErrorAnswer<'a> {
    /// The format that the provider speaks: its callers may get the body as it came.
    pub format: Format,
    /// The HTTP status; 200 for an error inside an answer or a stream.
    pub status: u16,
    /// The content type, if there was one.
    pub content_type: Option<Bytes>,
    /// The body, cut to a bound by the caller; of a stream the data of the event.
    pub body: Bytes,
    /// Whether the body is all that the provider sent.
    pub complete: bool,
    /// The type of the error, where a header names it (`x-amzn-errortype`).
    pub error_type: Option<Bytes>,
    /// What the headers say about waiting.
    pub hints: RetryHints,
    /// When the answer came.
    pub now: Timestamp,
    /// The secret that was sent with the call, so that it can be taken out of what comes back.
    pub credential: Option<&'a Secret>,
}

/// Tells what the provider means. Every input gives a failure, whatever the bytes.
pub fn classify(answer: &ErrorAnswer<'_>, provider: &'static str) -> Failure {
    let credential = answer.credential.map(Secret::expose);
    let text = String::from_utf8_lossy(&answer.body);
    let text = provider_text::without(&text, credential);
    let reading = Reading::of(
        &text,
        answer.content_type.as_deref(),
        answer.error_type.as_deref(),
        answer.now,
    );
    let evidence = Evidence {
        reading: &reading,
        status: telling_status(answer.status, reading.status),
        wait: answer.hints.retry_after.or(reading.wait),
        long_limit_exhausted: answer.hints.long_limit_exhausted,
    };
    let code = table::verdict(&evidence, provider);
    let mut failure = Failure::provider(code, provider);
    failure.provider_status = Some(answer.status);
    failure.provider_code = reading.code.as_deref().map(|code| {
        let mut code = provider_text::clean(code, credential);
        code.truncate(code.floor_char_boundary(LONGEST_CODE));
        code
    });
    let text = provider_text::clean(&reading.said, credential);
    failure.provider_text = Some(text).filter(|text| !text.is_empty());
    failure.retry_after = wait_for(code, answer, &reading);
    failure.resets_at = failure
        .retry_after
        .filter(|wait| *wait > LONGEST_SLEEP)
        .map(|wait| answer.now.after(wait));
    failure.passthrough = passthrough(code, answer, reading.form);
    failure
}

/// The status that tells most: that of the answer, unless it is no error or only says that
/// something behind the provider failed, which the body then knows better.
fn telling_status(outer: u16, inner: Option<u16>) -> Option<u16> {
    match (outer, inner) {
        (200..=299, inner) => inner,
        (400 | 424 | 500 | 502, Some(inner @ (401..=404 | 408 | 413 | 429 | 503 | 504 | 529))) => {
            Some(inner)
        }
        (outer, _) => Some(outer),
    }
}

/// How long to wait, where waiting means anything. The headers' reset times describe limits, so
/// they count only where a limit was the reason.
fn wait_for(code: Code, answer: &ErrorAnswer<'_>, reading: &Reading) -> Option<Duration> {
    let asked = answer.hints.retry_after.or(reading.wait);
    match (code, code.retry()) {
        (Code::ProviderRateLimited, _) => asked.or(answer.hints.reset),
        (Code::ProviderQuotaExhausted, _) | (_, Retry::Later | Retry::ElsewhereThenLater) => asked,
        (_, Retry::Never | Retry::Elsewhere) => None,
    }
}

/// The answer as it came, for callers that speak the same format: only if the request was at
/// fault, and only if the answer tells nothing about our account.
fn passthrough(code: Code, answer: &ErrorAnswer<'_>, form: Form) -> Option<ProviderAnswer> {
    let is_of_the_request = matches!(
        code,
        Code::ProviderInvalidRequest
            | Code::ContextLengthExceeded
            | Code::ContentFiltered
            | Code::ProviderRequestTooLarge
    );
    let is_whole = answer.complete && form == Form::Json;
    if !is_of_the_request || !is_whole || !(400..500).contains(&answer.status) {
        return None;
    }
    let text = str::from_utf8(&answer.body).ok()?;
    let value: Value = serde_json::from_str(text).ok()?;
    let mut plain = String::from(text);
    append_plain(&value, &mut plain);
    if provider_text::betrays(&plain, answer.credential.map(Secret::expose)) {
        return None;
    }
    Some(ProviderAnswer {
        format: answer.format,
        status: answer.status,
        content_type: answer.content_type.clone(),
        body: answer.body.clone(),
    })
}

/// Names and texts as they read once their escapes are resolved, which could hide a secret.
fn append_plain(value: &Value, plain: &mut String) {
    match value {
        Value::String(text) => {
            plain.push(' ');
            plain.push_str(text);
        }
        Value::Array(items) => items.iter().for_each(|item| append_plain(item, plain)),
        Value::Object(members) => {
            for (name, value) in members {
                plain.push(' ');
                plain.push_str(name);
                append_plain(value, plain);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests;
