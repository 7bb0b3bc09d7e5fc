//! Answers that are no success, in any of the gateway's dialects, as errors.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use serde_json::{Map, Value};

use super::{Error, Kind};

/// The most characters of a text that is no JSON that are shown.
const SHOWN: usize = 200;

/// What a body says about a failure.
#[derive(Debug, Default)]
struct Told {
    message: Option<String>,
    code: Option<String>,
    request_id: Option<String>,
    retryable: Option<bool>,
    retry_after: Option<Duration>,
    details: Option<Value>,
}

/// The error for an answer with an error status.
pub(crate) fn response(status: u16, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Error {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let told = match serde_json::from_slice(body) {
        Ok(Value::Object(body)) => read(&body),
        _ => Told::default(),
    };
    let code = text("x-tollgate-error-code").map(str::to_owned);
    let code = code.or(told.code);
    let message = told.message.unwrap_or_else(|| plain(status, body));
    let kind = kind(status, code.as_deref(), &message);
    let mut error = Error::new(kind, code.as_deref(), message);
    error.status = Some(status);
    error.request_id = text("x-request-id")
        .or_else(|| text("request-id"))
        .map(str::to_owned)
        .or(told.request_id);
    let said = text("x-should-retry").and_then(|said| said.trim().to_lowercase().parse().ok());
    let said = said.or(told.retryable);
    error.retryable = said.unwrap_or(matches!(status, 408 | 429 | 500 | 502 | 503 | 504 | 529));
    error.retry_after = retry_after(text("retry-after-ms"), text("retry-after"), now);
    error.retry_after = error.retry_after.or(told.retry_after);
    error.details = told.details;
    error
}

/// The error for a failure within a stream.
pub(crate) fn event(event: &Map<String, Value>, partial: &str, request_id: Option<&str>) -> Error {
    let told = read(event);
    let type_of = event.get("error").and_then(|error| error.get("type"));
    let is_timeout = type_of.and_then(Value::as_str) == Some("timeout_error")
        || told.code.as_deref().is_some_and(is_out_of_time);
    let kind = if is_timeout {
        Kind::StreamTimeout
    } else {
        Kind::StreamInterrupted
    };
    let message = told.message;
    let message = message.unwrap_or_else(|| "the stream broke off".to_owned());
    let mut error = Error::new(kind, told.code.as_deref(), message);
    error.request_id = told.request_id;
    error.retryable = told.retryable.unwrap_or(true);
    error.retry_after = told.retry_after;
    error.details = told.details;
    error.with_partial(partial, request_id)
}

/// Whether an event of a stream says that it failed.
pub(crate) fn is_failure(event: &Map<String, Value>) -> bool {
    event.get("error").is_some_and(|error| !error.is_null())
        || (event.contains_key("detail") && !event.contains_key("choices"))
}

fn read(body: &Map<String, Value>) -> Told {
    let mut told = Told {
        request_id: text(body.get("request_id")),
        retryable: body.get("retryable").and_then(Value::as_bool),
        retry_after: seconds(body.get("retry_after")),
        ..Told::default()
    };
    match (body.get("error"), body.get("detail")) {
        (Some(Value::Object(error)), _) => read_envelope(&mut told, error),
        (Some(Value::String(error)), _) => told.message = Some(error.clone()),
        (_, Some(Value::Array(problems))) => {
            let said: Vec<String> = problems.iter().map(problem).collect();
            told.message = Some(said.join("; "));
            told.details = Some(Value::Array(problems.clone()));
        }
        (_, Some(Value::String(detail))) => {
            told.message = Some(detail.clone());
            told.code = text(body.get("code"));
            told.details = body.get("details").cloned();
        }
        _ => {}
    }
    told
}

/// `OpenAI`'s, `LangMart`'s, Anthropic's or Gemini's error object.
fn read_envelope(told: &mut Told, error: &Map<String, Value>) {
    told.message = text(error.get("message"));
    told.request_id = text(error.get("request_id")).or(told.request_id.take());
    let retryable = error.get("retryable").and_then(Value::as_bool);
    told.retryable = retryable.or(told.retryable);
    told.retry_after = seconds(error.get("retry_after")).or(told.retry_after);
    told.code = text(error.get("code"));
    match error.get("details") {
        Some(Value::Object(details)) => {
            told.code = text(details.get("error_code")).or(told.code.take());
        }
        Some(Value::Array(details)) => {
            for each in details {
                let reason = text(each.get("reason")).map(|reason| reason.to_lowercase());
                told.code = reason.or(told.code.take());
                let id = text(each.pointer("/metadata/request_id"));
                told.request_id = told.request_id.take().or(id);
            }
        }
        _ => {}
    }
    told.details = error.get("details").filter(|it| !it.is_null()).cloned();
}

/// How long an answer asks to wait; `retry-after-ms` is the more exact one.
fn retry_after(ms: Option<&str>, after: Option<&str>, now: SystemTime) -> Option<Duration> {
    if let Some(ms) = ms.and_then(number) {
        return Some(long(ms / 1000.0));
    }
    let after = after?;
    if let Some(seconds) = number(after) {
        return Some(long(seconds));
    }
    let date = httpdate::parse_http_date(after).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

fn kind(status: u16, code: Option<&str>, message: &str) -> Kind {
    match code {
        Some("insufficient_credits" | "budget_exceeded") => return Kind::InsufficientCredits,
        Some("rate_limit_exceeded" | "provider_rate_limited") => return Kind::RateLimit,
        Some(code) if is_out_of_time(code) => return Kind::GatewayTimeout,
        // Servers that send no code say it in their text.
        None if status == 403 && message.to_lowercase().contains("credit") => {
            return Kind::InsufficientCredits;
        }
        _ => {}
    }
    match status {
        400 | 405 | 413 | 415 => Kind::BadRequest,
        401 => Kind::Authentication,
        402 => Kind::InsufficientCredits,
        403 => Kind::PermissionDenied,
        404 => Kind::NotFound,
        408 | 504 => Kind::GatewayTimeout,
        409 => Kind::Conflict,
        422 => Kind::Validation,
        429 => Kind::RateLimit,
        500.. => Kind::Server,
        _ => Kind::Api,
    }
}

fn is_out_of_time(code: &str) -> bool {
    matches!(
        code,
        "request_timeout"
            | "provider_timeout"
            | "route_selection_timeout"
            | "remote_gateway_timeout"
    )
}

/// What is shown of a body that says nothing in any dialect.
fn plain(status: u16, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.is_empty() {
        return format!("HTTP {status}");
    }
    let text: String = words.join(" ").chars().take(SHOWN).collect();
    format!("HTTP {status}: {text}")
}

/// One validation error: where, and what.
fn problem(problem: &Value) -> String {
    let message = problem.get("msg").and_then(Value::as_str).unwrap_or("");
    let place = problem.get("loc").and_then(Value::as_array);
    let part = |part: &Value| match part {
        Value::String(name) => name.clone(),
        other => other.to_string(),
    };
    let place: Vec<String> = place.into_iter().flatten().map(part).collect();
    if place.is_empty() {
        return message.to_owned();
    }
    format!("{}: {message}", place.join("."))
}

fn text(value: Option<&Value>) -> Option<String> {
    let text = value?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

fn seconds(value: Option<&Value>) -> Option<Duration> {
    let seconds = value?.as_f64()?;
    (seconds >= 0.0).then(|| long(seconds))
}

fn long(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// A number without sign or exponent.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let is_plain = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    text.bytes().all(is_plain).then(|| text.parse().ok())?
}
