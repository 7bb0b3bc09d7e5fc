//! `response.failed`, with which streams of `OpenAI`'s responses end badly.

use serde_json::{Map, Value};

use crate::error::catalog::Code;
use crate::error::dialect::case::Case;
use crate::error::dialect::object;
use crate::error::failure::StreamMark;

/// `{"type": "response.failed", "sequence_number", "response": {…, "error"}}` around what a
/// dialect says.
pub(super) fn failed(case: &Case<'_>, data: Map<String, Value>) -> Map<String, Value> {
    let unknown = StreamMark::default();
    let mark = case.failure.stream.as_ref().unwrap_or(&unknown);
    let id = if mark.response_id.is_empty() {
        format!("resp_{}", case.context.request_id)
    } else {
        mark.response_id.clone()
    };
    let mut response = object([
        ("id", id.into()),
        ("object", "response".into()),
        ("created_at", case.context.now.as_seconds().into()),
        ("status", "failed".into()),
        ("error", Value::Object(told(case, data))),
        ("incomplete_details", Value::Null),
        ("output", Value::Array(Vec::new())),
        ("usage", Value::Null),
    ]);
    if let Some(model) = case.failure.model.as_deref() {
        response.insert("model".into(), model.into());
    }
    object([
        ("type", "response.failed".into()),
        ("sequence_number", mark.sequence.into()),
        ("response", Value::Object(response)),
    ])
}

/// The dialect's error object with a `code` that agents of this surface act on. The dialect's own
/// code stands in `error_code`.
fn told(case: &Case<'_>, mut data: Map<String, Value>) -> Map<String, Value> {
    let mut error = match data.shift_remove("error") {
        Some(Value::Object(error)) => error,
        _ => Map::new(),
    };
    let own = match error.shift_remove("code") {
        Some(Value::String(code)) => code,
        // Google's is a number: the catalogue's stands for it.
        _ => case.code.slug().to_owned(),
    };
    let message = match error.shift_remove("message") {
        Some(Value::String(message)) => message,
        _ => case.sentence(),
    };
    let code = word(case.code).map_or_else(|| own.clone(), str::to_owned);
    let mut told = object([
        ("code", code.into()),
        ("message", with_wait(case, message).into()),
        ("error_code", own.into()),
    ]);
    told.extend(error);
    // What stands beside the error object in some dialects: their `type` says what the event's
    // does, the rest has no better place.
    data.shift_remove("type");
    for (name, value) in data {
        told.entry(name).or_insert(value);
    }
    told
}

/// The words of `OpenAI`'s own API by which agents decide: they stop at a spent quota and at a
/// context that is too long, wait at a rate limit as long as the message says, and ask again a
/// few times at everything else.
const fn word(code: Code) -> Option<&'static str> {
    match code {
        Code::InsufficientCredits | Code::BudgetExceeded | Code::ProviderQuotaExhausted => {
            Some("insufficient_quota")
        }
        Code::RateLimitExceeded | Code::ProviderRateLimited => Some("rate_limit_exceeded"),
        Code::ContextLengthExceeded => Some("context_length_exceeded"),
        _ => None,
    }
}

/// The message, with the wait in the words in which agents look for it there.
fn with_wait(case: &Case<'_>, message: String) -> String {
    const WORDS: &str = "try again in";
    let limited = matches!(
        case.code,
        Code::RateLimitExceeded | Code::ProviderRateLimited
    );
    match case.advice.seconds() {
        Some(seconds) if limited && !message.to_ascii_lowercase().contains(WORDS) => {
            let stop = if message.ends_with(['.', '!', '?']) {
                ""
            } else {
                "."
            };
            format!("{message}{stop} Please {WORDS} {seconds}s.")
        }
        _ => message,
    }
}
